"""devices: what visitors look at pages with."""

from collections.abc import Sequence

import polars as pl

from pixelstat.analysis.breakdown import MEASURES, breakdown_by, describe_breakdown
from pixelstat.options.shared import by_option, every_option, top_option
from pixelstat.reports._report import report
from pixelstat.result import Column


@report(
    "Devices",
    columns=[
        Column("time", "time", "with --every: where the hour, day, week (from Monday) or month begins"),
        Column("device_type", "text", "desktop, mobile, tablet, tv or console; empty where the agent does not tell"),
        Column("os", "text", "operating system, by ua-parser"),
        Column("browser", "text", "by ua-parser"),
        *MEASURES,
    ],
    options=[by_option, top_option, every_option],
    caption=describe_breakdown,
    of_visits=True,
)
def devices(events: pl.LazyFrame, *, by: Sequence[str], top: int, every: str | None, tz: str) -> pl.LazyFrame:
    """What visitors use: by type of device, system and browser, or by other columns such as device."""
    return breakdown_by(events, by or ("device_type", "os", "browser"), top, every, tz)
