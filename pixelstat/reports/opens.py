"""Show what became of each email: opens by people, image proxies and machines, clicks, unsubscribes."""

from collections.abc import Sequence

import polars as pl

from pixelstat.analysis.confidence import wilson_interval
from pixelstat.analysis.time_series import BUCKET, TIME_COLUMN, ranked_or_series, truncate_local
from pixelstat.enrich.mailings import Mailings
from pixelstat.frames.columns import internal
from pixelstat.frames.division import count_seconds
from pixelstat.options.shared import by_option, every_option, top_option
from pixelstat.options.values import ReportOptions
from pixelstat.reports._report import RunContext, report
from pixelstat.result import Column
from pixelstat.traffic.deduplication import deduplicate
from pixelstat.vocabulary import recipient_or_visitor

DEFAULT_BY = "message"  # groups the rows where --by names nothing
EMAIL_EVENTS = ("open", "click_email", "unsubscribe")
TRAFFIC_CLASSES = ("human", "proxy", "machine")  # each has a column of opens
PERSON, SECONDS_TO_OPEN = internal("person"), internal("seconds to open")
HAS_OPENED, HAS_CLICKED = internal("has opened"), internal("has clicked")


def _caption(options: ReportOptions) -> str:
    return options.describe_rows(options.list_row_keys([DEFAULT_BY]), "opens")


@report(
    "Email opens",
    columns=[
        TIME_COLUMN,
        Column("message", "text", "the email, or the column of --by; null if the pixel does not name it"),
        Column("sent", "count", "recipients that --sent lists for this email"),
        Column("opens", "count", "loads of the email's pixel, by people, proxies and machines", bar=True),
        Column("human_opens", "count", "opens by a person's own email program"),
        Column("proxy_opens", "count", "opens through the image proxy of Gmail or Yahoo, which hide a person"),
        Column("machine_opens", "count", "opens by prefetching, scanners and bots"),
        Column("openers", "count", "distinct recipients (else visitors) with an open that is not by a machine"),
        Column("open_rate", "share", "openers / sent; too low, because people who block images open unseen"),
        Column("open_rate_low", "share", "lower end of its 95% interval (Wilson)", detail=True),
        Column("open_rate_high", "share", "upper end of its 95% interval", detail=True),
        Column("clicks", "count", "clicks on the email's links, including those by machines"),
        Column("clickers", "count", "distinct recipients with a click that is not by a machine"),
        Column("click_to_open_rate", "share", "clickers / openers; above 1 where images are blocked"),
        Column(
            "median_seconds_to_open",
            "seconds",
            "median time from sending to a recipient's first open, without machines",
            label="median time to open",
        ),
        Column("unsubscribes", "count", "unsubscribe events, including those by machines"),
    ],
    options=[by_option, top_option, every_option],
    options_type=ReportOptions,
    caption=_caption,
    defaults={"bots": "include", "machines": "label"},
)
def opens(events: pl.LazyFrame, options: ReportOptions, run: RunContext) -> pl.LazyFrame:
    """Count opens of emails by people, image proxies and machines.

    An open is a load of the email's pixel. Email programs and scanners load it before a person opens the email. People
    who block images read an email without loading it. So opens and openers are separate columns. pixelstat labels
    opens by machines and does not remove them.

    \b
    pixelstat opens access.log*
    pixelstat opens access.log* --sent sent.csv --by message
    """
    by, every = options.by or [DEFAULT_BY], options.every
    bucket = [truncate_local(pl.col("time"), every, run.time_zone).alias(BUCKET)] if every else []
    groups = [*([BUCKET] if every else []), *by]
    email_events = events.filter(pl.col("event").is_in(EMAIL_EVENTS)).select(
        "event",
        "traffic_class",
        "hit",
        "first",
        *(name for name in by if name not in ("event", "traffic_class")),
        *bucket,
        recipient_or_visitor().alias(PERSON),
        _seconds_since_sent().alias(SECONDS_TO_OPEN),
    )
    counts = count_by_group(count_by_person(deduplicate(email_events), groups), groups)
    counts = add_sent(counts, by, run.sent, with_unopened=not every)
    low, high = wilson_interval(pl.col("openers"), pl.col("sent"))
    counts = counts.with_columns(
        open_rate=_share("openers", "sent"), open_rate_low=low, open_rate_high=high,
        click_to_open_rate=_share("clickers", "openers"),
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
    is_machine, is_known = pl.col("traffic_class") == "machine", pl.col(PERSON).is_not_null().first()
    return hits.group_by(*groups, PERSON).agg(
        *(
            (is_open & (pl.col("traffic_class") == traffic_class)).sum().alias(f"{traffic_class}_opens")
            for traffic_class in TRAFFIC_CLASSES
        ),
        ((is_open & ~is_machine).any() & is_known).alias(HAS_OPENED),
        ((is_click & ~is_machine).any() & is_known).alias(HAS_CLICKED),
        pl.col(SECONDS_TO_OPEN).filter(is_open & ~is_machine).min(),
        opens=is_open.sum(),
        clicks=is_click.sum(),
        unsubscribes=(pl.col("event") == "unsubscribe").sum(),
    )


def count_by_group(people: pl.LazyFrame, groups: Sequence[str]) -> pl.LazyFrame:
    """Add up what `count_by_person` returns for each group."""
    counts = ["opens", *(f"{traffic_class}_opens" for traffic_class in TRAFFIC_CLASSES), "clicks", "unsubscribes"]
    return people.group_by(groups).agg(
        pl.col(counts).sum(),
        openers=pl.col(HAS_OPENED).sum(),
        clickers=pl.col(HAS_CLICKED).sum(),
        median_seconds_to_open=pl.col(SECONDS_TO_OPEN).filter(pl.col(HAS_OPENED)).median(),
    )


def add_sent(counts: pl.LazyFrame, by: Sequence[str], sent: Mailings | None, *, with_unopened: bool) -> pl.LazyFrame:
    """Add `sent`: to how many recipients each email was sent.

    It is null where the file of --sent has another key than `by`, and without the file. `with_unopened` adds a row
    for each email of the file that has none.
    """
    if sent is None or [sent.key] != [*by]:
        return counts.with_columns(sent=pl.lit(None, pl.Int64))
    joined = counts.join(sent.recipients.lazy(), on=by, how="full" if with_unopened else "left", coalesce=True)
    whole_numbers = [name for name, dtype in counts.collect_schema().items() if dtype.is_integer() and name not in by]
    return joined.with_columns(pl.col(whole_numbers).fill_null(0))


def _seconds_since_sent() -> pl.Expr:
    """Return the seconds from sending to the hit; null where the time of sending is unknown or after the hit."""
    seconds = count_seconds(pl.col("time") - pl.col("sent"))
    return pl.when(seconds >= 0).then(seconds)


def _share(part: str, whole: str) -> pl.Expr:
    return pl.when(pl.col(whole) > 0).then(pl.col(part) / pl.col(whole))
