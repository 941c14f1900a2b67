"""Deduplicate hits: one hit that a log holds twice counts once, at its first time.

Two rows are copies of one hit if one of these holds:

1. They have the same order id.
2. Without an order id: the pixel sent the same deduplication key with both.
3. Without either: one visitor requested the same path and query from the same page, with the same X-Forwarded-For,
   within one second. The pixel fired twice, or the line was logged twice. Rows without a visitor are compared by
   address and agent.
"""

from dataclasses import dataclass

import polars as pl

from pixelstat.frames.columns import internal

HASHED_COLUMNS = ("path", "query", "http_referer", "forwarded_for")  # copies of one request agree in these
REQUEST_HASH = internal("request hash")  # UInt64, equal where HASHED_COLUMNS are; valid within one run
HIT_COLUMNS = ("hit", "first")  # what `number_hits` adds
_TIES = 1 << 11  # bits behind the time in a rank; microseconds since 1970 take 52 of 63
STATED = internal("stated hit")  # the hit by an order id or by the pixel's own key


@dataclass(frozen=True)
class HitRules:
    """When two rows are copies of one hit."""

    keeps_copies: bool = False  # every row is a hit of its own
    may_lack_visitors: bool = False  # then address and agent are compared where `visitor` is null


def number_hits(events: pl.LazyFrame, rules: HitRules = HitRules()) -> pl.LazyFrame:
    """Add `hit`, the same number for copies of one hit, and `first`, the rank of a copy.

    Needs REQUEST_HASH and `order`, the order id of purchases. `hit` is UInt64 and valid within one run. `first` is
    Int64: the copy with the lowest rank counts. It is null where copies are identical.
    """
    if rules.keeps_copies:
        return number_rows(events)
    # Each column is hashed with a seed of its own, so that equal values of two columns differ.
    request = pl.col(REQUEST_HASH) ^ pl.col("time").dt.epoch("s").hash(10) ^ pl.col("visitor").hash(11)
    if rules.may_lack_visitors:  # `key_visitors` leaves null only where the address is unknown, other keys leave more
        for seed, name in enumerate(("client", "user_agent"), 7):
            request = request ^ pl.when(pl.col("visitor").is_null()).then(name).hash(seed)
    by_key = pl.when(pl.col("dedup_key").is_not_null()).then(pl.col("protocol").hash(9) ^ pl.col("dedup_key").hash(6))
    stated = pl.when(pl.col("order").is_not_null()).then(pl.col("order").hash(5)).otherwise(by_key)
    is_stated = pl.col(STATED).is_not_null()
    return (
        events.with_columns(stated.alias(STATED))
        .with_columns(
            hit=pl.coalesce(STATED, request),
            # Of two copies at the same time the one with the lower hash counts, whatever their order in the logs.
            first=pl.when(is_stated).then(pl.col("time").to_physical() * _TIES + (request % _TIES).cast(pl.Int64)),
        )
        .drop(STATED)
    )


def number_rows(events: pl.LazyFrame) -> pl.LazyFrame:
    """Add `hit` and `first` as if no two rows were copies of one hit."""
    row = internal("row")
    numbered = events.with_row_index(row)
    return numbered.with_columns(hit=pl.col(row).cast(pl.UInt64), first=pl.lit(None, pl.Int64)).drop(row)


def deduplicate(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Keep the first copy of each hit, and drop HIT_COLUMNS."""
    others = [name for name in rows.collect_schema() if name not in HIT_COLUMNS]
    first = pl.col("first").fill_null(0)
    return rows.group_by("hit").agg(pl.col(name).min_by(first) for name in others).select(others)


def drop_later_copies(rows: pl.DataFrame) -> pl.DataFrame:
    """Drop rows whose hit has a copy with a lower `first`. Where `first` is null all copies stay."""
    keyed = rows.filter(pl.col("first").is_not_null())
    if keyed["hit"].n_unique() == len(keyed):
        return rows
    first = keyed.group_by("hit").agg(pl.exclude("hit").min_by("first")).select(rows.columns)
    return pl.concat([rows.filter(pl.col("first").is_null()), first])


class HitFilter:
    """Passes each hit once, over all batches of a run: of differing copies the first that comes."""

    def __init__(self) -> None:
        self.passed: set[int] = set()

    def keep_new(self, batch: pl.DataFrame) -> pl.DataFrame:
        """Return the rows of hits that have not passed yet. Needs `hit`."""
        batch = batch.filter(pl.col("hit").is_first_distinct())
        hits = batch["hit"].to_list()
        is_new = pl.Series([hit not in self.passed for hit in hits], dtype=pl.Boolean)
        self.passed.update(hits)
        return batch.filter(is_new)
