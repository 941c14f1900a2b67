"""Visits: a visitor's events without a pause of more than half an hour, whatever midnights and campaigns lie between.

Two events belong to one visit if no more than the timeout lies between them: exactly 30:00 stays, one second more
begins another (as in Google Analytics 4; Matomo splits at 30:00, Plausible at 31:00). A heartbeat makes a visit
longer and never begins one. What happens in a mailbox, an open or the click of a link, is no visit, and neither is an
event whose visitor is not known. Events of one second stand in the order of the logs.

All events of the logs tell where a visit begins and ends, whatever period or condition is asked for. It belongs to
its start: its source is the first that any of its events shows, its day that of its first event.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from pixelstat.people.channels import TOUCH
from pixelstat.schemas import VISITS
from pixelstat.vocabulary import is_mail, is_page_view

APART = "\x1f"


@dataclass(frozen=True)
class Cut:
    """Where one visit ends and the next begins."""

    timeout: timedelta = timedelta(minutes=30)
    midnight: ZoneInfo | None = None  # another day of this zone begins another visit
    campaign: bool = False  # another source, medium or campaign begins another visit
    names_source: bool = True  # an event's source, medium, keyword and channel are then its visit's


def are_asked(columns: Iterable[str], cut: Cut) -> bool:
    """Whether one of these columns is a visit's."""
    return not {*VISITS, *(TOUCH if cut.names_source else ())}.isdisjoint(columns)


def with_visits(events: pl.LazyFrame, cut: Cut) -> pl.LazyFrame:
    """EVENTS that know their `hit` -> the same with VISITS; source, medium, keyword and channel are the visit's.

    `visit` is null for an event of none, which keeps its own source; so is all that is the visit's, but `first_seen`,
    which is the visitor's.
    """

    def batch(rows: pl.DataFrame) -> pl.DataFrame:
        row = pl.int_range(pl.len(), dtype=pl.UInt32).alias("row")
        counted = rows.lazy().with_columns(row).filter(pl.col("rejected").is_null(), pl.col("visitor").is_not_null())
        found = described(numbered(counted, cut)).collect()
        everywhere = rows.select(row).join(found, on="row", how="left", maintain_order="left").drop("row")
        if not cut.names_source:
            return rows.with_columns(everywhere.drop(TOUCH))
        is_of_none = everywhere["visit"].is_null()
        return rows.with_columns(
            everywhere.with_columns(rows[name].zip_with(is_of_none, everywhere[name]) for name in TOUCH)
        )

    schema = pl.Schema({**events.collect_schema(), **VISITS})
    return events.map_batches(batch, schema=schema)


def numbered(events: pl.LazyFrame, cut: Cut) -> pl.LazyFrame:
    """EVENTS that count, with their `row` -> by visitor and time: row, who, time, visit and what tells about it."""
    column = pl.col
    parts = [column(name).fill_null("") for name in ("source", "medium", "utm_campaign")]
    rows = (
        events.select(
            "row",
            "time",
            "page",
            *TOUCH,
            who=column("visitor").cast(pl.Categorical()).to_physical(),
            touch=pl.when(column("source").is_not_null()).then(pl.concat_str(parts, separator=APART)),
            is_ping=column("event").eq_missing(pl.lit("ping")),
            is_mail=is_mail(),
            is_view=is_page_view(),
            hit="hit",
        )
        .sort("time", maintain_order=True)
        .with_columns(is_again=~column("hit").is_first_distinct())
        .sort("who", maintain_order=True)
        .with_columns(first_seen=column("time").first().over("who"))
    )
    on_site = rows.filter(~column("is_mail"))
    other = column("who") != column("who").shift()
    pause = column("time") - column("time").shift() > cut.timeout
    starts = other | pause
    if cut.midnight:
        day = column("time").dt.convert_time_zone(cut.midnight.key).dt.date()
        starts |= day != day.shift()
    on_site = on_site.with_columns(begun=starts.fill_null(value=True).cum_sum())
    if cut.campaign:
        before = column("touch").forward_fill().shift().over("begun")
        changed = (column("touch") != before).fill_null(value=False)
        on_site = on_site.with_columns(begun=column("begun") + changed.cum_sum())
    # Heartbeats before the first other event belong to no visit.
    others = (~column("is_ping")).cum_sum().over("begun")
    on_site = on_site.with_columns(visit=pl.when(others > 0).then(column("begun").cast(pl.UInt32)))
    mails = rows.filter("is_mail").with_columns(visit=pl.lit(None, pl.UInt32))
    return pl.concat([on_site.drop("begun"), mails])


def described(events: pl.LazyFrame) -> pl.LazyFrame:
    """`numbered` events -> `row` with VISITS and the visit's touch."""
    column = pl.col
    counts = ~column("is_ping") & ~column("is_again")
    pages = column("page").filter(column("is_view") & column("page").is_not_null())
    visits = (
        events.filter(column("visit").is_not_null())
        .group_by("visit")
        .agg(
            *(column(name).filter(column("source").is_not_null()).first() for name in TOUCH),
            visit_start=column("time").first(),
            length=column("time").last() - column("time").first(),
            hits=counts.sum(),
            rows=(~column("is_again")).sum(),
            visit_views=(column("is_view") & counts).sum().cast(pl.Int64),
            entry_page=pages.first(),
            exit_page=pages.last(),
        )
        .with_columns(
            channel=column("channel").fill_null("Direct"),
            source=column("source").fill_null("(direct)"),
            medium=column("medium").fill_null("(none)"),
            single_hit=column("hits") == 1,
            visit_seconds=pl.when(column("rows") > 1).then(column("length").dt.total_microseconds() / 1_000_000),
        )
    )
    return (
        events.select("row", "visit", "first_seen").join(visits, on="visit", how="left").select("row", *TOUCH, *VISITS)
    )


def within(events: pl.LazyFrame, since: datetime | None, until: datetime | None) -> pl.LazyFrame:
    """Events with VISITS, whose visits all begin within the period: `visit` is null where it does not."""
    start = pl.col("visit_start")
    is_in = pl.lit(value=True)
    if since:
        is_in &= start >= since
    if until:
        is_in &= start < until
    return events.with_columns(visit=pl.when(is_in).then("visit"))
