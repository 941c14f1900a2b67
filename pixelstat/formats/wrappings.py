"""Unwrap lines: remove what collectors, terminals and tools put around the lines of a log.

A wrapping is text in front of a line, such as a prefix of syslog, a JSON object that holds the line, or colours. Lines
can have several wrappings, one inside the other. Each wrapping unwraps one line for detection, and a whole frame for
parsing. A pattern is a regular expression that Python and Polars both understand.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Protocol

import polars as pl

from pixelstat.formats.base import LogFormat, Sample
from pixelstat.formats.json import decode_json
from pixelstat.formats.json_text import parse_object
from pixelstat.formats.unfolding import unfold
from pixelstat.text.addresses import parse_address

MAX_DEPTH = 4  # wrappings inside each other
MAX_PREFIX = 2_000  # characters that are searched for a prefix, so that detection stays fast for lines of megabytes


class Wrapping(Protocol):
    """Text or structure around the lines of a log."""

    @property
    def name(self) -> str: ...
    @property
    def sample(self) -> str:
        """A wrapped line, with `{}` in the place of the line itself."""

    def unwrap(self, line: str) -> str | None:
        """Return the line inside, or None if the line lacks this wrapping."""

    def unwrap_lines(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Unwrap LINES. A line without this wrapping stays as it is."""


@dataclass(frozen=True)
class Prefix:
    """Text in front of a line."""

    name: str
    pattern: str  # of the text in front
    sample: str = field(default="", compare=False)
    suffix: str = ""  # the pattern of text behind the line, which can be missing
    replacement: str = ""  # text that replaces the prefix; `$1` is the first group of the pattern

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(f"^(?:{self.pattern})")

    def unwrap(self, line: str) -> str | None:
        """Return the line without prefix and suffix, or None if it lacks the prefix."""
        match = self._compiled.match(line, endpos=min(len(line), MAX_PREFIX))
        if not match:
            return None
        rest = re.sub(r"\$(\d)", lambda group: match[int(group[1])], self.replacement) + line[match.end() :]
        return re.sub(f"(?:{self.suffix})$", "", rest) if self.suffix else rest

    def unwrap_lines(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Remove prefix and suffix from LINES. A line without the prefix stays as it is."""
        line = pl.col("line").str.replace(self._compiled.pattern, re.sub(r"\$(\d)", r"${\1}", self.replacement))
        if self.suffix:
            has_prefix = pl.col("line").str.contains(self._compiled.pattern)
            line = pl.when(has_prefix).then(line.str.replace(f"(?:{self.suffix})$", "")).otherwise(line)
        return lines.with_columns(line)


@dataclass(frozen=True)
class Envelope:
    """A JSON object that holds the line under one key, as text or as a list of bytes, which journald writes.

    A dot in the key leads into an object. `holds_object` is true where an object stands in the place of the line.
    """

    name: str
    key: str
    sample: str = field(default="", compare=False)
    holds_object: bool = False

    @cached_property
    def _path(self) -> list[str]:
        return self.key.split(".")

    def unwrap(self, line: str) -> str | None:
        """Return the text under the key, or None if there is none."""
        if not line.startswith("{") or f'"{self._path[-1]}"' not in line:
            return None
        value: object = parse_object(line)
        for name in self._path:
            value = value.get(name) if isinstance(value, dict) else None
        if self.holds_object:
            return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else None
        if isinstance(value, list) and all(isinstance(byte, int) and 0 <= byte < 256 for byte in value):
            value = bytes(value).decode("utf-8", "replace")
        return value.strip("\r\n") or None if isinstance(value, str) else None

    def unwrap_lines(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Replace LINES by the texts under the key. A line without the key stays as it is."""
        if self.holds_object:
            text = pl.col("line").map_batches(self._unwrap_each, return_dtype=pl.String, is_elementwise=True)
            return lines.with_columns(line=pl.coalesce(text, "line"))
        decoded = decode_json(lines, "line", [self._path])
        text = pl.col("json")
        for name in self._path:
            text = text.struct.field(name)
        text = text.str.strip_chars("\r\n")
        text = pl.when(text != "").then(text)
        decoded = decoded.with_columns(text=text, is_other=text.is_null() & pl.col("line").str.starts_with("{"))
        rest = pl.when("is_other").then("line").map_batches(self._unwrap_each, return_dtype=pl.String)
        return decoded.with_columns(line=pl.coalesce("text", rest, "line")).drop("json", "text", "is_other")

    def _unwrap_each(self, lines: pl.Series) -> pl.Series:
        """Unwrap the lines that are not null one by one, for values that Polars does not decode as text."""
        if lines.null_count() == len(lines):
            return lines
        texts = [None if line is None else self.unwrap(line) for line in lines.to_list()]
        return pl.Series(lines.name, texts, pl.String)


@dataclass(frozen=True)
class Colours:
    """Escape sequences of a terminal, anywhere in a line."""

    name: str = "colours"
    sample: str = "\x1b[32m{}\x1b[0m"
    # rsyslog writes the escape character as `#033`.
    pattern: str = r"(?:\x1b|#033)(?:\[[0-9;:?]*[A-Za-z]|\(B)"

    def unwrap(self, line: str) -> str | None:
        """Return the line without escape sequences, or None where it has none."""
        if "\x1b" not in line and "#033" not in line:
            return None
        bare = re.sub(self.pattern, "", line)
        return bare if bare != line else None

    def unwrap_lines(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Remove escape sequences from LINES."""
        return lines.with_columns(pl.col("line").str.replace_all(self.pattern, ""))


@dataclass(frozen=True)
class Quotes:
    """A quote in front of the whole line and one behind it, which can be missing. Quotes inside are not escaped."""

    name: str = "quotes"
    sample: str = '"{}"'
    # The second quote must open a field of the line. Otherwise the first quote belongs to a field as well.
    pattern: str = r'^"(?:\{|[^"]*(?: "|"?\s*$))'

    def unwrap(self, line: str) -> str | None:
        """Return the line without the quotes around it, or None if the first quote only opens a field."""
        if not re.match(self.pattern, line):
            return None
        bare = line[1:].rstrip("\r ")
        is_closed = bare.endswith('"') and bare.count('"') % 2 == 1
        return bare[:-1] if is_closed else bare

    def unwrap_lines(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Remove the quotes around LINES. A line without a quote in front stays as it is."""
        line = pl.col("line")
        bare = line.str.slice(1).str.strip_chars_end("\r ")
        is_closed = bare.str.ends_with('"') & (bare.str.count_matches('"', literal=True) % 2 == 1)
        bare = pl.when(is_closed).then(bare.str.head(-1)).otherwise(bare)
        return lines.with_columns(line=pl.when(line.str.contains(self.pattern)).then(bare).otherwise(line))


@dataclass(frozen=True)
class NamedFields:
    """A line of named fields, such as `status=200`, or `status:200` between tabs. It is read as a JSON object."""

    name: str = "named fields"
    sample: str = "{}"
    pattern: str = r'(?:^|[\s,;])([A-Za-z_@][\w.@-]*)=("(?:[^"\\]|\\.)*"|[^\s,;"]*)'
    min_fields: int = 4

    def unwrap(self, line: str) -> str | None:
        """Return the fields as a JSON object, or None for a line of another kind.

        A time in front of the fields becomes the field `time`.
        """
        if line.count("\t") >= self.min_fields and (fields := _split_labelled(line)):
            return json.dumps(fields)
        pairs = re.findall(self.pattern, line) if line.count("=") >= self.min_fields - 1 else []
        fields = {name: _unquote(value) for name, value in pairs}
        if len(fields) < self.min_fields - ("time" in fields and "msg" in fields) or '"' in re.sub(
            self.pattern, "", line
        ):
            return None
        front = re.match(_ISO, line)
        return json.dumps({"time": front.group(), **fields} if front else fields)

    def unwrap_lines(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Replace LINES of named fields by JSON objects. A line without names stays as it is."""
        unwrapped = pl.col("line").map_batches(self._unwrap_each, return_dtype=pl.String, is_elementwise=True)
        return lines.with_columns(line=unwrapped)

    def _unwrap_each(self, lines: pl.Series) -> pl.Series:
        texts = [None if line is None else self.unwrap(line) or line for line in lines.to_list()]
        return pl.Series(lines.name, texts, pl.String)


@dataclass(frozen=True)
class Folded:
    """A JSON object with parts to unfold: a query as an object, headers as a list, or an object as text."""

    name: str = "folded JSON"
    sample: str = "{}"

    def unwrap(self, line: str) -> str | None:
        """Return the object unfolded, or None where there is nothing to unfold."""
        value = parse_object(line)
        unfolded = unfold(value, line) if value else None
        return None if unfolded is None else json.dumps(unfolded, ensure_ascii=False)

    def unwrap_lines(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Unfold the objects in LINES. A line without anything to unfold stays as it is."""
        unwrapped = pl.col("line").map_batches(self._unwrap_each, return_dtype=pl.String, is_elementwise=True)
        return lines.with_columns(line=unwrapped)

    def _unwrap_each(self, lines: pl.Series) -> pl.Series:
        texts = [None if line is None else self.unwrap(line) or line for line in lines.to_list()]
        return pl.Series(lines.name, texts, pl.String)


def _unquote(value: str) -> str:
    """Return the value of a named field without quotes around it, and without the escapes inside of them."""
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


def _split_labelled(line: str) -> dict[str, str] | None:
    """Return the fields of a line of LTSV, or None if a field has no label."""
    pairs = [part.partition(":") for part in line.rstrip("\r\n").split("\t")]
    is_labelled = all(mark and re.fullmatch(r"[A-Za-z_@][\w.@-]*", name) for name, mark, _ in pairs)
    if not is_labelled:
        return None
    fields = {name: value for name, _, value in pairs}
    if parse_address(fields.get("host", "")):  # ltsv.org names the client `host` and the site `vhost`
        fields = {"client" if name == "host" else name: value for name, value in fields.items()}
    return fields


_ISO = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?"
_BSD = r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)?"
_PRIORITY = r"(?:<\d{1,3}>)?"
_HOST = r"[A-Za-z0-9_.:-]+ "
# Without a process id, a blank must follow the colon. Otherwise the colon can be part of an IPv6 address.
_TAG = r'[A-Za-z_(/][^\s:\[\]"]*(?:\[[^\]\s]*\]: ?|: )'
_POD = r"[a-z0-9][a-z0-9.-]*-(?:[a-z0-9]{8,10}-[a-z0-9]{5}|[0-9]+|[a-z0-9]{5})"
_LEVEL = r"\[?(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|trace|debug|info|notice|warn|error)\]?"
_ELEMENT = r'\[(?:[^"\]]|"(?:[^"\\]|\\.)*")*\]'  # of the structured data of RFC 5424
_FILE = r'[^\s:"#\[\]]*[A-SU-Za-z_/][^\s:"#\[\]]*'  # `2026-09-07T10` is none
_LINE_KEYS = {  # key that holds the line -> name of the wrapping
    "log": "Docker's JSON", "MESSAGE": "journald's JSON", "message": "JSON with the line as `message`",
    "msg": "JSON with the line as `msg`", "line": "Loki's JSON", "@message": "CloudWatch's JSON",
    "textPayload": "Google Cloud's JSON", "short_message": "Graylog's JSON", "full_message": "Graylog's JSON",
    "jsonPayload.message": "Google Cloud's JSON", "event": "Splunk's JSON", "_raw": "Splunk's JSON",
    "result._raw": "Splunk's JSON", "@rawstring": "LogScale's JSON", "body": "OpenTelemetry's JSON",
    "body.stringValue": "OpenTelemetry's JSON", "Line": "Grafana's table", "Message": "a table with the line as `Message`",
    "Content": "Datadog's table", "LogEntry": "Azure's table", "raw": "JSON with the line as `raw`", "text": "JSON with the line as `text`",
}  # fmt: skip


def _nest(key: str) -> str:
    """Return the beginning of an object with a line under this key."""
    first, *others = key.split(".")
    return f'{{"{first}":' + "".join(f'{{"{name}":' for name in others) + "{}" + "}" * len(others)


# Specific wrappings come before general ones: detection takes the first one inside which a format matches.
WRAPPINGS: tuple[Wrapping, ...] = (
    Colours(),
    *(Envelope(name, key, _nest(key) + ',"stream":"stdout","time":"2026-09-07T10:00:01.5Z"}') for key, name in _LINE_KEYS.items()),
    Envelope("Elasticsearch", "_source", '{"_index":"logs","_source":{"message":{}}}', holds_object=True),
    Folded(),
    Prefix("Fluent Bit", r'\[\d+\] [\w.*-]+: \[.*?\{"(?:log|message)"=>"', '[0] nginx.access: [1788775200.123, {"log"=>"{}"}]', suffix=r'"\}\]\s*'),
    Prefix("Caddy's console", r"(\d{4})/(\d\d)/(\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)\t\w+\t[\w.]+\t[\w ]+\t\{",
           "2026/09/07 10:00:00.541\tinfo\thttp.log.access\thandled request\t{}", replacement='{"ts":"$1-$2-$3T$4",'),
    Prefix("zap's console", rf"({_ISO})\t(?:[^\t{{]*\t){{1,5}}\{{", "2026-09-07T10:00:00.541Z\tINFO\taccess\thandled request\t{}",
           replacement='{"ts":"$1",'),
    Prefix("Gin", r"\[GIN(?:-debug)?\] (\d{4})/(\d\d)/(\d\d) - (\d\d:\d\d:\d\d) \| *(\d{3}) *\|[^|]*\| *([0-9A-Fa-f.:]+) *\| *([A-Z]+) +\"?",
           replacement='$1-$2-$3T$4 $5 $6 $7 ', suffix=r'"?\s*'),
    Prefix("Fluent Bit", r"(?:\[\d+\] )?[\w.*-]+: \[+(\d{10}\.\d+), (?:\{\}\], )?\{\"", 'nginx.access: [1788775200.123, {}]', suffix=r"\]\s*",
           replacement='{"date":$1,"'),
    Prefix("Fluentd", rf"({_ISO}) [\w.*-]+: \{{", "2026-09-07 10:00:00.123 +0000 nginx.access: {}", replacement='{"time":"$1",'),
    Prefix("Fluentd", rf"{_ISO}\t[\w.*-]+\t", "2026-09-07T10:00:00+00:00\tnginx.access\t{}"),
    Prefix("syslog", rf"(?:\d+ )?<\d{{1,3}}>1 \S+ \S+ \S+ \S+ \S+ (?:-|(?:{_ELEMENT})+) \ufeff?",
           "<190>1 2026-09-07T10:00:01.123Z web1 nginx - - - {}"),
    Prefix("Kubernetes", r"\d{4}-\d\d-\d\dT\S+ (?:stdout|stderr) [FP] ", "2026-09-07T10:00:01.669794202Z stdout F {}"),
    Prefix("Docker", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6,9}Z ", "2026-09-07T10:00:01.669794202Z {}"),
    *(
        Prefix("syslog", rf"{_PRIORITY}(?:{time}) {host}{_TAG}", f"<190>{sample} {of_host}nginx[32]: {{}}")
        for time, sample in ((_BSD, "Sep  7 10:00:01"), (_ISO, "2026-09-07T10:00:01Z"))
        for host, of_host in ((_HOST, "web1 "), (_HOST * 2, "web1 web1 "), ("", ""))
    ),
    Prefix("journald", rf"[A-Z][a-z]{{2}} \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? [A-Z0-9:+-]+ {_HOST}{_TAG}",
           "Mon 2026-09-07 10:00:00 CEST web1 nginx[32]: {}"),
    Prefix("journald", rf"\d{{10}}\.\d+ {_HOST}{_TAG}", "1788775200.123456 web1 nginx[32]: {}"),
    Prefix("journald", rf"\[ *\d+\.\d+\] {_HOST}{_TAG}", "[ 1234.567890] web1 nginx[32]: {}"),
    Prefix("Loki", rf'{_ISO} \{{(?:[^"}}]|"(?:[^"\\]|\\.)*")*\}} ', '2026-09-07T10:00:00Z {app="nginx"} {}'),
    Prefix("CloudWatch", rf"{_ISO} [^\s\"\[\]]*/[^\s\"\[\]]* ", "2026-09-07T10:00:00.988000+00:00 ecs/nginx/0123456789abcdef {}"),
    Prefix("log4j", rf"\[?{_ISO}\]? +{_LEVEL} +(?:\[[^\]]*\] +)?(?:[A-Za-z_][\w.$-]*(?::\d+)?:? +)?(?:[-:|] +)?",
           "2026-09-07 10:00:00,123 INFO  [main] access.log - {}"),
    Prefix("log4j", rf"\[?{_ISO}\]? - (?:[\w.-]+ - )?{_LEVEL} - ", "2026-09-07 10:00:00,123 - access - INFO - {}"),
    Prefix("log4j", rf"\[({_ISO}) +{_LEVEL} +[\w:.-]+\] ", "[2026-09-07T10:00:00Z INFO  actix_web::middleware::logger] {}",
           replacement="$1 "),
    *(
        Prefix("Ruby's logger", r"[A-Z], \[(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?) #\d+\] +[A-Z]+ -- [^:]*: (?:\[[^\]]*\] )?",
               "I, [2026-09-07T10:00:00.123456 #12]  INFO -- : {}", replacement=replacement)
        for replacement in ("", "$1 ")
    ),
    Prefix("Papertrail", rf"\d+\t{_ISO}\t{_ISO}\t\d+\t(?:[^\t]*\t){{5}}",
           "1\t2026-09-07T10:00:00Z\t2026-09-07T10:00:00Z\t7\tweb1\t192.0.2.9\tUser\tInfo\tnginx\t{}"),
    Prefix("journald", r"data: ?", "data: {}"),
    Prefix("journald", r"\s*MESSAGE=", "MESSAGE={}"),
    Prefix("log4j", rf"{_LEVEL} +\[?{_ISO}\]? +(?:\[[^\]]*\] +)?(?:[A-Za-z_][\w.$-]*(?::\d+)?:? +)?(?:[-:|] +)?",
           "INFO  [2026-09-07 10:00:00,123] access.log: {}"),
    Prefix("syslog", rf"{_PRIORITY}(?:{_BSD}|{_ISO}) [\w.-]*[A-Za-z][\w.-]* ", "Sep  7 10:00:01 web1 {}"),
    Prefix("syslog", rf"{_PRIORITY}(?:{_BSD}|{_ISO}) ", "Sep  7 10:00:01 {}"),
    Prefix("kubectl", r"\[(?:pod/)?[a-z0-9.-]+/[a-z0-9.-]+\] ", "[pod/web-7cfd7bf68f-nk5kr/nginx] {}"),
    Prefix("Docker", r"(?:\d\d:\d\d:\d\d )?(?:\d+\|)?[A-Za-z0-9_.@-]+ *\| ", "web-1  | {}"),
    Prefix("stern", rf"(?:[a-z0-9][a-z0-9-]* )?{_POD} [a-z0-9][a-z0-9-]* (?:[›>│|] )?", "default web-7cfd7bf68f-nk5kr nginx {}"),
    # A file without a line number comes first: the first group of an IPv6 address can look like a line number.
    Prefix("grep", rf"{_FILE}:", "access.log.1:{}"),
    Prefix("grep", rf"{_FILE}:\d+:", "access.log.1:12:{}"),
    Prefix("grep", r"\d+:", "12:{}"),
    Quotes(),
    NamedFields(),
)  # fmt: skip


NO_PREFIXES = tuple(wrapping for wrapping in WRAPPINGS if not isinstance(wrapping, Prefix))


@cache
def _any_prefix() -> re.Pattern[str]:
    patterns = (wrapping.pattern for wrapping in WRAPPINGS if isinstance(wrapping, Prefix))
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


def has_prefix(line: str) -> bool:
    """Return whether a line begins with the prefix of any wrapping."""
    return _any_prefix().match(line, endpos=min(len(line), MAX_PREFIX)) is not None


@dataclass(frozen=True)
class Wrapped:
    """A log format of lines in a wrapping."""

    wrapping: Wrapping
    inner: LogFormat

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def about(self) -> str:
        return f"{self.inner.about}, wrapped by {self.wrapping.name}"

    @property
    def samples(self) -> Sequence[Sample]:
        return self.inner.samples

    def matches(self, line: str, header: str | None = None) -> bool:
        """Return whether the line has the wrapping and matches the format without it."""
        bare = self.wrapping.unwrap(line)
        return bare is not None and self.inner.matches(bare, header)

    def with_header(self, header: str | None, line: str = "") -> "Wrapped":
        """Return the wrapped format with the fields that this `#Fields:` line names."""
        return Wrapped(self.wrapping, self.inner.with_header(header, self.wrapping.unwrap(line) or ""))

    def parse(self, lines: pl.LazyFrame, zone: str = "UTC") -> pl.LazyFrame:
        """Parse LINES into REQUESTS with their lines (READ). Their `line` lacks the wrapping."""
        return self.inner.parse(self.wrapping.unwrap_lines(lines), zone)


def list_wrappings(log_format: LogFormat) -> Iterator[Wrapping]:
    """Yield the wrappings of a format, from outside to inside."""
    while isinstance(log_format, Wrapped):
        yield log_format.wrapping
        log_format = log_format.inner


def unwrap_format(log_format: LogFormat) -> LogFormat:
    """Return the format of the lines inside all wrappings."""
    while isinstance(log_format, Wrapped):
        log_format = log_format.inner
    return log_format
