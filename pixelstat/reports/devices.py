"""Count visitors, visits and page views by device type, operating system and browser."""

import polars as pl

from pixelstat.analysis.breakdown import BREAKDOWN_COLUMNS, breakdown_by, describe_breakdown
from pixelstat.analysis.time_series import TIME_COLUMN
from pixelstat.options.shared import by_option, every_option, top_option
from pixelstat.options.values import ReportOptions
from pixelstat.reports._report import RunContext, report
from pixelstat.result import Column


@report(
    "Devices",
    columns=[
        TIME_COLUMN,
        Column("device_type", "text", "desktop, mobile, tablet, tv or console; null if the user agent does not say"),
        Column("os", "text", "operating system, by ua-parser"),
        Column("browser", "text", "browser, by ua-parser"),
        *BREAKDOWN_COLUMNS,
    ],
    options=[by_option, top_option, every_option],
    options_type=ReportOptions,
    caption=describe_breakdown,
    needs_visits=True,
)
def devices(events: pl.LazyFrame, options: ReportOptions, run: RunContext) -> pl.LazyFrame:
    """Count visitors by device type, operating system and browser, or by other columns such as device.

    \b
    pixelstat devices access.log* --by device_type
    pixelstat devices access.log* --by browser --every month
    """
    by = options.by or ("device_type", "os", "browser")
    return breakdown_by(events, by, options.top, options.every, run.time_zone)
