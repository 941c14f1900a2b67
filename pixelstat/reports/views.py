"""views: page views and visitors, by page, by any other column, or over time."""

from collections.abc import Sequence

import polars as pl

from pixelstat.analysis.ranking import top_groups
from pixelstat.analysis.time_series import BUCKET, fill_gaps, truncate_local
from pixelstat.options.shared import by_option, every_option, top_option
from pixelstat.reports._report import report
from pixelstat.result import Column
from pixelstat.traffic.deduplication import deduplicate
from pixelstat.vocabulary import hits, is_page_view, visitors


def _caption(every: str | None, top: int, by: Sequence[str], **_: object) -> str:
    groups = ", ".join(by) if by else "page"
    most = f"the {top} most viewed" if top else "all"
    if every:
        return f"by {every}" + (f" and {groups}, {most}" if by else "")
    return f"{most} pages" if not by else f"by {groups}, {most}"


@report(
    "Page views",
    columns=[
        Column("time", "time", "with --every: where the hour, day, week (from Monday) or month begins"),
        Column("page", "text", "decoded path without query, or its group; empty where no page is known"),
        Column("views", "count", "page_view events", bar=True),
        Column("visitors", "count", "distinct visitors; the rows overlap, so they do not add up"),
    ],
    options=[by_option, top_option, every_option],
    caption=_caption,
)
def views(events: pl.LazyFrame, *, by: Sequence[str], top: int, every: str | None, tz: str) -> pl.LazyFrame:
    """Page views and visitors, by page or over time.

    By page, or by any other columns, the most viewed first; with --every a series over time, its empty hours and
    days included, of all page views or by column.
    """
    seen = events.filter(is_page_view())
    if not every:
        groups = by or ("page",)
        found = seen.group_by(groups).agg(views=hits(), visitors=visitors())
        return top_groups(found, groups, "views", top)
    seen = deduplicate(seen.select(*dict.fromkeys(["time", "visitor", "hit", "first", *by])))
    begins = truncate_local(pl.col("time"), every, tz)
    found = seen.group_by(begins.alias(BUCKET), *by).agg(views=pl.len(), visitors=visitors())
    return fill_gaps(top_groups(found, by, "views", top, over=True) if by else found, every, tz, by)
