"""Count visitors, visits and page views by the channel, source and medium of the visit."""

import polars as pl

from pixelstat.analysis.breakdown import BREAKDOWN_COLUMNS, breakdown_by, describe_breakdown
from pixelstat.analysis.time_series import TIME_COLUMN
from pixelstat.options.shared import by_option, every_option, top_option
from pixelstat.options.values import ReportOptions
from pixelstat.reports._report import RunContext, report
from pixelstat.result import Column


@report(
    "Sources",
    columns=[
        TIME_COLUMN,
        Column("channel", "text", "of the visit: Google Analytics' default channel groups, and AI Assistants"),
        Column("source", "text", "utm_source, else by a click id, else the site they came from; (direct) for none"),
        Column(
            "medium",
            "text",
            "utm_medium, else by a click id, else organic, social, referral ...; (none) for none",
        ),
        *BREAKDOWN_COLUMNS,
    ],
    options=[by_option, top_option, every_option],
    options_type=ReportOptions,
    caption=lambda options: describe_breakdown(options.every, options.top, options.by),
    needs_visits=True,
)
def sources(events: pl.LazyFrame, options: ReportOptions, run: RunContext) -> pl.LazyFrame:
    """Where visitors come from: by channel, source and medium, or by other columns such as utm_campaign or keyword.

    A visit has one source: the first that any of its events shows, by utm parameters, else click ids, else the address
    that the visitor came from. Own pages are no source. Visits without any are Direct.
    """
    in_visits = events.filter(pl.col("visit").is_not_null())
    by = options.by or ("channel", "source", "medium")
    return breakdown_by(in_visits, by, options.top, options.every, run.time_zone)
