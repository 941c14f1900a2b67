"""Count distinct visitors over time, new and returning."""

from dataclasses import dataclass

import polars as pl

from pixelstat.analysis.time_series import BUCKET, TIME_OR_RANGE_COLUMN, ranked_or_series, truncate_local
from pixelstat.frames.columns import internal
from pixelstat.options.shared import by_option, every_or_all_option, top_option
from pixelstat.options.values import ReportOptions
from pixelstat.reports._report import RunContext, report
from pixelstat.result import Column
from pixelstat.vocabulary import is_email_event
from pixelstat.vocabulary import visitors as distinct_visitors

IS_NEW = internal("is new")


@dataclass(frozen=True, kw_only=True)
class VisitorsOptions(ReportOptions):
    """The options of `visitors`."""

    every: str = "day"  # or hour, week, month; "all" for one row of the whole range


def _caption(options: VisitorsOptions) -> str:
    if options.every == "all":
        return ", ".join(["the whole range", *options.by])
    rows = ", ".join([options.every, *options.by])
    return f"by {rows}; a visitor of two rows counts in both, --every all counts each once"


@report(
    "Visitors",
    columns=[
        TIME_OR_RANGE_COLUMN,
        Column(
            "visitors",
            "count",
            "distinct visitors; the rows overlap, so they do not add up",
            bar=True,
        ),
        Column("new", "count", "of these, those whose first event in the logs lies there"),
        Column("returning", "count", "the others"),
    ],
    options=[by_option, every_or_all_option, top_option],
    options_type=VisitorsOptions,
    caption=_caption,
    needs_visits=True,
)
def visitors(events: pl.LazyFrame, options: VisitorsOptions, run: RunContext) -> pl.LazyFrame:
    """Distinct visitors over time, new and returning.

    Whoever has any event on a site in a day is a visitor of that day; what happens in mailboxes is the matter of opens.
    New are those whom the logs had not seen before it, even where --since leaves out what they had seen. --every all
    counts each visitor of the whole range once.
    """
    time, first_seen = pl.col("time"), pl.col("first_seen")
    if options.every == "all":  # a series of one bucket, the day of the first event
        every = "day"
        bucket, is_new = truncate_local(time.min(), every, run.time_zone), first_seen >= time.min()
    else:
        every = options.every
        bucket = truncate_local(time, every, run.time_zone)
        is_new = truncate_local(first_seen, every, run.time_zone) == bucket
    on_site = events.filter(~is_email_event(), pl.col("visitor").is_not_null())
    on_site = on_site.select(*dict.fromkeys(["visitor", *options.by]), bucket.alias(BUCKET), is_new.alias(IS_NEW))
    counts = on_site.group_by(BUCKET, *options.by).agg(
        visitors=distinct_visitors(), new=pl.col("visitor").filter(pl.col(IS_NEW)).n_unique()
    )
    counts = counts.with_columns(returning=pl.col("visitors") - pl.col("new"))
    return ranked_or_series(counts, options.by, "visitors", options.top, every, run.time_zone)
