"""Match hits to chains: HITS -> CHAINS, under whatever rules.

Keys are matched all at once by Polars. Only those where hits of one second or a special rule leave a choice are
searched one by one.
"""

from datetime import datetime
from itertools import pairwise

import polars as pl

from pixelstat.funnels.hits import TIME
from pixelstat.funnels.rules import FunnelRules
from pixelstat.funnels.search import search_chains
from pixelstat.funnels.vectorized import (
    find_best_chains,
    find_strict_chains,
    find_unordered_chains,
    select_best,
)


def match_chains(hits: pl.DataFrame, rules: FunnelRules, log_end: datetime | None) -> pl.DataFrame:
    """Return CHAINS: the chain that counts for each key and group of HITS, with `count` totals all entries.

    Columns: key, group, level (how many required steps were reached), time_1 ... (of each step; null where it was not
    reached), open_until (the last time at which a hit could still lead further). A key that an exclusion drops has the
    level that it would have reached, and no times. `open_until` may be null where it is not after `log_end`.
    """
    hits = hits.sort("key", "time").with_columns(needs_search=needs_search(rules, log_end))
    unambiguous = hits.filter(~pl.col("needs_search")).drop("needs_search")
    chains = match_vectorized(unambiguous, rules).select(chain_columns(rules))
    ambiguous = hits.filter("needs_search")
    if rules.step_window is not None and rules.order == "ordered":
        # The vectorized way ignores the step window, so search the keys whose chain breaks it. Others are not open:
        # `needs_search` has found those that may be.
        chains = chains.with_columns(open_until=pl.lit(None, TIME))
        too_slow = chains.filter(_exceeds_step_window(rules))["key"].unique()
        chains = chains.filter(~pl.col("key").is_in(too_slow.implode()))
        again = hits.filter(~pl.col("needs_search") & pl.col("key").is_in(too_slow.implode()))
        ambiguous = pl.concat([ambiguous, again])
    return pl.concat([chains, search_chains(ambiguous, rules).select(chain_columns(rules))])


def chain_columns(rules: FunnelRules) -> list[str]:
    """Return the names of the columns of CHAINS."""
    return ["key", "group", "level", *(f"time_{number}" for number in range(1, len(rules.steps) + 1)), "open_until"]


def needs_search(rules: FunnelRules, log_end: datetime | None) -> pl.Expr:
    """Return whether the key of each of HITS, in order of key and time, must be searched."""
    matches_several = pl.col("matches").bitwise_count_ones() > 1
    is_tied = (pl.col("key") == pl.col("key").shift()) & (pl.col("time") == pl.col("time").shift())
    if rules.order == "unordered":
        is_ambiguous = matches_several | (is_tied & (pl.col("group") != pl.col("group").forward_fill().shift()))
    elif rules.order == "strict":
        is_ambiguous = is_tied
    else:
        is_ambiguous = is_tied & (matches_several | matches_several.shift())
        if rules.optional:
            is_ambiguous = is_ambiguous | matches_several
    if rules.exclusions:
        is_ambiguous = is_ambiguous | (pl.col("excluded") > 0)
    if rules.grace:
        is_ambiguous = is_ambiguous | _may_swap_within_grace(rules)
    if rules.step_window is not None and log_end and rules.order == "ordered":
        # Whether a chain is open depends on its last hit, which a search alone finds.
        is_ambiguous = is_ambiguous | (pl.col("time") + rules.step_window > log_end)
    must_search = is_ambiguous.fill_null(value=False).any().over("key")
    if rules.count == "totals":
        is_start = (pl.col("matches") % 2 == 1) & pl.col("group").is_not_null()
        must_search = must_search | (is_start.sum().over("key") > 1)
    return must_search


def _may_swap_within_grace(rules: FunnelRules) -> pl.Expr:
    """Return whether a hit of an earlier step follows one of a later step within the grace."""
    is_soon = (pl.col("key") == pl.col("key").shift()) & (pl.col("time") - pl.col("time").shift() <= rules.grace)
    lowest = 63 - (pl.col("matches") & (~pl.col("matches") + 1)).bitwise_leading_zeros()
    highest = 63 - pl.col("matches").bitwise_leading_zeros()
    return is_soon & (lowest.cast(pl.Int64) < highest.shift().cast(pl.Int64))


def _exceeds_step_window(rules: FunnelRules) -> pl.Expr:
    """Return whether a chain takes longer than the step window between two of its required steps."""
    times = [pl.col(f"time_{number}") for number in rules.required]
    waits = [later - earlier > rules.step_window for earlier, later in pairwise(times)]
    return pl.any_horizontal(pl.lit(value=False), *(wait.fill_null(value=False) for wait in waits))


def match_vectorized(hits: pl.DataFrame, rules: FunnelRules) -> pl.DataFrame:
    """Return CHAINS of HITS, in order of key and time, none of whose keys needs a search."""
    rows, per = hits.lazy(), ["key", "group"]
    if rules.order == "strict":
        return select_best(find_strict_chains(rows.filter("universe"), rules), rules, per).collect()
    if rules.order == "unordered":
        return select_best(find_unordered_chains(rows, rules), rules, per).collect()
    required = rules.required
    names = {f"time_{position}": f"time_{number}" for position, number in enumerate(required, 1)}
    best = find_best_chains(expand_steps(rows, rules).collect(), len(required), rules).rename(names, strict=True)
    for number in sorted(rules.optional):
        best = add_optional_step(best, hits, number, rules)
    return best


def expand_steps(hits: pl.LazyFrame, rules: FunnelRules) -> pl.LazyFrame:
    """Return a row for each required step that one of HITS matches: key, time, group and step, in order.

    `step` is the position among the required steps, from 1. Rows of one second come by step; the rows of one hit come
    in the opposite order, so that no chain uses a hit twice.
    """
    steps = [
        pl.when(pl.col("matches") // (1 << number - 1) % 2 == 1).then(pl.lit(position, pl.UInt8))
        for position, number in enumerate(rules.required, 1)
    ]
    steps[0] = pl.when(pl.col("group").is_not_null()).then(steps[0])
    step, matches_several = pl.col("step"), pl.col("matches").bitwise_count_ones() > 1
    tie_order = pl.when(matches_several).then(-step.cast(pl.Int8)).otherwise(step.cast(pl.Int8))
    rows = (
        hits.select("key", "time", "group", "matches", step=pl.concat_list(steps).list.drop_nulls())
        .filter(step.list.len() > 0)
        .with_row_index("hit")
        .explode("step")
        .with_columns(tie_order=tie_order, group=pl.when(step == 1).then("group"))
        .sort("key", "time", "tie_order", "hit")
    )
    if rules.entry == "first":
        first_start = pl.col("time").filter(step == 1).min().over("key", "group")
        rows = rows.filter((step != 1) | (pl.col("time") == first_start))
    return rows.select("key", "time", "group", "step")


def add_optional_step(chains: pl.DataFrame, hits: pl.DataFrame, number: int, rules: FunnelRules) -> pl.DataFrame:
    """Add to CHAINS the time of an optional step: of its earliest hit after the chain's previous step.

    The hit lies no later than the chain's next step, or where there is none, within the windows.
    """
    previous = [pl.col(f"time_{step}") for step in range(number - 1, 0, -1)]
    has_step_before = pl.col(f"time_{rules.step_before(number)}").is_not_null()
    since = pl.when(has_step_before).then(pl.coalesce(previous))
    following = [pl.col(f"time_{step}") for step in rules.required if step > number]
    end = pl.col("time_1") + rules.window
    end = end if rules.step_window is None else pl.min_horizontal(end, since + rules.step_window)
    until = pl.coalesce(*following, end)
    is_match = pl.col("matches") // (1 << number - 1) % 2 == 1
    candidates = hits.filter(is_match).select("key", pl.col("time").alias("candidate")).sort("key", "candidate")
    joined = (
        chains.with_columns(since=since, until=until)
        .sort("key", "since")
        .join_asof(
            candidates,
            left_on="since",
            right_on="candidate",
            by="key",
            strategy="forward",
            check_sortedness=False,
        )
    )
    time = pl.when(pl.col("candidate") <= pl.col("until")).then("candidate")
    return joined.with_columns(time.alias(f"time_{number}")).drop("since", "until", "candidate")
