"""Count page views and visitors, by page, by any other column, or over time."""

import polars as pl

from pixelstat.analysis.time_series import BUCKET, TIME_COLUMN, ranked_or_series, truncate_local
from pixelstat.options.shared import by_option, every_option, top_option
from pixelstat.options.values import ReportOptions
from pixelstat.reports._report import RunContext, report
from pixelstat.result import Column
from pixelstat.traffic.deduplication import deduplicate
from pixelstat.vocabulary import hits, is_page_view, visitors


def _caption(options: ReportOptions) -> str:
    groups = ", ".join(options.by) if options.by else "page"
    most = f"the {options.top} most viewed" if options.top else "all"
    if options.every:
        return f"by {options.every}" + (f" and {groups}, {most}" if options.by else "")
    return f"{most} pages" if not options.by else f"by {groups}, {most}"


@report(
    "Page views",
    columns=[
        TIME_COLUMN,
        Column("page", "text", "decoded path without query, or its group; empty where no page is known"),
        Column("views", "count", "page_view events", bar=True),
        Column("visitors", "count", "distinct visitors; the rows overlap, so they do not add up"),
    ],
    options=[by_option, top_option, every_option],
    options_type=ReportOptions,
    caption=_caption,
)
def views(events: pl.LazyFrame, options: ReportOptions, run: RunContext) -> pl.LazyFrame:
    """Page views and visitors, by page or over time.

    By page, or by any other columns, the most viewed first; with --every a series over time, its empty hours and
    days included, of all page views or by column.
    """
    page_views = events.filter(is_page_view())
    if options.every:
        by = options.by
        page_views = deduplicate(page_views.select(*dict.fromkeys(["time", "visitor", "hit", "first", *by])))
        bucket = truncate_local(pl.col("time"), options.every, run.time_zone).alias(BUCKET)
        counts = page_views.group_by(bucket, *by).agg(views=pl.len(), visitors=visitors())
    else:
        by = options.by or ["page"]
        counts = page_views.group_by(by).agg(views=hits(), visitors=visitors())
    return ranked_or_series(counts, by, "views", options.top, options.every, run.time_zone)
