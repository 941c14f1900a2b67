"""A text format is a log_format string: compiled once into expressions that cut each field by its delimiters.

Both dialects are read: nginx (`$remote_addr - $remote_user [$time_local] "$request" ...`) and Apache
(`%h %l %u %t "%r" ...`). A line is split at its quotes first, because what stands between quotes may
hold anything, and then by the literals between the fields. Each field is an expression of its own, so
that Polars cuts only the fields that a report needs.

Escapes are undone once: nginx writes `"` as `\\x22` (ngx_http_log_module.c), Apache as `\\"` (util.c,
ap_escape_logitem), and a field with `\\"` inside must not end there.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

import polars as pl

from pixelstat.errors import PixelstatError
from pixelstat.schemas import REQUESTS, UTC_TIME, Reason
from pixelstat.vocabulary import changed_where

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
    "body_bytes_sent": "bytes",
    "bytes_sent": "bytes",
    "http_referer": "referrer",
    "http_user_agent": "user_agent",
}
APACHE = {
    "h": "client",
    "a": "client",
    "v": "vhost",
    "V": "vhost",
    "{host}i": "vhost",
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
}
APACHE_DIRECTIVE = re.compile(r"%(?:!?[\d,]+)?[<>]?(\{[^}]*\}\^?)?([a-zA-Z])")
NGINX_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


@dataclass(frozen=True)
class Sample:
    """A line of the format and what it must be read as."""

    line: str
    fields: dict[str, object]


@dataclass(frozen=True)
class TextFormat:
    """A named log_format string. Raises PixelstatError for a string that says too little to be read."""

    name: str
    template: str
    about: str = ""
    samples: Sequence[Sample] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        found = _fields(self.template)
        times = [name for name in found if name.startswith("time_")]
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
        if not {"request", "uri", "path"} & set(found):
            raise PixelstatError(
                f"The log format {self.template!r} has no request.", "It needs $request or $request_uri (Apache: %r)."
            )

    def requests(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """LINES -> REQUESTS: one row a line; what cannot be read is marked `unreadable`."""
        return _requests(lines, _segments(self.template))

    def fits(self, head: pl.DataFrame) -> int:
        """How many of these LINES are lines of this format, address and all."""
        requests = self.requests(head.lazy()).collect()
        return requests.filter(
            pl.col("rejected").is_null(),
            ~pl.col("client").str.contains(r"\s") & pl.col("client").ne("-")
            | pl.lit("client" not in _fields(self.template)),
            ~pl.col("vhost").str.contains(r"\s") | pl.lit("vhost" not in _fields(self.template)),
        ).height


# -- the string -> segments ----------------------------------------------------------------------------------

Segment = list[str]  # literal, field, literal, field, ..., literal: between two quotes or outside of them


def _tokens(template: str) -> Segment:
    """The template as one segment: literals at even places, fields ('' for those of no use) at odd ones."""
    if "$" in template:
        variable, names = NGINX_VARIABLE, NGINX
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


def _fields(template: str) -> list[str]:
    return [name for name in _tokens(template)[1::2] if name]


def _segments(template: str) -> list[Segment]:
    """The template cut at its quotes: what stands outside, inside, outside, ... of them."""
    segments: list[Segment] = [[]]
    for place, token in enumerate(_tokens(template)):
        if place % 2:
            segments[-1].append(token)
            continue
        first, *others = token.split('"')
        segments[-1].append(first)
        segments += [[other] for other in others]
    return segments


EARLIEST = datetime(2000, 1, 1, tzinfo=timezone.utc)  # the oldest time that is a time and no mistake


def latest() -> datetime:
    """The latest: clocks of servers are wrong by hours, not by years."""
    return datetime.now(timezone.utc) + timedelta(hours=48)


WIDTHS = {"time_clf": 26, "status": 3}  # fields of one width: no delimiter need be looked for

# -- segments -> expressions -----------------------------------------------------------------------------------


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
    if place == 1:
        rest = segment.str.slice(len(before)) if before else segment
    elif len(before) > 1 and all(before not in earlier for earlier in tokens[0 : place - 1 : 2]):
        rest = _after(segment, before)
    else:
        rest = _after(_from(segment, tokens, place - 2), before)
    if place == len(tokens) - 2:  # the segment's last field reaches to its end, whatever it holds
        return rest.str.strip_suffix(after) if after else rest
    return rest.str.splitn(after, 2).struct.field("field_0")


def _from(segment: pl.Expr, tokens: Segment, place: int) -> pl.Expr:
    """The segment from the field at `place` on."""
    before = tokens[place - 1]
    if place == 1:
        return segment.str.slice(len(before)) if before else segment
    return _after(_from(segment, tokens, place - 2), before)


def _after(text: pl.Expr, delimiter: str) -> pl.Expr:
    return text.str.splitn(delimiter, 2).struct.field("field_1")


def _requests(lines: pl.LazyFrame, segments: list[Segment]) -> pl.LazyFrame:
    column = pl.col
    quotes = len(segments) - 1
    # Few lines hold an escape. One look at the line tells; its fields need not be looked at again.
    lines = lines.with_columns(escaped=column("line").str.contains("\\", literal=True))
    if quotes:
        # An escaped quote or backslash, as Apache writes it, becomes what nginx would write: no quote is left inside.
        lines = changed_where(lines, ["line"], _is_escaped, _spell_out).with_columns(
            column("line").str.splitn('"', quotes + 1)
        )
        parts = [column("line").struct.field(f"field_{place}") for place in range(quotes + 1)]
    else:
        parts = [column("line")]
    cut = {
        name: _cut(part, tokens, place)
        for part, tokens in zip(parts, segments, strict=True)
        for place, name in enumerate(tokens)
        if place % 2 and name
    }
    whole = parts[-1].is_not_null()  # a line that ends before its last quote was cut
    return _read(lines.select("file", "number", "escaped", whole.alias("whole"), **cut))


def _read(fields: pl.LazyFrame) -> pl.LazyFrame:
    """The cut fields -> REQUESTS."""
    column = pl.col
    names = fields.collect_schema().names()
    present = set(names)
    if "request" in present:
        fields = fields.with_columns(request=_without_version())
    escaped = present & {"request", "uri", "path", "query", "client", "vhost", "referrer", "user_agent"}
    fields = changed_where(fields, sorted(escaped), _is_escaped, unescape)
    if "request" in present:  # says it all: what the format repeats of it is passed over
        fields = fields.with_columns(column("request").str.splitn("?", 2)).with_columns(
            column("request").struct.field("field_0").str.splitn(" ", 2).alias("asked"),
            column("request").struct.field("field_1").alias("query"),
        )
        asked = column("asked").struct
        fields = fields.with_columns(method=asked.field("field_0"), path=asked.field("field_1"))
    elif "uri" in present:
        fields = fields.with_columns(column("uri").str.splitn("?", 2)).with_columns(
            path=column("uri").struct.field("field_0"), query=column("uri").struct.field("field_1")
        )
    elif "query" in present:  # Apache's %q keeps its question mark
        fields = fields.with_columns(query=_absent(column("query").str.strip_prefix("?")))
    time_field = next(name for name in names if name.startswith("time_"))  # the first that the format has
    if time_field == "time_clf":
        fields = fields.with_columns(offset=_clf_offset()).with_columns(offset=_minutes())
    texts = ("client", "vhost", "referrer", "user_agent")
    fields = fields.with_columns(
        time=_time(time_field),
        status=_number("status", pl.Int16(), present),
        bytes=_number("bytes", pl.Int64(), present),
        **{name: _absent(column(name)) if name in present else pl.lit(None, pl.String) for name in texts},
        **{name: pl.lit(None, pl.String) for name in ("method", "query") if name not in fields.collect_schema()},
    )
    readable = column("whole") & column("time").is_between(EARLIEST, latest()) & column("path").is_not_null()
    if "status" in present:
        readable &= column("status").is_between(0, 999)
    return fields.with_columns(
        rejected=pl.when(~readable.fill_null(value=False)).then(pl.lit("unreadable", Reason))
    ).select(REQUESTS.names())


def _without_version() -> pl.Expr:
    """`GET /path?query`. Cut from the end, so that a target in which a server let blanks through stays whole."""
    request = pl.col("request")
    return (
        pl.when(request.str.tail(9).str.starts_with(" HTTP/"))
        .then(request.str.head(-9))
        .when(request.str.tail(7).str.starts_with(" HTTP/"))
        .then(request.str.head(-7))
        .otherwise(request)
    )


# -- fields -> values ------------------------------------------------------------------------------------------


def _clf(time: pl.Expr) -> pl.Expr:
    """`10/Oct/2000:13:55:36 -0700`. The offset is read by itself: that is four times as fast as %z."""
    local = time.str.head(20).str.to_datetime("%d/%b/%Y:%H:%M:%S", time_unit="us", strict=False)
    return (local - pl.duration(minutes=pl.col("offset"))).dt.replace_time_zone("UTC")


def _clf_offset() -> pl.Expr:
    """The offset as a number, -330 for ` -0330`; null if there is none."""
    time = pl.col("time_clf")
    return pl.when(time.str.len_bytes() == 26).then(time.str.slice(21)).cast(pl.Int32, strict=False)


def _minutes() -> pl.Expr:
    """The offset in minutes east of UTC; null if no place on earth has it."""
    offset = pl.col("offset")
    return pl.when(offset.abs() <= 1400).then(offset - offset.sign() * (offset.abs() // 100 * 40))


def _iso(time: pl.Expr) -> pl.Expr:
    return time.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", time_unit="us", time_zone="UTC", strict=False)


def _epoch(per_second: int) -> Callable[[pl.Expr], pl.Expr]:
    def read(time: pl.Expr) -> pl.Expr:
        microseconds = time.cast(pl.Float64, strict=False) * (1_000_000 / per_second)
        return microseconds.round().cast(pl.Int64, strict=False).cast(UTC_TIME)

    return read


def _time(name: str) -> pl.Expr:
    if name in _TIMES:
        return _TIMES[name](pl.col(name))
    layout = name.removeprefix("time_as ")
    if "%z" in layout:
        return pl.col(name).str.to_datetime(layout, time_unit="us", time_zone="UTC", strict=False)
    return pl.col(name).str.to_datetime(layout, time_unit="us", strict=False).dt.replace_time_zone("UTC")


_TIMES: dict[str, Callable[[pl.Expr], pl.Expr]] = {
    "time_clf": _clf,
    "time_iso": _iso,
    "time_seconds": _epoch(1),
    "time_milliseconds": _epoch(1_000),
    "time_microseconds": _epoch(1_000_000),
}


def _number(name: str, dtype: pl.DataType, present: set[str]) -> pl.Expr:
    return pl.col(name).cast(dtype, strict=False) if name in present else pl.lit(None, dtype)


def _absent(text: pl.Expr) -> pl.Expr:
    """Null for what servers write when there is nothing: `-`, or nothing."""
    return pl.when((text != "-") & (text != "")).then(text)


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
