"""views: page views and visitors, by page or over time."""

import polars as pl

from pixelstat.options import every_option, top_option
from pixelstat.report import Column, report
from pixelstat.vocabulary import is_page_view, visitors

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
        return over_time(seen, every, tz)
    pages = seen.group_by("page").agg(views=pl.len(), visitors=visitors())
    pages = pages.sort("views", "page", descending=[True, False], nulls_last=True)
    return pages.head(top) if top else pages


def over_time(seen: pl.LazyFrame, every: str, tz: str) -> pl.LazyFrame:
    """One row a bucket of local time, from the first view to the last; buckets without a view are there with 0."""
    local = pl.col("time").dt.convert_time_zone(tz)
    # Hours are cut in UTC, so that the hour that a clock change repeats stays two.
    start = (
        pl.col("time").dt.truncate("1h").dt.convert_time_zone(tz)
        if every == "hour"
        else local.dt.truncate(BUCKETS[every])
    )
    found = seen.group_by(time=start).agg(views=pl.len(), visitors=visitors())
    first, last = pl.col("time").min(), pl.col("time").max()
    series = found.filter(pl.len() > 0).select(time=pl.datetime_range(first, last, BUCKETS[every], time_zone=tz))
    return (
        series.join(found, on="time", how="left").select("time", pl.col("views", "visitors").fill_null(0)).sort("time")
    )
