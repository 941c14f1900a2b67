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
        Column("country", "text", "ISO 3166 code of two letters; null if the database has none"),
        Column("region", "text", "first-level subdivision of the country"),
        Column("city", "text", "English name"),
        *BREAKDOWN_COLUMNS,
    ],
    options=[by_option, top_option, every_option],
    options_type=ReportOptions,
    caption=describe_breakdown,
    needs_visits=True,
)
def places(events: pl.LazyFrame, options: ReportOptions, run: RunContext) -> pl.LazyFrame:
    """Count visitors by country, region and city, or by asn and network. This report needs --geo FILE.mmdb.

    \b
    pixelstat places access.log* --geo GeoLite2-City.mmdb --by country
    pixelstat places access.log* --geo GeoLite2-ASN.mmdb --by network
    """
    by = options.by or ("country", "region", "city")
    return breakdown_by(events, by, options.top, options.every, run.time_zone)
