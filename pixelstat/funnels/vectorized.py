"""Find chains of all keys at once, where hits of one second leave no choice.

Each hit points to the next hit of the next step. Following these pointers from a hit of step 1 gives the earliest chain
from it. A hit that matches several steps has a row for each, later steps first, so that no pointer leads from a hit to
itself.
"""

from collections.abc import Sequence
from datetime import timedelta

import polars as pl


def find_chain_starts(rows: pl.LazyFrame, steps: int, window: timedelta) -> pl.LazyFrame:
    """Return the earliest chain from each relevant hit of step 1: key, level, time_1 ..., latest.

    Takes rows of key, time and step, in order of key and time. `time_k` is null beyond the chain's level; `latest` is
    the key's last start. If rows have a `group`, a chain has the group of its start, and `latest` is the group's last.
    """
    row = pl.int_range(pl.len(), dtype=pl.UInt32)
    names = rows.collect_schema()
    pointers = rows.filter(_is_relevant(is_grouped="group" in names)).with_columns(row_1=row)
    for number in range(2, steps + 1):
        # The next row of step k from each row on; from a hit of step k - 1 that is the chain's next hit.
        next_row = pl.when(pl.col("step") == number).then(row).backward_fill()
        pointers = pointers.with_columns(next_row.gather(pl.col(f"row_{number - 1}")).alias(f"row_{number}"))
    # A pointer may lead to another key or beyond the window. Then it and all later pointers are invalid.
    is_start = pl.col("step") == 1
    key, start = pl.col("key").filter(is_start), pl.col("time").filter(is_start)
    times = []
    for number in range(1, steps + 1):
        hit_row = pl.col(f"row_{number}").filter(is_start)
        time = pl.col("time").gather(hit_row)
        is_valid = (pl.col("key").gather(hit_row) == key) & (time - start <= window)
        times.append(pl.when(is_valid).then(time).alias(f"time_{number}"))
    group = [pl.col("group").filter(is_start)] if "group" in names else []
    latest = pl.col("time_1").max().over("key", "group") if group else _latest_start()
    return pointers.select(key, *group, *times).with_columns(level=count_reached_steps(steps), latest=latest)


def _latest_start() -> pl.Expr:
    """Return the key's last start, in rows that are sorted by key and start."""
    is_last = (pl.col("key") != pl.col("key").shift(-1)).fill_null(value=True)
    return pl.when(is_last).then("time_1").backward_fill()


def _is_relevant(*, is_grouped: bool) -> pl.Expr:
    """Return whether a chain needs the row, of several rows in a run that match the same step.

    Those are the last of step 1 (in its group) and the first of any other step. If rows have groups, the first of step
    1 counts too: the chain that consists of it alone begins there.
    """
    is_new_step = (pl.col("step") != pl.col("step").shift()) | (pl.col("key") != pl.col("key").shift())
    is_first = is_new_step.fill_null(value=True)
    if is_grouped:
        is_new_step |= pl.col("group").ne_missing(pl.col("group").shift())
    is_first_start = is_new_step.fill_null(value=True)
    is_last_start = is_first_start.shift(-1).fill_null(value=True)
    is_start = is_first_start | is_last_start if is_grouped else is_last_start
    return pl.when(pl.col("step") == 1).then(is_start).otherwise(is_first)


def count_reached_steps(steps: int) -> pl.Expr:
    """Return how many of the columns time_1 ... time_`steps` are not null."""
    times = (pl.col(f"time_{number}").is_not_null() for number in range(1, steps + 1))
    return pl.sum_horizontal(times).cast(pl.UInt8)


def select_best(chains: pl.LazyFrame, per: Sequence[str] = ("key",)) -> pl.LazyFrame:
    """Keep the chain that counts: the longest; of these the first to end; of these the last to start.

    Takes chains in order of key and start. The three criteria are one number, so that one pass over each key's chains
    finds the best.
    """
    end = pl.max_horizontal(name for name in chains.collect_schema().names() if name.startswith("time_"))
    earliness = _NEVER - end.to_physical().cast(pl.Int128)
    row = pl.int_range(pl.len(), dtype=pl.UInt32)
    rank = (pl.col("level").cast(pl.Int128) * _NEVER + earliness) * _ROWS + row
    return chains.with_columns(rank=rank).filter(pl.col("rank") == pl.col("rank").max().over(per)).drop("rank")


_NEVER, _ROWS = 1 << 60, 1 << 32  # microseconds beyond any time, and rows beyond any number of them


# -- other orders ---------------------------------------------------------------------------------------------------


def find_strict_chains(
    hits: pl.LazyFrame, steps: int, window: timedelta, step_window: timedelta | None
) -> pl.LazyFrame:
    """Return the chain from each start, made of hits that follow one another immediately.

    Takes HITS of the universe in order of key and time, no two of one key in one second.
    """
    start, is_unbroken = pl.col("time"), pl.lit(value=True)
    times = []
    for index in range(steps):
        time = pl.col("time").shift(-index)
        matches_step = (pl.col("matches").shift(-index) // (1 << index)) % 2 == 1
        is_same_key = pl.col("key").shift(-index) == pl.col("key")
        is_unbroken = is_unbroken & matches_step & is_same_key & (time - start <= window)
        if index and step_window is not None:
            is_unbroken = is_unbroken & (time - pl.col("time").shift(1 - index) <= step_window)
        times.append(pl.when(is_unbroken).then(time).alias(f"time_{index + 1}"))
    is_start = pl.col("group").is_not_null() & (pl.col("matches") % 2 == 1)
    chains = hits.select("key", "group", *times, is_start=is_start).filter("is_start").drop("is_start")
    return chains.with_columns(level=count_reached_steps(steps), latest=pl.col("time_1").max().over("key", "group"))


def find_unordered_chains(hits: pl.LazyFrame, steps: int, window: timedelta, *, from_first_start: bool) -> pl.LazyFrame:
    """Return for each second of a key when the first, the second, ... distinct step from there on is done.

    Takes HITS in order of key and time, none of which matches several steps. `from_first_start` keeps only
    the first second.
    """
    row = pl.int_range(pl.len(), dtype=pl.UInt32)
    group_of_second = pl.col("group").max().over("key", "time")
    rows = hits.filter(pl.col("matches") > 0).with_columns(group=group_of_second)
    key, start = pl.col("key"), pl.col("time")
    step_times = []
    for index in range(steps):
        next_row = pl.when(pl.col("matches") == 1 << index).then(row).backward_fill()
        time = pl.col("time").gather(next_row)
        is_valid = (pl.col("key").gather(next_row) == key) & (time - start <= window)
        step_times.append(pl.when(is_valid).then(time))
    is_new_second = (key != key.shift()).fill_null(value=True) | (start != start.shift()).fill_null(value=True)
    in_time_order = pl.concat_list(step_times).list.sort(nulls_last=True)
    times = [in_time_order.list.get(index, null_on_oob=True).alias(f"time_{index + 1}") for index in range(steps)]
    is_start = is_new_second & pl.col("group").is_not_null()
    chains = rows.select("key", "group", *times, is_start=is_start).filter("is_start")
    if from_first_start:
        chains = chains.filter(pl.col("time_1") == pl.col("time_1").min().over("key", "group"))
    chains = chains.drop("is_start")
    return chains.with_columns(level=count_reached_steps(steps), latest=pl.col("time_1").max().over("key", "group"))
