"""Build series over time: local hours, days, weeks (from Monday) and months, without gaps."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

import polars as pl

from pixelstat.analysis.ranking import top_groups
from pixelstat.frames.columns import internal
from pixelstat.result import Column

TIME_COLUMN = Column("time", "time", "with --every: where the hour, day, week (from Monday) or month begins")
TIME_OR_RANGE_COLUMN = Column(
    "time", "time", "where the day begins, or the hour, week, month or whole range of --every"
)

BUCKET = internal("bucket")  # the column of where a bucket begins, by `truncate_local`
EVERY = {"hour": "1h", "day": "1d", "week": "1w", "month": "1mo"}


def earliest(*moments: datetime | None) -> datetime | None:
    """Return the earliest of the known moments."""
    return min(filter(None, moments), default=None)


def latest(*moments: datetime | None) -> datetime | None:
    """Return the latest of the known moments."""
    return max(filter(None, moments), default=None)


def ranked_or_series(  # noqa: PLR0917 - a report's own options, handed on in one line
    counts: pl.LazyFrame, by: Sequence[str], measure: str, top: int, every: str | None, tz: str
) -> pl.LazyFrame:
    """Rank the groups of `by`, or with `every` turn their counts into series over time.

    Keeps the `top` groups with the highest `measure`; 0 keeps all. A series needs the column BUCKET in `counts`, and
    without `by` it is the one series of all rows. A ranking has the highest group first, see `top_groups`; a series
    has `time` in front and no gaps, see `fill_gaps`.
    """
    if not every:
        return top_groups(counts, by, measure, top)
    shown = top_groups(counts, by, measure, top, over=True) if by else counts
    return fill_gaps(shown, every, tz, by)


def truncate_local(time: pl.Expr, every: str, tz: str) -> pl.Expr:
    """Truncate a time to its hour, day, week or month, by the clocks of `tz`.

    The result has no time zone. Days, weeks and months are local. Hours are computed in UTC, so the hour that a clock
    change repeats gives two buckets. `bucket_start` turns a bucket into an instant.
    """
    local = time.dt.convert_time_zone(tz)
    if every != "hour":
        return local.dt.replace_time_zone(None).dt.truncate(EVERY[every])
    since = pl.duration(minutes=local.dt.minute(), seconds=local.dt.second(), microseconds=local.dt.microsecond())
    return (time - since).dt.replace_time_zone(None)


def fill_gaps(counts: pl.LazyFrame, every: str, tz: str, by: Sequence[str] = ()) -> pl.LazyFrame:
    """Add a row for each empty bucket between the first and the last, and put `time` in place of BUCKET.

    Each group of `by` that has any row gets a row in every bucket. An added row has 0 in whole-number columns and null
    in the others. Rows come by `time` and `by`.
    """
    schema = counts.collect_schema()
    figures = [name for name in schema.names() if name not in (BUCKET, *by)]
    return (
        counts.map_batches(partial(_add_empty_buckets, every=every, tz=tz, by=by), schema=schema)
        .select(bucket_start(pl.col(BUCKET), every, tz).alias("time"), *by, *figures)
        .sort("time", *by, nulls_last=True)
    )


def _add_empty_buckets(counts: pl.DataFrame, every: str, tz: str, by: Sequence[str]) -> pl.DataFrame:
    """Add the missing rows of `fill_gaps`, in no particular order."""
    if counts.is_empty():
        return counts
    first, last = counts.select(pl.col(BUCKET).min().alias("first"), pl.col(BUCKET).max().alias("last")).row(0)
    # A zone whose clocks change by half an hour has hours that begin half past those before.
    step = "30m" if every == "hour" else EVERY[every]
    buckets = pl.DataFrame({BUCKET: pl.datetime_range(first, last, step, eager=True, time_unit="us")})
    if every == "day":  # a zone that moves to the other side of the date line skips one
        buckets = buckets.filter(_find_midnight(pl.col(BUCKET), tz).is_not_null())
    if every == "hour":
        starts = truncate_local(pl.col(BUCKET).dt.replace_time_zone("UTC"), every, tz).clip(lower_bound=first)
        buckets = pl.concat([buckets.select(starts), counts.select(BUCKET)]).unique()
    if by:
        buckets = buckets.join(counts.select(by).unique(), how="cross")
    is_present = internal("is present")
    present = counts.with_columns(pl.lit(value=True).alias(is_present))
    joined = buckets.join(present, on=[BUCKET, *by], how="left", nulls_equal=True)
    whole_numbers = [name for name, dtype in counts.schema.items() if dtype.is_integer() and name not in by]
    filled = [
        pl.when(is_present).then(name).otherwise(0).cast(counts.schema[name]).alias(name) for name in whole_numbers
    ]
    return joined.with_columns(filled).select(counts.columns)


def is_partial(since: datetime, until: datetime, every: str, tz: str) -> pl.Expr:
    """Return whether the period from `since` up to, and without, `until` covers only a part of the bucket at `time`."""
    return (pl.col("time").dt.convert_time_zone("UTC") < since) | (bucket_end(pl.col("time"), every, tz) > until)


def bucket_end(start: pl.Expr, every: str, tz: str) -> pl.Expr:
    """Return the instant in UTC at which the bucket ends that begins at `start`, a time in the zone `tz`."""
    if every == "hour":
        return start.dt.offset_by("1h").dt.convert_time_zone("UTC")
    bucket = start.dt.replace_time_zone(None).dt.truncate(EVERY[every])
    return bucket_start(bucket.dt.offset_by(EVERY[every]), every, tz).dt.convert_time_zone("UTC")


def bucket_start(bucket: pl.Expr, every: str, tz: str) -> pl.Expr:
    """Return the instant at which a bucket of `truncate_local` begins, in the time zone `tz`.

    A day begins at midnight. Where a clock change skips midnight, it begins at the first time after it, and where a
    zone skips the whole day, a week or a month begins a day later.
    """
    if every == "hour":
        return bucket.dt.replace_time_zone("UTC").dt.convert_time_zone(tz)
    return pl.coalesce(_find_midnight(bucket, tz), _find_midnight(bucket.dt.offset_by("1d"), tz))


def _find_midnight(day: pl.Expr, tz: str) -> pl.Expr:
    """Return the instant at which a local day begins; null for a day that the zone skips."""
    candidates = [day, day.dt.offset_by("30m"), day.dt.offset_by("1h")]
    return pl.coalesce(
        local.dt.replace_time_zone(tz, ambiguous="earliest", non_existent="null") for local in candidates
    )
