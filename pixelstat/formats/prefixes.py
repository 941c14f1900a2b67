"""Strip what log collectors put in front of lines: syslog, journald, Docker and Kubernetes."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from pixelstat.formats.base import LogFormat, Sample
from pixelstat.formats.json import decode_json


@dataclass(frozen=True)
class Prefix:
    """What a log collector adds to lines: text in front of them, or a JSON object with the line under one key."""

    name: str
    pattern: str = ""  # a regular expression of the text in front
    key: str = ""  # the key of the JSON object, where there is no pattern
    sample: str = field(default="", compare=False)  # with `{}` for the line

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    def strip(self, line: str) -> str | None:
        """Return the line without the prefix, or None if it has none."""
        if self.pattern:
            match = self._compiled.match(line)
            return line[match.end() :] if match else None
        if not line.startswith("{") or f'"{self.key}"' not in line:
            return None
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            return None
        text = value.get(self.key) if isinstance(value, dict) else None
        return text.rstrip("\n") if isinstance(text, str) else None

    def strip_lines(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Strip the prefix from LINES. A line without it stays as it is."""
        if self.pattern:
            return lines.with_columns(pl.col("line").str.replace(self.pattern, ""))
        decoded = decode_json(lines, "line", [[self.key]])
        text = pl.col("json").struct.field(self.key).str.strip_chars_end("\n")
        return decoded.with_columns(line=pl.coalesce(text, "line")).drop("json")


_PRIORITY = r"^(?:<\d{1,3}>)?"
_TAG = r"[^\s:\[]+(?:\[[^\]\s]*\])?: ?"

PREFIXES = (
    Prefix("Docker's JSON", key="log", sample='{{"log":{},"stream":"stdout","time":"2026-09-07T10:00:01.5Z"}}'),
    Prefix("journald's JSON", key="MESSAGE", sample='{{"MESSAGE":{},"_HOSTNAME":"web1"}}'),
    Prefix("syslog", rf"{_PRIORITY}[A-Z][a-z]{{2}} [ \d]\d \d\d:\d\d:\d\d \S+ {_TAG}", sample="<190>Sep  7 10:00:01 web1 nginx[32]: {}"),
    Prefix("syslog", r"^<\d{1,3}>1 \S+ \S+ \S+ \S+ \S+ (?:-|(?:\[[^\]]*\])+) (?:\x{FEFF})?".replace("\\x{FEFF}", "\ufeff"),
           sample="<190>1 2026-09-07T10:00:01.123Z web1 nginx - - - {}"),
    Prefix("syslog", rf"{_PRIORITY}\d{{4}}-\d\d-\d\dT\S+ \S+ {_TAG}", sample="<134>2026-09-07T10:00:01Z cache-fra1 shop[123]: {}"),
    Prefix("Kubernetes", r"^\d{4}-\d\d-\d\dT\S+ (?:stdout|stderr) [FP] ", sample="2026-09-07T10:00:01.669794202Z stdout F {}"),
    Prefix("Docker", r"^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d) ", sample="2026-09-07T10:00:01.669794202Z {}"),
    Prefix("Docker", r"^[A-Za-z0-9_.-]+ +\| ", sample="web-1  | {}"),
)  # fmt: skip


@dataclass(frozen=True)
class Prefixed:
    """A log format whose lines have a prefix."""

    prefix: Prefix
    inner: LogFormat

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def about(self) -> str:
        return f"{self.inner.about}, after the prefix of {self.prefix.name}"

    @property
    def samples(self) -> Sequence[Sample]:
        return self.inner.samples

    def matches(self, line: str, header: str | None = None) -> bool:
        """Return whether the line has the prefix and matches the format without it."""
        bare = self.prefix.strip(line)
        return bare is not None and self.inner.matches(bare, header)

    def with_header(self, header: str | None, line: str = "") -> "Prefixed":
        """Return the prefixed format with the fields that this `#Fields:` line names."""
        return Prefixed(self.prefix, self.inner.with_header(header, self.prefix.strip(line) or ""))

    def parse(self, lines: pl.LazyFrame, zone: str = "UTC") -> pl.LazyFrame:
        """Parse LINES into REQUESTS, whose `line` comes without the prefix."""
        return self.inner.parse(self.prefix.strip_lines(lines), zone)
