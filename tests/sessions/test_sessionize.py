"""Where a visit begins and ends, and what is known of it: cases to count by hand, and a plain loop."""

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from itertools import groupby
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelstat.schemas import EVENTS, Reason
from pixelstat.sessions.sessionize import SessionRules, limit_to_period, session_open_until, sessionize
from tests.builders import distinct_events, instant
from tests.marks import slow_after

DAY = datetime(2026, 9, 7, tzinfo=timezone.utc)


def events(*rows: dict[str, object]) -> pl.LazyFrame:
    """EVENTS of one visitor unless said otherwise, page views of `/` unless said otherwise; `at` in seconds."""
    full = [
        {"visitor": "v:ann", "event": "page_view", "page": "/", **row, "time": DAY + timedelta(seconds=row["at"])}  # type: ignore[arg-type]
        for row in rows
    ]
    plain = [{name: value for name, value in row.items() if name != "at"} for row in full]
    return distinct_events(plain)


def cut(*rows: dict[str, object], **how: object) -> pl.DataFrame:
    return sessionize(events(*rows), SessionRules(**how)).collect()  # type: ignore[arg-type]


def visits(*seconds: int, **how: object) -> list[int]:
    """The visit of each event, numbered from 0 in the order of time."""
    rows: list[dict[str, object]] = [{"at": second} for second in seconds]
    numbers = cut(*rows, **how)["visit"].to_list()
    return [sorted(set(numbers)).index(number) for number in numbers]


def test_a_pause_of_30_minutes_continues_a_visit_and_a_second_more_begins_another() -> None:
    assert visits(0, 1800) == [0, 0]
    assert visits(0, 1801) == [0, 1]
    assert visits(0, 1800, 3600, 5400) == [0, 0, 0, 0]
    assert visits(0, 61, timeout=timedelta(minutes=1)) == [0, 1]


def test_midnight_begins_a_visit_only_with_the_option_and_in_its_zone() -> None:
    before, after = 23 * 3600 + 50 * 60, 24 * 3600 + 10 * 60
    assert visits(before, after) == [0, 0]
    assert visits(before, after, midnight=ZoneInfo("UTC")) == [0, 1]
    assert visits(before, after, midnight=ZoneInfo("Europe/Berlin")) == [0, 0]


def test_another_campaign_begins_a_visit_only_with_the_option_and_not_after_direct() -> None:
    def of(*touches: str | None, campaign: bool) -> list[int]:
        rows: list[dict[str, object]] = [{"at": place, "source": touch} for place, touch in enumerate(touches)]
        return cut(*rows, campaign=campaign)["visit"].to_list()

    assert len(set(of("mail", "google", campaign=False))) == 1
    assert len(set(of("mail", None, "mail", "google", None, "mail", campaign=True))) == 3
    assert len(set(of(None, "mail", None, campaign=True))) == 1


def test_a_heartbeat_makes_a_visit_longer_and_never_begins_one() -> None:
    ping = {"event": "ping"}
    kept = cut({"at": 0}, {"at": 1700, **ping}, {"at": 3400})
    assert kept["visit"].n_unique() == 1
    alone = cut({"at": 0, **ping}, {"at": 10, **ping})
    assert alone["visit"].to_list() == [None, None]
    stray = cut({"at": 0}, {"at": 4000, **ping}, {"at": 4010})
    assert stray["visit"].is_null().to_list() == [False, True, False]
    assert stray["visit"].drop_nulls().n_unique() == 2


def test_an_event_begins_a_visit_if_its_pixel_says_so() -> None:
    new = {"is_new_visit": True}
    rows = cut({"at": 0, **new}, {"at": 10}, {"at": 20, **new}, {"at": 30}, {"at": 15, "visitor": "v:ben"})
    numbers = rows["visit"].to_list()
    assert [numbers.index(number) for number in numbers] == [0, 0, 2, 2, 4]
    assert rows["visit_views"].to_list() == [2, 2, 2, 2, 1]


def test_a_page_view_beside_an_event_of_its_request_is_no_act_of_its_own() -> None:
    both: list[dict[str, object]] = [
        {"at": 0, "event_number": 0},
        {"at": 0, "event_number": 1, "event": "product_view"},
    ]
    alone = cut(*both).select("visit_views", "is_bounce", "visit_seconds").unique()
    assert alone.rows() == [(1, True, None)]
    longer = cut(*both, {"at": 9, "event": "ping"}).select("visit_views", "is_bounce", "visit_seconds").unique()
    assert longer.rows() == [(1, True, 9.0)]
    of_a_batch = (
        cut({"at": 0, "event_number": 1}, {"at": 0, "event_number": 2})
        .select("visit_views", "is_bounce", "visit_seconds")
        .unique()
    )
    assert of_a_batch.rows() == [(2, False, 0.0)]


def test_opens_and_clicks_in_a_mailbox_belong_to_no_visit() -> None:
    rows = cut({"at": 0, "event": "open"}, {"at": 5, "event": "click_email"}, {"at": 6})
    assert rows["visit"].is_null().to_list() == [True, True, False]
    assert rows["visit_start"].to_list()[2] == DAY + timedelta(seconds=6)
    assert rows["first_seen"].unique().to_list() == [DAY]


def test_events_of_a_visit_have_its_pages_length_and_source() -> None:
    rows = cut(
        {
            "at": 60,
            "page": "/b",
            "source": "bing",
            "medium": "cpc",
            "channel": "Paid Search",
            "source_basis": "click_id",
        },
        {"at": 0, "page": "/a"},
        {"at": 60, "page": "/b", "event": "add_to_cart"},
        {"at": 90, "page": "/c"},
        {"at": 120, "event": "ping", "page": "/c"},
        {"at": 20, "visitor": "v:ben", "page": "/x"},
        {"at": 21, "visitor": None},
    )
    told = rows.select(
        "visit_start", "visit_seconds", "visit_views", "is_bounce", "entry_page", "exit_page", "source", "channel"
    ).rows()
    ann = (DAY, 120.0, 3, False, "/a", "/c", "bing", "Paid Search")
    assert told[:5] == [ann] * 5
    assert told[5] == (DAY + timedelta(seconds=20), None, 1, True, "/x", "/x", "(direct)", "Direct")
    assert told[6] == (None,) * 8


MAIL = {"source": "mail", "medium": "email", "channel": "Email", "source_basis": "campaign"}
SEARCH = {"source": "google", "medium": "organic", "channel": "Organic Search", "source_basis": "referrer"}
BANNER = {"source": "home", "medium": "banner", "channel": "Display", "source_basis": "own_campaign"}
PROMOTION = {**BANNER, "source_basis": "own_link"}
FRIEND = {"source": "friend", "channel": "Unassigned", "source_basis": "ref"}
AD = {"source": "google", "medium": "cpc", "channel": "Paid Search", "source_basis": "click_id"}
CART: dict[str, object] = {"event": "add_to_cart"}


@pytest.mark.parametrize(
    ("rows", "source", "medium"),
    [
        ([{}, SEARCH], "(direct)", "(none)"),  # a return from a payment, a sign-in or a mailbox
        ([SEARCH, MAIL], "google", "organic"),
        ([{}, MAIL], "mail", "email"),
        ([{}, SEARCH, AD, MAIL], "google", "cpc"),
        ([{}, BANNER], "(direct)", "(none)"),
        ([BANNER, {}], "home", "banner"),  # over a redirect of the site
        ([PROMOTION, {}], "(direct)", "(none)"),
        ([PROMOTION, {}, MAIL], "mail", "email"),
        ([FRIEND, {}], "friend", "(not set)"),
        ([{}, FRIEND], "(direct)", "(none)"),
        ([CART, SEARCH], "google", "organic"),
        ([CART, CART | SEARCH], "google", "organic"),
        ([{}, {"at": 0} | CART | SEARCH], "google", "organic"),  # another pixel of the first page
        ([{"channel": "Unassigned", "source": "news", "source_basis": "campaign"}], "news", "(not set)"),
        ([{"channel": "Email", "medium": "email", "source_basis": "campaign"}, AD], "(not set)", "email"),
    ],
)
def test_after_its_first_page_only_a_campaign_or_a_click_id_from_outside_gives_a_visit_its_source(
    rows: list[dict[str, object]], source: str, medium: str
) -> None:
    told = cut(*({"at": 10 * place, **row} for place, row in enumerate(rows))).select("source", "medium").unique()
    assert told.rows() == [(source, medium)]


def test_a_hit_that_is_logged_twice_is_one_view_of_a_visit() -> None:
    twice = events({"at": 0}, {"at": 0}).with_columns(hit=pl.lit(7, pl.UInt64))
    row = sessionize(twice, SessionRules()).collect().row(0, named=True)
    assert (row["visit_views"], row["is_bounce"], row["visit_seconds"]) == (1, True, None)


def test_copies_of_a_heartbeat_in_front_of_a_visit_belong_to_no_visit() -> None:
    ping: dict[str, object] = {"at": 0, "event": "ping"}
    rows = events(ping, ping, {"at": 1}).with_columns(hit=pl.Series([7, 7, 8], dtype=pl.UInt64))
    assert sessionize(rows, SessionRules()).collect()["visit"].to_list() == [None, None, 1]


def test_an_order_that_is_reloaded_makes_its_visit_no_longer() -> None:
    rows = cut(
        {"at": 0}, {"at": 60, "event": "purchase"}, {"at": 600, "event": "purchase"}, {"at": 9000, "event": "purchase"}
    )
    assert rows["visit"].n_unique() == 2
    again = (
        rows.lazy()
        .select(EVENTS.names())
        .with_columns(
            hit=pl.when(pl.col("event") == "purchase").then(7).otherwise("hit"),
            first=pl.when(pl.col("event") == "purchase").then(pl.col("time").to_physical()).cast(pl.Int128),
        )
    )
    told = sessionize(again.cast({"hit": pl.UInt64}), SessionRules()).collect()
    assert told["visit"].to_list() == [1, 1, 1, None]
    assert told["visit_seconds"].to_list() == [60.0, 60.0, 60.0, None]


@pytest.mark.parametrize("order", [[1, 2, 3], [3, 2, 1], [2, 3, 1]])
def test_an_order_of_several_visitors_in_one_second_is_in_the_visit_of_its_first_hit(order: list[int]) -> None:
    rows = [{"at": 0, "event": "purchase", "visitor": f"v:{n}"} for n in order]
    same = events(*rows).with_columns(hit=pl.lit(7, pl.UInt64), first=pl.col("visitor").str.slice(2).cast(pl.Int64) % 3)
    told = sessionize(same, SessionRules()).collect()
    assert told.filter(pl.col("visit").is_not_null())["visitor"].to_list() == ["v:3"]


def test_rejected_events_belong_to_no_visit() -> None:
    rows = cut({"at": 0}, {"at": 1000, "rejected": "bot"}, {"at": 2500})
    assert rows["visit"].is_null().to_list() == [False, True, False]
    assert rows["visit"].drop_nulls().n_unique() == 2


@pytest.mark.parametrize("is_reversed", [False, True])
def test_a_heartbeat_comes_last_in_its_second(*, is_reversed: bool) -> None:
    second: list[dict[str, object]] = [{"at": 0}, {"at": 0, "event": "ping"}]
    rows = cut(*(second[::-1] if is_reversed else second))
    assert rows.select("visit", "visit_seconds").rows() == [(1, 0.0), (1, 0.0)]


def test_heartbeats_alone_are_no_visit_on_a_host() -> None:
    rows = events({"at": 0}, {"at": 60, "event": "ping"}, {"at": 120}, {"at": 180, "event": "ping"})
    elsewhere = pl.Series(["other_host", None, "other_host", None], dtype=Reason)
    assert sessionize(rows.with_columns(rejected=elsewhere), SessionRules()).collect()["visit"].to_list() == [
        1,
        None,
        1,
        None,
    ]
    begun = pl.Series(["other_host", None, None, None], dtype=Reason)
    found = sessionize(rows.with_columns(rejected=begun), SessionRules()).collect()
    assert found.select("visit", "visit_start").rows()[1:] == [
        (None, None), (1, DAY + timedelta(seconds=120)), (1, DAY + timedelta(seconds=120)),
    ]  # fmt: skip


def test_a_visitor_is_not_seen_first_by_a_copy_of_another_visitors_order() -> None:
    rows = events(
        {"at": 0, "event": "purchase"},
        {"at": 60, "event": "purchase", "visitor": "v:ben"},
        {"at": 9000, "visitor": "v:ben"},
    )
    is_purchase = pl.col("event") == "purchase"
    copies = rows.with_columns(
        hit=pl.when(is_purchase).then(pl.lit(7, pl.UInt64)).otherwise("hit"),
        first=pl.when(is_purchase).then(pl.col("time").to_physical()).cast(pl.Int128),
    )
    assert sessionize(copies, SessionRules()).collect()["first_seen"].to_list()[2] == DAY + timedelta(seconds=9000)


def test_visits_of_a_visitor_are_numbered_from_1() -> None:
    rows = cut({"at": 0}, {"at": 1, "visitor": "v:ben"}, {"at": 4000}, {"at": 5000, "event": "open"}, {"at": 9000})
    assert rows["visit_number"].to_list() == [1, 1, 2, None, 3]


def test_events_on_other_hosts_cut_visits_and_show_their_source_and_are_not_measured() -> None:
    rejected = events(
        {"at": 0, "page": "/x", "channel": "Email", "source": "news"},
        {"at": 1200, "page": "/y"},
        {"at": 2400, "page": "/z"},
        {"at": 9000, "page": "/x"},
    ).with_columns(rejected=pl.Series(["other_host", None, "other_host", "other_host"], dtype=Reason))
    rows = sessionize(rejected, SessionRules()).collect()
    columns = ("visit", "visit_start", "visit_views", "is_bounce", "entry_page", "exit_page", "source")
    here = (1, DAY + timedelta(seconds=1200), 1, True, "/y", "/y", "news")
    assert rows.select(columns).rows() == [here] * 3 + [(2, None, None, None, None, None, "(direct)")]


def test_no_events_give_no_visits() -> None:
    assert cut().is_empty()


# -- timeout ---------------------------------------------------------------------------------------------------------


def test_the_timeout_runs_from_the_last_event_and_not_from_the_first() -> None:
    assert visits(0, 1700, 3400, 5100) == [0, 0, 0, 0]
    assert visits(0, 1700, 3501) == [0, 0, 1]


@pytest.mark.parametrize(("minutes", "expected"), [(9, [0, 1, 2]), (10, [0, 0, 1]), (20, [0, 0, 0])])
def test_the_timeout_is_what_it_is_set_to(minutes: int, expected: list[int]) -> None:
    assert visits(0, 600, 1800, timeout=timedelta(minutes=minutes)) == expected


def test_a_microsecond_more_than_the_timeout_begins_a_visit() -> None:
    rows = events({"at": 0}, {"at": 1800}, {"at": 3600}).with_columns(
        time=pl.col("time") + pl.duration(microseconds=pl.int_range(pl.len()) // 2)
    )
    assert sessionize(rows, SessionRules()).collect()["visit"].to_list() == [1, 1, 2]


def test_interleaved_visitors_have_their_own_visits() -> None:
    rows = cut({"at": 0}, {"at": 10, "visitor": "v:ben"}, {"at": 1700}, {"at": 1811, "visitor": "v:ben"}, {"at": 3400})
    assert rows.filter(visitor="v:ann")["visit"].n_unique() == 1
    assert rows.filter(visitor="v:ben")["visit"].n_unique() == 2
    assert rows["visit"].n_unique() == 3


# -- midnight --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "before", "after"),
    [
        ("UTC", "2026-09-07T23:59:59+00:00", "2026-09-08T00:00:00+00:00"),
        ("Europe/Berlin", "2026-09-07T23:59:59+02:00", "2026-09-08T00:00:00+02:00"),
        ("Asia/Kathmandu", "2026-09-07T23:59:59+05:45", "2026-09-08T00:00:00+05:45"),
        ("Europe/Berlin", "2026-03-28T23:59:59+01:00", "2026-03-29T00:00:00+01:00"),  # the clocks change at 2
        ("America/Santiago", "2026-09-05T23:59:59-04:00", "2026-09-06T01:00:00-03:00"),  # they change at midnight
    ],
)
def test_the_first_second_of_a_local_day_begins_a_visit_and_the_last_does_not(
    zone: str, before: str, after: str
) -> None:
    times = [datetime.fromisoformat(text) for text in (before, after)]
    seconds = [int((time - DAY).total_seconds()) for time in times]
    assert seconds[1] - seconds[0] == 1
    assert visits(seconds[0] - 1, *seconds, seconds[1] + 1, midnight=ZoneInfo(zone)) == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("rules", "open_until"),
    [
        (SessionRules(), ["2026-09-08T00:14", None]),  # the later visit of the visitor is the one that may go on
        (SessionRules(timedelta(minutes=2)), ["2026-09-07T23:46", None]),
        (SessionRules(midnight=ZoneInfo("Europe/Berlin")), ["2026-09-08T00:14", None]),
        (SessionRules(midnight=ZoneInfo("UTC")), ["2026-09-08T00:00", None]),
    ],
)
def test_the_last_visit_may_go_on_until_its_timeout_or_midnight(
    rules: SessionRules, open_until: list[str | None]
) -> None:
    visits = pl.LazyFrame(
        {
            "visitor": ["v:ann", "v:ann"],
            "visit_start": [instant("2026-09-07T23:40"), instant("2026-09-07T22:00")],
            "visit_seconds": [240.0, None],
        }
    )
    found = visits.select(open_until=session_open_until(rules)).collect()["open_until"].to_list()
    assert found == [time and instant(time) for time in open_until]


def test_an_hour_that_comes_twice_begins_no_visit() -> None:
    twice = [datetime.fromisoformat(f"2026-10-25T02:59:59{offset}") for offset in ("+02:00", "+01:00")]
    seconds = [int((time - DAY).total_seconds()) for time in twice]
    timeout = timedelta(hours=1)
    assert visits(*seconds, midnight=ZoneInfo("Europe/Berlin"), timeout=timeout) == [0, 0]


# -- campaigns -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("source", ["mail", "google"], 2),
        ("medium", ["email", "cpc"], 2),
        ("utm_campaign", ["spring", "autumn"], 2),
        ("utm_campaign", ["spring", None], 2),
        ("utm_content", ["red", "blue"], 1),
        ("keyword", ["tea", "kettle"], 1),
        ("channel", ["Email", "Direct"], 1),
    ],
)
def test_only_another_source_medium_or_campaign_begins_a_visit(
    column: str, values: list[str | None], expected: int
) -> None:
    rows: list[dict[str, object]] = [
        {"at": place, "source": "x", "medium": "y", column: value} for place, value in enumerate(values)
    ]
    assert cut(*rows, campaign=True)["visit"].n_unique() == expected


def test_the_campaign_of_an_earlier_visit_is_not_compared_with() -> None:
    rows = cut({"at": 0, "source": "mail"}, {"at": 2000}, {"at": 2010, "source": "google"}, campaign=True)
    assert rows["visit"].to_list() == [1, 2, 2]


def test_a_heartbeat_with_another_campaign_begins_no_visit() -> None:
    ping: dict[str, object] = {"event": "ping", "source": "news"}
    stray = cut({"at": 0, **ping}, {"at": 5}, {"at": 10, "source": "face"}, campaign=True)
    assert stray["visit"].to_list() == [None, 1, 1]
    within = cut({"at": 0, "source": "face"}, {"at": 5, **ping}, {"at": 10, "source": "face"}, campaign=True)
    assert within["visit"].to_list() == [1, 1, 1]


def test_the_campaign_of_another_visitor_is_not_compared_with() -> None:
    rows = cut(
        {"at": 0, "source": "mail"}, {"at": 1, "source": "google", "visitor": "v:ben"}, {"at": 2, "source": "mail"},
        campaign=True,
    )  # fmt: skip
    assert rows.filter(visitor="v:ann")["visit"].n_unique() == 1


# -- visits of one hit -----------------------------------------------------------------------------------------------


def test_a_visit_of_one_hit_has_no_length() -> None:
    row = cut({"at": 5, "page": "/cart"}).row(0, named=True)
    assert (row["is_bounce"], row["visit_seconds"], row["visit_views"]) == (True, None, 1)
    assert (row["entry_page"], row["exit_page"], row["visit_start"]) == ("/cart", "/cart", DAY + timedelta(seconds=5))


def test_a_heartbeat_gives_a_visit_of_one_hit_a_length() -> None:
    row = cut({"at": 0}, {"at": 30, "event": "ping"}).row(0, named=True)
    assert (row["is_bounce"], row["visit_seconds"], row["visit_views"]) == (True, 30.0, 1)


def test_two_hits_of_one_second_are_a_visit_of_no_seconds() -> None:
    row = cut({"at": 0}, {"at": 0, "event": "click"}).row(0, named=True)
    assert (row["is_bounce"], row["visit_seconds"], row["visit_views"]) == (False, 0.0, 1)


def test_a_visit_without_a_page_view_has_no_pages() -> None:
    row = cut({"at": 0, "event": "purchase", "page": "/thanks"}).row(0, named=True)
    assert (row["visit_views"], row["entry_page"], row["exit_page"]) == (0, None, None)


# -- order -----------------------------------------------------------------------------------------------------------


def test_events_of_one_second_keep_the_order_of_the_logs() -> None:
    forth = cut({"at": 0, "page": "/a"}, {"at": 0, "page": "/b"}, {"at": 0, "page": "/c"})
    back = cut({"at": 0, "page": "/c"}, {"at": 0, "page": "/b"}, {"at": 0, "page": "/a"})
    assert forth.select("entry_page", "exit_page").unique().rows() == [("/a", "/c")]
    assert back.select("entry_page", "exit_page").unique().rows() == [("/c", "/a")]


STORY: list[dict[str, object]] = [
    {"at": 0, "page": "/a", "source": "mail", "channel": "Email"},
    {"at": 60, "event": "add_to_cart", "page": "/a"},
    {"at": 1500, "event": "ping"},
    {"at": 3300, "page": "/b"},
    {"at": 5101, "page": "/c", "source": "google", "channel": "Organic Search"},
    {"at": 30, "page": "/x", "visitor": "v:ben"},
    {"at": 40, "page": "/y", "visitor": None},
    {"at": 50, "event": "open"},
    {"at": 9000, "page": "/d", "rejected": "bot"},
]
KNOWN = [
    "visit_start",
    "visit_seconds",
    "visit_views",
    "is_bounce",
    "entry_page",
    "exit_page",
    "first_seen",
    "channel",
]


@pytest.mark.slow
@settings(max_examples=25)
@given(st.permutations(range(len(STORY))))
def test_the_order_of_the_rows_changes_no_visit(order: list[int]) -> None:
    expected = cut(*STORY).select(KNOWN).rows()
    found = cut(*(STORY[place] for place in order)).select(KNOWN).rows()
    assert [found[order.index(place)] for place in range(len(STORY))] == expected


def test_rows_in_any_order_are_given_back_in_theirs() -> None:
    rows = cut(*(STORY[place] for place in (4, 0, 3)))
    assert rows["page"].to_list() == ["/c", "/a", "/b"]
    assert rows["visit"].to_list() == [3, 1, 2]


# -- periods ---------------------------------------------------------------------------------------------------------


def test_a_visit_belongs_to_the_period_that_it_begins_in() -> None:
    rows = sessionize(events({"at": 0}, {"at": 1800}, {"at": 3601}, {"at": 3700}), SessionRules())
    noon = DAY + timedelta(seconds=3601)
    assert limit_to_period(rows, None, noon).collect()["visit"].to_list() == [1, 1, None, None]
    assert limit_to_period(rows, noon, None).collect()["visit"].to_list() == [None, None, 2, 2]
    assert limit_to_period(rows, DAY + timedelta(seconds=1), None).collect()["visit"].to_list() == [None, None, 2, 2]
    assert limit_to_period(rows, DAY, noon + timedelta(seconds=1)).collect()["visit"].to_list() == [1, 1, 2, 2]


# -- against a plain loop ---------------------------------------------------------------------------------------------


hits = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 9), st.sampled_from(["page_view", "ping", "open", "buy"])),
    max_size=14,
)


@pytest.mark.slow
@given(hits)
@pytest.mark.parametrize("timeout", slow_after(1, [1, 3]))
def test_visits_equal_a_plain_loop(timeout: int, hits: Sequence[tuple[str, int, str]]) -> None:
    rows: list[dict[str, object]] = [{"visitor": who, "at": at, "event": event} for who, at, event in hits]
    found = cut(*rows, timeout=timedelta(seconds=timeout))["visit"].to_list()
    expected: list[int | None] = [None] * len(hits)
    order = sorted(range(len(hits)), key=lambda place: (*hits[place][:2], hits[place][2] == "ping"))
    number = 0
    for _, own in groupby(order, key=lambda place: hits[place][0]):
        last: int | None = None
        for place in own:
            _, at, event = hits[place]
            if event == "open":
                continue
            goes_on = last is not None and at - last <= timeout
            if event == "ping" and not goes_on:
                continue
            number += not goes_on
            expected[place], last = number, at
    same = {(a, b) for a, b in zip(found, expected, strict=True)}
    assert len(same) == len({a for a, _ in same}) == len({b for _, b in same})
