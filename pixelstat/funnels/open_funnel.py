"""Count open funnels: actors may enter at any step, and figures say who goes from each step to the next."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import polars as pl

from pixelstat.analysis.confidence import wilson_interval
from pixelstat.funnels.actors import (
    ACTOR,
    FunnelBreakdown,
    attribute_labels,
    chains_per_actor,
    merge_other_groups,
)
from pixelstat.funnels.hits import TIME
from pixelstat.funnels.rules import FunnelRules
from pixelstat.funnels.step_counts import time_figures


def count_open_funnel(
    rows: pl.DataFrame, rules: FunnelRules, breakdown: FunnelBreakdown, log_end: datetime | None
) -> pl.DataFrame:
    """Return a row for each step and group, as `step_counts.add_shares` has them, with `entered`.

    Takes the rows of `relevant_hits`, each hit once. Who did a step counts there. Of those who did the step before,
    those continued who did this one after it within the window; the others are lost. Who did the step without
    continuing from the one before entered here. The period holds for all steps except those that somebody continues to.
    """
    actors = _label_actors(rows, breakdown)
    numbers = range(1, len(rules.steps) + 1)
    for number in numbers:
        arrivals = _find_arrivals(rows, rules, replace(breakdown, by=()), number)
        actors = actors.join(arrivals, on=ACTOR, how="left")
    return pl.concat(_count_step(actors, number, rules, breakdown, log_end) for number in numbers)


def _find_arrivals(rows: pl.DataFrame, rules: FunnelRules, breakdown: FunnelBreakdown, number: int) -> pl.DataFrame:
    """Return the actors that did step k or the one before: ACTOR, did_k, took_k, latest_k.

    `did_k` is true for those who did step k. `took_k` is how long it took from the step before; null for those who did
    not continue from there. `latest_k` is when they last did the step before; null for those who did not.
    """
    did_step = chains_per_actor(_keep_steps(rows, [number]), _rules_between(rules, [number]), breakdown).select(ACTOR)
    if number == 1:
        chains = did_step.clear().with_columns(took=pl.lit(None, pl.Duration("us")), latest=pl.lit(None, TIME))
    else:
        pair = [number - 1, number]
        chains = chains_per_actor(_keep_steps(rows, pair), _rules_between(rules, pair), breakdown)
        chains = chains.select(ACTOR, "latest", took=pl.col("time_2") - pl.col("time_1"))
    arrivals = did_step.with_columns(did=True).join(chains, on=ACTOR, how="full", coalesce=True)
    did = pl.col("did").fill_null(value=False) | pl.col("took").is_not_null()
    return arrivals.select(
        ACTOR,
        did.alias(f"did_{number}"),
        *(pl.col(name).alias(f"{name}_{number}") for name in ("took", "latest")),
    )


def _label_actors(rows: pl.DataFrame, breakdown: FunnelBreakdown) -> pl.DataFrame:
    """Return each ACTOR with their labels, and OTHER_GROUPS in place of those beyond the first groups."""
    if not breakdown.by:
        return rows.select(ACTOR).unique()
    touched = attribute_labels(rows, breakdown)
    actors = rows.filter(pl.col("matches") > 0).select(ACTOR).unique().join(touched, on=ACTOR, how="left")
    sizes = actors.group_by(breakdown.labels).agg(actors=pl.len())
    return merge_other_groups(actors, sizes, breakdown)


def _keep_steps(rows: pl.DataFrame, numbers: Sequence[int]) -> pl.DataFrame:
    """Return the rows with `matches` of these neighbouring steps alone, numbered from 1."""
    first = 1 << numbers[0] - 1
    matches = (pl.col("matches") // first % (1 << len(numbers))).cast(pl.UInt64)
    return rows.with_columns(matches=matches)


def _rules_between(rules: FunnelRules, numbers: Sequence[int]) -> FunnelRules:
    """Return the rules of a funnel of these neighbouring steps alone."""
    steps = [rules.steps[number - 1] for number in numbers]
    exclusions = [
        replace(exclusion, after=None, before=None)
        for exclusion in rules.exclusions
        if len(numbers) > 1 and exclusion.covers(*numbers)
    ]
    return replace(rules, steps=steps, exclude_mode="stop", exclusions=exclusions)


def _count_step(
    actors: pl.DataFrame, number: int, rules: FunnelRules, breakdown: FunnelBreakdown, log_end: datetime | None
) -> pl.DataFrame:
    """Return the figures of one step."""
    by, is_first = breakdown.labels, number == 1
    did_before = pl.lit(value=False) if is_first else pl.col(f"did_{number - 1}").fill_null(value=False)
    took = pl.col(f"took_{number}")
    may_come = pl.lit(value=False) if log_end is None else pl.col(f"latest_{number}") + rules.window > log_end
    counts = {
        "before": did_before.sum(),
        "continued": took.is_not_null().sum(),
        "pending": (did_before & took.is_null() & may_come.fill_null(value=False)).sum(),
    }
    figures = {
        "counted": pl.col(f"did_{number}").sum().cast(pl.Int64),
        **{name: pl.lit(None, pl.Int64) if is_first else count.cast(pl.Int64) for name, count in counts.items()},
        **time_figures(None if is_first else took),
        **time_figures(None, "total_"),
    }
    step = actors.group_by(by).agg(**figures) if by else actors.select(**figures)
    low, high = wilson_interval(pl.col("continued"), pl.col("before"))
    return step.with_columns(
        step=pl.lit(number, pl.Int64),
        entered=pl.col("counted") - pl.col("continued").fill_null(0),
        lost=pl.col("before") - pl.col("continued"),
        from_previous=pl.when(pl.col("before") > 0).then(pl.col("continued") / pl.col("before")),
        from_previous_low=low,
        from_previous_high=high,
        **{name: pl.lit(None, pl.Float64) for name in ("from_first", "from_first_low", "from_first_high")},
    )
