"""Count page views and visitors, by page, by any other column, or over time."""

from dataclasses import replace

import polars as pl

from pixelstat.analysis.time_series import BUCKET, TIME_COLUMN, ranked_or_series, truncate_local
from pixelstat.options.shared import by_option, every_option, top_option
from pixelstat.options.values import ReportOptions
from pixelstat.reports._report import RunContext, report
from pixelstat.result import Column, Result
from pixelstat.text.plurals import format_count
from pixelstat.traffic.deduplication import deduplicate
from pixelstat.vocabulary import hits, is_page_view, visitors


def _caption(options: ReportOptions) -> str:
    return options.describe_rows(options.list_row_keys([] if options.every else ["page"]), "views")


def present_views(result: Result, options: ReportOptions) -> Result:
    """Add the number of page views, unless rows are left out."""
    is_whole = not options.top or result.frame.height < options.top or bool(options.every and not options.by)
    if not is_whole:
        return result
    return replace(result, headline=format_count(result.total("views"), "page view", "page views"))


@report(
    "Page views",
    columns=[
        TIME_COLUMN,
        Column("page", "text", "decoded path without its query, or its page group; null if the page is unknown"),
        Column("views", "count", "page_view events", bar=True),
        Column("visitors", "count", "distinct visitors; a visitor can count in several rows"),
    ],
    options=[by_option, top_option, every_option],
    options_type=ReportOptions,
    caption=_caption,
    present=present_views,
)
def views(events: pl.LazyFrame, options: ReportOptions, run: RunContext) -> pl.LazyFrame:
    """Count page views and their visitors, by page or over time.

    The rows are pages, or the values of other columns (--by), the most viewed first. With --every, the rows are hours,
    days, weeks or months, including those without views.

    \b
    pixelstat views access.log* --top 10
    pixelstat views access.log* --every day -o days.csv
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
