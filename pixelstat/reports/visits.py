"""Count visits: how many, how long, and how many with a single hit."""

from collections.abc import Sequence

import polars as pl

from pixelstat.analysis.time_series import BUCKET, TIME_COLUMN, ranked_or_series, truncate_local
from pixelstat.options.shared import by_option, every_option, top_option
from pixelstat.options.values import ReportOptions
from pixelstat.reports._report import RunContext, report
from pixelstat.result import Column
from pixelstat.vocabulary import visitors

MEASURES = {  # of a frame with one row per visit
    "visits": pl.len(),
    "visitors": visitors(),
    "views": pl.col("visit_views").sum(),
    "single_hit": pl.col("single_hit").sum(),
    "median_seconds": pl.col("visit_seconds").median(),
    "unmeasured": pl.col("visit_seconds").null_count(),
}
VISIT_COLUMNS = ["visitor", "visit_start", "visit_seconds", "visit_views", "single_hit"]  # the same for a whole visit


def _caption(options: ReportOptions) -> str:
    rows = ", ".join([*([options.every] if options.every else []), *options.by])
    return f"by {rows}; a visit belongs to its start" if rows else "a visit belongs to its start"


@report(
    "Visits",
    columns=[
        TIME_COLUMN,
        Column("visits", "count", "that begin there", bar=True),
        Column("visitors", "count", "distinct visitors; the rows overlap, so they do not add up"),
        Column("views", "count", "page views of these visits"),
        Column("single_hit", "count", "visits with but one event, heartbeats aside"),
        Column("median_seconds", "seconds", "from a visit's first event to its last, of those with two or more"),
        Column("unmeasured", "count", "visits whose length cannot be known: they have but one event"),
    ],
    options=[every_option, by_option, top_option],
    options_type=ReportOptions,
    caption=_caption,
    needs_visits=True,
)
def visits(events: pl.LazyFrame, options: ReportOptions, run: RunContext) -> pl.LazyFrame:
    """How many visits there are, how long they last, and how many of them are a single hit.

    A visit ends with a pause of more than half an hour (--visit-timeout), not at midnight. It belongs to the day that
    it begins on, to the first value of --by that it shows, and with all its length to a period that it begins in.
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
