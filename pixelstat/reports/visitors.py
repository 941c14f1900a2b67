"""visitors: distinct people over time, new and returning."""

from collections.abc import Sequence

import polars as pl

from pixelstat.analysis.ranking import top_groups
from pixelstat.analysis.time_series import BUCKET, fill_gaps, truncate_local
from pixelstat.options.shared import by_option, every_or_all_option, top_option
from pixelstat.reports._report import report
from pixelstat.result import Column
from pixelstat.vocabulary import is_email_event
from pixelstat.vocabulary import visitors as distinct_visitors


def _caption(every: str, by: Sequence[str], **_: object) -> str:
    if every == "all":
        return ", ".join(["the whole range", *by])
    return f"by {', '.join([every, *by])}; a visitor of two rows counts in both, --every all counts each once"


@report(
    "Visitors",
    columns=[
        Column("time", "time", "where the day begins, or the hour, week, month or whole range of --every"),
        Column(
            "visitors",
            "count",
            "distinct visitors; the rows overlap, so they do not add up",
            bar=True,
        ),
        Column("new", "count", "of these, those whose first event in the logs lies there"),
        Column("returning", "count", "the others"),
    ],
    options=[by_option, every_or_all_option, top_option],
    caption=_caption,
    of_visits=True,
)
def visitors(events: pl.LazyFrame, *, every: str, by: Sequence[str], top: int, tz: str) -> pl.LazyFrame:
    """Distinct visitors over time, new and returning.

    Whoever has any event on a site in a day is a visitor of that day; what happens in mailboxes is the matter of opens.
    New are those whom the logs had not seen before it, even where --since leaves out what they had seen. --every all
    counts each visitor of the whole range once.
    """
    time, first = pl.col("time"), pl.col("first_seen")
    if every == "all":
        every, begins, is_new = "day", truncate_local(time.min(), "day", tz), first >= time.min()
    else:
        begins, is_new = (
            truncate_local(time, every, tz),
            truncate_local(first, every, tz) == truncate_local(time, every, tz),
        )
    there = events.filter(~is_email_event(), pl.col("visitor").is_not_null())
    there = there.select(*dict.fromkeys(["visitor", *by]), begins.alias(BUCKET), is_new.alias("is new"))
    found = there.group_by(BUCKET, *by).agg(
        visitors=distinct_visitors(), new=pl.col("visitor").filter(pl.col("is new")).n_unique()
    )
    found = found.with_columns(returning=pl.col("visitors") - pl.col("new"))
    return fill_gaps(top_groups(found, by, "visitors", top, over=True) if by else found, every, tz, by)
