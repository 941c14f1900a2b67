"""visits: how many, how long, and how many end with their first page."""

from collections.abc import Sequence

import polars as pl

from pixelstat.analysis.ranking import top_groups
from pixelstat.analysis.time_series import BUCKET, fill_gaps, truncate_local
from pixelstat.options.shared import by_option, every_option, top_option
from pixelstat.reports._report import report
from pixelstat.result import Column
from pixelstat.vocabulary import visitors

MEASURES = {  # what is to be said of visits, one row each
    "visits": pl.len(),
    "visitors": visitors(),
    "views": pl.col("visit_views").sum(),
    "single_hit": pl.col("single_hit").sum(),
    "median_seconds": pl.col("visit_seconds").median(),
    "unmeasured": pl.col("visit_seconds").null_count(),
}


def _caption(every: str | None, by: Sequence[str], **_: object) -> str:
    rows = ", ".join([*([every] if every else []), *by])
    return f"by {rows}; a visit belongs to its start" if rows else "a visit belongs to its start"


@report(
    "Visits",
    columns=[
        Column("time", "time", "with --every: where the hour, day, week (from Monday) or month begins"),
        Column("visits", "count", "that begin there", bar=True),
        Column("visitors", "count", "distinct visitors; the rows overlap, so they do not add up"),
        Column("views", "count", "page views of these visits"),
        Column("single_hit", "count", "visits with but one event, heartbeats aside"),
        Column("median_seconds", "seconds", "from a visit's first event to its last, of those with two or more"),
        Column("unmeasured", "count", "visits whose length cannot be known: they have but one event"),
    ],
    options=[every_option, by_option, top_option],
    caption=_caption,
    of_visits=True,
)
def visits(events: pl.LazyFrame, *, every: str | None, by: Sequence[str], top: int, tz: str) -> pl.LazyFrame:
    """How many visits there are, how long they last, and how many of them are a single hit.

    A visit ends with a pause of more than half an hour (--visit-timeout), not at midnight. It belongs to the day that
    it begins on, to the first value of --by that it shows, and with all its length to a period that it begins in.
    """
    found = each(events, by)
    if every:
        begins = truncate_local(pl.col("visit_start"), every, tz)
        series = found.group_by(begins.alias(BUCKET), *by).agg(**MEASURES)
        return fill_gaps(top_groups(series, by, "visits", top, over=True) if by else series, every, tz, by)
    return top_groups(found.group_by(by).agg(**MEASURES), by, "visits", top) if by else found.select(**MEASURES)


def each(events: pl.LazyFrame, by: Sequence[str] = ()) -> pl.LazyFrame:
    """Events with VISITS -> one row a visit, with the first value of each column of `by` that it shows."""
    told = ["visitor", "visit_start", "visit_seconds", "visit_views", "single_hit"]
    own = [name for name in by if name not in told]
    shown = [pl.col(name).sort_by("time").drop_nulls().first() for name in own]
    return events.filter(pl.col("visit").is_not_null()).group_by("visit").agg(pl.col(told).first(), *shown)
