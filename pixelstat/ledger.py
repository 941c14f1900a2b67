"""Count the lines that were read, the events that count, and what is excluded and why.

A line whose request holds several events counts for each of them. So the events and the reasons add up to the lines
that were read and to `further_events`.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from threading import Lock

import polars as pl

from pixelstat.frames.batches import tap_batches
from pixelstat.frames.counting import count_values
from pixelstat.identity.recognition import Recognition
from pixelstat.schemas import FILTER_REASONS, PARSE_ISSUES, REASONS
from pixelstat.sources.lines import Reading
from pixelstat.text.plurals import format_count
from pixelstat.traffic.deduplication import reject_later_copies
from pixelstat.traffic.overlap import OVERLAP_COLUMNS, OverlapCounter


@dataclass
class Ledger:
    """Counts every line as it streams past.

    The counting sits inside the one pass over the logs. A second query that shares the rows with the report (Polars'
    common subplans) costs a third more time and twice the memory.
    """

    reading: Reading = field(default_factory=Reading)
    counts: Counter[str | None] = field(default_factory=Counter)  # rows by reason; None: they count
    formats: Counter[str | None] = field(default_factory=Counter)  # pixel requests by the format they were read as
    parse_issues: Counter[str | None] = field(default_factory=Counter)  # of the events that count
    first: datetime | None = None  # of the events that count, UTC
    last: datetime | None = None
    log_first: datetime | None = None  # of all readable pixel requests, whether they count or not; UTC
    log_last: datetime | None = None
    stitched: tuple[int, int] | None = None  # keys that are linked, and the people behind them; None: not stitched
    without_visitor: list[pl.Series] | None = None  # the hits without a visitor; None: they are not counted
    further_events: int = 0  # events of requests that hold several, without one event of each request
    overlaps: OverlapCounter = field(default_factory=OverlapCounter)
    recognition: Recognition = field(default_factory=Recognition)
    json_formats: Sequence[str] = ()  # formats whose requests may lack their query, because no key holds it
    json_requests: int = 0  # requests for the house pixel in these formats
    json_queries: int = 0  # and those of them that have a query
    counts_rows_as_hits: bool = False  # every row is a hit, as if no two were copies of one
    _hits: list[pl.Series] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def settle(
        self, rows: pl.LazyFrame, *, resolves_copies: bool = False, exception: pl.Expr | None = None
    ) -> pl.LazyFrame:
        """Count the rows of EVENTS by reason as they pass, and hand on only those that count.

        Needs `hit`. Drops rows without a time. With `resolves_copies`, a row counts if its hit has no earlier copy.
        A copy that a filter rejected is an earlier copy too. This collects the counted rows in memory. Also returns
        the rows that a filter rejected and that match `exception`, with their reason.
        """
        needed = ["time", "hit", "format", "parse_issue", *(["visitor"] if self.without_visitor is not None else [])]
        all_row_columns = [*_ALL_ROW_COLUMNS, *(["query"] if self.json_formats else [])]
        is_kept = pl.col("rejected").is_null()
        if exception is not None:
            needed += exception.meta.root_names()
            is_kept |= exception.fill_null(value=False) & pl.col("rejected").is_in(FILTER_REASONS)
        if not resolves_copies:
            counted = self._tap(rows, [self._count_rows, self._count_events], [*needed, *all_row_columns])
            return counted.filter(is_kept & pl.col("time").is_not_null())
        decides_on_copies = pl.col("first").is_not_null() & pl.col("rejected").is_in(FILTER_REASONS)
        every_row = self._tap(rows, [self._count_rows], [*needed, *all_row_columns])
        candidates = every_row.filter(is_kept | decides_on_copies)
        resolved = reject_later_copies(candidates)
        if exception is not None:
            is_kept |= exception.fill_null(value=False) & pl.col("rejected").is_not_null()
        counted = self._tap(resolved, [self._count_duplicates, self._count_events], needed)
        return counted.filter(is_kept & pl.col("time").is_not_null())

    @staticmethod
    def _tap(
        rows: pl.LazyFrame, counters: Sequence[Callable[[pl.DataFrame], None]], needed: Sequence[str]
    ) -> pl.LazyFrame:
        """Show each batch to the counters as it passes."""

        def count(batch: pl.DataFrame) -> pl.DataFrame:
            for counter in counters:
                counter(batch)
            return batch

        return tap_batches(rows, count, dict.fromkeys(needed))

    def _count_rows(self, batch: pl.DataFrame) -> None:
        """Count what is rejected, the formats, the time that the logs cover, further events and overlaps of pixels."""
        rejected = batch["rejected"]
        codes = rejected.to_physical()  # comparing with the names would make a text of each
        formats = count_values(batch["format"].filter(~codes.is_in(_NO_PIXELS).fill_null(value=False)))
        further_events = (batch["event_number"] != 1).arg_true().len()
        counts, times = {}, batch["time"]
        if rejected.null_count() < batch.height:
            counts = {reason: (codes == code).sum() for code, reason in enumerate(REASONS)}
            times = times.filter((codes != _UNREADABLE).fill_null(value=True))  # others may be of the year 0
        with self._lock:
            self.counts.update(counts)
            self.formats.update(formats)
            self.further_events += further_events
            self.overlaps.add(batch.select("rejected", *OVERLAP_COLUMNS))
            self.recognition.add(batch)
            if self.json_formats:
                self._count_queries(batch)
            self.log_first, self.log_last = _widen((self.log_first, self.log_last), times)

    def _count_queries(self, batch: pl.DataFrame) -> None:
        """Count the requests of JSON logs for the house pixel, and those that have a query."""
        is_pixel = ~pl.col("rejected").is_in(["unreadable", "not_pixel"]).fill_null(value=False)
        is_house = (pl.col("protocol") == HOUSE) & pl.col("format").is_in(self.json_formats)
        queries = batch.filter(is_house, is_pixel)["query"]
        self.json_requests += len(queries)
        self.json_queries += len(queries) - queries.null_count()

    def _count_duplicates(self, batch: pl.DataFrame) -> None:
        """Count the rows that `reject_later_copies` rejected."""
        number = int((batch["rejected"].to_physical() == _DUPLICATE).sum())
        with self._lock:
            self.counts["duplicate"] += number

    def _count_events(self, batch: pl.DataFrame) -> None:
        """Count the rows that count."""
        rejected = batch["rejected"]
        events = batch.select(name for name in _COUNTED_ROW_COLUMNS if name in batch.columns)
        events = events.filter(rejected.is_null()) if rejected.null_count() < batch.height else events
        has_parse_issues = events["parse_issue"].null_count() < events.height
        parse_issues = count_values(events["parse_issue"].drop_nulls()) if has_parse_issues else {}
        with self._lock:
            self.counts[None] += events.height
            if not self.counts_rows_as_hits:
                self._hits.append(events["hit"])
            if self.without_visitor is not None:
                self.without_visitor.append(events.filter(pl.col("visitor").is_null())["hit"])
            self.parse_issues.update(parse_issues)
            self.first, self.last = _widen((self.first, self.last), events["time"])

    @property
    def lines(self) -> int:
        """The lines that were read, or rows of Parquet."""
        return self.reading.lines

    @cached_property
    def hits(self) -> int:
        """The distinct hits that count. Ask for them only when everything is read."""
        if self.counts_rows_as_hits:
            return self.counts[None]
        return pl.concat(self._hits).n_unique() if self._hits else 0

    @property
    def rejected_counts(self) -> dict[str, int]:
        """Pixel requests that do not count, by reason; lines that cannot be read but look like one are among them."""
        counts = {**self.counts, "duplicate": self.counts["duplicate"] + self.counts[None] - self.hits}
        return {reason: counts[reason] for reason in REASONS if counts.get(reason) and reason != "not_pixel"}

    @property
    def pixel_requests(self) -> int:
        """The pixel requests, whether they count or not."""
        return self.hits + sum(self.rejected_counts.values())

    @property
    def is_all_unreadable(self) -> bool:
        """Whether there are lines that may hold a pixel request, and none of them can be read."""
        has_unreadable = self.reading.pixel_lines.unreadable.total() > 0
        return has_unreadable and self.pixel_requests == self.counts["unreadable"]

    def line(self) -> str:
        """Return `6,576 events from 48,210 lines; excluded: 311 bots, 17 unreadable`."""
        events, lines = format_count(self.hits, "event", "events"), format_count(self.lines, "line", "lines")
        text = f"{events} from {lines}"
        most_first = sorted(self.rejected_counts.items(), key=lambda item: -item[1])
        reasons = ", ".join(format_count(number, *REASONS[reason]) for reason, number in most_first)
        return f"{text}; excluded: {reasons}" if reasons else text

    def parse_issues_line(self) -> str:
        """Return `parse issues: 3 values that are not numbers`, or nothing where there are none."""
        counts = [
            (self.parse_issues[issue], words) for issue, words in PARSE_ISSUES.items() if self.parse_issues[issue]
        ]
        issues = ", ".join(format_count(number, *words) for number, words in counts)
        return f"parse issues: {issues}" if issues else ""

    def further_events_line(self) -> str:
        """Return `3 events more than requests, because some requests hold several`, or nothing."""
        events = format_count(self.further_events, "event", "events")
        return f"{events} more than requests, because some requests hold several" if self.further_events else ""

    def overlap_line(self) -> str:
        """Return a warning of two pixels that report the same page views or orders, else nothing."""
        if not (overlap := self.overlaps.find()):
            return ""
        one, other = overlap.protocols
        events = format_count(overlap.events, "page view or order is", "page views or orders are")
        remedy = f"for one pixel: --where \"protocol = '{one}'\""
        return f"Warning: {events} reported by both {one} and {other}, so each counts twice; {remedy}"

    def formats_line(self) -> str:
        """Return `formats: combined 6,000, caddy 904` where there is more than one format, else nothing."""
        formats = sorted((-number, name) for name, number in self.formats.items() if name and number)
        return f"formats: {', '.join(f'{name} {-number:,}' for number, name in formats)}" if len(formats) > 1 else ""

    def stitched_line(self) -> str:
        """Return `stitched: 1,204 keys of 530 people` where identities were linked, else nothing."""
        if self.stitched is None:
            return ""
        keys, people = self.stitched
        if not keys:
            return "stitched: nothing, because no event contains two of visitor id, user id and recipient"
        return f"stitched: {format_count(keys, 'key', 'keys')} of {format_count(people, 'person', 'people')}"

    def without_visitor_line(self) -> str:
        """Return `1,204 events without a visitor` where they are counted and there are any, else nothing."""
        number = pl.concat(self.without_visitor).n_unique() if self.without_visitor else 0
        return f"{format_count(number, 'event', 'events')} without a visitor" if number else ""


_ALL_ROW_COLUMNS = ("event_number", "visitor", *OVERLAP_COLUMNS)  # columns that are counted of all rows
_COUNTED_ROW_COLUMNS = ("time", "hit", "parse_issue", "visitor")  # columns that are counted of the rows that count
_UNREADABLE = list(REASONS).index("unreadable")
_NO_PIXELS = [list(REASONS).index("not_pixel"), _UNREADABLE]
HOUSE = "house"  # the protocol of pixels without a vendor
_DUPLICATE = list(REASONS).index("duplicate")


def _widen(
    period: tuple[datetime | None, datetime | None], times: pl.Series
) -> tuple[datetime | None, datetime | None]:
    """Return the period from the first to the last time, widened to hold these times too."""
    first, last = times.min(), times.max()
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        return period
    return min(period[0] or first, first), max(period[1] or last, last)
