"""What collectors put in front of a line: syslog, journald, Docker and Kubernetes. The line behind it is read as ever."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from pixelstat.formats.base import Format, Sample
from pixelstat.formats.json import with_json


@dataclass(frozen=True)
class Prefix:
    """Text in front of the line, or a JSON object with the line under one of the keys."""

    name: str
    pattern: str = ""
    key: str = ""
    sample: str = field(default="", compare=False)  # in front of `{}`

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    def behind(self, line: str) -> str | None:
        """The line without the prefix; None if it has none."""
        if self.pattern:
            found = self._compiled.match(line)
            return line[found.end() :] if found else None
        if not line.startswith("{") or f'"{self.key}"' not in line:
            return None
        try:
            held = json.loads(line)
        except (ValueError, RecursionError):
            return None
        text = held.get(self.key) if isinstance(held, dict) else None
        return text.rstrip("\n") if isinstance(text, str) else None

    def cut(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """LINES with what stands behind the prefix; a line that has none stays."""
        if self.pattern:
            return lines.with_columns(pl.col("line").str.replace(self.pattern, ""))
        found = with_json(lines, "line", [[self.key]])
        text = pl.col("json").struct.field(self.key).str.strip_chars_end("\n")
        return found.with_columns(line=pl.coalesce(text, "line")).drop("json")


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
    """A format behind a prefix."""

    prefix: Prefix
    inner: Format

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def about(self) -> str:
        return f"{self.inner.about}, behind {self.prefix.name}"

    @property
    def samples(self) -> Sequence[Sample]:
        return self.inner.samples

    def is_shaped(self, line: str, header: str | None = None) -> bool:
        """Whether the line is one of the format behind the prefix."""
        behind = self.prefix.behind(line)
        return behind is not None and self.inner.is_shaped(behind, header)

    def ruled_by(self, header: str | None, line: str = "") -> "Prefixed":
        """The format behind the prefix as this `#Fields:` line spells it."""
        return Prefixed(self.prefix, self.inner.ruled_by(header, self.prefix.behind(line) or ""))

    def requests(self, lines: pl.LazyFrame, zone: str = "UTC") -> pl.LazyFrame:
        """LINES -> REQUESTS with what stood behind the prefix as their lines."""
        return self.inner.requests(self.prefix.cut(lines), zone)
