"""Count open funnels: actors may enter at any step, and figures say who goes from each step to the next."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import polars as pl

from pixelstat.analysis.confidence import wilson_interval
from pixelstat.funnels.actors import (
    ACTOR,
    FunnelBreakdown,
    chains_per_actor,
    label_actors,
    merge_other_groups,
)
from pixelstat.funnels.hits import TIME
from pixelstat.funnels.rules import FunnelRules
from pixelstat.funnels.step_counts import time_figures


def count_open_funnel(
    rows: pl.DataFrame, rules: FunnelRules, breakdown: FunnelBreakdown, log_end: datetime | None
) -> pl.DataFrame:
    """Return a row for each step and group, with the columns of `step_counts.add_shares` and `entered`.

    Takes the rows of `relevant_hits`, each hit once. The figures count actors:

    - counted: they reached the step.
    - continued: they reached the step before, and then this one within the conversion window.
    - lost: they reached the step before, but did not continue.
    - entered: they reached this step without continuing from the step before.

    A hit must lie in the period, unless an actor continues to it from the step before.
    """
    actors = _label_actors(rows, breakdown)
    numbers = range(1, len(rules.steps) + 1)
    for number in numbers:
        arrivals = _find_arrivals(rows, rules, replace(breakdown, by=()), number, log_end)
        actors = actors.join(arrivals, on=ACTOR, how="left")
    return pl.concat(_count_step(actors, number, breakdown, log_end) for number in numbers)


def _find_arrivals(
    rows: pl.DataFrame, rules: FunnelRules, breakdown: FunnelBreakdown, number: int, log_end: datetime | None
) -> pl.DataFrame:
    """Return the actors that reached step k or the step before: ACTOR, reached_k, step_time_k, open_until_k.

    `reached_k` is true for actors that reached step k. `step_time_k` is the time from the step before to step k; null
    for actors that did not continue. `open_until_k` is the last time at which they could; null for actors who cannot.
    """
    reached_step = chains_per_actor(_keep_steps(rows, [number]), _rules_between(rules, [number]), breakdown, log_end)
    reached_step = reached_step.select(ACTOR)
    if number == 1:
        chains = reached_step.clear().with_columns(
            step_time=pl.lit(None, pl.Duration("us")), open_until=pl.lit(None, TIME)
        )
    else:
        pair = [number - 1, number]
        chains = chains_per_actor(_keep_steps(rows, pair), _rules_between(rules, pair), breakdown, log_end)
        chains = chains.select(ACTOR, "open_until", step_time=pl.col("time_2") - pl.col("time_1"))
    arrivals = reached_step.with_columns(reached=True).join(chains, on=ACTOR, how="full", coalesce=True)
    has_reached = pl.col("reached").fill_null(value=False) | pl.col("step_time").is_not_null()
    return arrivals.select(
        ACTOR,
        has_reached.alias(f"reached_{number}"),
        *(pl.col(name).alias(f"{name}_{number}") for name in ("step_time", "open_until")),
    )


def _label_actors(rows: pl.DataFrame, breakdown: FunnelBreakdown) -> pl.DataFrame:
    """Return each ACTOR with their labels, and OTHER_GROUPS in place of those beyond the first groups."""
    if not breakdown.by:
        return rows.select(ACTOR).unique()
    actor_labels = label_actors(rows, breakdown.actor_labels, is_last=breakdown.touch == "last")
    if breakdown.end_labels:
        end_labels = label_actors(rows.filter(pl.col("matches") > 0), breakdown.end_labels, is_last=True)
        actor_labels = actor_labels.join(end_labels, on=ACTOR, how="left")
    actors = rows.filter(pl.col("matches") > 0).select(ACTOR).unique().join(actor_labels, on=ACTOR, how="left")
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
    return replace(rules, steps=steps, exclusions=exclusions)


def _count_step(
    actors: pl.DataFrame, number: int, breakdown: FunnelBreakdown, log_end: datetime | None
) -> pl.DataFrame:
    """Return the figures of one step."""
    by, is_first = breakdown.labels, number == 1
    reached_before = pl.lit(value=False) if is_first else pl.col(f"reached_{number - 1}").fill_null(value=False)
    step_time = pl.col(f"step_time_{number}")
    may_come = pl.lit(value=False) if log_end is None else pl.col(f"open_until_{number}") > log_end
    counts = {
        "before": reached_before.sum(),
        "continued": step_time.is_not_null().sum(),
        "pending": (reached_before & step_time.is_null() & may_come.fill_null(value=False)).sum(),
    }
    figures = {
        "counted": pl.col(f"reached_{number}").sum().cast(pl.Int64),
        **{name: pl.lit(None, pl.Int64) if is_first else count.cast(pl.Int64) for name, count in counts.items()},
        **time_figures(None if is_first else step_time),
        **time_figures(None, "total_"),
    }
    step = actors.group_by(by).agg(**figures) if by else actors.select(**figures)
    low, high = wilson_interval(pl.col("continued"), pl.col("before"))
    return step.with_columns(
        step=pl.lit(number, pl.Int64),
        entered=pl.col("counted") - pl.col("continued").fill_null(0),
        dropped=pl.col("before") - pl.col("continued"),
        step_rate=pl.when(pl.col("before") > 0).then(pl.col("continued") / pl.col("before")),
        step_rate_low=low,
        step_rate_high=high,
        **{
            name: pl.lit(None, pl.Float64)
            for name in ("conversion_rate", "conversion_rate_low", "conversion_rate_high")
        },
    )
