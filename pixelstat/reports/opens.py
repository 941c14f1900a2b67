"""Show what became of each mail: opens by who opened it, people, clicks, unsubscribes."""

from collections.abc import Sequence

import polars as pl

from pixelstat.analysis.confidence import wilson_interval
from pixelstat.analysis.time_series import BUCKET, TIME_COLUMN, ranked_or_series, truncate_local
from pixelstat.enrich.mailings import Mailings
from pixelstat.frames.columns import internal
from pixelstat.options.shared import by_option, every_option, top_option
from pixelstat.options.values import ReportOptions
from pixelstat.reports._report import RunContext, report
from pixelstat.result import Column
from pixelstat.traffic.deduplication import deduplicate
from pixelstat.vocabulary import recipient_or_visitor

DEFAULT_BY = "message"  # groups the rows where --by names nothing
EMAIL_EVENTS = ("open", "click_email", "unsubscribe")
VERDICTS = ("human", "proxy", "machine")  # each has a column of opens
PERSON, SECONDS_TO_OPEN = internal("person"), internal("seconds to open")
HAS_OPENED, HAS_CLICKED = internal("has opened"), internal("has clicked")


def _caption(options: ReportOptions) -> str:
    groups = [*([options.every] if options.every else []), *(options.by or [DEFAULT_BY])]
    return f"by {', '.join(groups)}, {f'the {options.top} most opened' if options.top else 'all'}"


@report(
    "Opens of mails",
    columns=[
        TIME_COLUMN,
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
    options_type=ReportOptions,
    caption=_caption,
    defaults={"bots": "include", "machines": "label"},
)
def opens(events: pl.LazyFrame, options: ReportOptions, run: RunContext) -> pl.LazyFrame:
    """Opens of mails, and whose they are: people's, image proxies', machines'.

    An open is a load of the mail's pixel. Mail programs load it without anybody looking, scanners do, and people who
    block images read without loading it. So opens stand beside people, and machines' are told apart, never dropped.
    """
    by, every = options.by or [DEFAULT_BY], options.every
    bucket = [truncate_local(pl.col("time"), every, run.time_zone).alias(BUCKET)] if every else []
    groups = [*([BUCKET] if every else []), *by]
    mails = events.filter(pl.col("event").is_in(EMAIL_EVENTS)).select(
        "event",
        "verdict",
        "hit",
        "first",
        *(name for name in by if name not in ("event", "verdict")),
        *bucket,
        recipient_or_visitor().alias(PERSON),
        _seconds_since_sent().alias(SECONDS_TO_OPEN),
    )
    counts = count_by_group(count_by_person(deduplicate(mails), groups), groups)
    counts = add_sent(counts, by, run.sent, with_unopened=not every)
    low, high = wilson_interval(pl.col("people"), pl.col("sent"))
    counts = counts.with_columns(
        open_rate=_share("people", "sent"), open_rate_low=low, open_rate_high=high,
        click_to_open=_share("clickers", "people"),
    )  # fmt: skip
    counts = counts.select(*groups, *(column.name for column in opens.columns[2:]))
    shown = ranked_or_series(counts, by, "opens", options.top, every, run.time_zone)
    return shown.with_columns(sent=pl.when(pl.col("opens") + pl.col("clicks") > 0).then("sent")) if every else shown


def count_by_person(hits: pl.LazyFrame, groups: Sequence[str]) -> pl.LazyFrame:
    """Count the opens, clicks and unsubscribes of each person in each group.

    `hits` are email events, each once, with PERSON (null: unknown) and SECONDS_TO_OPEN. The result has HAS_OPENED and
    HAS_CLICKED, which are true only for known people with such a hit that is not a machine's.
    """
    is_open, is_click = pl.col("event") == "open", pl.col("event") == "click_email"
    is_machine, is_known = pl.col("verdict") == "machine", pl.col(PERSON).is_not_null().first()
    return hits.group_by(*groups, PERSON).agg(
        *((is_open & (pl.col("verdict") == verdict)).sum().alias(f"{verdict}_opens") for verdict in VERDICTS),
        ((is_open & ~is_machine).any() & is_known).alias(HAS_OPENED),
        ((is_click & ~is_machine).any() & is_known).alias(HAS_CLICKED),
        pl.col(SECONDS_TO_OPEN).filter(is_open & ~is_machine).min(),
        opens=is_open.sum(),
        clicks=is_click.sum(),
        unsubscribes=(pl.col("event") == "unsubscribe").sum(),
    )


def count_by_group(people: pl.LazyFrame, groups: Sequence[str]) -> pl.LazyFrame:
    """Add up what `count_by_person` returns for each group."""
    counts = ["opens", *(f"{verdict}_opens" for verdict in VERDICTS), "clicks", "unsubscribes"]
    return people.group_by(groups).agg(
        pl.col(counts).sum(),
        people=pl.col(HAS_OPENED).sum(),
        clickers=pl.col(HAS_CLICKED).sum(),
        median_seconds_to_open=pl.col(SECONDS_TO_OPEN).filter(pl.col(HAS_OPENED)).median(),
    )


def add_sent(counts: pl.LazyFrame, by: Sequence[str], sent: Mailings | None, *, with_unopened: bool) -> pl.LazyFrame:
    """Add `sent`: to how many recipients each mail was sent.

    It is null where the file of --sent has another key than `by`, and without the file. `with_unopened` adds a row
    for each mail of the file that has none.
    """
    if sent is None or [sent.key] != [*by]:
        return counts.with_columns(sent=pl.lit(None, pl.Int64))
    joined = counts.join(sent.recipients.lazy(), on=by, how="full" if with_unopened else "left", coalesce=True)
    whole_numbers = [name for name, dtype in counts.collect_schema().items() if dtype.is_integer() and name not in by]
    return joined.with_columns(pl.col(whole_numbers).fill_null(0))


def _seconds_since_sent() -> pl.Expr:
    """Return the seconds from sending to the hit; null where the time of sending is unknown or after the hit."""
    seconds = (pl.col("time") - pl.col("sent")).dt.total_microseconds() / 1_000_000
    return pl.when(seconds >= 0).then(seconds)


def _share(part: str, whole: str) -> pl.Expr:
    return pl.when(pl.col(whole) > 0).then(pl.col(part) / pl.col(whole))
