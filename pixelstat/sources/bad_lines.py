"""Count and record bad lines: lines that cannot be read, with the reasons."""

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
from pixelstat.terminal import escape_controls

HEADER_ROW = b"file\tline\treason\traw\n"


@dataclass(frozen=True)
class BadLineLimit:
    """The largest allowed number of bad lines, or their largest percentage of all lines."""

    number: int = 0
    percent: Decimal | None = None

    def is_exceeded(self, bad: int, lines: int) -> bool:
        """Return whether this number of bad lines is too large for this number of lines."""
        return bad > self.number if self.percent is None else bad * 100 > self.percent * lines


@dataclass
class BadLines:
    """The bad lines of one pass over the logs. Blank lines and comments (`#`) are not bad."""

    counts: Counter[str] = field(default_factory=Counter)  # by fault
    keeps_numbers: bool = False  # whether to record their line numbers
    _numbers: dict[str, tuple["array[int]", bytearray]] = field(default_factory=dict)  # by file: line numbers, faults
    _lock: Lock = field(default_factory=Lock)

    def take(self, batch: pl.DataFrame) -> None:
        """Count the bad lines among these REQUESTS, and record their line numbers if `keeps_numbers` is set."""
        bad = batch.filter(is_bad())
        if bad.is_empty():
            return
        faults = bad["fault"].value_counts()
        with self._lock:
            self.counts.update(dict(faults.iter_rows()))
            if not self.keeps_numbers:
                return
            for (name,), rows in bad.group_by("file"):
                numbers, codes = self._numbers.setdefault(str(name), (array("q"), bytearray()))
                numbers.extend(rows["number"].to_list())
                codes.extend(rows["fault"].to_physical().to_list())

    @property
    def total(self) -> int:
        """The number of bad lines."""
        return self.counts.total()

    def write(self, path: str, logs: Sequence[Log]) -> None:
        """Write log, line number, reason and raw bytes of each bad line to a file, completely or not at all."""
        reasons = list(FAULTS)
        with atomic_write(path) as file:
            file.write(HEADER_ROW)
            for log in logs:
                numbers, codes = self._numbers.get(log.label, (array("q"), bytearray()))
                reason_of = dict(zip(numbers, codes, strict=True))
                for number, raw in iter_raw_lines(log, sorted(reason_of)):
                    prefix = f"{escape_controls(log.label)}\t{number}\t{reasons[reason_of[number]]}\t"
                    file.write(prefix.encode() + raw + b"\n")
                if log.recording:
                    log.recording.close()


def is_bad() -> pl.Expr:
    """Return whether a line is bad: unreadable, but neither blank nor a comment."""
    has_content = ~pl.col("line").str.starts_with("#") & (pl.col("line").str.strip_chars() != "")
    return (pl.col("rejected") == "unreadable") & has_content


def check_limit(limit: BadLineLimit | None, bad: int, lines: int) -> None:
    """Raise PixelstatError with the exit code for too many bad lines if the limit is exceeded."""
    if limit and limit.is_exceeded(bad, lines):
        raise PixelstatError(
            f"{bad:,} of {lines:,} lines could not be read, which is more than allowed. No report was written.",
            "Show them: pixelstat check. Write them to a file: --rejects FILE",
            Exit.TOO_MANY_BAD_LINES,
        )
