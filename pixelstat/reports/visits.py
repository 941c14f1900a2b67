"""Count visits, how long they last, and how many of them bounce."""

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from pixelstat.analysis.time_series import BUCKET, TIME_COLUMN, ranked_or_series, truncate_local
from pixelstat.options.shared import by_option, every_option, top_option
from pixelstat.options.values import ReportOptions
from pixelstat.reports._report import RunContext, report
from pixelstat.result import Column, Result
from pixelstat.text.plurals import format_count
from pixelstat.vocabulary import visitors

MEASURES = {  # of a frame with one row per visit
    "visits": pl.len(),
    "visitors": visitors(),
    "views": pl.col("visit_views").sum(),
    "bounces": pl.col("is_bounce").sum(),
    "bounce_rate": pl.col("is_bounce").mean(),
    "median_duration_seconds": pl.col("visit_seconds").median(),
    "visits_without_duration": pl.col("visit_seconds").null_count(),
}
VISIT_COLUMNS = ["visitor", "visit_start", "visit_seconds", "visit_views", "is_bounce"]  # the same for a whole visit


def _caption(options: ReportOptions) -> str:
    rows = ", ".join(options.list_row_keys())
    return f"by {rows}; each visit counts where it starts" if rows else ""


def present_visits(result: Result, options: ReportOptions) -> Result:
    """Add the number of visits and the bounce rate, unless groups are left out."""
    if options.by:
        return result
    visits, bounces = result.total("visits"), result.total("bounces")
    rate = f", bounce rate {100 * bounces / visits:.1f}%" if visits else ""
    return replace(result, headline=f"{format_count(visits, 'visit', 'visits')}{rate}")


@report(
    "Visits",
    columns=[
        TIME_COLUMN,
        Column("visits", "count", "visits that start there", bar=True),
        Column("visitors", "count", "distinct visitors; a visitor can count in several rows"),
        Column("views", "count", "page views of these visits"),
        Column("bounces", "count", "visits with exactly one event, not counting heartbeats"),
        Column("bounce_rate", "share", "bounces / visits"),
        Column(
            "median_duration_seconds",
            "seconds",
            "median time from the first to the last event of a visit of two or more",
            label="median duration",
        ),
        Column("visits_without_duration", "count", "visits of one event, so their duration is unknown", hidden=True),
    ],
    options=[every_option, by_option, top_option],
    options_type=ReportOptions,
    caption=_caption,
    present=present_visits,
    needs_visits=True,
)
def visits(events: pl.LazyFrame, options: ReportOptions, run: RunContext) -> pl.LazyFrame:
    """Count visits and bounces, and measure how long visits last.

    A visit ends after a pause of more than 30 minutes (--visit-timeout), not at midnight. It counts on the day on which
    it starts, and for the first value of --by in its events. A visit that starts in the period counts with its whole
    duration. A bounce is a visit with exactly one event, not counting heartbeats.

    \b
    pixelstat visits access.log* --every day
    pixelstat visits access.log* --by entry_page --top 10
    """
    by, every = options.by, options.every
    rows = one_row_per_visit(events, by)
    if not by and not every:
        return rows.select(**MEASURES)
    bucket = [truncate_local(pl.col("visit_start"), every, run.time_zone).alias(BUCKET)] if every else []
    counts = rows.group_by(*bucket, *by).agg(**MEASURES)
    return ranked_or_series(counts, by, "visits", options.top, every, run.time_zone)


def one_row_per_visit(events: pl.LazyFrame, by: Sequence[str] = ()) -> pl.LazyFrame:
    """Reduce events with VISITS to one row per visit.

    The row has VISIT_COLUMNS and, for each column of `by`, the first value that an event of the visit shows. Events
    without a visit are left out.
    """
    shown = [pl.col(name).sort_by("time").drop_nulls().first() for name in by if name not in VISIT_COLUMNS]
    return events.filter(pl.col("visit").is_not_null()).group_by("visit").agg(pl.col(VISIT_COLUMNS).first(), *shown)
