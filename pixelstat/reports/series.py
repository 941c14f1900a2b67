"""A series over time: local hours, days, weeks (from Monday) and months, without gaps."""

from collections.abc import Sequence

import polars as pl

EVERY = {"hour": "1h", "day": "1d", "week": "1w", "month": "1mo"}


def bucket(time: pl.Expr, every: str, tz: str) -> pl.Expr:
    """Where the time's hour, day, week or month begins: by the clocks of `tz`, without a zone.

    An hour is the one of UTC: counted back from the instant, so that the one a clock change repeats stays two.
    """
    local = time.dt.convert_time_zone(tz)
    if every != "hour":
        return local.dt.replace_time_zone(None).dt.truncate(EVERY[every])
    since = pl.duration(minutes=local.dt.minute(), seconds=local.dt.second(), microseconds=local.dt.microsecond())
    return (time - since).dt.replace_time_zone(None)


def over_time(found: pl.LazyFrame, every: str, tz: str, by: Sequence[str] = ()) -> pl.LazyFrame:
    """Rows with `bucket` and counts -> the same with `time`, from the first bucket to the last, in order.

    Buckets that have no row are there with 0, for each group of `by` that has any. A null count stays null.
    """
    names = found.collect_schema().names()
    counts = [name for name in names if name not in ("bucket", *by)]
    begins = pl.col("bucket").dt.replace_time_zone("UTC").dt.convert_time_zone(tz) if every == "hour" else _first(tz)
    return (
        found.map_batches(lambda rows: _without_gaps(rows, EVERY[every], by), schema=found.collect_schema())
        .select(begins.alias("time"), *by, *counts)
        .sort("time", *by, nulls_last=True)
    )


def _without_gaps(found: pl.DataFrame, every: str, by: Sequence[str]) -> pl.DataFrame:
    if found.is_empty():
        return found
    first, last = found.select(pl.col("bucket").min().alias("first"), pl.col("bucket").max().alias("last")).row(0)
    series = pl.DataFrame({"bucket": pl.datetime_range(first, last, every, eager=True, time_unit="us")})
    if by:
        series = series.join(found.select(by).unique(), how="cross")
    there = found.with_columns(is_there=True)
    joined = series.join(there, on=["bucket", *by], how="left", nulls_equal=True)
    counts = [name for name in found.columns if name not in ("bucket", *by)]
    filled = [pl.when("is_there").then(name).otherwise(0).alias(name) for name in counts]
    return joined.with_columns(filled).select(found.columns)


def _first(tz: str) -> pl.Expr:
    """Where a local day begins: at midnight, or where the clock skips that, at the first time it shows."""
    tries = [pl.col("bucket"), pl.col("bucket").dt.offset_by("30m"), pl.col("bucket").dt.offset_by("1h")]
    return pl.coalesce(local.dt.replace_time_zone(tz, ambiguous="earliest", non_existent="null") for local in tries)
