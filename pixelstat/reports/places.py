"""Count visitors, visits and page views by place: by the client's address in a MaxMind database."""

import polars as pl

from pixelstat.analysis.breakdown import BREAKDOWN_COLUMNS, breakdown_by, describe_breakdown
from pixelstat.analysis.time_series import TIME_COLUMN
from pixelstat.options.shared import by_option, every_option, top_option
from pixelstat.options.values import ReportOptions
from pixelstat.reports._report import RunContext, report
from pixelstat.result import Column


@report(
    "Places",
    columns=[
        TIME_COLUMN,
        Column("country", "text", "two letters of ISO 3166; empty where the database has none"),
        Column("region", "text", "the first division of the country"),
        Column("city", "text", "English name of the city"),
        *BREAKDOWN_COLUMNS,
    ],
    options=[by_option, top_option, every_option],
    options_type=ReportOptions,
    caption=lambda options: describe_breakdown(options.every, options.top, options.by),
    needs_visits=True,
)
def places(events: pl.LazyFrame, options: ReportOptions, run: RunContext) -> pl.LazyFrame:
    """Where visitors are: by country, region and city, or by asn and network. Needs --geo FILE.mmdb."""
    by = options.by or ("country", "region", "city")
    return breakdown_by(events, by, options.top, options.every, run.time_zone)
