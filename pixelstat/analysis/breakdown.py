"""Count visitors, visits and page views by any columns of the events, for several reports."""

from collections.abc import Sequence

import polars as pl

from pixelstat.analysis.time_series import BUCKET, ranked_or_series, truncate_local
from pixelstat.options.values import ReportOptions
from pixelstat.result import Column
from pixelstat.vocabulary import is_email_event, is_page_view, visitors

BREAKDOWN_COLUMNS = [
    Column("visitors", "count", "distinct visitors; a visitor with several values counts in each row", bar=True),
    Column("visits", "count", "distinct visits"),
    Column("views", "count", "page views"),
]


def breakdown_by(events: pl.LazyFrame, by: Sequence[str], top: int, every: str | None, tz: str) -> pl.LazyFrame:
    """Return a row for each group, the groups with most visitors first, or with `every` a series of each group.

    Needs EVENTS with VISITS. Email events do not count. `top` 0 keeps all groups.
    """
    bucket = [truncate_local(pl.col("time"), every, tz).alias(BUCKET)] if every else []
    counts = (
        events.filter(~is_email_event())
        .group_by(*by, *bucket)
        .agg(
            visitors=visitors(),
            visits=pl.col("visit").drop_nulls().n_unique(),
            views=pl.col("hit").filter(is_page_view()).n_unique(),
        )
    )
    return ranked_or_series(counts, by, "visitors", top, every, tz)


def describe_breakdown(options: ReportOptions) -> str:
    """Return the caption of a report that shows a breakdown."""
    return options.describe_rows(options.list_row_keys(), "visitors")
