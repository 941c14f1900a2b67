"""Parse text formats: a log_format string is compiled once into expressions that cut each field by its delimiters.

Both dialects are read: nginx (`$remote_addr - $remote_user [$time_local] "$request" ...`) and Apache
(`%h %l %u %t "%r" ...`). A line is split at its quotes first, because text between quotes may hold anything. Each
part is then split by the literals between the fields. Each field is an expression of its own, so that Polars cuts only
the fields that a report needs.

Escapes are undone once: nginx writes `"` as `\\x22` (ngx_http_log_module.c), Apache as `\\"` (util.c,
ap_escape_logitem), and a field with `\\"` inside must not end there.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain

import polars as pl

from pixelstat.errors import PixelstatError
from pixelstat.formats.base import Sample
from pixelstat.formats.fields import APACHE_FIELDS, ESCAPABLE_FIELDS, NGINX_FIELDS
from pixelstat.formats.normalize import is_time_field, normalize_fields
from pixelstat.formats.templates import simplify_apache, simplify_nginx
from pixelstat.frames.lookup import replace_where
from pixelstat.text.addresses import parse_address

APACHE_DIRECTIVE = re.compile(r"(?<!%)%[!<>\d,]*(\{[^}]*\})?(\^t[io]|[a-zA-Z])")  # a percent sign itself is `%%`
NGINX_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")

_CLIENT_IN_BRACKETS = re.compile(r'[^"\[]* \[([0-9A-Fa-f:.]+)\] ')
MAX_FRONT = 500  # characters in which client and site are looked for
ANY_TAIL = ""  # anything may follow the last quote
EMPTY_TAIL = r"^\s*$"

# Literal, field, literal, field, ..., literal: a whole template, or what stands between or outside of two quotes. A
# field that is not used is "".
Segment = list[str]


@dataclass(frozen=True)
class TextFormat:
    """A named log_format string. Raises PixelstatError for a string without a time or a request."""

    name: str
    template: str
    about: str = ""
    samples: Sequence[Sample] = field(default=(), compare=False)
    tail: str = ANY_TAIL  # a regular expression that the text behind the template's last quote must match
    excluded_tails: str = ""  # a regular expression that this text must not match, as other formats have such tails
    field_patterns: Mapping[str, str] = field(default_factory=dict, compare=False)  # regular expressions, by field
    fields: Mapping[str, str] = field(default_factory=dict, compare=False)  # by variable, beside the usual ones
    finish: Callable[[pl.LazyFrame], pl.LazyFrame] | None = field(default=None, compare=False)  # changes cut fields

    def __post_init__(self) -> None:
        names = self.names
        times = [name for name in names if is_time_field(name)]
        if len(times) > 1 and any("%z" in name for name in times[1:]):
            raise PixelstatError(
                f"The log format {self.template!r} has its UTC offset and its time in separate fields.",
                "Write the time as one field: %t.",
            )
        if not times and not {"date", "clock"} <= set(names):
            raise PixelstatError(
                f"The log format {self.template!r} has no time.",
                "It needs $time_local, $time_iso8601 or $msec (Apache: %t).",
            )
        if not {"request", "absolute_request", "url", "address", "uri", "path"} & set(names):
            raise PixelstatError(
                f"The log format {self.template!r} has no request.", "It needs $request or $request_uri (Apache: %r)."
            )

    @cached_property
    def tokens(self) -> Segment:
        """The template as one segment: literals at even indices, fields at odd ones."""
        return _parse_template(self.template, self.fields)

    @property
    def names(self) -> list[str]:
        """The fields that are used."""
        return [name for name in self.tokens[1::2] if name]

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        tokens = self.tokens
        if self.tail:  # the tail is checked apart, so the pattern ends at the last quote
            last = max(index for index in range(0, len(tokens), 2) if '"' in tokens[index])
            tokens = [*tokens[:last], tokens[last].rpartition('"')[0] + '"']
        return re.compile(_build_pattern(tokens, self.field_patterns, is_for_python=True))

    def matches(self, line: str, header: str | None = None) -> bool:  # noqa: ARG002 - for formats with headers
        """Return whether the whole line has the shape of this format. Its values may still be invalid."""
        if "\\" in line:
            line = _escape_as_hex(line)  # as `parse` does: an escaped quote ends no field, wherever it stands
        match = self._pattern.match(line)
        if not match:
            return False
        parts = line.split('"', sum(literal.count('"') for literal in self.tokens[::2]))
        if not all(re.search(pattern, parts[number]) for number, pattern in self._outside_patterns):
            return False
        tail = line[match.end() :]
        return (not self.tail or re.search(self.tail, tail) is not None) and not (
            self.excluded_tails and re.search(self.excluded_tails, tail)
        )

    def mistakes_client(self, line: str) -> bool:
        """Return whether the format would read a site in front of the line as the client, or an address as the site."""
        words = line[:MAX_FRONT].partition(" [")[0].split(" ")
        if self.tokens[0] or len(words) < 2:
            return False
        are_addresses = [parse_address(word) is not None for word in words]
        enclosed = _CLIENT_IN_BRACKETS.match(line, endpos=MAX_FRONT)  # by a server that logs its proxy in front of it
        if enclosed and parse_address(enclosed[1]) and any(are_addresses):
            return self.tokens[1] in ("client", "vhost")
        if self.tokens[1] == "client":
            is_client_absent = words[1:] == ["-"] * 3  # nor are there names of the user
            return not are_addresses[0] and (any(are_addresses) or is_client_absent)
        fields = self.tokens[1:7:2]
        if fields[0] != "vhost" or "client" not in fields:
            return fields[0] == "vhost" and are_addresses[0]
        place = self.tokens[2 : 2 * fields.index("client") + 1 : 2].count(" ")  # of the word that is the client
        is_name = len(words) > place and not are_addresses[place]
        return are_addresses[0] or (is_name and (words[0] == "-" or any(are_addresses[place + 1 :])))

    def with_header(self, header: str | None, line: str = "") -> "TextFormat":  # noqa: ARG002
        """Return the format itself: a text format has no header."""
        return self

    def parse(self, lines: pl.LazyFrame, zone: str = "UTC") -> pl.LazyFrame:
        """Parse LINES into REQUESTS with their lines: one row per line; unreadable lines are marked `unreadable`.

        `zone` is the time zone of times without an offset.
        """
        fields = self._cut_fields(lines)
        return normalize_fields(self.finish(fields) if self.finish else fields, self.name, zone)

    def _cut_fields(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Cut LINES into a column per field, unescaped. Column `is_whole` is false for a line of another shape."""
        segments = _split_at_quotes(self.tokens)
        lines, parts = _split_lines(lines, quotes=len(segments) - 1)
        pieces: dict[str, list[pl.Expr]] = {}
        for part, segment in zip(parts, map(_split_times, segments), strict=True):
            for index in range(1, len(segment), 2):
                if segment[index]:
                    piece = _cut_field(part, segment, index)
                    pieces.setdefault(segment[index].removesuffix(_PIECE), []).append(piece)
        cut = {name: _join_pieces(exprs) for name, exprs in pieces.items()}
        is_whole = parts[-1].is_not_null()  # a line that ends before its last quote was cut short
        if len(segments) > 1:
            for check in self._check_tail(parts[-1]):
                is_whole &= check
        for check in self._check_outside_quotes(parts, segments):
            is_whole &= check
        fields = lines.select("line", "header", "file", "number", "escaped", is_whole.alias("is_whole"), **cut)
        fields = replace_where(fields, sorted({*cut} & ESCAPABLE_FIELDS), _is_escaped, unescape)
        if "status" in cut:
            fields = fields.with_columns(status=_read_status(pl.col("status")))
        quoted = {name for segment in segments[1::2] for name in segment[1::2]}
        return self._check_quoted(fields, quoted)

    def _check_tail(self, tail: pl.Expr) -> Iterator[pl.Expr]:
        """Yield the conditions that the text behind the last quote must meet."""
        if self.tail == EMPTY_TAIL:
            yield tail.str.strip_chars_end() == ""
        elif self.tail:
            yield tail.str.contains(self.tail)
        if self.excluded_tails:
            yield ~tail.str.contains(self.excluded_tails)

    @cached_property
    def _outside_patterns(self) -> list[tuple[int, str]]:
        """The parts outside of quotes that are checked, with the regular expression that each must match.

        Fields are checked against their patterns only where that tells two formats apart: at the start of a line,
        those are client and host. Times are not checked here, because they are parsed later.
        """
        segments = _split_at_quotes(self.tokens)
        quotes = len(segments) - 1
        custom = {name for name in self.field_patterns if not is_time_field(name)}
        patterns = []
        for number in range(0, max(quotes, 1), 2):
            segment = segments[number]
            checked = custom | {*(_FRONT_FIELDS if number == 0 else _FIELD_PATTERNS)}
            indices = [index for index in range(1, len(segment), 2) if segment[index] in checked]
            if len(segment) == 1:
                patterns.append((number, f"^{re.escape(segment[0])}$"))
            elif indices:
                # Check one field more than needed, unless it is a time: another format may have one field less.
                last = indices[-1]
                beginning = segment[: last + (2 if any(map(is_time_field, segment[last + 2 : last + 3])) else 4)]
                end = "$" if quotes and len(beginning) == len(segment) else ""
                patterns.append((number, f"^{_build_pattern(beginning, self.field_patterns)}{end}"))
        return patterns

    def _check_outside_quotes(self, parts: Sequence[pl.Expr], segments: Sequence[Segment]) -> Iterator[pl.Expr]:
        """Yield the conditions that the text outside of quotes must meet."""
        for number, pattern in self._outside_patterns:
            is_literal = len(segments[number]) == 1
            yield parts[number] == segments[number][0] if is_literal else parts[number].str.contains(pattern)

    def _check_quoted(self, fields: pl.LazyFrame, quoted: set[str]) -> pl.LazyFrame:
        """Check the fields that stand in quotes against the custom patterns of this format."""
        checks = [
            pl.col(name).str.contains(f"^(?:{pattern})$")
            for name, pattern in self.field_patterns.items()
            if name in quoted
        ]
        return fields.with_columns(is_whole=pl.all_horizontal("is_whole", *checks)) if checks else fields


# -- the string -> segments ----------------------------------------------------------------------------------


def _parse_template(template: str, custom_fields: Mapping[str, str]) -> Segment:
    """Return the template as one segment. `custom_fields` are fields by variable, which come before the usual ones."""
    if "$" in template:
        template = simplify_nginx(template)
        variable, names = NGINX_VARIABLE, {**NGINX_FIELDS, **custom_fields}
    else:
        template = template.replace('\\"', '"').replace("\\t", "\t")
        template = re.sub(r"(?<!%)%t", "[%t]", template)  # Apache writes %t in brackets
        template = simplify_apache(template)
        variable, names = APACHE_DIRECTIVE, {**APACHE_FIELDS, **custom_fields}
    tokens, end = [], 0
    ranks: list[int] = []
    order = {name: rank for rank, name in enumerate(names)}
    for match in variable.finditer(template):
        name = "".join(filter(None, match.groups()))
        literal = template[end : match.start()].replace("%%", "%")
        key = name.lower() if "{" in name else name
        tokens += [literal, names.get(key, _strftime_field(name))]
        ranks.append(order.get(key, -1))
        end = match.end()
        if len(tokens) > 2 and not literal:
            raise PixelstatError(
                f"The log format {template!r} has two fields without a separator.",
                "Put a space or quotes between them, in the server's configuration too.",
            )
    return _skip_repeated([*tokens, template[end:]], ranks)


def _skip_repeated(tokens: Segment, ranks: Sequence[int]) -> Segment:
    """Return the tokens with one field of each name: of several the one of the highest rank, of equal ones the last."""
    names = tokens[1::2]
    best = {name: index for _, index, name in sorted(zip(ranks, range(len(names)), names, strict=True))}
    unique = [name if best[name] == index else "" for index, name in enumerate(names)]
    return [*chain.from_iterable(zip(tokens[::2], unique, strict=False)), tokens[-1]]


def _strftime_field(directive: str) -> str:
    """Return the field `time_as LAYOUT` for Apache's `%{LAYOUT}t`, or "" for any other directive."""
    if not (directive.startswith("{") and directive.endswith("}t") and "%" in directive):
        return ""
    return "time_as " + directive[1:-2].removeprefix("begin:").removeprefix("end:")


def _split_at_quotes(tokens: Segment) -> list[Segment]:
    """Split a template at its quotes into segments that are outside, inside, outside, ... of quotes."""
    segments: list[Segment] = [[]]
    for index, token in enumerate(tokens):
        if index % 2:
            segments[-1].append(token)
            continue
        first, *rest = token.split('"')
        segments[-1].append(first)
        segments += [[literal] for literal in rest]
    return segments


# -- segments -> the pattern of a line -------------------------------------------------------------------------

# Possessive, so that a line of megabytes leaves no way back to remember. Only Python's `re` knows this syntax.
_QUOTED_PATTERN = r'(?:[^"\\]++|\\.)*+'
_IPV6 = (  # an IPv4 address may be its end
    r"(?:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]*|[0-9A-Fa-f:]*::(?:[Ff]{4}:)?[0-9]{1,3}(?:\.[0-9]{1,3}){3})"
    r"(?:%[A-Za-z0-9_.-]*)?"
)
_CLIENT = (  # an address or a name, with a port or not
    rf'(?:-|{_IPV6}|\[[0-9A-Fa-f:.]+\](?::[0-9]+)?|[A-Za-z0-9_][A-Za-z0-9_.-]*(?::[0-9]+)?|unix:[^ \t"]*)'
)
_FIELD_PATTERNS = {  # regular expressions of fields that stand outside of quotes
    "client": _CLIENT,
    "address_port": r"(?:[0-9.]+|[0-9A-Fa-f:]+|::[Ff]{4}:[0-9.]+|\[[0-9A-Fa-f:.]+\]|unix):[0-9]+",
    "vhost": r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.*-]+)(?::[0-9]+)?",
    "time_clf": r"[0-9]{2}/(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}",
    "time_iso": r'[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}[^ \t"]*',
    "time_seconds": r"[0-9]+(?:\.[0-9]+)?",
    "status": r"(?:[0-9]{3}|[0-])",
    "status_code": r"[0-9]{1,3}",
    "answer": r"(?:[0-9]{1,3}|-1?)",
    "hierarchy": r"[A-Z0-9_]+/[^ ]*",
    "country": r"(?:[A-Z][A-Z0-9]|-?)",
    "bytes": r"(?:[0-9]+|-)",
    "port": r"[0-9]+",
    "date": r"[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}",
    "clock": r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?",
}
_FRONT_FIELDS = ("client", "address_port", "vhost", "port")  # those that tell formats apart in front


def _build_pattern(tokens: Segment, field_patterns: Mapping[str, str], *, is_for_python: bool = False) -> str:
    """Return a regular expression for the tokens. Without quotes in them, both Python and Polars understand it.

    Only Python understands one that `is_for_python`, which leaves no way back to remember.
    """
    pattern, is_quoted = "", False
    for index, token in enumerate(tokens):
        if index % 2 == 0:
            pattern += re.escape(token).replace("\\ ", " ")
            is_quoted ^= token.count('"') % 2 == 1
        elif token in field_patterns:
            pattern += f"(?:{field_patterns[token]})"
        elif is_quoted:
            pattern += _QUOTED_PATTERN if tokens[index + 1].startswith('"') else r'[^"]*?'
        elif token in _FIELD_PATTERNS:
            pattern += _FIELD_PATTERNS[token]
        elif blanks := _count_blanks(token):
            pattern += " ".join([r'[^ \t"]*'] * (blanks + 1))
        else:
            pattern += _match_text_before(tokens[index + 1], "+" if is_for_python else "")
    return pattern


def _match_text_before(literal: str, possessive: str) -> str:
    """Return a regular expression of text outside of quotes that ends at the first such literal, as cut fields do.

    `possessive` is the mark behind what gives nothing back, if there is such a mark.
    """
    if literal in ("", " ", '"'):
        return r'[^ \t"]*'
    first, second = re.escape(literal[0]), re.escape(literal[1:2])
    if len(literal) == 1:
        return f'[^{first}"]*{possessive}'
    if len(literal) == 2 and first != second and '"' not in literal:
        one, more = f'[^{first}"]+{possessive}' if possessive else f'[^{first}"]', f"{first}+{possessive}"
        return f'(?:{one}|{more}[^{first}{second}"])*{possessive}{first}*?'
    return r'[^"]*?'


# -- segments -> expressions -----------------------------------------------------------------------------------

MIN_RUN_LENGTH = 2  # from this many equal delimiters in a row on, cutting all fields at once is the cheapest
WIDTHS = {"time_clf": 26, "time_clf_local": 24, "status": 3}  # fields of fixed width need no search for a delimiter


def _split_lines(lines: pl.LazyFrame, quotes: int) -> tuple[pl.LazyFrame, list[pl.Expr]]:
    """Split lines at so many quotes. Return them with column `escaped`, and an expression for each part."""
    # Few lines hold an escape. So look for one in the line once, instead of in each of its fields.
    lines = lines.with_columns(escaped=pl.col("line").str.contains("\\", literal=True))
    if not quotes:
        return lines, [pl.col("line")]
    # Spell escaped quotes and backslashes, as Apache writes them, the way nginx does: then no field holds a quote.
    lines = lines.with_columns(text=pl.col("line"))
    lines = replace_where(lines, ["text"], _is_escaped, _escape_as_hex)
    lines = lines.with_columns(pl.col("text").str.splitn('"', quotes + 1))
    return lines, [pl.col("text").struct.field(f"field_{number}") for number in range(quotes + 1)]


def _cut_field(part: pl.Expr, segment: Segment, index: int) -> pl.Expr:
    """Return the field at `index` of a segment, null where a delimiter is missing.

    A delimiter that cannot be mistaken for an earlier one is searched for directly. Otherwise the fields in front are
    cut off one by one.
    """
    before, after = segment[index - 1], segment[index + 1]
    width = WIDTHS.get(segment[index])
    is_last = index == len(segment) - 2
    if width and index == 1:
        return part.str.slice(len(before), width + len(after)).str.strip_suffix(after)
    if width and is_last:  # counting from the end saves the search for the fields in front
        return part.str.tail(width + len(after)).str.head(width)
    first, last = _find_run(segment, index)
    if last - first >= 2 * MIN_RUN_LENGTH:
        return _cut_from_run(part, segment, index, first, last)
    rest = _skip_to_field(part, segment, index)
    if is_last:  # the last field of a segment reaches to its end, whatever it holds
        return rest.str.strip_suffix(after) if after else rest
    if _is_unambiguous(segment, index + 1):  # cut off the fields behind it there too: one cut serves all
        left = part.str.splitn(after, 2).struct.field("field_0")
        return left.str.tail(width) if width else _skip_to_field(left, segment, index)
    return rest.str.splitn(after, 2).struct.field("field_0")


def _read_status(status: pl.Expr) -> pl.Expr:
    """Return the number of a cut status, 0 for `-`: the request got no answer.

    A status of another width than usual comes with a character of what stands next to it.
    """
    number = status.cast(pl.Int16, strict=False)
    odd = pl.when(number.is_null()).then(status)
    return pl.when(odd.str.contains(r"^[^0-9A-Za-z-]?[0-](?:[^0-9A-Za-z-]|$)")).then(0).otherwise(number).cast(pl.Int16)


_PIECE = " (a piece)"


def _split_times(segment: Segment) -> Segment:
    """Return the segment with a field for each word of a time that a blank follows: its blanks end no field."""
    split = segment[:1]
    for name, after in zip(segment[1::2], segment[2::2], strict=True):
        blanks = _count_blanks(name)
        if after == " " and blanks:
            split += [f"{name}{_PIECE}", " "] * blanks + [f"{name}{_PIECE}", after]
        else:
            split += [name, after]
    return split


def _count_blanks(name: str) -> int:
    """Return the number of blanks in a field that is a time; no other field outside of quotes holds any."""
    return 1 if name == "time_clf" else name.removeprefix("time_as ").count(" ") if is_time_field(name) else 0


def _join_pieces(pieces: Sequence[pl.Expr]) -> pl.Expr:
    return pieces[0] if len(pieces) == 1 else pl.concat_str(pieces, separator=" ")


def _find_run(segment: Segment, index: int) -> tuple[int, int]:
    """Return the indices of the first and the last used field in a run of fields with equal delimiters around `index`."""
    is_last = index == len(segment) - 2
    delimiter = segment[index - 1] if is_last else segment[index + 1]
    start = end = index
    while start > 1 and segment[start - 1] == delimiter:
        start -= 2
    while end < len(segment) - 2 and segment[end + 1] == delimiter:
        end += 2
    return start, max(other for other in range(start, end + 1, 2) if segment[other] or other == index)


def _cut_from_run(part: pl.Expr, segment: Segment, index: int, first: int, last: int) -> pl.Expr:
    """Return the field at `index` of a run of fields with equal delimiters, all of which are cut at once."""
    reaches_end = last == len(segment) - 2
    pieces = (last - first) // 2 + (1 if reaches_end else 2)
    run = _skip_to_field(part, segment, first).str.splitn(segment[first + 1], pieces).struct
    value = run.field(f"field_{(index - first) // 2}")
    if index != last:
        return value
    if reaches_end:
        return value.str.strip_suffix(segment[index + 1]) if segment[index + 1] else value
    return pl.when(run.field(f"field_{pieces - 1}").is_not_null()).then(value)


def _skip_to_field(part: pl.Expr, segment: Segment, index: int) -> pl.Expr:
    """Return the text from the field at `index` on."""
    before = segment[index - 1]
    if index == 1:
        return part.str.slice(len(before)) if before else part
    if _is_unambiguous(segment, index - 1):
        return _text_after(part, before)
    return _text_after(_skip_to_field(part, segment, index - 2), before)


def _is_unambiguous(segment: Segment, index: int) -> bool:
    """Return whether the literal at `index` cannot be mistaken for an earlier one."""
    return len(segment[index]) > 1 and all(segment[index] not in earlier for earlier in segment[0:index:2])


def _text_after(text: pl.Expr, delimiter: str) -> pl.Expr:
    return text.str.splitn(delimiter, 2).struct.field("field_1")


def find_searchable_literals(tokens: Segment) -> list[bool]:
    """Return, for each field, whether the literal in front of it may be searched for from the last quote onwards.

    Such a search skips the fields between. It is what the expressions of this module do, so another reader of the
    format has to do the same.
    """
    is_searchable = []
    for segment in _split_at_quotes(tokens):
        # A field of fixed width at the end is counted from there.
        searched = segment[:-2] if len(segment) > 2 and segment[-2] in WIDTHS else segment
        for index in range(1, len(segment), 2):
            is_behind = index > 3 or (index > 1 and segment[0] != "")
            is_searchable.append(is_behind and _is_unambiguous(segment, index - 1) and any([*searched[index - 2 :: 2]]))
    return is_searchable


# -- escapes ---------------------------------------------------------------------------------------------------

_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|([\\\"bnrtv]))")
_NAMED_ESCAPES = {"b": b"\b", "n": b"\n", "r": b"\r", "t": b"\t", "v": b"\v", '"': b'"', "\\": b"\\"}


def _is_escaped(_: pl.Expr) -> pl.Expr:
    return pl.col("escaped")


def unescape(text: str) -> str:
    """Undo the escapes of nginx and Apache once: `\\xHH` is a byte of UTF-8, `\\"` a quote."""
    out, end = bytearray(), 0
    for match in _ESCAPE.finditer(text):
        out += text[end : match.start()].encode()
        out += bytes.fromhex(match[1]) if match[1] else _NAMED_ESCAPES[match[2]]
        end = match.end()
    return (out + text[end:].encode()).decode("utf-8", "replace")


def _escape_as_hex(line: str) -> str:
    """Write `\\"` and `\\\\` as `\\x22` and `\\x5C`."""
    return line.replace("\\\\", "\\x5C").replace('\\"', "\\x22")
