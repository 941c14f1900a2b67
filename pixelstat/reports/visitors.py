"""Count distinct visitors over time, new and returning."""

from dataclasses import dataclass, replace

import polars as pl

from pixelstat.analysis.time_series import BUCKET, TIME_OR_RANGE_COLUMN, ranked_or_series, truncate_local
from pixelstat.frames.columns import internal
from pixelstat.options.shared import by_option, every_or_all_option, top_option
from pixelstat.options.values import ReportOptions
from pixelstat.reports._report import RunContext, report
from pixelstat.result import Column, Result
from pixelstat.text.plurals import format_count
from pixelstat.vocabulary import is_email_event
from pixelstat.vocabulary import visitors as distinct_visitors

IS_NEW = internal("is new")


@dataclass(frozen=True, kw_only=True)
class VisitorsOptions(ReportOptions):
    """The options of `visitors`."""

    every: str = "day"  # or hour, week, month; "all" for one row of the whole range


def _caption(options: VisitorsOptions) -> str:
    if options.every == "all":
        return ", ".join(["whole period", *options.by])
    rows = ", ".join([options.every, *options.by])
    return f"by {rows}; a visitor can count in several rows; --every all counts each visitor once"


def present_visitors(result: Result, options: VisitorsOptions) -> Result:
    """Add the number of visitors where one row counts them all."""
    if options.every != "all" or result.frame.is_empty():
        return result
    columns = [replace(column, hidden=column.hidden or column.name == "time") for column in result.columns]
    result = replace(result, columns=columns)  # the one time is the beginning of the period
    if options.by:
        return result
    visitors, new = result.total("visitors"), result.total("new_visitors")
    return replace(result, headline=f"{format_count(visitors, 'visitor', 'visitors')}, {new:,} of them new")


@report(
    "Visitors",
    columns=[
        TIME_OR_RANGE_COLUMN,
        Column("visitors", "count", "distinct visitors; a visitor can count in several rows", bar=True),
        Column("new_visitors", "count", "visitors whose first event in the logs is in this row"),
        Column("returning_visitors", "count", "visitors whom the logs had seen before"),
    ],
    options=[by_option, every_or_all_option, top_option],
    options_type=VisitorsOptions,
    caption=_caption,
    present=present_visitors,
    needs_visits=True,
)
def visitors(events: pl.LazyFrame, options: VisitorsOptions, run: RunContext) -> pl.LazyFrame:
    """Count distinct visitors over time, new and returning.

    Every event on the site counts its visitor. The reports opens and clicks count events in emails. A visitor is new if
    the logs contain no earlier event, also before --since. With --every all, each visitor of the period counts once.

    \b
    pixelstat visitors access.log* --every week
    pixelstat visitors access.log* --by country --geo GeoLite2-City.mmdb
    """
    time, first_seen = pl.col("time"), pl.col("first_seen")
    is_new = first_seen >= run.since if run.since else pl.lit(value=True)
    if options.every == "all":  # a series of one bucket, the day of the first event
        every = "day"
        bucket = truncate_local(time.min(), every, run.time_zone)
    else:
        every = options.every
        bucket = truncate_local(time, every, run.time_zone)
        is_new &= truncate_local(first_seen, every, run.time_zone) == bucket
    on_site = events.filter(~is_email_event(), pl.col("visitor").is_not_null())
    on_site = on_site.select(*dict.fromkeys(["visitor", *options.by]), bucket.alias(BUCKET), is_new.alias(IS_NEW))
    counts = on_site.group_by(BUCKET, *options.by).agg(
        visitors=distinct_visitors(), new_visitors=pl.col("visitor").filter(pl.col(IS_NEW)).n_unique()
    )
    counts = counts.with_columns(returning_visitors=pl.col("visitors") - pl.col("new_visitors"))
    return ranked_or_series(counts, options.by, "visitors", options.top, every, run.time_zone)
