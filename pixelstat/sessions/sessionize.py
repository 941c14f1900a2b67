"""Cut each visitor's events into sessions, which users see as visits.

Two events belong to one session if no more than the timeout lies between them: exactly 30:00 stays, one second more
begins another (as in Google Analytics 4; Matomo splits at 30:00, Plausible at 31:00). A heartbeat makes a session
longer and never begins one. An event begins one at any time if the pixel says so. What happens in a mailbox, an open or
a click in an email, belongs to no session, and neither does an event without a visitor. Events of one second keep the
order of the logs, but heartbeats come last.

All events of the logs decide where a session begins and ends, whatever period or condition a report has. A session
belongs to its start: its day is that of its first event. Its source is the first that its events show. But once it has
shown a page, only campaigns and click ids from outside count: a referrer is then a return from a payment or a mail. A
campaign on a link between two pages of one host never counts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import polars as pl

from pixelstat.analysis.time_series import bucket_start, truncate_local
from pixelstat.enrich.channels import ATTRIBUTION, CAMPAIGN, CLICK_ID, OWN_LINK
from pixelstat.frames.batches import tap_whole
from pixelstat.frames.columns import internal
from pixelstat.frames.division import count_seconds
from pixelstat.schemas import SEPARATOR, UTC_TIME, VISITS
from pixelstat.sessions.attribution import attribute_events, prepare_touch_columns
from pixelstat.sessions.shown_sources import ANY_TIME, AT_ENTRY, ATTRIBUTED, fill_direct, read_shown
from pixelstat.sessions.touches import ATTRIBUTED_CHANNEL, AttributionRules
from pixelstat.traffic.deduplication import unite_identical_copies
from pixelstat.vocabulary import is_email_click, is_email_event, is_page_view

PAGE_COLUMNS = ("entry_page", "exit_page")
MARKS = ("is_new_visit", "event_number")  # columns of EVENTS that are null in most logs, and then not looked at
SOURCE_TEXT = internal("campaign")  # source, medium and campaign of an event that shows a source, as one text
EVENT_ATTRIBUTION = {name: internal(f"event {name}") for name in ATTRIBUTION}  # what the event itself shows
# Factors in the sort key: 32 bits for the row, 1 for a heartbeat, 58 for the time.
_PING, _TIME, _VISITOR = 1 << 32, 1 << 33, 1 << 91


@dataclass(frozen=True)
class SessionRules:
    """Where one session ends and the next begins."""

    timeout: timedelta = timedelta(minutes=30)
    midnight: ZoneInfo | None = None  # the next day in this zone begins another session
    campaign: bool = False  # another source, medium or campaign begins another session
    restores_sources: bool = False  # after the conditions, an event has the source again that it shows itself
    attribution: AttributionRules | None = None  # None: no event is attributed to a touch


def needs_sessions(columns: Iterable[str]) -> bool:
    """Return whether one of these columns is known only of a session."""
    return not {*VISITS, *ATTRIBUTION}.isdisjoint(columns)


def sessionize(events: pl.LazyFrame, rules: SessionRules) -> pl.LazyFrame:
    """Add the columns of VISITS to EVENTS, and give source, medium, keyword and channel of the session to each event.

    Needs `hit` and `first`. All rows are looked at together. `visit` is null for an event outside of any session,
    which keeps its own source. The other columns are null too, except `first_seen`, which belongs to the visitor.

    With `attribution`, each of TOUCH_COLUMNS gets a column beside it with its value at the touch that the event is
    attributed to, see `attributed_column`. An event without a touch keeps its own value. IS_TOUCH flags the touches.
    """
    # Polars passes only the columns that later steps use. So each column of a session starts as the column that it is
    # made of, and `tap_whole` uses those that all of them need.
    sources = {name: pl.col("page") for name in PAGE_COLUMNS}
    is_own_link = (pl.col("source_basis") == OWN_LINK).fill_null(value=False)
    shows_source = pl.col("channel").is_not_null() & ~is_own_link  # "" marks a value that an event with a source omits
    sources |= {EVENT_ATTRIBUTION[name]: pl.col(name) for name in ATTRIBUTION}
    is_from_outside = pl.col("source_basis").is_in([CAMPAIGN, CLICK_ID])
    counts = pl.when(is_from_outside).then(pl.lit(ANY_TIME)).otherwise(pl.lit(AT_ENTRY))
    sources |= {name: pl.when(shows_source).then(counts + pl.col(name).fill_null("")) for name in ATTRIBUTION}
    sources |= {name: pl.lit(None, dtype).alias(name) for name, dtype in VISITS.items() if name not in sources}
    if rules.attribution:
        sources |= prepare_touch_columns(shows_source, counts)
    text = pl.concat_str(pl.col("source", "medium", "utm_campaign").fill_null(""), separator=SEPARATOR)
    is_ping = pl.col("event").eq_missing(pl.lit("ping"))  # a heartbeat begins no session, whatever its campaign
    shows_campaign = ~is_ping & ~is_own_link & pl.col("source").is_not_null()
    campaign = pl.when(shows_campaign).then(text) if rules.campaign else pl.lit(None, pl.String)
    prepared = events.with_columns(campaign.alias(SOURCE_TEXT), **sources)
    needed = ["time", "visitor", "event", "hit", "first", *MARKS, *([SOURCE_TEXT] if rules.campaign else [])]
    needed += [ATTRIBUTED_CHANNEL] if rules.attribution else []
    sessions = tap_whole(prepared, partial(fill_session_columns, rules=rules), needed).drop(SOURCE_TEXT)
    is_outside = pl.col("visit").is_null()
    attributed = [
        pl.when(is_outside).then(event_name).otherwise(name).alias(name)
        for name, event_name in EVENT_ATTRIBUTION.items()
    ]
    sessions = sessions.with_columns(attributed)
    return sessions if rules.restores_sources else sessions.drop(EVENT_ATTRIBUTION.values())


def restore_sources(events: pl.LazyFrame, rules: SessionRules) -> pl.LazyFrame:
    """Replace the source of the session with the event's own source if `restores_sources` is set."""
    if not rules.restores_sources:
        return events
    own = [pl.col(event_name).alias(name) for name, event_name in EVENT_ATTRIBUTION.items()]
    return events.with_columns(own).drop(EVENT_ATTRIBUTION.values())


def fill_session_columns(rows: pl.DataFrame, rules: SessionRules) -> pl.DataFrame:
    """Fill the columns of VISITS that the rows have. `sessionize` prepared them; all rows of all logs must be here."""
    by_visitor = number_sessions(sort_by_visitor(rows, rules), rules)
    if by_visitor["is_elsewhere"].any():
        by_visitor = _drop_leading_heartbeats(by_visitor)
    sessions = summarize_sessions(rows, by_visitor)
    visit = pl.Series([None], dtype=pl.UInt32).new_from_index(0, len(rows))
    visit = visit.scatter(by_visitor["row"], by_visitor["visit"])
    if by_visitor["is_copy"].any():
        visit = unite_identical_copies(rows, visit)
    columns = [sessions[name].gather(visit - 1).alias(name) for name in sessions.columns if name not in ATTRIBUTED]
    if "visit" in rows.columns:
        columns.append(visit.alias("visit"))
    if "first_seen" in rows.columns:
        first_seen = pl.Series([None], dtype=UTC_TIME).new_from_index(0, len(rows))
        columns.append(first_seen.scatter(by_visitor["row"], by_visitor["first_seen"]).alias("first_seen"))
    if rules.attribution:
        columns += attribute_events(rows, by_visitor, sessions, rules.timeout, rules.attribution)
    return rows.with_columns(columns)


def sort_by_visitor(rows: pl.DataFrame, rules: SessionRules) -> pl.DataFrame:
    """Return the events that count, and those of other hosts, sorted by visitor, time and row.

    Columns: `row`, `visitor_number`, `time`, `first_seen`, `is_ping`, `is_mail`, `is_view`, `is_elsewhere` (on another
    host than the report is about), `campaign`, those of MARKS that are not null in all rows, and `is_copy`: whether an
    earlier row holds the same hit.
    """
    row = internal("row")
    marks = [name for name in MARKS if rows[name].null_count() < len(rows)]
    is_elsewhere = (pl.col("rejected") == "other_host").fill_null(value=False)
    events = (
        rows.with_row_index(row)
        .filter(pl.col("rejected").is_null() | is_elsewhere, pl.col("visitor").is_not_null())
        .select(
            "time",
            "hit",
            "first",
            *marks,
            row=row,
            visitor_number=pl.col("visitor").cast(pl.Categorical()).to_physical(),
            is_ping=pl.col("event").eq_missing(pl.lit("ping")),
            is_mail=is_email_event(),
            **({"is_click": is_email_click()} if rules.attribution else {}),
            is_view=is_page_view(),
            is_elsewhere=is_elsewhere,
            campaign=SOURCE_TEXT if rules.campaign else pl.lit(None, pl.String),
        )
    )
    # One number is sorted three times as fast as three columns.
    factors = {"visitor_number": _VISITOR, "time": _TIME, "is_ping": _PING}
    sort_key = pl.int_range(pl.len()).cast(pl.Int128)
    for name, factor in factors.items():
        sort_key += pl.col(name).to_physical().cast(pl.Int128) * factor
    order = events.select(sort_key.alias("key")).sort("key").select((pl.col("key") % _PING).cast(pl.UInt32)).to_series()
    by_visitor = events.drop("hit", "first").with_columns(is_copy=_flag_copies(events))[order]
    first_seen = pl.when(_is_next_visitor()).then("time").forward_fill()
    if by_visitor["is_copy"].any():  # a copy of another visitor's order is no event of this one
        first_seen = pl.when(~pl.col("is_copy")).then("time").min().over("visitor_number")
    return by_visitor.with_columns(first_seen=first_seen)


def number_sessions(by_visitor: pl.DataFrame, rules: SessionRules) -> pl.DataFrame:
    """Add `visit` to events from `sort_by_visitor`: 1, 2, 3 ..., null for an event outside of any session.

    With `attribution`, `position` is where an event was among them: here, copies and email events come last.
    """
    if rules.attribution:
        by_visitor = by_visitor.with_row_index("position")
    is_outside = pl.col("is_mail") | pl.col("is_copy")
    site_events, other_events = by_visitor.filter(~is_outside), by_visitor.filter(is_outside)
    starts_session = _is_next_visitor() | (pl.col("time") - pl.col("time").shift() > rules.timeout)
    if rules.midnight:
        day = pl.col("time").dt.convert_time_zone(rules.midnight.key).dt.date()
        starts_session |= day != day.shift()
    if "is_new_visit" in by_visitor.columns:
        starts_session |= pl.col("is_new_visit").fill_null(value=False)
    site_events = site_events.with_columns(starts_session=starts_session)
    if rules.campaign:
        campaign_before = pl.col("campaign").forward_fill().shift().over(pl.col("starts_session").cum_sum())
        changes = (pl.col("campaign") != campaign_before).fill_null(value=False)
        site_events = site_events.with_columns(starts_session=pl.col("starts_session") | changes)
    # Heartbeats before the first other event belong to no session.
    so_far = (~pl.col("is_ping")).cum_sum()
    before_session = pl.when("starts_session").then(so_far - (~pl.col("is_ping")).cast(pl.UInt32)).forward_fill()
    site_events = site_events.with_columns(activity=so_far - before_session)
    is_first = (pl.col("activity") == 1) & ~pl.col("is_ping")
    site_events = site_events.with_columns(
        visit=pl.when(pl.col("activity") > 0).then(is_first.cum_sum().cast(pl.UInt32))
    )
    site_events = site_events.drop("starts_session", "activity", "campaign")
    return (
        site_events
        if other_events.is_empty()
        else pl.concat([site_events, _place_copies(site_events, other_events, rules)])
    )


def _place_copies(site_events: pl.DataFrame, other_events: pl.DataFrame, rules: SessionRules) -> pl.DataFrame:
    """Assign copies of hits to the session around them, which they do not extend; email events belong to none."""
    latest = site_events.select("visitor_number", "time", session="visit", session_time="time").sort("time")
    other_events = (
        other_events.drop("campaign")
        .sort("time")
        .join_asof(latest, on="time", by="visitor_number", check_sortedness=False)
    )
    is_within = pl.col("time") - pl.col("session_time") <= rules.timeout
    is_inside = pl.col("is_copy") & ~pl.col("is_mail") & is_within
    columns = [name for name in site_events.columns if name != "visit"]
    return other_events.select(*columns, visit=pl.when(is_inside).then("session"))


def _is_next_visitor() -> pl.Expr:
    """Return whether the events of another visitor begin at this row."""
    return (pl.col("visitor_number") != pl.col("visitor_number").shift()).fill_null(value=True)


def _flag_copies(events: pl.DataFrame) -> pl.Series:
    """Return whether each row is a later copy of a hit: by time, then by `first`, then by row."""
    is_copy = pl.Series("is_copy", [False]).new_from_index(0, len(events))
    if events["hit"].n_unique() == len(events):
        return is_copy
    order = events.select("time", "first", "row", place=pl.int_range(pl.len())).sort("time", "first", "row")["place"]
    return is_copy.scatter(order, ~events["hit"].gather(order).is_first_distinct())


def _drop_leading_heartbeats(by_visitor: pl.DataFrame) -> pl.DataFrame:
    """Set `visit` to null for heartbeats on the report's host in front of the first other event there."""
    is_activity = ~pl.col("is_ping") & ~pl.col("is_elsewhere") & ~pl.col("is_copy")
    is_leading = ~pl.col("is_elsewhere") & (is_activity.cum_sum().over("visit") == 0)
    return by_visitor.with_columns(visit=pl.when(~is_leading).then("visit"))


def summarize_sessions(rows: pl.DataFrame, by_visitor: pl.DataFrame) -> pl.DataFrame:
    """Return one row a session, in the order of their numbers, with those columns of VISITS that the rows have.

    Events on other hosts than the report is about decide where sessions begin and end, and what their source is. All
    other columns describe the part of a session on that host, and are null where there is none.
    """
    events = by_visitor.filter(pl.col("visit").is_not_null() & ~pl.col("is_copy"))
    events_here = events.filter(~pl.col("is_elsewhere"))
    used = {*rows.columns}  # without the source of the sessions, or of the events, there is nothing to fill in
    sources = [name for name in ATTRIBUTION if {name, EVENT_ATTRIBUTION[name]} <= used]
    sources += [name for name in ATTRIBUTED if name in used]
    sessions = measure_sessions(rows, events, [*sources, *({"visit_number"} & used)])
    measures = measure_sessions(rows, events_here, [name for name in VISITS if name in used - {"visit_number"}])
    if len(events) == len(events_here):
        return pl.concat([sessions, measures.drop("visit")], how="horizontal").drop("visit")
    return sessions.join(measures, on="visit", how="left", maintain_order="left").drop("visit")


def measure_sessions(rows: pl.DataFrame, events: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Return one row a session of these events: `visit`, and the columns of VISITS and ATTRIBUTION that are named."""
    visit = events["visit"]
    first = events.select((visit != visit.shift()).fill_null(value=True).arg_true()).to_series()
    last = events.select((visit != visit.shift(-1)).fill_null(value=True).arg_true()).to_series()

    def total(counts: pl.Series) -> pl.Series:
        running = counts.cast(pl.Int64).cum_sum()
        return running.gather(last) - running.gather(first) + counts.gather(first).cast(pl.Int64)

    def end_value(values: pl.Series, *, is_last: bool = False) -> pl.Series:
        """Return the first value of each session that is not null, or its last; null where it has none."""
        place = pl.select(pl.when(values.is_not_null()).then(pl.int_range(len(values), dtype=pl.UInt32))).to_series()
        place = (place.forward_fill().gather(last)) if is_last else (place.backward_fill().gather(first))
        is_same_session = visit.gather(place) == visit.gather(first)
        return values.gather(pl.select(pl.when(is_same_session).then(place)).to_series())

    is_activity, size = ~events["is_ping"], last - first + 1
    if "event_number" in events.columns:  # a page view beside an event of the same request is no act of its own
        is_companion = (events["event_number"] == 0).fill_null(value=False)
        is_activity, size = is_activity & ~is_companion, size - total(is_companion)
    has_sources = not {*names}.isdisjoint([*ATTRIBUTION, *ATTRIBUTED])
    is_entry = _flag_entry(events) if has_sources else pl.Series(dtype=pl.Boolean)
    columns = {"visit": visit.gather(first)}
    for name in names:
        if name == "visit_start":
            columns[name] = events["time"].gather(first)
        elif name == "visit_number":
            visitor = events["visitor_number"].gather(first)
            number = pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("visitor")
            columns[name] = visitor.to_frame("visitor").select(number).to_series()
        elif name == "visit_seconds":
            length = count_seconds(pl.lit(events["time"].gather(last) - events["time"].gather(first)))
            columns[name] = pl.select(pl.when(size > 1).then(length)).to_series()
        elif name == "visit_views":
            columns[name] = total(events["is_view"])
        elif name == "is_bounce":
            columns[name] = total(is_activity) == 1
        elif name in PAGE_COLUMNS:
            pages = rows[name].gather(events["row"])
            pages = pl.select(pl.when(events["is_view"]).then(pages)).to_series()
            columns[name] = end_value(pages, is_last=name == "exit_page")
        elif name in ATTRIBUTION or name in ATTRIBUTED:
            shown = rows[name].gather(events["row"])
            counts = is_entry | shown.str.starts_with(ANY_TIME)
            value = read_shown(name, end_value(pl.select(pl.when(counts).then(shown)).to_series()))
            columns[name] = fill_direct(name, value)
    return pl.DataFrame(columns, schema={"visit": pl.UInt32(), **{name: rows.schema[name] for name in [*columns][1:]}})


def _flag_entry(events: pl.DataFrame) -> pl.Series:
    """Return whether each event is not later than the first page view of its session."""
    first_view = pl.when("is_view").then("time").min().over("visit")
    return events.select((pl.col("time") <= first_view).fill_null(value=True)).to_series()


def session_open_until(rules: SessionRules) -> pl.Expr:
    """Return the last time at which the session of an event may go on; null where the visitor has a later session.

    Needs the columns `visitor`, `visit_start` and `visit_seconds` of all events.
    """
    start = pl.col("visit_start")
    end = start + pl.duration(microseconds=(pl.col("visit_seconds").fill_null(0) * 1_000_000).round().cast(pl.Int64))
    open_until = end + rules.timeout
    if rules.midnight:
        next_day = truncate_local(end, "day", rules.midnight.key).dt.offset_by("1d")
        midnight = bucket_start(next_day, "day", rules.midnight.key).dt.convert_time_zone("UTC")
        open_until = pl.min_horizontal(open_until, midnight)
    return pl.when(start == start.max().over("visitor")).then(open_until)


def limit_to_period(events: pl.LazyFrame, since: datetime | None, until: datetime | None) -> pl.LazyFrame:
    """Set `visit` to null where the session does not begin within the period, from `since` to before `until`."""
    start = pl.col("visit_start")
    is_inside = pl.lit(value=True)
    if since:
        is_inside &= start >= since
    if until:
        is_inside &= start < until
    return events.with_columns(visit=pl.when(is_inside).then("visit"))
