"""Count what was read, what counts and what was set aside, with the reason. The reasons sum to the lines read."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from threading import Lock

import polars as pl

from pixelstat.frames.batches import keep_columns
from pixelstat.schemas import FLAWS, REASONS
from pixelstat.sources.lines import Reading
from pixelstat.text.plurals import format_count


@dataclass
class Ledger:
    """Counts every line as it streams past.

    The counting sits inside the one pass over the logs. A second query that shares the rows with the report (Polars'
    common subplans) costs a third more time and twice the memory.
    """

    reading: Reading = field(default_factory=Reading)
    counts: Counter[str | None] = field(default_factory=Counter)  # rows by reason; None: they count
    formats: Counter[str | None] = field(default_factory=Counter)  # pixel requests by the format they were read as
    flaws: Counter[str | None] = field(default_factory=Counter)  # of the events that count
    first: datetime | None = None  # of the events that count, UTC
    last: datetime | None = None
    stitched: tuple[int, int] | None = None  # keys that are linked, and the people behind them; None: not stitched
    without_visitor: list[pl.Series] | None = None  # the hits without a visitor; None: they are not counted
    counts_rows_as_hits: bool = False  # every row is a hit, as if no two were copies of one
    _hits: list[pl.Series] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def settle(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Count the rows of EVENTS by reason as they pass, and hand on only those that count.

        Needs `hit`. Rows without a time are not handed on.
        """
        columns = ["time", "hit", "flaw", *(["visitor"] if self.without_visitor is not None else [])]

        def tally(batch: pl.DataFrame) -> pl.DataFrame:
            self._tally(batch, columns)
            return batch

        tallied = rows.map_batches(tally, projection_pushdown=True, streamable=True)
        return keep_columns(tallied, ["format", *columns]).filter(
            pl.col("rejected").is_null() & pl.col("time").is_not_null()
        )

    def _tally(self, batch: pl.DataFrame, columns: list[str]) -> None:
        rejected, counted = batch["rejected"], batch
        rejected_counts = {}
        codes = rejected.to_physical()  # comparing with the names would make a text of each
        formats = _count_values(batch["format"].filter(~codes.is_in(_NO_PIXELS).fill_null(value=False)))
        if rejected.null_count() < batch.height:
            rejected_counts = {reason: (codes == code).sum() for code, reason in enumerate(REASONS)}
            counted = batch.select(columns).filter(rejected.is_null())
        has_flaws = counted["flaw"].null_count() < counted.height
        flaws = _count_values(counted["flaw"].drop_nulls()) if has_flaws else {}
        first, last = counted["time"].min(), counted["time"].max()
        with self._lock:
            self.counts.update(rejected_counts)
            self.formats.update(formats)
            self.counts[None] += rejected.null_count()
            if not self.counts_rows_as_hits:
                self._hits.append(counted["hit"])
            if self.without_visitor is not None:
                self.without_visitor.append(counted.filter(pl.col("visitor").is_null())["hit"])
            self.flaws.update(flaws)
            if isinstance(first, datetime) and isinstance(last, datetime):
                self.first = min(self.first or first, first)
                self.last = max(self.last or last, last)

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
        counts = {**self.counts, "duplicate": self.counts[None] - self.hits}
        return {reason: counts[reason] for reason in REASONS if counts.get(reason) and reason != "not_pixel"}

    @property
    def pixel_requests(self) -> int:
        """The pixel requests, whether they count or not."""
        return self.hits + sum(self.rejected_counts.values())

    def line(self) -> str:
        """Return `48,210 lines, 6,904 pixel requests; set aside: 311 bots, 17 unreadable`."""
        lines = format_count(self.lines, "line", "lines")
        text = f"{lines}, {format_count(self.pixel_requests, 'pixel request', 'pixel requests')}"
        most_first = sorted(self.rejected_counts.items(), key=lambda item: -item[1])
        reasons = ", ".join(format_count(number, *REASONS[reason]) for reason, number in most_first)
        return f"{text}; set aside: {reasons}" if reasons else text

    def flaws_line(self) -> str:
        """Return `kept in part: 3 values that are no numbers`, or nothing where there are none."""
        flaws = ", ".join(format_count(self.flaws[flaw], *words) for flaw, words in FLAWS.items() if self.flaws[flaw])
        return f"kept in part: {flaws}" if flaws else ""

    def formats_line(self) -> str:
        """Return `read as combined: 6,000, caddy: 904` where there is more than one format, else nothing."""
        formats = sorted((-number, name) for name, number in self.formats.items() if name and number)
        return f"read as {', '.join(f'{name}: {-number:,}' for number, name in formats)}" if len(formats) > 1 else ""

    def stitched_line(self) -> str:
        """Return `stitched: 1,204 keys of 530 people` where identities were linked, else nothing."""
        if self.stitched is None:
            return ""
        keys, people = self.stitched
        return f"stitched: {format_count(keys, 'key', 'keys')} of {format_count(people, 'person', 'people')}"

    def without_visitor_line(self) -> str:
        """Return `1,204 events without a visitor` where they are counted and there are any, else nothing."""
        number = pl.concat(self.without_visitor).n_unique() if self.without_visitor else 0
        return f"{format_count(number, 'event', 'events')} without a visitor" if number else ""


_NO_PIXELS = [list(REASONS).index(reason) for reason in ("not_pixel", "unreadable")]


def _count_values(names: pl.Series) -> dict[str | None, int]:
    """Return how often each value occurs; nearly always there is one."""
    if names.is_empty() or (names == names[0]).all():
        return {names[0]: len(names)} if len(names) else {}
    return dict(names.value_counts().iter_rows())
