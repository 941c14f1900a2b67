"""What every kind of format has in common: a sample of its lines, and what can be asked of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl


@dataclass(frozen=True)
class Sample:
    """A line of the format and what it must be read as. `header` is the `#Fields:` line that rules it, if any."""

    line: str
    fields: dict[str, object]
    header: str | None = None


class Format(Protocol):
    """A log format of any kind. Equal formats read alike."""

    @property
    def name(self) -> str: ...
    @property
    def about(self) -> str: ...
    @property
    def samples(self) -> Sequence[Sample]: ...

    def is_shaped(self, line: str, header: str | None = None) -> bool:
        """Whether the line looks like one of this format from end to end; its values may still make no sense."""

    def requests(self, lines: pl.LazyFrame, zone: str = "UTC") -> pl.LazyFrame:
        """LINES -> REQUESTS with their lines (READ): one row a line; what cannot be read is marked `unreadable`."""

    def ruled_by(self, header: str | None, line: str = "") -> "Format":
        """The format as a `#Fields:` line spells it; itself, where its lines need none."""
