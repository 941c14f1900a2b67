"""Write the date in front of the lines of a W3C log that have a clock, but no date.

The `#Date:` line above them has the date. A new day begins if the clock goes back by half a day or more. If it goes
back by less, but by more than TOLERANCE, the day is unknown until the next `#Date:` line. A line without a known day
stays as it is, and is unreadable.
"""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from io import RawIOBase

from pixelstat.sources.rewriting import CHUNK, RewritingReader

MAX_HELD = 2 * CHUNK  # a longer line is passed on in pieces
HEAD_BYTES = 64 << 10  # bytes that are searched for a `#Fields:` line without a date
TOLERANCE = timedelta(hours=1)  # a server writes lines when requests end, so lines can be out of order by less
DAY, HALF_DAY = timedelta(days=1), timedelta(hours=12)
_FIELDS, _CLOCK_NAMES, _DATE_NAMES = b"#Fields:", (b"time", b"time-local"), (b"date", b"date-local")
_DATE = re.compile(rb"#(?:Start-)?Date:\s*(\d{4}-\d\d-\d\d|\d\d?-[A-Za-z]{3}-\d{4})(?:\s+(\d\d:\d\d:\d\d))?")
_CLOCK = rb"[\"']?(\d\d:\d\d:\d\d)(?![\d:])"


def lacks_dates(head: bytes) -> bool:
    """Return whether a log with this head has lines with a clock but no date, and a date above them."""
    lines = head[:HEAD_BYTES].split(b"\n") if _FIELDS in head[:HEAD_BYTES] else []
    return has_clock_only(lines) and any(map(_DATE.match, lines))


def has_clock_only(lines: Sequence[bytes]) -> bool:
    """Return whether one of the lines is a `#Fields:` line that names a clock but no date."""
    return any(line.startswith(_FIELDS) and _find_clock(line) is not None for line in lines)


def _find_clock(header: bytes) -> int | None:
    """Return the index of the clock in a `#Fields:` line, or None if there is no clock, or a date too."""
    names = header.removeprefix(_FIELDS).lower().split()
    if set(names) & {*_DATE_NAMES}:
        return None
    return next((index for index, name in enumerate(names) if name in _CLOCK_NAMES), None)


class DatedLines(RewritingReader):
    """A reader of a W3C log that writes the date in front of lines that have only a clock."""

    def __init__(self, source: RawIOBase) -> None:
        super().__init__(source)
        self.dates = LineDates()

    def rewrite(self, text: bytes, *, is_last: bool) -> tuple[bytes, bytes]:
        end = len(text) if is_last else text.rfind(b"\n") + 1
        end = end or (len(text) if len(text) > MAX_HELD else 0)
        return b"".join(map(self.dates.complete, text[:end].splitlines(keepends=True))), text[end:]


class LineDates:
    """The date and the clock of the last line of a log, from which the next line gets its date."""

    def __init__(self) -> None:
        self.last: datetime | None = None  # of the last line, or of the `#Date:` line; None if the day is unknown
        self.is_exact = False  # whether `last` is a time, not only a day
        self.clock: re.Pattern[bytes] | None = None  # finds the clock in a line; None if lines have a date, or no clock

    def complete(self, line: bytes) -> bytes:
        """Return a line with its date in front. A `#Fields:` line gets the name of the date."""
        if line.startswith(b"#"):
            return self._read_directive(line)
        match = self.clock.match(line) if self.clock else None
        day = self._find_day(self.last, match[1]) if match and self.last else None
        separator = b"\t" if b"\t" in line else b" "
        return line if day is None else day.isoformat().encode() + separator + line

    def _read_directive(self, line: bytes) -> bytes:
        if match := _DATE.match(line):
            self.last, self.is_exact = _parse_date(match[1], match[2] or b"00:00:00"), bool(match[2])
        if not line.startswith(_FIELDS):
            return line
        index = _find_clock(line)
        self.clock = None if index is None else re.compile(rb"(?:[^ \t]+[ \t]+){%d}" % index + _CLOCK)
        return line if index is None else _FIELDS + b" date " + line.removeprefix(_FIELDS).lstrip()

    def _find_day(self, last: datetime, clock: bytes) -> date | None:
        """Return the day of the next line by its clock, or None if the day is unclear."""
        try:
            time = datetime.strptime(clock.decode(), "%H:%M:%S").time()  # noqa: DTZ007
        except ValueError:
            return None
        at = datetime.combine(last.date(), time)
        if self.is_exact and at - DAY >= last - TOLERANCE:  # the line is out of order, from before midnight
            return (at - DAY).date()
        if at < last - TOLERANCE:
            at += DAY
            if at - last > HALF_DAY:
                self.last = None
                return None
        self.last, self.is_exact = max(at, last), True
        return at.date()


def _parse_date(day: bytes, clock: bytes) -> datetime | None:
    layout = "%Y-%m-%d" if day[4:5] == b"-" else "%d-%b-%Y"
    try:
        return datetime.strptime(f"{day.decode()} {clock.decode()}", f"{layout} %H:%M:%S")  # noqa: DTZ007
    except ValueError:
        return None
