"""Where visits begin and end: the vectors of those who define sessions, and a plain loop."""

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from itertools import groupby
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelstat.schemas import EVENTS
from pixelstat.sessions import SessionRules, sessionize
from pixelstat.traffic.deduplication import number_rows

DAY = datetime(2026, 9, 7, tzinfo=timezone.utc)


def events(*rows: dict[str, object]) -> pl.LazyFrame:
    """EVENTS of one visitor unless said otherwise, page views of `/` unless said otherwise; `at` in seconds."""
    full = [
        {"visitor": "v:ann", "event": "page_view", "page": "/", **row, "time": DAY + timedelta(seconds=row["at"])}  # type: ignore[arg-type]
        for row in rows
    ]
    plain = [{name: value for name, value in row.items() if name != "at"} for row in full]
    return number_rows(pl.LazyFrame(plain, schema=EVENTS))


def cut(*rows: dict[str, object], **how: object) -> pl.DataFrame:
    return sessionize(events(*rows), SessionRules(**how)).collect()  # type: ignore[arg-type]


def visits(*seconds: int, **how: object) -> list[int]:
    """The visit of each event, numbered from 0 in the order of time."""
    rows: list[dict[str, object]] = [{"at": second} for second in seconds]
    numbers = cut(*rows, **how)["visit"].to_list()
    return [sorted(set(numbers)).index(number) for number in numbers]


def test_exactly_half_an_hour_is_one_visit_and_a_second_more_two() -> None:
    assert visits(0, 1800) == [0, 0]
    assert visits(0, 1801) == [0, 1]
    assert visits(0, 1800, 3600, 5400) == [0, 0, 0, 0]
    assert visits(0, 61, timeout=timedelta(minutes=1)) == [0, 1]


def test_midnight_begins_a_visit_only_where_it_is_asked_to_and_in_the_zone_asked_for() -> None:
    before, after = 23 * 3600 + 50 * 60, 24 * 3600 + 10 * 60
    assert visits(before, after) == [0, 0]
    assert visits(before, after, midnight=ZoneInfo("UTC")) == [0, 1]
    assert visits(before, after, midnight=ZoneInfo("Europe/Berlin")) == [0, 0]


def test_another_campaign_begins_a_visit_only_where_it_is_asked_to_and_not_after_direct() -> None:
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


def test_what_happens_in_a_mailbox_is_no_visit() -> None:
    rows = cut({"at": 0, "event": "open"}, {"at": 5, "event": "click_email"}, {"at": 6})
    assert rows["visit"].is_null().to_list() == [True, True, False]
    assert rows["visit_start"].to_list()[2] == DAY + timedelta(seconds=6)
    assert rows["first_seen"].unique().to_list() == [DAY]


def test_a_visit_knows_its_pages_its_length_and_where_it_came_from() -> None:
    rows = cut(
        {"at": 60, "page": "/b", "source": "bing", "medium": "organic", "channel": "Organic Search"},
        {"at": 0, "page": "/a"},
        {"at": 60, "page": "/b", "event": "add_to_cart"},
        {"at": 90, "page": "/c"},
        {"at": 120, "event": "ping", "page": "/c"},
        {"at": 20, "visitor": "v:ben", "page": "/x"},
        {"at": 21, "visitor": None},
    )
    told = rows.select(
        "visit_start", "visit_seconds", "visit_views", "single_hit", "entry_page", "exit_page", "source", "channel"
    ).rows()
    ann = (DAY, 120.0, 3, False, "/a", "/c", "bing", "Organic Search")
    assert told[:5] == [ann] * 5
    assert told[5] == (DAY + timedelta(seconds=20), None, 1, True, "/x", "/x", "(direct)", "Direct")
    assert told[6] == (None,) * 8


def test_a_hit_that_stands_twice_is_one_view_of_a_visit_of_one_hit() -> None:
    twice = events({"at": 0}, {"at": 0}).with_columns(hit=pl.lit(7, pl.UInt64))
    row = sessionize(twice, SessionRules()).collect().row(0, named=True)
    assert (row["visit_views"], row["single_hit"], row["visit_seconds"]) == (1, True, None)


def test_an_order_that_is_reloaded_makes_its_visit_no_longer() -> None:
    rows = cut(
        {"at": 0}, {"at": 60, "event": "purchase"}, {"at": 600, "event": "purchase"}, {"at": 9000, "event": "purchase"}
    )
    assert rows["visit"].n_unique() == 2
    again = (
        rows.lazy()
        .select(EVENTS.names())
        .with_columns(hit=pl.when(pl.col("event") == "purchase").then(7).otherwise("hit"))
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


def test_what_is_set_aside_is_of_no_visit() -> None:
    rows = cut({"at": 0}, {"at": 1000, "rejected": "bot"}, {"at": 2500})
    assert rows["visit"].is_null().to_list() == [False, True, False]
    assert rows["visit"].drop_nulls().n_unique() == 2


def test_no_events_have_no_visits() -> None:
    assert cut().is_empty()


hits = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 9), st.sampled_from(["page_view", "ping", "open", "buy"])),
    max_size=14,
)


@given(hits)
@pytest.mark.parametrize("timeout", [1, 3])
def test_visits_equal_a_plain_loop(timeout: int, hits: Sequence[tuple[str, int, str]]) -> None:
    rows: list[dict[str, object]] = [{"visitor": who, "at": at, "event": event} for who, at, event in hits]
    found = cut(*rows, timeout=timedelta(seconds=timeout))["visit"].to_list()
    expected: list[int | None] = [None] * len(hits)
    order = sorted(range(len(hits)), key=lambda place: (hits[place][0], hits[place][1]))
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
