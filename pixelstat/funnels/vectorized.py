"""Chains by pointers: all units at once, where hits of one second leave nothing to search for.

From each hit a pointer leads to the next hit of the next step; from each hit of step 1 the chain along the pointers
is the earliest there is. Hits that match several steps stand there once a step, later steps first, so that no pointer
leads from a hit to itself.
"""

from collections.abc import Sequence
from datetime import timedelta

import polars as pl


def find_chain_starts(rows: pl.LazyFrame, steps: int, window: timedelta) -> pl.LazyFrame:
    """Hits in order -> for each hit of step 1 that matters the earliest chain from it: key, level, time_1 ..., latest.

    `time_k` is null beyond the chain's level; `latest` is the key's last start. Where hits have a `group`, chains have
    that of their start, and `latest` is the last of the group.
    """
    column = pl.col
    row = pl.int_range(pl.len(), dtype=pl.UInt32)
    has = rows.collect_schema()
    turns = rows.filter(_is_relevant(is_grouped="group" in has)).with_columns(row_1=row)
    for number in range(2, steps + 1):
        # The next row of step k from each row on; from a hit of step k - 1 that is the chain's next hit.
        following = pl.when(column("step") == number).then(row).backward_fill()
        turns = turns.with_columns(following.gather(column(f"row_{number - 1}")).alias(f"row_{number}"))
    # Past the key's last hit a pointer leads to somebody else's, past the window to a hit too late:
    # either way all further pointers do, too.
    is_start = column("step") == 1
    key, start = column("key").filter(is_start), column("time").filter(is_start)
    times = []
    for number in range(1, steps + 1):
        at = column(f"row_{number}").filter(is_start)
        time = column("time").gather(at)
        holds = (column("key").gather(at) == key) & (time - start <= window)
        times.append(pl.when(holds).then(time).alias(f"time_{number}"))
    carried = [column(name).filter(is_start) for name in ("group",) if name in has]
    latest = column("time_1").max().over("key", "group") if carried else _latest_start()
    return turns.select(key, *carried, *times).with_columns(level=level(steps), latest=latest)


def _latest_start() -> pl.Expr:
    """The last start of the key: its last row's, of rows that come by key and start."""
    is_last = (pl.col("key") != pl.col("key").shift(-1)).fill_null(value=True)
    return pl.when(is_last).then("time_1").backward_fill()


def _is_relevant(*, is_grouped: bool) -> pl.Expr:
    """Of hits of one step in a row those that chains need: the last of step 1 (of a group), the first of any other.

    Where hits have groups, also the first of step 1: with it begins the chain that has no other step.
    """
    column = pl.col
    differs = (column("step") != column("step").shift()) | (column("key") != column("key").shift())
    begins = differs.fill_null(value=True)
    if is_grouped:
        differs |= column("group").ne_missing(column("group").shift())
    starts = differs.fill_null(value=True)
    ends = starts.shift(-1).fill_null(value=True)
    return pl.when(column("step") == 1).then(starts | ends if is_grouped else ends).otherwise(begins)


def level(steps: int) -> pl.Expr:
    """How many of the steps have a time."""
    return pl.sum_horizontal(pl.col(f"time_{number}").is_not_null() for number in range(1, steps + 1)).cast(pl.UInt8)


def select_best(chains: pl.LazyFrame, per: Sequence[str] = ("key",)) -> pl.LazyFrame:
    """The chain of each key that counts: the longest, of those the first to end, of those the last to start.

    The three in one number, so that one look at each key's chains finds it. Chains come by their start.
    """
    end = pl.max_horizontal(name for name in chains.collect_schema().names() if name.startswith("time_"))
    early = _NEVER - end.to_physical().cast(pl.Int128)
    rank = (pl.col("level").cast(pl.Int128) * _NEVER + early) * _ROWS + pl.int_range(pl.len(), dtype=pl.UInt32)
    return chains.with_columns(rank=rank).filter(pl.col("rank") == pl.col("rank").max().over(per)).drop("rank")


_NEVER, _ROWS = 1 << 60, 1 << 32  # microseconds beyond any time, and rows beyond any number of them


# -- other orders ---------------------------------------------------------------------------------------------------


def strict(hits: pl.LazyFrame, steps: int, window: timedelta, step_window: timedelta | None) -> pl.LazyFrame:
    """HITS of a universe in order, no two of a second -> the chain of each start, of hits that follow at once."""
    column = pl.col
    start, goes_on = column("time"), pl.lit(value=True)
    times = []
    for place in range(steps):
        time = column("time").shift(-place)
        is_hit = (column("matches").shift(-place) // (1 << place)) % 2 == 1
        goes_on = goes_on & is_hit & (column("key").shift(-place) == column("key")) & (time - start <= window)
        if place and step_window is not None:
            goes_on = goes_on & (time - column("time").shift(1 - place) <= step_window)
        times.append(pl.when(goes_on).then(time).alias(f"time_{place + 1}"))
    starts = column("group").is_not_null() & (column("matches") % 2 == 1)
    return hits.select("key", "group", *times, starts=starts).filter("starts").drop("starts").with_columns(
        level=level(steps), latest=column("time_1").max().over("key", "group")
    )  # fmt: skip


def unordered(hits: pl.LazyFrame, steps: int, window: timedelta, *, from_first: bool) -> pl.LazyFrame:
    """HITS in order, none of several steps -> from each second when the first, the second, ... step is done."""
    column = pl.col
    row = pl.int_range(pl.len(), dtype=pl.UInt32)
    second = ["key", "time"]
    rows = hits.filter(column("matches") > 0).with_columns(group=column("group").max().over(second))
    key, start = column("key"), column("time")
    reached = []
    for place in range(steps):
        at = pl.when(column("matches") == 1 << place).then(row).backward_fill()
        time = column("time").gather(at)
        holds = (column("key").gather(at) == key) & (time - start <= window)
        reached.append(pl.when(holds).then(time))
    is_first = (key != key.shift()).fill_null(value=True) | (start != start.shift()).fill_null(value=True)
    done = pl.concat_list(reached).list.sort(nulls_last=True)
    times = [done.list.get(place, null_on_oob=True).alias(f"time_{place + 1}") for place in range(steps)]
    found = rows.select("key", "group", *times, kept=is_first & column("group").is_not_null()).filter("kept")
    if from_first:
        found = found.filter(column("time_1") == column("time_1").min().over("key", "group"))
    return found.drop("kept").with_columns(level=level(steps), latest=column("time_1").max().over("key", "group"))
