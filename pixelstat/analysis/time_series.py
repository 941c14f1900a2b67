"""A series over time: local hours, days, weeks (from Monday) and months, without gaps."""

from collections.abc import Sequence
from datetime import datetime

import polars as pl

BUCKET = "its bucket"  # the column of it: no column of one's own has a space in its name
EVERY = {"hour": "1h", "day": "1d", "week": "1w", "month": "1mo"}


def truncate_local(time: pl.Expr, every: str, tz: str) -> pl.Expr:
    """Where the time's hour, day, week or month begins: by the clocks of `tz`, without a zone.

    An hour is the one of UTC: counted back from the instant, so that the one a clock change repeats stays two.
    """
    local = time.dt.convert_time_zone(tz)
    if every != "hour":
        return local.dt.replace_time_zone(None).dt.truncate(EVERY[every])
    since = pl.duration(minutes=local.dt.minute(), seconds=local.dt.second(), microseconds=local.dt.microsecond())
    return (time - since).dt.replace_time_zone(None)


def fill_gaps(found: pl.LazyFrame, every: str, tz: str, by: Sequence[str] = ()) -> pl.LazyFrame:
    """Rows with BUCKET and counts -> the same with `time`, from the first bucket to the last, in order.

    Buckets that have no row are there for each group of `by` that has any: with 0 for what is counted, which are whole
    numbers, and null for the rest.
    """
    names = found.collect_schema().names()
    counts = [name for name in names if name not in (BUCKET, *by)]
    return (
        found.map_batches(lambda rows: _add_empty_buckets(rows, every, tz, by), schema=found.collect_schema())
        .select(bucket_start(pl.col(BUCKET), every, tz).alias("time"), *by, *counts)
        .sort("time", *by, nulls_last=True)
    )


def _add_empty_buckets(found: pl.DataFrame, every: str, tz: str, by: Sequence[str]) -> pl.DataFrame:
    if found.is_empty():
        return found
    first, last = found.select(pl.col(BUCKET).min().alias("first"), pl.col(BUCKET).max().alias("last")).row(0)
    # A zone whose clocks change by half an hour has hours that begin half past those before.
    step = "30m" if every == "hour" else EVERY[every]
    series = pl.DataFrame({BUCKET: pl.datetime_range(first, last, step, eager=True, time_unit="us")})
    if every == "hour":
        begins = truncate_local(pl.col(BUCKET).dt.replace_time_zone("UTC"), every, tz).clip(lower_bound=first)
        series = pl.concat([series.select(begins), found.select(BUCKET)]).unique()
    if by:
        series = series.join(found.select(by).unique(), how="cross")
    there = found.with_columns(pl.lit(value=True).alias("is there"))
    joined = series.join(there, on=[BUCKET, *by], how="left", nulls_equal=True)
    counts = [name for name, dtype in found.schema.items() if dtype.is_integer() and name not in by]
    filled = [pl.when("is there").then(name).otherwise(0).cast(found.schema[name]).alias(name) for name in counts]
    return joined.with_columns(filled).select(found.columns)


def is_partial(since: datetime, until: datetime, every: str) -> pl.Expr:
    """Whether the period from `since` up to, and without, `until` covers only a part of the bucket at `time`."""
    begins, ends = (
        time.dt.convert_time_zone("UTC") for time in (pl.col("time"), pl.col("time").dt.offset_by(EVERY[every]))
    )
    return (begins < since) | (ends > until)


def bucket_start(bucket: pl.Expr, every: str, tz: str) -> pl.Expr:
    """The instant that a `bucket` begins at: a day's midnight, or where the clock skips it the first after that."""
    if every == "hour":
        return bucket.dt.replace_time_zone("UTC").dt.convert_time_zone(tz)
    tries = [bucket, bucket.dt.offset_by("30m"), bucket.dt.offset_by("1h")]
    return pl.coalesce(local.dt.replace_time_zone(tz, ambiguous="earliest", non_existent="null") for local in tries)
