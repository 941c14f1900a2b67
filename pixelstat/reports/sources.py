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
        Column(
            "channel", "text", "channel of the visit: the default channel groups of Google Analytics, and AI Assistants"
        ),
        Column("source", "text", "utm_source, else by click id, else the referring site; (direct) if there is none"),
        Column(
            "medium",
            "text",
            "utm_medium, else by click id, else organic, social, referral, ...; (none) if there is none",
        ),
        *BREAKDOWN_COLUMNS,
    ],
    options=[by_option, top_option, every_option],
    options_type=ReportOptions,
    caption=describe_breakdown,
    needs_visits=True,
)
def sources(events: pl.LazyFrame, options: ReportOptions, run: RunContext) -> pl.LazyFrame:
    """Count visitors by channel, source and medium, or by other columns such as utm_campaign or keyword.

    A visit has one source: the first one in its events. utm parameters have priority over click ids, and click ids over
    the referrer. Your own hosts are not a source. A visit without a source is Direct.

    \b
    pixelstat sources access.log* --by channel
    pixelstat sources access.log* --by utm_campaign --every week
    """
    in_visits = events.filter(pl.col("visit").is_not_null())
    by = options.by or ("channel", "source", "medium")
    return breakdown_by(in_visits, by, options.top, options.every, run.time_zone)
