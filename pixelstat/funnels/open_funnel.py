"""Open funnels: units enter at any step, and what counts is who goes from each step to the next."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import polars as pl

from pixelstat.analysis.confidence import wilson_interval
from pixelstat.funnels.actors import UNIT, Parting, labels_shown, of_units, with_other
from pixelstat.funnels.hits import TIME
from pixelstat.funnels.rules import Rules
from pixelstat.funnels.step_counts import passed


def opened(rows: pl.DataFrame, rules: Rules, parting: Parting, log_end: datetime | None) -> pl.DataFrame:
    """Rows that matter, each hit once -> a row a step, for each group: as `counted.with_shares`, and `entered`.

    Who did a step counts there. Of those who did the one before, those went on who did this one after it within the
    window; the others are lost, and who did not come from there entered here. The period holds for all steps but those
    that somebody goes on to.
    """
    units = _labelled(rows, parting)
    for number in range(1, len(rules.steps) + 1):
        units = units.join(_came(rows, rules, replace(parting, by=()), number), on=UNIT, how="left")
    return pl.concat(_of_step(units, number, rules, parting, log_end) for number in range(1, len(rules.steps) + 1))


def _came(rows: pl.DataFrame, rules: Rules, parting: Parting, number: int) -> pl.DataFrame:
    """Units that reached a step -> UNIT, time_k, and those of the step before -> took_k, if they went on, latest_k."""
    there = of_units(_of_steps(rows, [number]), _part(rules, [number]), parting).select(UNIT)
    if number == 1:
        ways = there.clear().with_columns(took=pl.lit(None, pl.Duration("us")), latest=pl.lit(None, TIME))
    else:
        pair = [number - 1, number]
        ways = of_units(_of_steps(rows, pair), _part(rules, pair), parting)
        ways = ways.select(UNIT, "latest", took=pl.col("time_2") - pl.col("time_1"))
    found = there.with_columns(there=True).join(ways, on=UNIT, how="full", coalesce=True)
    there_too = pl.col("there").fill_null(value=False) | pl.col("took").is_not_null()
    return found.select(
        UNIT,
        there_too.alias(f"there_{number}"),
        *(pl.col(name).alias(f"{name}_{number}") for name in ("took", "latest")),
    )


def _labelled(rows: pl.DataFrame, parting: Parting) -> pl.DataFrame:
    """Each unit's labels, with OTHER beyond the first groups."""
    if not parting.by:
        return rows.select(UNIT).unique()
    shown = labels_shown(rows, parting)
    labels = parting.labels
    those = rows.filter(pl.col("matches") > 0).select(UNIT).unique().join(shown, on=UNIT, how="left")
    return with_other(those, those.group_by(labels).agg(units=pl.len()), parting)


def _of_steps(rows: pl.DataFrame, numbers: Sequence[int]) -> pl.DataFrame:
    """The rows as if these were all steps."""
    first = 1 << numbers[0] - 1
    matches = (pl.col("matches") // first % (1 << len(numbers))).cast(pl.UInt64)
    return rows.with_columns(matches=matches)


def _part(rules: Rules, numbers: Sequence[int]) -> Rules:
    """The rules between these steps alone."""
    exclusions = [one for one in rules.exclusions if len(numbers) > 1 and one.guards(*numbers)]
    steps = [rules.steps[number - 1] for number in numbers]
    guards = [replace(one, after=None, before=None) for one in exclusions]
    return replace(rules, steps=steps, exclude_mode="stop", exclusions=guards)


def _of_step(
    units: pl.DataFrame, number: int, rules: Rules, parting: Parting, log_end: datetime | None
) -> pl.DataFrame:
    column, by, is_first = pl.col, parting.labels, number == 1
    before = pl.lit(value=False) if is_first else column(f"there_{number - 1}").fill_null(value=False)
    took = column(f"took_{number}")
    may_come = pl.lit(value=False) if log_end is None else column(f"latest_{number}") + rules.window > log_end
    counts = {
        "before": before.sum(),
        "continued": took.is_not_null().sum(),
        "pending": (before & took.is_null() & may_come.fill_null(value=False)).sum(),
    }
    figures = {
        "counted": column(f"there_{number}").sum().cast(pl.Int64),
        **{name: pl.lit(None, pl.Int64) if is_first else count.cast(pl.Int64) for name, count in counts.items()},
        **passed(None if is_first else took),
        **passed(None, "total_"),
    }
    found = units.group_by(by).agg(**figures) if by else units.select(**figures)
    low, high = wilson_interval(column("continued"), column("before"))
    return found.with_columns(
        step=pl.lit(number, pl.Int64),
        entered=column("counted") - column("continued").fill_null(0),
        lost=column("before") - column("continued"),
        from_previous=pl.when(column("before") > 0).then(column("continued") / column("before")),
        from_previous_low=low,
        from_previous_high=high,
        **{name: pl.lit(None, pl.Float64) for name in ("from_first", "from_first_low", "from_first_high")},
    )
