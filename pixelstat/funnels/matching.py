"""HITS -> CHAINS: for each key the chain that counts, whatever the rules.

All keys go by pointers; those where hits of one second, or a rule, leave something to search for are searched.
"""

from itertools import pairwise

import polars as pl

from pixelstat.funnels.rules import Rules
from pixelstat.funnels.search import searched
from pixelstat.funnels.vectorized import find_chain_starts, select_best, strict, unordered


def chains(hits: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """HITS -> CHAINS: key, group, level (required steps), time_1 ... (null where not reached), latest (last start)."""
    hits = hits.sort("key", "time")
    hits = hits.with_columns(must_search=must_search(rules))
    plain = hits.filter(~pl.col("must_search")).drop("must_search")
    found = by_pointers(plain, rules).select(columns(rules))
    again = hits.filter("must_search")
    if rules.step_window is not None and rules.order == "ordered":
        too_long = found.filter(_is_too_long(rules))["key"].unique()
        found = found.filter(~pl.col("key").is_in(too_long.implode()))
        again = pl.concat([again, hits.filter(~pl.col("must_search") & pl.col("key").is_in(too_long.implode()))])
    return pl.concat([found, searched(again, rules).select(columns(rules))])


def columns(rules: Rules) -> list[str]:
    """The columns of CHAINS."""
    return ["key", "group", "level", *(f"time_{number}" for number in range(1, len(rules.steps) + 1)), "latest"]


def must_search(rules: Rules) -> pl.Expr:
    """Of HITS in order: whether their key is one for the search."""
    column = pl.col
    several = column("matches").bitwise_count_ones() > 1
    is_tied = (column("key") == column("key").shift()) & (column("time") == column("time").shift())
    if rules.order == "unordered":
        needs = several | (is_tied & (column("group") != column("group").forward_fill().shift()))
    elif rules.order == "strict":
        needs = is_tied
    else:
        needs = is_tied & (several | several.shift())
        if rules.optional:
            needs = needs | several
    if rules.exclusions:
        needs = needs | (column("excluded") > 0)
    if rules.grace:
        needs = needs | _is_back_within_grace(rules)
    found = needs.fill_null(value=False).any().over("key")
    if rules.count == "totals":
        starts = (column("matches") % 2 == 1) & column("group").is_not_null()
        found = found | (starts.sum().over("key") > 1)
    return found


def _is_back_within_grace(rules: Rules) -> pl.Expr:
    """A hit of an earlier step follows one of a later step so soon that they may stand the other way round."""
    column = pl.col
    soon = (column("key") == column("key").shift()) & (column("time") - column("time").shift() <= rules.grace)
    lowest = 63 - (column("matches") & (~column("matches") + 1)).bitwise_leading_zeros()
    highest = 63 - column("matches").bitwise_leading_zeros()
    return soon & (lowest.cast(pl.Int64) < highest.shift().cast(pl.Int64))


def _is_too_long(rules: Rules) -> pl.Expr:
    steps = rules.required
    times = [pl.col(f"time_{number}") for number in steps]
    waits = [later - earlier > rules.step_window for earlier, later in pairwise(times)]
    return pl.any_horizontal(pl.lit(value=False), *(wait.fill_null(value=False) for wait in waits))


def by_pointers(hits: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """CHAINS of HITS in order among whose keys none is for the search."""
    rows, per = hits.lazy(), ["key", "group"]
    if rules.order == "strict":
        found = strict(rows.filter("universe"), len(rules.steps), rules.window, rules.step_window)
        if rules.entry == "first":
            found = found.filter(pl.col("time_1") == pl.col("time_1").min().over(per)).with_columns(latest="time_1")
        return select_best(found, per).collect()
    if rules.order == "unordered":
        from_first = rules.entry == "first"
        return select_best(unordered(rows, len(rules.steps), rules.window, from_first=from_first), per).collect()
    required = rules.required
    found = find_chain_starts(one_a_step(rows, rules), len(required), rules.window)
    names = {f"time_{place}": f"time_{number}" for place, number in enumerate(required, 1)}
    best = select_best(found, per).rename(names, strict=True).collect()
    for number in sorted(rules.optional):
        best = with_optional(best, hits, number, rules)
    return best


def one_a_step(hits: pl.LazyFrame, rules: Rules) -> pl.LazyFrame:
    """HITS in order -> key, time, group, step: a row for each required step that a hit matches, in order.

    Rows of one second stand by their steps; those of one hit backwards.
    """
    column = pl.col
    steps = [
        pl.when(column("matches") // (1 << number - 1) % 2 == 1).then(pl.lit(place, pl.UInt8))
        for place, number in enumerate(rules.required, 1)
    ]
    steps[0] = pl.when(column("group").is_not_null()).then(steps[0])
    step, several = column("step"), column("matches").bitwise_count_ones() > 1
    place = pl.when(several).then(-step.cast(pl.Int8)).otherwise(step.cast(pl.Int8))
    rows = (
        hits.select("key", "time", "group", "matches", step=pl.concat_list(steps).list.drop_nulls())
        .filter(step.list.len() > 0)
        .with_row_index("hit")
        .explode("step")
        .with_columns(place=place, group=pl.when(step == 1).then("group"))
        .sort("key", "time", "place", "hit")
    )
    if rules.entry == "first":
        first = column("time").filter(step == 1).min().over("key", "group")
        rows = rows.filter((step != 1) | (column("time") == first))
    return rows.select("key", "time", "group", "step")


def with_optional(chains: pl.DataFrame, hits: pl.DataFrame, number: int, rules: Rules) -> pl.DataFrame:
    """CHAINS with the time of a step that may be left out: its earliest hit after the step before it that they have."""
    column = pl.col
    before = [column(f"time_{step}") for step in range(1, number)]
    reached = column(f"time_{rules.step_before(number)}").is_not_null()
    since = pl.when(reached).then(pl.coalesce(reversed(before)))
    later = [column(f"time_{step}") for step in rules.required if step > number]
    end = column("time_1") + rules.window
    end = end if rules.step_window is None else pl.min_horizontal(end, since + rules.step_window)
    until = pl.coalesce(*later, end)
    own = hits.filter(column("matches") // (1 << number - 1) % 2 == 1).select("key", column("time").alias("own"))
    joined = (
        chains.with_columns(since=since, until=until)
        .sort("key", "since")
        .join_asof(
            own.sort("key", "own"),
            left_on="since",
            right_on="own",
            by="key",
            strategy="forward",
            check_sortedness=False,
        )
    )
    time = pl.when(column("own") <= column("until")).then("own")
    return joined.with_columns(time.alias(f"time_{number}")).drop("since", "until", "own")
