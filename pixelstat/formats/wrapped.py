"""Read a log whose lines stand in a wrapping."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from pixelstat.formats.base import LogFormat, Sample
from pixelstat.formats.wrapping_kinds import Wrapping


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
