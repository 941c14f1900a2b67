"""One event a hit: what a log holds twice counts once, at its first time.

Two hits are the same if they are one order, by its id; else if the pixel itself says so, by a key of its own; else
if one visitor asked for the same path and query from the same page within one second, behind a proxy for the same
client: a pixel that fired twice, a line that was logged twice. Who is no visitor is told by address and agent.
"""

from collections.abc import Sequence
from functools import reduce
from operator import xor

import polars as pl

from pixelstat.native import plain

SAME = ("path", "query", "http_referer", "forwarded_for")  # what two requests for one hit have alike
CONTENT = "its content"  # a column: the same number where all of these are; it holds within one run
MADE = ("hit", "first")  # the columns that stand for this
_TIES = 1 << 11  # microseconds since 1970 take 52 bits of 63


def with_content(events: pl.LazyFrame) -> pl.LazyFrame:
    """EVENTS with their CONTENT."""
    if plain is None:
        texts = [pl.col(name).hash(seed) for seed, name in enumerate(SAME)]
        return events.with_columns(reduce(xor, texts).alias(CONTENT))
    return events.with_columns(
        pl.map_batches(SAME, _content, return_dtype=pl.UInt64, is_elementwise=True).alias(CONTENT)
    )


def _content(texts: Sequence[pl.Series]) -> pl.Series:
    return pl.Series(plain.content(texts, len(texts[0]))).struct.field(CONTENT)


def with_hit(events: pl.LazyFrame, *, may_lack_visitors: bool = False) -> pl.LazyFrame:
    """EVENTS with their CONTENT and with `order`, which purchases have -> with `hit` and `first`.

    `first` is null where two of one number do not differ. The numbers hold within this run. Where the visitor is what
    `identified` says, who lacks one has no address either.
    """
    column = pl.col
    content = column(CONTENT) ^ column("time").dt.epoch("s").hash(10) ^ column("visitor").hash(11)
    if may_lack_visitors:
        for seed, name in enumerate(("client", "user_agent"), 7):
            content = content ^ pl.when(column("visitor").is_null()).then(name).hash(seed)
    order = column("order")
    key = column("key")
    by_key = pl.when(key.is_not_null()).then(column("protocol").hash(9) ^ key.hash(6))
    said = pl.when(order.is_not_null()).then(order.hash(5)).otherwise(by_key)
    return events.with_columns(said=said).with_columns(
        hit=pl.coalesce("said", content),
        # Of two at the same time the one with the lower number stays, whatever their order in the logs.
        first=pl.when(column("said").is_not_null()).then(
            column("time").to_physical() * _TIES + (content % _TIES).cast(pl.Int64)
        ),
    )


def every_hit(events: pl.LazyFrame) -> pl.LazyFrame:
    """EVENTS in which no two hits are the same."""
    numbered = events.with_row_index("its row")  # no column of one's own has a space in its name
    return numbered.with_columns(hit=pl.col("its row").cast(pl.UInt64), first=pl.lit(None, pl.Int64)).drop("its row")


def distinct(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of EVENTS, each hit once, without its `hit` and `first`."""
    others = [name for name in rows.collect_schema() if name not in MADE]
    first = pl.col("first").fill_null(0)
    return rows.group_by("hit").agg(pl.col(name).min_by(first) for name in others).select(others)


def earliest(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows without those whose hit stands at an earlier time, too. Where `first` is null all rows of a hit stay."""
    keyed = rows.filter(pl.col("first").is_not_null())
    if keyed["hit"].n_unique() == len(keyed):
        return rows
    first = keyed.group_by("hit").agg(pl.exclude("hit").min_by("first")).select(rows.columns)
    return pl.concat([rows.filter(pl.col("first").is_null()), first])
