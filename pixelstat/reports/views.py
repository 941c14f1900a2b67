"""views: page views and visitors, by page or over time."""

import polars as pl

from pixelstat.options import every_option, top_option
from pixelstat.people.duplicates import distinct
from pixelstat.report import Column, report
from pixelstat.vocabulary import hits, is_page_view, visitors

BUCKETS = {"hour": "1h", "day": "1d", "week": "1w", "month": "1mo"}


@report(
    "Page views",
    columns=[
        Column("time", "time", "with --every: where the hour, day, week (from Monday) or month begins"),
        Column("page", "text", "decoded path without query; empty where no page is known"),
        Column("views", "count", "page_view events", bar=True),
        Column("visitors", "count", "distinct visitors; the rows overlap, so they do not add up"),
    ],
    options=[top_option, every_option],
    caption=lambda every, top, **_: f"by {every}" if every else f"the {top} most viewed pages" if top else "all pages",
)
def views(events: pl.LazyFrame, *, top: int, every: str | None, tz: str) -> pl.LazyFrame:
    """Page views and visitors, by page or over time.

    By page, the most viewed first; with --every a series over time, its empty hours and days included.
    """
    seen = events.filter(is_page_view())
    if every:
        return over_time(distinct(seen.select("time", "visitor", "hit", "first")), every, tz)
    pages = seen.group_by("page").agg(views=hits(), visitors=visitors())
    pages = pages.sort("views", "page", descending=[True, False], nulls_last=True)
    return pages.head(top) if top else pages


def over_time(seen: pl.LazyFrame, every: str, tz: str) -> pl.LazyFrame:
    """One row a bucket of local time, from the first view to the last; buckets without a view are there with 0."""
    local = pl.col("time").dt.convert_time_zone(tz)
    if every == "hour":  # counted back from the instant: the hour that a clock change repeats stays two
        since_hour = pl.duration(
            minutes=local.dt.minute(), seconds=local.dt.second(), microseconds=local.dt.microsecond()
        )
        bucket = (pl.col("time") - since_hour).dt.replace_time_zone(None)
    else:
        bucket = local.dt.replace_time_zone(None).dt.truncate(BUCKETS[every])
    found = seen.group_by(bucket=bucket).agg(views=pl.len(), visitors=visitors())
    begins = (
        pl.col("bucket").dt.replace_time_zone("UTC").dt.convert_time_zone(tz) if every == "hour" else _first_instant(tz)
    )
    return (
        found.map_batches(lambda buckets: without_gaps(buckets, BUCKETS[every]), schema=found.collect_schema())
        .select(begins.alias("time"), "views", "visitors")
        .sort("time")
    )


def without_gaps(found: pl.DataFrame, every: str) -> pl.DataFrame:
    """The buckets found and, with zeros, those between them."""
    if found.is_empty():
        return found
    first, last = found.select(pl.col("bucket").min().alias("first"), pl.col("bucket").max().alias("last")).row(0)
    series = pl.DataFrame({"bucket": pl.datetime_range(first, last, every, eager=True, time_unit="us")})
    joined = found.join(series, on="bucket", how="full", coalesce=True)
    return joined.with_columns(pl.col("views", "visitors").fill_null(0))


def _first_instant(tz: str) -> pl.Expr:
    """Where a local day begins: at midnight, or where the clock skips that, at the first time it shows."""
    tries = [pl.col("bucket"), pl.col("bucket").dt.offset_by("30m"), pl.col("bucket").dt.offset_by("1h")]
    return pl.coalesce(local.dt.replace_time_zone(tz, ambiguous="earliest", non_existent="null") for local in tries)
