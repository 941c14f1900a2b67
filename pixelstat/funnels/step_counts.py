"""CHAINS -> figures: how many reach each step, how sure that is, how long it takes, and who they are."""

from collections.abc import Sequence
from datetime import datetime
from math import ceil

import polars as pl

from pixelstat.analysis.confidence import wilson_interval
from pixelstat.funnels.rules import Rules

SECONDS = ("median_seconds", "mean_seconds", "p90_seconds")
MOST_BINS = 60


def by_step(chains: pl.DataFrame, rules: Rules, by: Sequence[str], log_end: datetime | None) -> pl.DataFrame:
    """CHAINS, in groups `by` -> a row a step: step, counted, before, first, pending and the seconds, without shares.

    `counted` reached the step, `before` the required one before, `first` step 1; `pending` are those of `before` that
    did not reach this one, but whose window is not over when the log ends.
    """
    return pl.concat(_of_step(chains, number, rules, by, log_end) for number in range(1, len(rules.steps) + 1))


def _of_step(
    chains: pl.DataFrame, number: int, rules: Rules, by: Sequence[str], log_end: datetime | None
) -> pl.DataFrame:
    before = rules.step_before(number) if rules.order != "unordered" else number - 1
    time, start = pl.col(f"time_{number}"), pl.col("time_1")
    earlier = pl.col(f"time_{before or 1}")
    is_lost = earlier.is_not_null() & time.is_null()
    is_open = pl.lit(value=False) if log_end is None else pl.col("latest") + rules.window > log_end
    nothing = pl.lit(None, pl.Int64)
    is_required = bool(before) and number not in rules.optional
    figures = {
        "counted": time.is_not_null().sum().cast(pl.Int64),
        "before": earlier.is_not_null().sum().cast(pl.Int64) if before else nothing,
        "first": start.is_not_null().sum().cast(pl.Int64),
        "pending": (is_lost & is_open).sum().cast(pl.Int64) if is_required else nothing,
        **passed(time - earlier if before else None),
        **passed(time - start if before else None, "total_"),
    }
    found = chains.group_by(by).agg(**figures) if by else chains.select(**figures)
    return found.with_columns(step=pl.lit(number, pl.Int64))


def passed(length: pl.Expr | None, prefix: str = "") -> dict[str, pl.Expr]:
    """Median, mean and 90th percentile of lengths of time, in seconds; percentiles between two lie on their line."""
    if length is None:
        return {prefix + name: pl.lit(None, pl.Float64) for name in SECONDS}
    seconds = length.dt.total_microseconds() / 1_000_000
    measures = (seconds.median(), seconds.mean(), seconds.quantile(0.9, "linear"))
    return {prefix + name: measure for name, measure in zip(SECONDS, measures, strict=True)}


def with_shares(found: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Rows of `by_step` with from_first, from_previous, their intervals, and `lost`."""
    column = pl.col
    is_required = ~column("step").is_in(rules.optional)
    found = found.with_columns(pl.when(column("step") > 1).then(column("before", "pending")))
    # Of step 1 the whole is no rate, and so is sure.
    of_first = wilson_interval(column("counted"), pl.when(column("step") > 1).then("first"))
    of_previous = wilson_interval(column("counted"), column("before"))
    return found.with_columns(
        from_first=pl.when(column("first") > 0).then(column("counted") / column("first")),
        from_previous=pl.when(column("before") > 0).then(column("counted") / column("before")),
        lost=pl.when(is_required).then(column("before") - column("counted")),
        from_first_low=of_first[0],
        from_first_high=of_first[1],
        from_previous_low=of_previous[0],
        from_previous_high=of_previous[1],
    )


def histogram(chains: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """CHAINS that are whole -> from_seconds, to_seconds, counted: bins of one width from the shortest to the longest.

    There are as many as the cube root of their number, rounded up, and one for the longest.
    """
    last = pl.col(f"time_{len(rules.steps)}")
    seconds = (last - pl.col("time_1")).dt.total_microseconds() / 1_000_000
    lengths = chains.filter(last.is_not_null()).select(seconds=seconds)["seconds"]
    shortest, longest = lengths.min(), lengths.max()
    if not isinstance(shortest, float) or not isinstance(longest, float):
        return pl.DataFrame(schema={"from_seconds": pl.Float64, "to_seconds": pl.Float64, "counted": pl.Int64})
    number = min(MOST_BINS, ceil(round(len(lengths) ** (1 / 3), 9)))
    width = (longest - shortest) / number or 1.0
    number = number if longest > shortest else 0
    places = ((lengths - shortest) / width).floor().cast(pl.Int64).clip(0, number)
    bins = pl.DataFrame({"place": pl.int_range(number + 1, eager=True)})
    counts = pl.DataFrame({"place": places}).group_by("place").agg(counted=pl.len().cast(pl.Int64))
    return (
        bins.join(counts, on="place", how="left")
        .sort("place")
        .select(
            from_seconds=shortest + pl.col("place") * width,
            to_seconds=shortest + (pl.col("place") + 1) * width,
            counted=pl.col("counted").fill_null(0),
        )
    )


def who(chains: pl.DataFrame, rules: Rules, step: int, *, lost: bool) -> pl.DataFrame:
    """CHAINS of those who reached a step, or (lost) the one before and not this, with level, first_time, last_time."""
    times = [pl.col(f"time_{number}") for number in range(1, len(rules.steps) + 1)]
    reached = times[step - 1].is_not_null()
    before = rules.step_before(step) if rules.order != "unordered" else step - 1
    wanted = times[before - 1].is_not_null() & ~reached if lost else reached
    furthest = pl.max_horizontal(pl.when(time.is_not_null()).then(number) for number, time in enumerate(times, 1))
    return chains.filter(wanted).with_columns(
        level=furthest.cast(pl.Int64), first_time=pl.col("time_1"), last_time=pl.max_horizontal(times)
    )
