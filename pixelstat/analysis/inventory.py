"""Count what a log holds: the names of its events, pages and parameters, by pixel.

Batches of events are counted as they pass. Memory holds the distinct names, and a number of each hit, so that a copy of
a hit does not count.
"""

from dataclasses import dataclass, field

import polars as pl

from pixelstat.frames.columns import internal
from pixelstat.frames.query_string import percent_decode
from pixelstat.result import Column
from pixelstat.schemas import UTC_TIME
from pixelstat.traffic.deduplication import HitFilter

EVENT_COLUMNS = ("time", "protocol", "event", "page", "query", "hit")  # of EVENTS, which the counts need
KINDS = pl.Enum(["event", "page", "parameter"])
INVENTORY_COLUMNS = (
    Column("protocol", about="the pixel", key=True, grouped=True),
    Column("kind", about="event, page, or parameter in the query of the pixel's requests", key=True, grouped=True),
    Column("name", about="of the event, page or parameter, decoded", key=True),
    Column("count", "count", "events with this name", bar=True),
    Column("first_time", "instant", "time of the first of them", minor=True),
    Column("last_time", "instant", "time of the last of them"),
)
MAX_PENDING = 20  # batches of counts that are kept apart before they are added up
ROW, EVENT_COUNT = internal("row"), internal("event count")
_SCHEMA = pl.Schema(
    {
        "protocol": pl.String(), "kind": KINDS, "name": pl.String(),
        "count": pl.Int64(), "first_time": UTC_TIME, "last_time": UTC_TIME,
    }
)  # fmt: skip


@dataclass
class Inventory:
    """The counts of the names in the batches so far."""

    hits: HitFilter = field(default_factory=HitFilter)
    _pending: list[pl.DataFrame] = field(default_factory=lambda: [pl.DataFrame(schema=_SCHEMA)])

    def add(self, batch: pl.DataFrame) -> None:
        """Add the next events, with EVENT_COLUMNS."""
        events = self.hits.keep_new(batch)
        names = pl.concat([_list_names(events, "event"), _list_names(events, "page"), _list_parameters(events)])
        self._pending.append(_count(names))
        if len(self._pending) > MAX_PENDING:
            self._pending = [self._totals()]

    def _totals(self) -> pl.DataFrame:
        counts = pl.concat(self._pending).group_by("protocol", "kind", "name")
        return counts.agg(pl.col("count").sum(), pl.col("first_time").min(), pl.col("last_time").max())

    def rank(self, top: int, time_zone: str) -> pl.DataFrame:
        """Return the `top` most frequent names of each kind of each pixel, or all for 0, with INVENTORY_COLUMNS.

        The pixel with the most events comes first.
        """
        is_event = pl.col("kind") == "event"
        events = pl.col("count").filter(is_event).sum().over("protocol")
        section = ["protocol", "kind"]
        ranked = (
            self._totals()
            .with_columns(events.alias(EVENT_COUNT))
            .sort(EVENT_COUNT, *section, "count", "name", descending=[True, False, False, True, False])
        )
        if top:
            ranked = ranked.filter(pl.int_range(pl.len()).over(section) < top)
        times = pl.col("first_time", "last_time").dt.convert_time_zone(time_zone)
        return ranked.drop(EVENT_COUNT).with_columns(pl.col("kind").cast(pl.String), times)


def _list_names(events: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Return a row for each event that has a value in the column of this kind."""
    named = events.filter(pl.col(kind).is_not_null())
    return named.select("protocol", pl.lit(kind, KINDS).alias("kind"), pl.col(kind).alias("name"), "time")


def _list_parameters(events: pl.DataFrame) -> pl.DataFrame:
    """Return a row for each parameter of each event that has a value, with its name decoded."""
    pairs = (
        events.lazy()
        .select("protocol", "time", pl.col("query").str.extract_all("(?:^|&)[^=&]+=[^&]").alias("name"))
        .with_row_index(ROW)
        .explode("name")
        .filter(pl.col("name").is_not_null())
        .with_columns(pl.col("name").str.extract("^&?([^=]+)="))
    )
    names = percent_decode(pairs, ["name"]).unique([ROW, "name"]).collect()
    return names.select("protocol", pl.lit("parameter", KINDS).alias("kind"), "name", "time")


def _count(names: pl.DataFrame) -> pl.DataFrame:
    counts = names.group_by("protocol", "kind", "name")
    rows = counts.agg(count=pl.len(), first_time=pl.col("time").min(), last_time=pl.col("time").max())
    return rows.cast({"count": pl.Int64()}).select(_SCHEMA.names())
