"""clicks: which links of which mails are clicked, and by whom."""

from collections.abc import Sequence

import polars as pl

from pixelstat.analysis.ranking import top_groups
from pixelstat.analysis.time_series import BUCKET, fill_gaps, truncate_local
from pixelstat.options.shared import by_option, every_option, top_option
from pixelstat.reports._report import report
from pixelstat.result import Column
from pixelstat.traffic.deduplication import deduplicate
from pixelstat.vocabulary import recipient_or_visitor

USUAL = "message"  # what the rows are by, beside the link, unless --by says otherwise


def _caption(by: Sequence[str], top: int, every: str | None, **_: object) -> str:
    groups = [*([every] if every else []), *(by or [USUAL]), "link"]
    return f"by {', '.join(groups)}, {f'the {top} most clicked' if top else 'all'}"


@report(
    "Clicks on links of mails",
    columns=[
        Column("time", "time", "with --every: where the hour, day, week (from Monday) or month begins"),
        Column("message", "text", "or what --by names; empty where the address does not tell"),
        Column("link", "text", "its target, or the sender's own name of it"),
        Column("clicks", "count", "click_email events, whoever clicked", bar=True),
        Column("human_clicks", "count", "of these, no machine's"),
        Column("machine_clicks", "count", "scanners' and bots'"),
        Column("clickers", "count", "distinct recipients (else visitors) with a click that is no machine's"),
    ],
    options=[by_option, top_option, every_option],
    caption=_caption,
    defaults={"bots": "include", "machines": "label"},
)
def clicks(events: pl.LazyFrame, *, by: Sequence[str], top: int, every: str | None, tz: str) -> pl.LazyFrame:
    """Clicks on the links of mails, and whose they are: people's or machines'.

    Scanners follow every link of a mail before it is delivered. They are told apart, never dropped.
    """
    begins = [truncate_local(pl.col("time"), every, tz).alias(BUCKET)] if every else []
    groups = [*(name for name in by or [USUAL] if name != "link"), "link"]
    column = pl.col
    is_machine = column("verdict") == "machine"
    clicked = events.filter(column("event") == "click_email").select(
        "verdict",
        "hit",
        "first",
        *begins,
        *(name for name in groups if name != "verdict"),
        recipient_or_visitor().alias("its person"),
    )
    found = (
        deduplicate(clicked)
        .group_by(*([BUCKET] if every else []), *groups)
        .agg(
            clicks=pl.len(),
            human_clicks=(~is_machine).sum(),
            machine_clicks=is_machine.sum(),
            clickers=column("its person").filter(~is_machine).drop_nulls().n_unique(),
        )
    )
    if every:
        return fill_gaps(top_groups(found, groups, "clicks", top, over=True), every, tz, groups)
    return top_groups(found, groups, "clicks", top)
