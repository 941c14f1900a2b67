"""Bad lines, kept and counted: which lines could not be read, why, and how many are too many."""

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from threading import Lock

import polars as pl

from pixelstat.atomic_file import atomic_write
from pixelstat.errors import Exit, PixelstatError
from pixelstat.schemas import FAULTS
from pixelstat.sources.blocks import Log, iter_raw_lines
from pixelstat.terminal import harmless

HEADING = b"file\tline\treason\traw\n"


@dataclass(frozen=True)
class BadLineLimit:
    """How many bad lines are too many: more than a number, or than a share of all."""

    number: int = 0
    percent: Decimal | None = None

    def is_exceeded(self, bad: int, lines: int) -> bool:
        return bad > self.number if self.percent is None else bad * 100 > self.percent * lines


@dataclass
class BadLines:
    """The bad lines of one pass over the logs. Blank lines and comments (`#`) are none."""

    counts: Counter[str] = field(default_factory=Counter)  # by fault
    kept: bool = False  # whether to remember which
    _numbers: dict[str, tuple["array[int]", bytearray]] = field(default_factory=dict)  # by file: line numbers, faults
    _lock: Lock = field(default_factory=Lock)

    def take(self, batch: pl.DataFrame) -> None:
        """Remember the bad lines among these REQUESTS."""
        bad = batch.filter(is_bad())
        if bad.is_empty():
            return
        faults = bad["fault"].value_counts()
        with self._lock:
            self.counts.update(dict(faults.iter_rows()))
            if not self.kept:
                return
            for (name,), rows in bad.group_by("file"):
                numbers, codes = self._numbers.setdefault(str(name), (array("q"), bytearray()))
                numbers.extend(rows["number"].to_list())
                codes.extend(rows["fault"].to_physical().to_list())

    @property
    def total(self) -> int:
        return self.counts.total()

    def write(self, path: str, logs: Sequence[Log]) -> None:
        """Each bad line as it stands in its log, after the log, its number and the reason; whole or not at all."""
        reasons = list(FAULTS)
        with atomic_write(path) as file:
            file.write(HEADING)
            for log in logs:
                numbers, codes = self._numbers.get(log.label, (array("q"), bytearray()))
                reason_of = dict(zip(numbers, codes, strict=True))
                for number, raw in iter_raw_lines(log, sorted(reason_of)):
                    place = f"{harmless(log.label)}\t{number}\t{reasons[reason_of[number]]}\t"
                    file.write(place.encode() + raw + b"\n")
                if log.kept:
                    log.kept.close()


def is_bad() -> pl.Expr:
    """A line that says something, and cannot be read."""
    says = ~pl.col("line").str.starts_with("#") & (pl.col("line").str.strip_chars() != "")
    return (pl.col("rejected") == "unreadable") & says


def check_limit(limit: BadLineLimit | None, bad: int, lines: int) -> None:
    """Raises PixelstatError with the exit code for too many bad lines."""
    if limit and limit.is_exceeded(bad, lines):
        raise PixelstatError(
            f"{bad:,} of {lines:,} lines could not be read, which is more than allowed. No report was written.",
            "pixelstat check shows them; --rejects FILE keeps them.",
            Exit.TOO_MANY_BAD_LINES,
        )
