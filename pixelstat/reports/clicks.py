"""Count clicks on the links of emails, by people and by machines."""

import polars as pl

from pixelstat.analysis.time_series import BUCKET, TIME_COLUMN, ranked_or_series, truncate_local
from pixelstat.frames.columns import internal
from pixelstat.options.shared import by_option, every_option, top_option
from pixelstat.options.values import ReportOptions
from pixelstat.reports._report import RunContext, report
from pixelstat.result import Column
from pixelstat.traffic.deduplication import deduplicate
from pixelstat.vocabulary import recipient_or_visitor

DEFAULT_BY = "message"  # groups the rows, beside the link, where --by names nothing
PERSON = internal("person")


def _caption(options: ReportOptions) -> str:
    return options.describe_rows([*options.list_row_keys([DEFAULT_BY]), "link"], "clicks")


@report(
    "Email clicks",
    columns=[
        TIME_COLUMN,
        Column("message", "text", "the email, or the column of --by; null if the address does not name it"),
        Column("link", "text", "target of the link, or the name that the sender gave it"),
        Column("clicks", "count", "click_email events, by people and machines", bar=True),
        Column("human_clicks", "count", "clicks that are not by machines"),
        Column("machine_clicks", "count", "clicks by scanners and bots"),
        Column("clickers", "count", "distinct recipients (else visitors) with a click that is not by a machine"),
    ],
    options=[by_option, top_option, every_option],
    options_type=ReportOptions,
    caption=_caption,
    defaults={"bots": "include", "machines": "label"},
)
def clicks(events: pl.LazyFrame, options: ReportOptions, run: RunContext) -> pl.LazyFrame:
    """Count clicks on the links of emails, by people and by machines.

    Scanners follow every link of an email before it is delivered. pixelstat labels their clicks and keeps them.

    \b
    pixelstat clicks access.log*
    pixelstat clicks access.log* --by campaign --top 10
    """
    every = options.every
    bucket = [truncate_local(pl.col("time"), every, run.time_zone).alias(BUCKET)] if every else []
    groups = [*(name for name in options.by or [DEFAULT_BY] if name != "link"), "link"]
    email_clicks = events.filter(pl.col("event") == "click_email").select(
        "traffic_class",
        "hit",
        "first",
        *bucket,
        *(name for name in groups if name != "traffic_class"),
        recipient_or_visitor().alias(PERSON),
    )
    is_machine = pl.col("traffic_class") == "machine"
    counts = (
        deduplicate(email_clicks)
        .group_by(*([BUCKET] if every else []), *groups)
        .agg(
            clicks=pl.len(),
            human_clicks=(~is_machine).sum(),
            machine_clicks=is_machine.sum(),
            clickers=pl.col(PERSON).filter(~is_machine).drop_nulls().n_unique(),
        )
    )
    return ranked_or_series(counts, groups, "clicks", options.top, every, run.time_zone)
