"""Define what every kind of log format has in common: sample lines, and how it is detected and parsed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl


@dataclass(frozen=True)
class Sample:
    """A line of a format and the fields that parsing it must give.

    `header` is the `#Fields:` line that applies to it, if the format has any.
    """

    line: str
    fields: dict[str, object]
    header: str | None = None


class LogFormat(Protocol):
    """A log format of any kind. Equal formats parse lines alike."""

    @property
    def name(self) -> str: ...
    @property
    def about(self) -> str: ...
    @property
    def samples(self) -> Sequence[Sample]: ...

    def matches(self, line: str, header: str | None = None) -> bool:
        """Return whether the whole line has the shape of this format. Its values may still be invalid."""

    def parse(self, lines: pl.LazyFrame, zone: str = "UTC") -> pl.LazyFrame:
        """Parse LINES into REQUESTS with their lines (READ): one row per line; unreadable lines are `unreadable`.

        `zone` is the time zone of times without an offset.
        """

    def with_header(self, header: str | None, line: str = "") -> "LogFormat":
        """Return the format with the fields that a `#Fields:` line names, or itself if its lines need none.

        `line` is a line of the log, which may show more about the format.
        """
