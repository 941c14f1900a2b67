"""What was read, kept and set aside, and why. The reasons sum to the lines read, or it is a bug."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from threading import Lock

import polars as pl

from pixelstat.schemas import FLAWS, REASONS
from pixelstat.sources.lines import Reading
from pixelstat.text.plurals import format_count


@dataclass
class Ledger:
    """Counts every line as it streams past.

    The counting sits inside the one pass over the logs. A second query that shares the marked rows with
    the report (Polars' common subplans) costs a third more time and twice the memory, measured.
    """

    reading: Reading = field(default_factory=Reading)
    counts: Counter[str | None] = field(default_factory=Counter)  # candidates by reason; None: kept
    formats: Counter[str | None] = field(default_factory=Counter)  # candidates by the log format they were read as
    flaws: Counter[str | None] = field(default_factory=Counter)  # of the kept
    first: datetime | None = None  # of the kept, UTC
    last: datetime | None = None
    stitched: tuple[int, int] | None = None  # keys that are joined, and the people they are of; None: nobody asked
    nameless: list[pl.Series] | None = None  # the hits without a visitor; None: nobody asked
    each_once: bool = False  # no two hits are the same
    _hits: list[pl.Series] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def settle(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Count the marked rows by reason, and hand on those that are kept."""

        needed = ["time", "hit", "flaw", *(["visitor"] if self.nameless is not None else [])]

        def tally(batch: pl.DataFrame) -> pl.DataFrame:
            rejected, kept = batch["rejected"], batch
            aside = {}
            codes = rejected.to_physical()  # to compare with the names would make a text of each
            read_as = _counts(batch["format"].filter(~codes.is_in(_NO_PIXELS).fill_null(value=False)))
            if rejected.null_count() < batch.height:
                aside = {reason: (codes == code).sum() for code, reason in enumerate(REASONS)}
                kept = batch.select(needed).filter(rejected.is_null())
            flaws = _counts(kept["flaw"].drop_nulls()) if kept["flaw"].null_count() < kept.height else {}
            first, last = kept["time"].min(), kept["time"].max()
            with self._lock:
                self.counts.update(aside)
                self.formats.update(read_as)
                self.counts[None] += rejected.null_count()
                if not self.each_once:
                    self._hits.append(kept["hit"])
                if self.nameless is not None:
                    self.nameless.append(kept.filter(pl.col("visitor").is_null())["hit"])
                self.flaws.update(flaws)
                if isinstance(first, datetime) and isinstance(last, datetime):
                    self.first = min(self.first or first, first)
                    self.last = max(self.last or last, last)
            return batch

        counted = rows.map_batches(tally, projection_pushdown=True, streamable=True)
        # The condition keeps all these columns in the batches that are counted, whatever the report asks for.
        is_read = pl.col("format").is_not_null() | pl.any_horizontal(pl.col("format", *needed).is_null())
        return counted.filter(pl.col("rejected").is_null() & pl.col("time").is_not_null() & is_read)

    @property
    def lines(self) -> int:
        return self.reading.lines

    @cached_property
    def kept(self) -> int:
        """Hits that count, each once. To be asked when all is read."""
        if self.each_once:
            return self.counts[None]
        return pl.concat(self._hits).n_unique() if self._hits else 0

    @property
    def aside(self) -> dict[str, int]:
        """Pixel requests, and lines that look like one but cannot be read, by the reason they do not count."""
        counts = {**self.counts, "duplicate": self.counts[None] - self.kept}
        return {reason: counts[reason] for reason in REASONS if counts.get(reason) and reason != "not_pixel"}

    @property
    def pixel_requests(self) -> int:
        return self.kept + sum(self.aside.values())

    def line(self) -> str:
        """`48,210 lines, 6,904 pixel requests; set aside: 311 bots, 17 unreadable`."""
        lines = format_count(self.lines, "line", "lines")
        text = f"{lines}, {format_count(self.pixel_requests, 'pixel request', 'pixel requests')}"
        most_first = sorted(self.aside.items(), key=lambda item: -item[1])
        reasons = ", ".join(format_count(number, *REASONS[reason]) for reason, number in most_first)
        return f"{text}; set aside: {reasons}" if reasons else text

    def flaws_line(self) -> str:
        """`kept in part: 3 values that are no numbers`, where there are any; else nothing."""
        told = ", ".join(format_count(self.flaws[flaw], *words) for flaw, words in FLAWS.items() if self.flaws[flaw])
        return f"kept in part: {told}" if told else ""

    def formats_line(self) -> str:
        """`read as combined: 6,000, caddy: 904`, where there is more than one format; else nothing."""
        found = sorted((-number, name) for name, number in self.formats.items() if name and number)
        told = ", ".join(f"{name}: {-number:,}" for number, name in found)
        return f"read as {told}" if len(found) > 1 else ""

    def stitched_line(self) -> str:
        """`stitched: 1,204 keys of 530 people`, where that was asked for; else nothing."""
        if self.stitched is None:
            return ""
        keys, people = self.stitched
        return f"stitched: {format_count(keys, 'key', 'keys')} of {format_count(people, 'person', 'people')}"

    def nameless_line(self) -> str:
        """`1,204 events without a visitor`, where that was asked for and there are any; else nothing."""
        number = pl.concat(self.nameless).n_unique() if self.nameless else 0
        return f"{format_count(number, 'event', 'events')} without a visitor" if number else ""


_NO_PIXELS = [list(REASONS).index(reason) for reason in ("not_pixel", "unreadable")]


def _counts(names: pl.Series) -> dict[str | None, int]:
    """How often each occurs: nearly always it is one."""
    if names.is_empty() or (names == names[0]).all():
        return {names[0]: len(names)} if len(names) else {}
    return dict(names.value_counts().iter_rows())
