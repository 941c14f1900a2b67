"""places: where visitors are, by their address and a database of addresses."""

from collections.abc import Sequence

import polars as pl

from pixelstat.analysis.breakdown import MEASURES, breakdown_by, describe_breakdown
from pixelstat.options.shared import by_option, every_option, top_option
from pixelstat.reports._report import report
from pixelstat.result import Column


@report(
    "Places",
    columns=[
        Column("time", "time", "with --every: where the hour, day, week (from Monday) or month begins"),
        Column("country", "text", "two letters of ISO 3166; empty where the database has none"),
        Column("region", "text", "the first division of the country"),
        Column("city", "text"),
        *MEASURES,
    ],
    options=[by_option, top_option, every_option],
    caption=describe_breakdown,
    of_visits=True,
)
def places(events: pl.LazyFrame, *, by: Sequence[str], top: int, every: str | None, tz: str) -> pl.LazyFrame:
    """Where visitors are: by country, region and city, or by asn and network. Needs --geo FILE.mmdb."""
    return breakdown_by(events, by or ("country", "region", "city"), top, every, tz)
