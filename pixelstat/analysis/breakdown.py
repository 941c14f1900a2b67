"""Visitors, visits and page views by any columns of the events: what several reports are made of."""

from collections.abc import Sequence

import polars as pl

from pixelstat.analysis.ranking import top_groups
from pixelstat.analysis.time_series import BUCKET, fill_gaps, truncate_local
from pixelstat.result import Column
from pixelstat.vocabulary import is_email_event, is_page_view, visitors

MEASURES = [
    Column("visitors", "count", "distinct visitors; one with several values stands in each of their rows", bar=True),
    Column("visits", "count", "distinct visits"),
    Column("views", "count", "page views"),
]


def breakdown_by(events: pl.LazyFrame, by: Sequence[str], top: int, every: str | None, tz: str) -> pl.LazyFrame:
    """Events with VISITS -> a row for each group, those with most visitors first; with `every` a series for each."""
    begins = [truncate_local(pl.col("time"), every, tz).alias(BUCKET)] if every else []
    found = (
        events.filter(~is_email_event())
        .group_by(*by, *begins)
        .agg(
            visitors=visitors(),
            visits=pl.col("visit").drop_nulls().n_unique(),
            views=pl.col("hit").filter(is_page_view()).n_unique(),
        )
    )
    if every:
        return fill_gaps(top_groups(found, by, "visitors", top, over=True), every, tz, by)
    return top_groups(found, by, "visitors", top)


def describe_breakdown(every: str | None, top: int, by: Sequence[str], **_: object) -> str:
    """What the rows are."""
    most = f"the {top} with most visitors" if top else "all"
    groups = ", ".join([*([every] if every else []), *by])
    return f"by {groups}, {most}" if groups else most
