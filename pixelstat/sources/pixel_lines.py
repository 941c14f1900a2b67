"""Count the readable and unreadable pixel lines of each log, and store an unreadable one as an example."""

from collections import Counter
from dataclasses import dataclass, field
from threading import Lock
from typing import NamedTuple

import polars as pl

from pixelstat.frames.counting import count_values
from pixelstat.sources.bad_lines import is_bad


class LineWithHeader(NamedTuple):
    """A line of a log, and the `#Fields:` line that applies to it."""

    line: str
    header: str | None


@dataclass
class PixelLines:
    """The pixel lines of one pass over the logs, by the label of their log.

    A readable pixel line is a pixel request. An unreadable one contains a marker of a pixel, so it can be a request.
    """

    readable: Counter[str | None] = field(default_factory=Counter)
    unreadable: Counter[str | None] = field(default_factory=Counter)
    examples: dict[str, LineWithHeader] = field(default_factory=dict)  # the first unreadable pixel line of each log
    _lock: Lock = field(default_factory=Lock)

    def add_readable(self, label: str, number: int) -> None:
        """Count pixel requests of a log."""
        with self._lock:
            self.readable[label] += number

    def take_readable(self, events: pl.DataFrame) -> pl.DataFrame:
        """Count the pixel requests of these events, and return the events unchanged.

        They have `rejected`, `file` and `event_number`.
        """
        is_request = events["rejected"].is_null() & (events["event_number"].fill_null(1) == 1)
        counts = count_values(events["file"].filter(is_request))
        with self._lock:
            self.readable.update(counts)
        return events

    def take_unreadable(self, requests: pl.DataFrame) -> pl.DataFrame:
        """Count the bad lines among these requests, and return the requests unchanged.

        They have `rejected`, `file`, `line` and `header`.
        """
        if requests["rejected"].null_count() == requests.height:
            return requests
        bad = requests.filter(is_bad())
        if bad.is_empty():
            return requests
        counts = count_values(bad["file"])
        with self._lock:
            self.unreadable.update(counts)
            if not counts.keys() <= self.examples.keys():
                firsts = bad.unique("file", keep="first").select("file", "line", "header")
                for label, line, header in firsts.iter_rows():
                    self.examples.setdefault(label, LineWithHeader(line, header))
        return requests

    def is_mostly_unreadable(self, label: str) -> bool:
        """Return whether more than half of the pixel lines of a log cannot be read."""
        return self.unreadable[label] > self.readable[label]
