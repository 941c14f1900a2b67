"""Find chains of all keys at once, where hits of one second leave no choice.

Each hit points to the next hit of the next step. Following these pointers from a hit of step 1 gives the earliest chain
from it. A hit that matches several steps has a row for each, later steps first, so that no pointer leads from a hit to
itself.
"""

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from pixelstat.funnels.rules import FunnelRules


def find_best_chains(rows: pl.DataFrame, steps: int, rules: FunnelRules) -> pl.DataFrame:
    """Return the chain that counts for each key: key, level, time_1 ..., open_until.

    Takes rows of key, time and step, in order of key and time. `time_k` is null beyond the chain's level. If rows have
    a `group`, there is a chain for each key and group of starts. Of all rules, only window and entry are applied.
    """
    per = [name for name in ("key", "group") if name in rows.columns]
    chains = select_best(find_chain_starts(rows.lazy(), steps, rules.window), rules, per).collect()
    return _move_starts(chains, rows, rules, per).with_columns(open_until=pl.col("latest") + rules.window)


def find_chain_starts(rows: pl.LazyFrame, steps: int, window: timedelta) -> pl.LazyFrame:
    """Return the earliest chain from each relevant hit of step 1: key, group, level, time_1 ..., run_start, latest.

    `run_start` is the first hit in the start's run: all hits from there to the start lead on to the same hits. `latest`
    is the last start of the key and group.
    """
    row = pl.int_range(pl.len(), dtype=pl.UInt32)
    per = [name for name in ("key", "group") if name in rows.collect_schema()]
    pointers = _keep_relevant(rows, per).with_columns(row_1=row)
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
    chains = pointers.select(*(pl.col(name).filter(is_start) for name in (*per, "run_start")), *times)
    latest = pl.col("time_1").max().over(per) if len(per) > 1 else _latest_start()
    return chains.with_columns(level=count_reached_steps(steps), latest=latest)


def _latest_start() -> pl.Expr:
    """Return the key's last start, in rows that are sorted by key and start."""
    is_last = (pl.col("key") != pl.col("key").shift(-1)).fill_null(value=True)
    return pl.when(is_last).then("time_1").backward_fill()


def _keep_relevant(rows: pl.LazyFrame, per: Sequence[str]) -> pl.LazyFrame:
    """Keep one row of each run that matches the same step: the last of step 1 and the first of any other.

    Add `run_start`, the time of the run's first row.
    """
    is_new = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in (*per, "step"))
    is_last = is_new.shift(-1).fill_null(value=True)
    run_start = pl.when(is_new).then("time").forward_fill()
    return rows.with_columns(run_start=run_start).filter(pl.when(pl.col("step") == 1).then(is_last).otherwise(is_new))


def _move_starts(chains: pl.DataFrame, rows: pl.DataFrame, rules: FunnelRules, per: Sequence[str]) -> pl.DataFrame:
    """Return the chains with the start that counts of those in its run. Drop `run_start`."""
    run_start, is_single = pl.col("run_start"), pl.col("level") == 1  # a single hit ends first where it is the first
    if rules.entry == "latest":
        time = pl.when(is_single).then(run_start).otherwise("time_1")
        return chains.with_columns(time_1=time).drop("run_start")
    times = [name for name in chains.columns if name.startswith("time_")]
    earliest = pl.max_horizontal(times) - rules.window
    if rules.step_window is not None and len(times) > 1:
        earliest = pl.max_horizontal(earliest, pl.col("time_2") - rules.step_window)
    is_too_early = ~is_single & (run_start < earliest)
    moved = chains.with_columns(time_1=pl.when(is_too_early).then("time_1").otherwise(run_start), earliest=earliest)
    unmoved = moved.filter(is_too_early)
    if not unmoved.is_empty():
        starts = rows.filter(pl.col("step") == 1).select(*per, start="time").sort("start")
        with_starts = unmoved.sort("earliest").join_asof(
            starts, left_on="earliest", right_on="start", by=per, strategy="forward", check_sortedness=False
        )
        with_starts = with_starts.with_columns(time_1=pl.min_horizontal("time_1", "start")).drop("start")
        moved = pl.concat([moved.filter(~is_too_early), with_starts])
    return moved.drop("run_start", "earliest")


def count_reached_steps(steps: int) -> pl.Expr:
    """Return how many of the columns time_1 ... time_`steps` are not null."""
    times = (pl.col(f"time_{number}").is_not_null() for number in range(1, steps + 1))
    return pl.sum_horizontal(times).cast(pl.UInt8)


def select_best(chains: pl.LazyFrame, rules: FunnelRules, per: Sequence[str]) -> pl.LazyFrame:
    """Keep the chain that counts: the longest; of these the first to end; of these the one that `entry` prefers.

    Takes chains in order of key and start. The three criteria are one number, so that one pass over each key's chains
    finds the best.
    """
    end = pl.max_horizontal(name for name in chains.collect_schema().names() if name.startswith("time_"))
    earliness = _NEVER - end.to_physical().cast(pl.Int128)
    row = pl.int_range(pl.len(), dtype=pl.UInt32)
    place = row if rules.entry == "latest" else _ROWS - 1 - row.cast(pl.Int64)
    rank = (pl.col("level").cast(pl.Int128) * _NEVER + earliness) * _ROWS + place
    return chains.with_columns(rank=rank).filter(pl.col("rank") == pl.col("rank").max().over(per)).drop("rank")


_NEVER, _ROWS = 1 << 60, 1 << 32  # microseconds beyond any time, and rows beyond any number of them


# -- other orders ---------------------------------------------------------------------------------------------------


def find_strict_chains(hits: pl.LazyFrame, rules: FunnelRules) -> pl.LazyFrame:
    """Return the chain from each start, made of hits that follow one another immediately.

    Takes HITS of the universe in order of key and time, no two of one key in one second.
    """
    start, is_unbroken = pl.col("time"), pl.lit(value=True)
    times = []
    for index in range(len(rules.steps)):
        time = pl.col("time").shift(-index)
        matches_step = (pl.col("matches").shift(-index) // (1 << index)) % 2 == 1
        is_same_key = pl.col("key").shift(-index) == pl.col("key")
        is_unbroken = is_unbroken & matches_step & is_same_key & (time - start <= rules.window)
        if index and rules.step_window is not None:
            is_unbroken = is_unbroken & (time - pl.col("time").shift(1 - index) <= rules.step_window)
        times.append(pl.when(is_unbroken).then(time).alias(f"time_{index + 1}"))
    is_start = pl.col("group").is_not_null() & (pl.col("matches") % 2 == 1)
    last_hit = pl.col("time").max().over("key")
    chains = hits.select("key", "group", *times, is_start=is_start, last_hit=last_hit)
    chains = _keep_starts(chains, rules).with_columns(level=count_reached_steps(len(times)))
    end = pl.max_horizontal(f"time_{number}" for number in range(1, len(times) + 1))
    deadline = pl.col("time_1") + rules.window
    deadline = deadline if rules.step_window is None else pl.min_horizontal(deadline, end + rules.step_window)
    open_until = pl.when(end == pl.col("last_hit")).then(deadline).max().over("key", "group")
    return chains.with_columns(open_until=open_until).drop("last_hit")


def find_unordered_chains(hits: pl.LazyFrame, rules: FunnelRules) -> pl.LazyFrame:
    """Return for each second of a key when the first, the second, ... distinct step from there on is done.

    Takes HITS in order of key and time, none of which matches several steps.
    """
    steps, row = len(rules.steps), pl.int_range(pl.len(), dtype=pl.UInt32)
    group_of_second = pl.col("group").max().over("key", "time")
    rows = hits.filter(pl.col("matches") > 0).with_columns(group=group_of_second)
    key, start = pl.col("key"), pl.col("time")
    step_times = []
    for index in range(steps):
        next_row = pl.when(pl.col("matches") == 1 << index).then(row).backward_fill()
        time = pl.col("time").gather(next_row)
        is_valid = (pl.col("key").gather(next_row) == key) & (time - start <= rules.window)
        step_times.append(pl.when(is_valid).then(time))
    is_new_second = (key != key.shift()).fill_null(value=True) | (start != start.shift()).fill_null(value=True)
    in_time_order = pl.concat_list(step_times).list.sort(nulls_last=True)
    times = [in_time_order.list.get(index, null_on_oob=True).alias(f"time_{index + 1}") for index in range(steps)]
    is_start = is_new_second & pl.col("group").is_not_null()
    chains = _keep_starts(rows.select("key", "group", *times, is_start=is_start), rules)
    open_until = pl.col("time_1").max().over("key", "group") + rules.window
    return chains.with_columns(level=count_reached_steps(steps), open_until=open_until)


def _keep_starts(chains: pl.LazyFrame, rules: FunnelRules) -> pl.LazyFrame:
    """Keep the chains with `is_start`, with `entry` first only the first of them. Drop `is_start`."""
    chains = chains.filter("is_start").drop("is_start")
    if rules.entry != "first":
        return chains
    return chains.filter(pl.col("time_1") == pl.col("time_1").min().over("key", "group"))
