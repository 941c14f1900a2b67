"""Turn CHAINS into figures: how many reach each step, how certain that is, how long it takes, and who they are."""

from collections.abc import Sequence
from datetime import datetime
from math import ceil

import polars as pl

from pixelstat.analysis.confidence import wilson_interval
from pixelstat.frames.division import count_seconds
from pixelstat.funnels.rules import FunnelRules

TIME_FIGURES = ("median_seconds", "mean_seconds", "p90_seconds")
MAX_BINS = 60  # of a histogram, beside the one for the longest


def count_steps(chains: pl.DataFrame, rules: FunnelRules, by: Sequence[str], log_end: datetime | None) -> pl.DataFrame:
    """Return a row for each step and group of `by`: step, counted, before, first, pending and times in seconds.

    `counted` reached the step, `before` the required step before it, `first` step 1. `pending` are those of `before`
    that did not reach this step, but could still do so when the log ends. They are null for step 1 and, for
    `pending`, for optional steps.
    """
    return pl.concat(_count_step(chains, number, rules, by, log_end) for number in range(1, len(rules.steps) + 1))


def _count_step(
    chains: pl.DataFrame, number: int, rules: FunnelRules, by: Sequence[str], log_end: datetime | None
) -> pl.DataFrame:
    step_before = rules.step_before(number) if rules.order != "unordered" else number - 1
    time, start = pl.col(f"time_{number}"), pl.col("time_1")
    time_before = pl.col(f"time_{step_before or 1}")
    is_lost = time_before.is_not_null() & time.is_null()
    may_come = pl.lit(value=False) if log_end is None else pl.col("open_until") > log_end
    nothing = pl.lit(None, pl.Int64)
    has_pending = bool(step_before) and number not in rules.optional
    figures = {
        "counted": time.is_not_null().sum().cast(pl.Int64),
        "before": time_before.is_not_null().sum().cast(pl.Int64) if step_before else nothing,
        "first": start.is_not_null().sum().cast(pl.Int64),
        "pending": (is_lost & may_come).sum().cast(pl.Int64) if has_pending else nothing,
        **time_figures(time - time_before if step_before else None),
        **time_figures(time - start if step_before else None, "total_"),
    }
    counts = chains.group_by(by).agg(**figures) if by else chains.select(**figures)
    return counts.with_columns(step=pl.lit(number, pl.Int64))


def time_figures(duration: pl.Expr | None, prefix: str = "") -> dict[str, pl.Expr]:
    """Return median, mean and 90th percentile of durations in seconds, by column name; null without a duration.

    A percentile between two durations is interpolated linearly.
    """
    if duration is None:
        return {prefix + name: pl.lit(None, pl.Float64) for name in TIME_FIGURES}
    seconds = count_seconds(duration)
    figures = (seconds.median(), seconds.mean(), seconds.quantile(0.9, "linear"))
    return {prefix + name: figure for name, figure in zip(TIME_FIGURES, figures, strict=True)}


def add_shares(counts: pl.DataFrame, rules: FunnelRules) -> pl.DataFrame:
    """Add conversion_rate, step_rate, their Wilson intervals, and `dropped` to the rows of `count_steps`."""
    is_later = pl.col("step") > 1
    is_required = ~pl.col("step").is_in(rules.optional)
    counts = counts.with_columns(pl.when(is_later).then(pl.col("before", "pending")))
    # The share of step 1 in itself is not a rate, so it has no interval.
    conversion_rate = wilson_interval(pl.col("counted"), pl.when(is_later).then("first"))
    step_rate = wilson_interval(pl.col("counted"), pl.col("before"))
    return counts.with_columns(
        conversion_rate=pl.when(pl.col("first") > 0).then(pl.col("counted") / pl.col("first")),
        step_rate=pl.when(pl.col("before") > 0).then(pl.col("counted") / pl.col("before")),
        dropped=pl.when(is_required).then(pl.col("before") - pl.col("counted")),
        conversion_rate_low=conversion_rate[0],
        conversion_rate_high=conversion_rate[1],
        step_rate_low=step_rate[0],
        step_rate_high=step_rate[1],
    )


def count_durations(chains: pl.DataFrame, rules: FunnelRules) -> pl.DataFrame:
    """Return a histogram of how long complete CHAINS take: from_seconds, to_seconds, counted.

    Bins have one width, from the shortest duration to the longest. There are as many as the cube root of the number of
    chains, rounded up and at most MAX_BINS, and one more for the longest.
    """
    last_time = pl.col(f"time_{len(rules.steps)}")
    seconds = count_seconds(last_time - pl.col("time_1"))
    durations = chains.filter(last_time.is_not_null()).select(seconds=seconds)["seconds"]
    shortest, longest = durations.min(), durations.max()
    if not isinstance(shortest, float) or not isinstance(longest, float):
        return pl.DataFrame(schema={"from_seconds": pl.Float64, "to_seconds": pl.Float64, "counted": pl.Int64})
    number = min(MAX_BINS, ceil(round(len(durations) ** (1 / 3), 9)))
    width = (longest - shortest) / number or 1.0
    number = number if longest > shortest else 0
    bin_of_each = ((durations - shortest) / width).floor().cast(pl.Int64).clip(0, number)
    bins = pl.DataFrame({"bin": pl.int_range(number + 1, eager=True)})
    counts = pl.DataFrame({"bin": bin_of_each}).group_by("bin").agg(counted=pl.len().cast(pl.Int64))
    return (
        bins.join(counts, on="bin", how="left")
        .sort("bin")
        .select(
            from_seconds=shortest + pl.col("bin") * width,
            to_seconds=shortest + (pl.col("bin") + 1) * width,
            counted=pl.col("counted").fill_null(0),
        )
    )


def list_actors(chains: pl.DataFrame, rules: FunnelRules, step: int, *, lost: bool) -> pl.DataFrame:
    """Return the CHAINS that reached a step, with furthest_step, first_time and last_time.

    With `lost` return those that reached the step before it and not this one.
    """
    times = [pl.col(f"time_{number}") for number in range(1, len(rules.steps) + 1)]
    is_reached = times[step - 1].is_not_null()
    step_before = rules.step_before(step) if rules.order != "unordered" else step - 1
    is_listed = times[step_before - 1].is_not_null() & ~is_reached if lost else is_reached
    furthest = pl.max_horizontal(pl.when(time.is_not_null()).then(number) for number, time in enumerate(times, 1))
    return chains.filter(is_listed).with_columns(
        furthest_step=furthest.cast(pl.Int64), first_time=pl.col("time_1"), last_time=pl.max_horizontal(times)
    )
