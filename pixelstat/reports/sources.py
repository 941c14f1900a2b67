"""sources: where visitors come from."""

from collections.abc import Sequence

import polars as pl

from pixelstat.analysis.breakdown import MEASURES, breakdown_by, describe_breakdown
from pixelstat.options.shared import by_option, every_option, top_option
from pixelstat.reports._report import report
from pixelstat.result import Column


@report(
    "Sources",
    columns=[
        Column("time", "time", "with --every: where the hour, day, week (from Monday) or month begins"),
        Column("channel", "text", "of the visit: Google Analytics' default channel groups, and AI Assistants"),
        Column("source", "text", "utm_source, else by a click id, else the site they came from; (direct) for none"),
        Column(
            "medium",
            "text",
            "utm_medium, else by a click id, else organic, social, referral ...; (none) for none",
        ),
        *MEASURES,
    ],
    options=[by_option, top_option, every_option],
    caption=describe_breakdown,
    of_visits=True,
)
def sources(events: pl.LazyFrame, *, by: Sequence[str], top: int, every: str | None, tz: str) -> pl.LazyFrame:
    """Where visitors come from: by channel, source and medium, or by other columns such as utm_campaign or keyword.

    A visit has one source: the first that any of its events shows, by utm parameters, else click ids, else the address
    that the visitor came from. Own pages are no source. Visits without any are Direct.
    """
    of_visits = events.filter(pl.col("visit").is_not_null())
    return breakdown_by(of_visits, by or ("channel", "source", "medium"), top, every, tz)
