"""A text format is a log_format string: compiled once into expressions that cut each field by its delimiters.

Both dialects are read: nginx (`$remote_addr - $remote_user [$time_local] "$request" ...`) and Apache
(`%h %l %u %t "%r" ...`). A line is split at its quotes first, because what stands between quotes may
hold anything, and then by the literals between the fields. Each field is an expression of its own, so
that Polars cuts only the fields that a report needs.

Escapes are undone once: nginx writes `"` as `\\x22` (ngx_http_log_module.c), Apache as `\\"` (util.c,
ap_escape_logitem), and a field with `\\"` inside must not end there.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from pixelstat.errors import PixelstatError
from pixelstat.formats.base import Sample
from pixelstat.formats.normalize import TEXTS, is_time, read
from pixelstat.frames.lookup import replace_where

NGINX = {  # variable: field
    "remote_addr": "client",
    "realip_remote_addr": "client",
    "host": "vhost",
    "http_host": "vhost",
    "server_name": "vhost",
    "time_local": "time_clf",
    "time_iso8601": "time_iso",
    "msec": "time_seconds",
    "request": "request",
    "request_method": "method",
    "request_uri": "uri",
    "uri": "path",
    "document_uri": "path",
    "args": "query",
    "query_string": "query",
    "status": "status",
    "server_port": "port",
    "remote_port": "port",
    "body_bytes_sent": "bytes",
    "bytes_sent": "bytes",
    "http_referer": "referrer",
    "http_user_agent": "user_agent",
    "http_x_forwarded_for": "forwarded_for",
    "proxy_add_x_forwarded_for": "forwarded_for",
    "http_cookie": "cookies",
    "http_dnt": "dnt",
    "http_sec_gpc": "gpc",
    "http_sec_purpose": "purpose",
    "request_id": "request_id",
    "http_x_request_id": "request_id",
}
APACHE = {
    "h": "client",
    "a": "client",
    "v": "vhost",
    "V": "vhost",
    "{host}i": "vhost",
    "p": "port",
    "t": "time_clf",
    "{sec}t": "time_seconds",
    "{msec}t": "time_milliseconds",
    "{usec}t": "time_microseconds",
    "r": "request",
    "m": "method",
    "U": "path",
    "q": "query",
    "{whole}u": "uri",
    "s": "status",
    "b": "bytes",
    "B": "bytes",
    "O": "bytes",
    "{referer}i": "referrer",
    "{user-agent}i": "user_agent",
    "{x-forwarded-for}i": "forwarded_for",
    "{cookie}i": "cookies",
    "{dnt}i": "dnt",
    "{sec-gpc}i": "gpc",
    "{sec-purpose}i": "purpose",
    "L": "request_id",
    "{unique_id}e": "request_id",
}
APACHE_DIRECTIVE = re.compile(r"%(?:!?[\d,]+)?[<>]?(\{[^}]*\}\^?)?([a-zA-Z])")
NGINX_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")

ANYTHING = ""  # a tail that may be anything
NOTHING = r"^\s*$"


@dataclass(frozen=True)
class TextFormat:
    """A named log_format string. Raises PixelstatError for a string that says too little to be read."""

    name: str
    template: str
    about: str = ""
    samples: Sequence[Sample] = field(default=(), compare=False)
    tail: str = ANYTHING  # what follows the template's last quote must match, as a regular expression
    other_tails: str = ""  # and must not match: the formats that are told by these
    looks: Mapping[str, str] = field(
        default_factory=dict, compare=False
    )  # what a field must be, as a regular expression
    fields: Mapping[str, str] = field(default_factory=dict, compare=False)  # further variables: the field they are
    change: Callable[[pl.LazyFrame], pl.LazyFrame] | None = field(default=None, compare=False)  # of the cut fields

    def __post_init__(self) -> None:
        found = self.names
        times = [name for name in found if is_time(name)]
        if len(times) > 1 and any("%z" in name for name in times[1:]):
            raise PixelstatError(
                f"The log format {self.template!r} writes its offset apart from its time.",
                "Write the time as one field: %t.",
            )
        if not times:
            raise PixelstatError(
                f"The log format {self.template!r} has no time.",
                "It needs $time_local, $time_iso8601 or $msec (Apache: %t).",
            )
        if not {"request", "absolute_request", "url", "uri", "path"} & set(found):
            raise PixelstatError(
                f"The log format {self.template!r} has no request.", "It needs $request or $request_uri (Apache: %r)."
            )

    @cached_property
    def tokens(self) -> "Segment":
        """The template: literals at even places, fields ('' for those of no use) at odd ones."""
        return _tokens_of(self.template, self.fields)

    @property
    def names(self) -> list[str]:
        """The fields that are of use."""
        return [name for name in self.tokens[1::2] if name]

    @cached_property
    def _shape(self) -> re.Pattern[str]:
        tokens = self.tokens
        if self.tail:  # says what may stand behind the last quote
            last = max(place for place in range(0, len(tokens), 2) if '"' in tokens[place])
            tokens = [*tokens[:last], tokens[last].rpartition('"')[0] + '"']
        return re.compile(_shape(tokens, self.looks))

    def is_shaped(self, line: str, header: str | None = None) -> bool:  # noqa: ARG002 - for formats with headers
        """Whether the line looks like one of this format from end to end; its values may still make no sense."""
        found = self._shape.match(line)
        if not found:
            return False
        tail = line[found.end() :]
        return (not self.tail or re.search(self.tail, tail) is not None) and not (
            self.other_tails and re.search(self.other_tails, tail)
        )

    def ruled_by(self, header: str | None, line: str = "") -> "TextFormat":  # noqa: ARG002
        """Itself: a text format has no header."""
        return self

    def requests(self, lines: pl.LazyFrame, zone: str = "UTC") -> pl.LazyFrame:
        """LINES -> REQUESTS with their lines: one row a line; what cannot be read is marked `unreadable`."""
        fields = self._cut(lines)
        return read(self.change(fields) if self.change else fields, self.name, zone)

    def _cut(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        column = pl.col
        segments = _segments(self.tokens)
        quotes = len(segments) - 1
        # Few lines hold an escape. One look at the line tells; its fields need not be looked at again.
        lines = lines.with_columns(escaped=column("line").str.contains("\\", literal=True))
        if quotes:
            # An escaped quote or backslash, as Apache writes it, becomes what nginx would write: no quote is left inside.
            lines = lines.with_columns(text=column("line"))
            lines = replace_where(lines, ["text"], _is_escaped, _spell_out).with_columns(
                column("text").str.splitn('"', quotes + 1)
            )
            parts = [column("text").struct.field(f"field_{place}") for place in range(quotes + 1)]
        else:
            parts = [column("line")]
        cut = {
            name: _cut(part, tokens, place)
            for part, tokens in zip(parts, segments, strict=True)
            for place, name in enumerate(tokens)
            if place % 2 and name
        }
        whole = parts[-1].is_not_null()  # a line that ends before its last quote was cut
        if quotes and self.tail == NOTHING:
            whole &= parts[-1].str.strip_chars_end() == ""
        elif quotes and self.tail:
            whole &= parts[-1].str.contains(self.tail)
        if quotes and self.other_tails:
            whole &= ~parts[-1].str.contains(self.other_tails)
        for at, (part, tokens) in list(enumerate(zip(parts, segments, strict=True)))[0 : max(quotes, 1) : 2]:
            # What stands outside of quotes must look like it, as far as formats differ there: in front by who asked whom.
            # Whether a time is one is seen when it is read.
            looks = {name for name in self.looks if not is_time(name)} | {*(_FRONT if at == 0 else _SHAPES)}
            told = [place for place in range(1, len(tokens), 2) if tokens[place] in looks]
            if len(tokens) == 1:
                whole &= part == tokens[0]
            elif told:
                following = tokens[told[-1] + 2 : told[-1] + 3]  # another format may have one field less
                more = 2 if any(map(is_time, following)) else 4
                beginning = tokens[: told[-1] + more]
                end = "$" if quotes and len(beginning) == len(tokens) else ""
                whole &= part.str.contains(f"^{_shape(beginning, self.looks)}{end}")
        inside = {name for tokens in segments[1::2] for name in tokens[1::2]}
        fields = lines.select("line", "header", "file", "number", "escaped", whole.alias("whole"), **cut)
        texts = sorted(
            {*cut}
            & ({*TEXTS, "asked_from", "address_port", "request", "absolute_request", "url", "uri", "path", "query"})
        )
        fields = replace_where(fields, texts, _is_escaped, unescape)
        fit = [column(name).str.contains(f"^(?:{self.looks[name]})$") for name in self.looks if name in inside]
        return fields.with_columns(whole=pl.all_horizontal("whole", *fit)) if fit else fields


# -- the string -> segments ----------------------------------------------------------------------------------

Segment = list[str]  # literal, field, literal, field, ..., literal: between two quotes or outside of them


def _tokens_of(template: str, further: Mapping[str, str]) -> Segment:
    """The template as one segment: literals at even places, fields ('' for those of no use) at odd ones."""
    if "$" in template:
        variable, names = NGINX_VARIABLE, {**NGINX, **further}
    else:
        template = template.replace('\\"', '"').replace("\\t", "\t")
        template = re.sub(r"(?<!%)%t", "[%t]", template)  # Apache's %t brings its brackets along
        template = template.replace("%U%q", "%{whole}U")  # written together they are what was asked for
        variable, names = APACHE_DIRECTIVE, APACHE
    tokens, at = [], 0
    for match in variable.finditer(template):
        name = "".join(filter(None, match.groups()))
        literal = template[at : match.start()].replace("%%", "%")
        tokens += [literal, names.get(name.lower() if "{" in name else name, _strftime(name))]
        at = match.end()
        if len(tokens) > 2 and not literal:
            raise PixelstatError(
                f"In the log format {template!r} two fields touch, so that no one can tell where one ends.",
                "Put a space or quotes between them, in the server's configuration too.",
            )
    return [*tokens, template[at:]]


def _strftime(name: str) -> str:
    """The field of Apache's `%{FORMAT}t`, its format in it; '' for anything else."""
    if not (name.startswith("{") and name.endswith("}t") and "%" in name):
        return ""
    return "time_as " + name[1:-2].removeprefix("begin:").removeprefix("end:")


def _segments(tokens: Segment) -> list[Segment]:
    """The template cut at its quotes: what stands outside, inside, outside, ... of them."""
    segments: list[Segment] = [[]]
    for place, token in enumerate(tokens):
        if place % 2:
            segments[-1].append(token)
            continue
        first, *others = token.split('"')
        segments[-1].append(first)
        segments += [[other] for other in others]
    return segments


# -- segments -> the shape of a line -------------------------------------------------------------------------

# Possessive, so that a line of megabytes leaves no way back to remember; in Python's language only.
_QUOTED = r'(?:[^"\\]++|\\.)*+'
_SHAPES = {  # what a field looks like outside of quotes
    "client": r'(?:-|[^- \t"][^ \t"]*)',
    "asked_from": r'[^ \t"]+',
    "address_port": r'[^ \t"]+:[0-9]+',
    "vhost": r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.*-]+)(?::[0-9]+)?",
    "time_clf": r"[0-9]{2}/[A-Za-z]{3}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}",
    "time_iso": r'[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}[^ \t"]*',
    "time_seconds": r"[0-9]+(?:\.[0-9]+)?",
    "status": r"(?:[0-9]{3}|[0-])",
    "bytes": r"(?:[0-9]+|-)",
    "port": r"[0-9]+",
}


_FRONT = ("client", "asked_from", "address_port", "vhost", "port")


def _shape(tokens: Segment, looks: Mapping[str, str]) -> str:
    """A regular expression for the tokens; of those outside of quotes in the language of both Python and Polars."""
    pattern, is_quoted = "", False
    for place, token in enumerate(tokens):
        if place % 2 == 0:
            pattern += re.escape(token).replace("\\ ", " ")
            is_quoted ^= token.count('"') % 2 == 1
        elif token in looks:
            pattern += f"(?:{looks[token]})"
        elif is_quoted:
            pattern += _QUOTED if tokens[place + 1].startswith('"') else r'[^"]*?'
        elif token in _SHAPES:
            pattern += _SHAPES[token]
        else:
            following = tokens[place + 1]
            pattern += r'[^ \t"]*' if following in ("", " ", '"') else r'[^"]*?'
    return pattern


# -- segments -> expressions -----------------------------------------------------------------------------------

MANY = 2  # delimiters: from so many equal ones in a row on, one cut of all fields is the cheapest
WIDTHS = {"time_clf": 26, "time_clf_local": 24, "status": 3}  # fields of one width: no delimiter need be looked for


def _cut(segment: pl.Expr, tokens: Segment, place: int) -> pl.Expr:
    """The field at `place` of a segment: null where a delimiter is missing.

    Delimiters that cannot be mistaken for an earlier one are jumped to; else the fields before are cut off
    one by one.
    """
    before, after = tokens[place - 1], tokens[place + 1]
    width = WIDTHS.get(tokens[place])
    if width and place == 1:
        return segment.str.slice(len(before), width + len(after)).str.strip_suffix(after)
    if width and place == len(tokens) - 2:  # counting from the end spares looking for the fields before
        return segment.str.tail(width + len(after)).str.head(width)
    start, last = _run(tokens, place)
    if last - start >= 2 * MANY:
        return _cut_of_run(segment, tokens, place, start, last)
    rest = _from(segment, tokens, place)
    if place == len(tokens) - 2:  # the segment's last field reaches to its end, whatever it holds
        return rest.str.strip_suffix(after) if after else rest
    if _is_told(tokens, place + 1):  # the fields behind it are cut off there too: one cut for all
        left = segment.str.splitn(after, 2).struct.field("field_0")
        return left.str.tail(width) if width else _from(left, tokens, place)
    return rest.str.splitn(after, 2).struct.field("field_0")


def _cut_of_run(segment: pl.Expr, tokens: Segment, place: int, start: int, last: int) -> pl.Expr:
    """The field at `place`, of many between equal delimiters that are cut all at once."""
    reaches_end = last == len(tokens) - 2
    parts = (last - start) // 2 + (1 if reaches_end else 2)
    found = _from(segment, tokens, start).str.splitn(tokens[start + 1], parts).struct
    cut = found.field(f"field_{(place - start) // 2}")
    if place != last:
        return cut
    if reaches_end:
        return cut.str.strip_suffix(tokens[place + 1]) if tokens[place + 1] else cut
    return pl.when(found.field(f"field_{parts - 1}").is_not_null()).then(cut)


def _run(tokens: Segment, place: int) -> tuple[int, int]:
    """The first field of those around `place` that have the same delimiter between them, and the last that is of use."""
    is_last = place == len(tokens) - 2
    delimiter = tokens[place - 1] if is_last else tokens[place + 1]
    start = end = place
    while start > 1 and tokens[start - 1] == delimiter:
        start -= 2
    while end < len(tokens) - 2 and tokens[end + 1] == delimiter:
        end += 2
    return start, max(at for at in range(start, end + 1, 2) if tokens[at] or at == place)


def _from(segment: pl.Expr, tokens: Segment, place: int) -> pl.Expr:
    """The segment from the field at `place` on."""
    before = tokens[place - 1]
    if place == 1:
        return segment.str.slice(len(before)) if before else segment
    if _is_told(tokens, place - 1):
        return _after(segment, before)
    return _after(_from(segment, tokens, place - 2), before)


def _is_told(tokens: Segment, place: int) -> bool:
    """Whether the literal at `place` cannot be mistaken for an earlier one."""
    return len(tokens[place]) > 1 and all(tokens[place] not in earlier for earlier in tokens[0:place:2])


def sought(tokens: Segment) -> list[bool]:
    """Of each field, whether the literal in front of it may be looked for from the last quote on, past other fields."""
    found = []
    for segment in _segments(tokens):
        # A field of one width at the end is counted from there.
        of_use = segment[:-2] if len(segment) > 2 and segment[-2] in WIDTHS else segment
        for place in range(1, len(segment), 2):
            is_behind = place > 3 or (place > 1 and segment[0] != "")
            found.append(is_behind and _is_told(segment, place - 1) and any([*of_use[place - 2 :: 2]]))
    return found


def _after(text: pl.Expr, delimiter: str) -> pl.Expr:
    return text.str.splitn(delimiter, 2).struct.field("field_1")


# -- escapes ---------------------------------------------------------------------------------------------------

_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|([\\\"bnrtv]))")
_NAMED = {"b": b"\b", "n": b"\n", "r": b"\r", "t": b"\t", "v": b"\v", '"': b'"', "\\": b"\\"}


def _is_escaped(_: pl.Expr) -> pl.Expr:
    return pl.col("escaped")


def unescape(text: str) -> str:
    """The text behind nginx's and Apache's escapes: `\\xHH` is a byte of UTF-8, `\\"` a quote. Undone once."""
    out, at = bytearray(), 0
    for match in _ESCAPE.finditer(text):
        out += text[at : match.start()].encode()
        out += bytes.fromhex(match[1]) if match[1] else _NAMED[match[2]]
        at = match.end()
    return (out + text[at:].encode()).decode("utf-8", "replace")


def _spell_out(line: str) -> str:
    return re.sub(r"\\([\\\"])", lambda match: f"\\x{ord(match[1]):02X}", line)
