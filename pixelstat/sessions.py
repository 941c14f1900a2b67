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

from pixelstat.enrich.channels import TOUCH
from pixelstat.schemas import UTC_TIME, VISITS
from pixelstat.vocabulary import is_email_event, is_page_view

APART = "\x1f"
PAGES = ("entry_page", "exit_page")
OF_DIRECT = {"channel": "Direct", "source": "(direct)", "medium": "(none)"}  # of a visit that shows none


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
    # A function is handed what is asked for behind it. So each column of a visit stands there before as what it is
    # made of, and what all need is asked for behind.
    column = pl.col
    made_of = {name: column("page") for name in PAGES}
    if cut.names_source:  # an event that shows where its visitor came from has a channel, and "" for what else it knows
        shows = column("channel").is_not_null()
        made_of |= {f"own {name}": column(name) for name in TOUCH}
        made_of |= {name: pl.when(shows).then(column(name).fill_null("")) for name in TOUCH}
    made_of |= {name: pl.lit(None, dtype).alias(name) for name, dtype in VISITS.items() if name not in made_of}
    campaign = pl.concat_str(column("source", "medium", "utm_campaign").fill_null(""), separator=APART)
    touch = pl.when(column("source").is_not_null()).then(campaign) if cut.campaign else pl.lit(None, pl.String)
    prepared = events.with_columns(touch.alias("own touch"), **made_of)
    found = prepared.map_batches(lambda rows: told(rows, cut), projection_pushdown=True)
    needed = ["time", "visitor", "event", "hit", "first", *(["own touch"] if cut.campaign else [])]
    asked = pl.any_horizontal(column(name).is_null() for name in needed)
    found = found.with_columns(rejected=pl.when(asked | ~asked).then("rejected"))
    if cut.names_source:
        is_of_none = column("visit").is_null()
        found = found.with_columns(
            pl.when(is_of_none).then(f"own {name}").otherwise(name).alias(name) for name in TOUCH
        )
    return found.drop(f"own {name}" for name in ("touch", *(TOUCH if cut.names_source else ())))


def told(rows: pl.DataFrame, cut: Cut) -> pl.DataFrame:
    """Rows of events with those of the columns of a visit that they have, told by all rows."""
    by_visitor = numbered(in_order(rows, cut), cut)
    visits = described(rows, by_visitor)
    nothing = pl.Series([None], dtype=pl.UInt32).new_from_index(0, len(rows))
    visit = nothing.scatter(by_visitor["row"], by_visitor["visit"])
    found = [visits[name].gather(visit - 1).alias(name) for name in visits.columns]
    if "visit" in rows.columns:
        found.append(visit.alias("visit"))
    if "first_seen" in rows.columns:
        seen = pl.Series([None], dtype=UTC_TIME).new_from_index(0, len(rows))
        found.append(seen.scatter(by_visitor["row"], by_visitor["first_seen"]).alias("first_seen"))
    return rows.with_columns(found)


def in_order(rows: pl.DataFrame, cut: Cut) -> pl.DataFrame:
    """Rows of events -> those that count, by visitor and time: row, who, time, first_seen, and what they are."""
    column = pl.col
    events = (
        rows.with_row_index("its row")  # no column of one's own has a space in its name
        .filter(column("rejected").is_null(), column("visitor").is_not_null())
        .select(
            "time",
            "hit",
            "first",
            row="its row",
            who=column("visitor").cast(pl.Categorical()).to_physical(),
            is_ping=column("event").eq_missing(pl.lit("ping")),
            is_mail=is_email_event(),
            is_view=is_page_view(),
            touch="own touch" if cut.campaign else pl.lit(None, pl.String),
        )
    )
    # One number is sorted three times as fast as three columns; a time takes 56 bits, a row 32.
    key = column("who").cast(pl.Int128) * _VISITOR + column("time").to_physical().cast(pl.Int128) * _PLACE
    key += pl.int_range(pl.len()).cast(pl.Int128)
    place = events.select(key.alias("key")).sort("key").select((column("key") % _PLACE).cast(pl.UInt32)).to_series()
    by_visitor = events.drop("hit", "first").with_columns(is_again=_is_again(events))[place]
    return by_visitor.with_columns(first_seen=pl.when(_is_another()).then("time").forward_fill())


def numbered(by_visitor: pl.DataFrame, cut: Cut) -> pl.DataFrame:
    """Events `in_order` with `visit`: 1, 2, 3 ..., null for an event of none."""
    column = pl.col
    of_none = column("is_mail") | column("is_again")
    on_site, others = by_visitor.filter(~of_none), by_visitor.filter(of_none)
    starts = _is_another() | (column("time") - column("time").shift() > cut.timeout)
    if cut.midnight:
        day = column("time").dt.convert_time_zone(cut.midnight.key).dt.date()
        starts |= day != day.shift()
    on_site = on_site.with_columns(begins=starts)
    if cut.campaign:
        before = column("touch").forward_fill().shift().over(column("begins").cum_sum())
        on_site = on_site.with_columns(begins=column("begins") | (column("touch") != before).fill_null(value=False))
    # Heartbeats before the first other event belong to no visit.
    so_far = (~column("is_ping")).cum_sum()
    before_it = pl.when("begins").then(so_far - (~column("is_ping")).cast(pl.UInt32)).forward_fill()
    on_site = on_site.with_columns(nth=so_far - before_it)
    is_first = (column("nth") == 1) & ~column("is_ping")
    on_site = on_site.with_columns(visit=pl.when(column("nth") > 0).then(is_first.cum_sum().cast(pl.UInt32)))
    on_site = on_site.drop("begins", "nth", "touch")
    if others.is_empty():
        return on_site
    # What stands there again belongs to the visit that it lies in, and makes it no longer.
    latest = on_site.select("who", "time", of="visit", at="time")
    others = (
        others.drop("touch").sort("time").join_asof(latest.sort("time"), on="time", by="who", check_sortedness=False)
    )
    is_in = column("is_again") & ~column("is_mail") & (column("time") - column("at") <= cut.timeout)
    return pl.concat([on_site, others.select(*on_site.columns[:-1], visit=pl.when(is_in).then("of"))])


_PLACE, _VISITOR = 1 << 32, 1 << 90  # of the time and the visitor in the number that events are sorted by


def _is_another() -> pl.Expr:
    """Another visitor's events begin here."""
    return (pl.col("who") != pl.col("who").shift()).fill_null(value=True)


def _is_again(events: pl.DataFrame) -> pl.Series:
    """Whether a hit stands at an earlier time too, or of one time is not its `first`, or stands in an earlier row."""
    again = pl.Series("is_again", [False]).new_from_index(0, len(events))
    if events["hit"].n_unique() == len(events):
        return again
    order = events.select("time", "first", "row", place=pl.int_range(pl.len())).sort("time", "first", "row")["place"]
    return again.scatter(order, ~events["hit"].gather(order).is_first_distinct())


def described(rows: pl.DataFrame, by_visitor: pl.DataFrame) -> pl.DataFrame:
    """One row a visit, in the order of their numbers, with those columns of a visit that the rows have."""
    column = pl.col
    own = by_visitor.filter(column("visit").is_not_null() & ~column("is_again"))
    visit = own["visit"]
    first = own.select((visit != visit.shift()).fill_null(value=True).arg_true()).to_series()
    last = own.select((visit != visit.shift(-1)).fill_null(value=True).arg_true()).to_series()

    def total(counts: pl.Series) -> pl.Series:
        summed = counts.cast(pl.Int64).cum_sum()
        return summed.gather(last) - summed.gather(first) + counts.gather(first).cast(pl.Int64)

    def shown(of: pl.Series, *, is_last: bool = False) -> pl.Series:
        """The first text of each visit, or its last; null where it has none."""
        place = pl.select(pl.when(of.is_not_null()).then(pl.int_range(len(of), dtype=pl.UInt32))).to_series()
        place = (place.forward_fill().gather(last)) if is_last else (place.backward_fill().gather(first))
        is_own = visit.gather(place) == visit.gather(first)
        return of.gather(pl.select(pl.when(is_own).then(place)).to_series())

    counts = ~own["is_ping"]
    told: dict[str, pl.Series] = {}
    for name in (name for name in (*VISITS, *TOUCH) if name in rows.columns):
        if name == "visit_start":
            told[name] = own["time"].gather(first)
        elif name == "visit_seconds":
            length = (own["time"].gather(last) - own["time"].gather(first)).dt.total_microseconds() / 1_000_000
            told[name] = pl.select(pl.when(last > first).then(length)).to_series()
        elif name == "visit_views":
            told[name] = total(own["is_view"] & counts)
        elif name == "single_hit":
            told[name] = total(counts) == 1
        elif name in PAGES:
            pages = rows[name].gather(own["row"])
            pages = pl.select(pl.when(own["is_view"]).then(pages)).to_series()
            told[name] = shown(pages, is_last=name == "exit_page")
        elif name in TOUCH and f"own {name}" in rows.columns:
            found = shown(rows[name].gather(own["row"])).replace("", None)
            told[name] = found.fill_null(OF_DIRECT[name]) if name in OF_DIRECT else found
    return pl.DataFrame(told, schema={name: rows.schema[name] for name in told})


def within(events: pl.LazyFrame, since: datetime | None, until: datetime | None) -> pl.LazyFrame:
    """Events with VISITS, whose visits all begin within the period: `visit` is null where it does not."""
    start = pl.col("visit_start")
    is_in = pl.lit(value=True)
    if since:
        is_in &= start >= since
    if until:
        is_in &= start < until
    return events.with_columns(visit=pl.when(is_in).then("visit"))
