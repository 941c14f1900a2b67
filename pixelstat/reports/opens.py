"""opens: what became of each mail: opens by whom they are of, people, clicks, unsubscribes."""

from collections.abc import Sequence

import polars as pl

from pixelstat.analysis.confidence import wilson_interval
from pixelstat.analysis.ranking import top_groups
from pixelstat.analysis.time_series import BUCKET, fill_gaps, truncate_local
from pixelstat.enrich.mailings import Sent
from pixelstat.options.shared import by_option, every_option, top_option
from pixelstat.reports._report import report
from pixelstat.result import Column
from pixelstat.traffic.deduplication import deduplicate
from pixelstat.vocabulary import recipient_or_visitor

USUAL = "message"  # what the rows are by, unless --by says otherwise
EVENTS = ("open", "click_email", "unsubscribe")


def _caption(by: Sequence[str], top: int, every: str | None, **_: object) -> str:
    groups = [*([every] if every else []), *(by or [USUAL])]
    return f"by {', '.join(groups)}, {f'the {top} most opened' if top else 'all'}"


@report(
    "Opens of mails",
    columns=[
        Column("time", "time", "with --every: where the hour, day, week (from Monday) or month begins"),
        Column("message", "text", "or what --by names; empty where the pixel does not tell"),
        Column("sent", "count", "recipients sent to, by --sent"),
        Column("opens", "count", "loads of the mail's pixel, whoever loaded it"),
        Column("human_opens", "count", "of these, by a person's own mail program"),
        Column("proxy_opens", "count", "by Gmail's or Yahoo's image proxy, when a person opened the mail"),
        Column("machine_opens", "count", "by machines: prefetching, scanners, bots"),
        Column("people", "count", "distinct recipients (else visitors) with an open that is no machine's"),
        Column("open_rate", "share", "people of sent; low: who blocks images opens unseen"),
        Column("open_rate_low", "share", "lower end of its 95% interval (Wilson)"),
        Column("open_rate_high", "share", "upper end"),
        Column("clicks", "count", "clicks on the mail's links, machines' too"),
        Column("clickers", "count", "distinct recipients with a click that is no machine's"),
        Column("click_to_open", "share", "clickers per person who opened; above 1 where images are blocked"),
        Column("median_seconds_to_open", "seconds", "from sending to a recipient's first open, machines' left out"),
        Column("unsubscribes", "count", "unsubscribe events, machines' too"),
    ],
    options=[by_option, top_option, every_option],
    caption=_caption,
    defaults={"bots": "include", "machines": "label"},
)
def opens(
    events: pl.LazyFrame, *, by: Sequence[str], top: int, every: str | None, tz: str, sent: Sent | None
) -> pl.LazyFrame:
    """Opens of mails, and whose they are: people's, image proxies', machines'.

    An open is a load of the mail's pixel. Mail programs load it without anybody looking, scanners do, and people who
    block images read without loading it. So opens stand beside people, and machines' are told apart, never dropped.
    """
    by = by or [USUAL]
    column = pl.col
    is_open, is_click = column("event") == "open", column("event") == "click_email"
    is_machine = column("verdict") == "machine"
    begins = [truncate_local(column("time"), every, tz).alias(BUCKET)] if every else []
    groups = [*([BUCKET] if every else []), *by]
    told = [name for name in by if name not in ("event", "verdict")]
    mails = events.filter(column("event").is_in(EVENTS)).select(
        "event",
        "verdict",
        "hit",
        "first",
        *told,
        *begins,
        recipient_or_visitor().alias("its person"),
        _wait().alias("its wait"),
    )
    is_known = column("its person").is_not_null().first()
    recipients = (
        deduplicate(mails)
        .group_by(*groups, "its person")
        .agg(
            *((is_open & (column("verdict") == kind)).sum().alias(f"{kind}_opens") for kind in KINDS),
            ((is_open & ~is_machine).any() & is_known).alias("has opened"),
            ((is_click & ~is_machine).any() & is_known).alias("has clicked"),
            column("its wait").filter(is_open & ~is_machine).min(),
            opens=is_open.sum(),
            clicks=is_click.sum(),
            unsubscribes=(column("event") == "unsubscribe").sum(),
        )
    )
    counts = ["opens", *(f"{kind}_opens" for kind in KINDS), "clicks", "unsubscribes"]
    found = recipients.group_by(groups).agg(
        column(counts).sum(),
        people=column("has opened").sum(),
        clickers=column("has clicked").sum(),
        median_seconds_to_open=column("its wait").filter(column("has opened")).median(),
    )
    found = _with_sent(found, by, sent, unopened=not every)
    low, high = wilson_interval(column("people"), column("sent"))
    found = found.with_columns(
        open_rate=_share("people", "sent"), open_rate_low=low, open_rate_high=high,
        click_to_open=_share("clickers", "people"),
    )  # fmt: skip
    found = found.select(*groups, *(shown.name for shown in opens.columns[2:]))
    if every:
        series = fill_gaps(top_groups(found, by, "opens", top, over=True), every, tz, by)
        return series.with_columns(sent=pl.when(column("opens") + column("clicks") > 0).then("sent"))
    return top_groups(found, by, "opens", top)


KINDS = ("human", "proxy", "machine")


def _wait() -> pl.Expr:
    """Seconds from sending to the hit; null where the time of sending is unknown, or later than the hit."""
    seconds = (pl.col("time") - pl.col("sent")).dt.total_microseconds() / 1_000_000
    return pl.when(seconds >= 0).then(seconds)


def _with_sent(found: pl.LazyFrame, by: Sequence[str], sent: Sent | None, *, unopened: bool) -> pl.LazyFrame:
    """How many each was sent to, with rows of what is `unopened`; null without a file that tells it by this column."""
    if sent is None or [sent.key] != [*by]:
        return found.with_columns(sent=pl.lit(None, pl.Int64))
    joined = found.join(sent.recipients.lazy(), on=by, how="full" if unopened else "left", coalesce=True)
    counted = [name for name, dtype in found.collect_schema().items() if dtype.is_integer() and name not in by]
    return joined.with_columns(pl.col(counted).fill_null(0))


def _share(part: str, whole: str) -> pl.Expr:
    return pl.when(pl.col(whole) > 0).then(pl.col(part) / pl.col(whole))
