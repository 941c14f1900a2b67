"""conversions: figures that can be counted by hand, a plain loop, and the identities that hold between the columns."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelstat.conditions import parse_step
from pixelstat.reports.conversions import conversions
from pixelstat.sessions.sessionize import SessionRules, sessionize
from tests.builders import DAY, bought, distinct_events, hit, log, request, view
from tests.run import run_in_process

TUESDAY = "2026-09-08"
START = datetime(2026, 9, 7, tzinfo=timezone.utc)
GOALS = ("purchase", "signup", "open", "/a")
COUNTS = ("visitors", "visits", "conversions", "converting_visitors", "converting_visits")


def mailed(visitor: str, page: str, clock: str, day: str = DAY) -> str:
    """The visitor views a page that a mail led to."""
    return hit(visitor, "page_view", clock, day=day, p=page, utm_source="news", utm_medium="email")


# Ann comes by herself, the next day by a mail, and then buys, twice. Ben signs up at once. Cid looks around.
STORY = (
    view("ann", "/", "10:00"),
    view("ben", "/", "10:00"),
    hit("ben", "signup", "10:01"),
    view("cid", "/", "10:00"),
    view("cid", "/", "12:00"),
    mailed("ann", "/tea", "10:00", TUESDAY),
    bought("ann", "10:05", "1", "30", day=TUESDAY),
    bought("ann", "10:05:30", "1", "30", day=TUESDAY),  # reloaded
    bought("ann", "10:15", "2", "50", day=TUESDAY),
)


def ran(folder: Path, *arguments: str, lines: Sequence[str] = STORY, exit_code: int = 0) -> tuple[str, str]:
    (folder / "access.log").write_text(log(*lines))
    finished = run_in_process(folder, "conversions", "access.log", *arguments)
    assert finished.exit == exit_code, finished.stderr
    return finished.stdout, finished.stderr


def rows(folder: Path, *arguments: str, lines: Sequence[str] = STORY) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(ran(folder, *arguments, lines=lines)[0])))


def only(found: Sequence[dict[str, str]], *names: str) -> list[tuple[str, ...]]:
    return [tuple(row[name] for name in names) for row in found]


@pytest.mark.slow
def test_of_purchases_leads_and_signups_those_that_occur_are_counted_where_nobody_names_goals(tmp_path: Path) -> None:
    found = rows(tmp_path)
    assert only(found, "goal", *COUNTS) == [("purchase", "3", "5", "2", "1", "1"), ("signup", "3", "5", "1", "1", "1")]
    purchase, signup = found
    assert (purchase["visitor_conversion_rate"], signup["visit_conversion_rate"]) == (str(1 / 3), "0.2")
    # From Monday 10:00 to Tuesday 10:05, in the second visit; the second order is no first conversion.
    waited = (
        "median_seconds_to_convert",
        "mean_seconds_to_convert",
        "p90_seconds_to_convert",
        "median_visits_to_convert",
        "mean_visits_to_convert",
    )
    assert only(found, *waited) == [("86700.0",) * 3 + ("2.0",) * 2, ("60.0",) * 3 + ("1.0",) * 2]
    money = ("currency", "orders", "revenue", "net_revenue", "average_order_value", "revenue_per_visitor")
    assert only(found, *money)[0] == ("EUR", "2", "80.0", "80.0", "40.0", str(80 / 3))
    assert only(found, *money)[1] == ("", "0", "", "", "", "")


@pytest.mark.slow
def test_a_rate_has_the_interval_of_wilson(tmp_path: Path) -> None:
    lines = [view(f"v{number}", "/", "10:00") for number in range(10)] + [hit("v1", "signup", "10:00")]
    [found] = rows(tmp_path, "--goal", "signup", lines=lines)
    for unit in ("visitor", "visit"):
        assert found[f"{unit}_conversion_rate"] == "0.1"
        assert float(found[f"{unit}_conversion_rate_low"]) == pytest.approx(0.017876, abs=5e-7)
        assert float(found[f"{unit}_conversion_rate_high"]) == pytest.approx(0.404150, abs=5e-7)


@pytest.mark.slow
def test_a_conversion_has_the_channel_of_its_visit_and_the_wait_of_its_visitor(tmp_path: Path) -> None:
    found = rows(tmp_path, "--goal", "purchase", "--by", "channel")
    assert only(found, "channel", *COUNTS, "median_seconds_to_convert", "median_visits_to_convert", "revenue") == [
        ("Direct", "3", "4", "0", "0", "0", "", "", ""),
        ("Email", "1", "1", "2", "1", "1", "86700.0", "2.0", "80.0"),
    ]
    assert rows(tmp_path, "--goal", "purchase", "--by", "channel", "--top", "1") == found[:1]


@pytest.mark.slow
def test_a_group_keeps_its_waits_and_refunds_where_only_the_first_groups_are_shown(tmp_path: Path) -> None:
    refund = hit("ann", "refund", "09:00", day="2026-09-09", oid="2", value="20")  # in a Direct visit
    lines = [*STORY, refund, mailed("dan", "/", "10:00"), mailed("eve", "/", "10:00"), mailed("fay", "/", "10:00")]
    [email] = rows(tmp_path, "--goal", "purchase", "--by", "channel", "--top", "1", lines=lines)
    assert email["channel"] == "Email"
    assert only([email], "visitors", "median_visits_to_convert", "revenue", "net_revenue") == [
        ("4", "2.0", "80.0", "60.0")
    ]


@pytest.mark.slow
def test_a_hit_belongs_to_the_value_it_shows_else_to_the_first_that_its_visit_shows(tmp_path: Path) -> None:
    lines = (
        view("ann", "/tea", "10:00"),
        view("ann", "/mugs", "10:01"),
        hit("ann", "signup", "10:02"),
        hit("ben", "signup", "10:00", p="/mugs"),
        view("ben", "/tea", "10:01"),
        hit("cid", "signup", "10:00"),
    )
    found = rows(tmp_path, "--goal", "signup", "--by", "page", lines=lines)
    assert only(found, "page", "visitors", "conversions", "visitor_conversion_rate") == [
        ("/mugs", "2", "1", "0.5"),
        ("/tea", "2", "1", "0.5"),
        ("", "1", "1", "1.0"),
    ]
    assert rows(tmp_path, "--goal", "signup", "--by", "page", lines=lines[::-1]) == found


@pytest.mark.slow
def test_goals_are_events_pages_conditions_and_those_of_the_file_in_the_order_given(tmp_path: Path) -> None:
    (tmp_path / "pixelstat.toml").write_text("[goals]\nmail = \"utm_medium = 'email'\"\ntea = '/tea'\n")
    assert only(rows(tmp_path), "goal", "conversions") == [("mail", "1"), ("tea", "1")]
    given = ("--goal", "tea", "--goal", "big: event = 'purchase' and value > 40", "--goal", "buy", "--goal", "/t*")
    found = rows(tmp_path, *given)
    assert only(found, "goal", "conversions", "revenue") == [
        ("tea", "1", ""), ("big", "1", "50.0"), ("buy", "2", "80.0"), ("/t*", "1", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--goal", "big: value > 1", "--goal", "big: value > 2"), "Two goals have the name 'big'."),
        (("--goal", "worth > 5"), "names 'worth', which is not a column"),
        (("--goal", "country = 'DE'"), "country needs --geo FILE"),
        (("--by", "goal"), "--by goal is a figure of this report."),
        (("--by", "currency"), "--by currency is a figure of this report."),
    ],
)
def test_goals_and_breakdowns_that_cannot_be_are_errors(
    arguments: tuple[str, ...], sentence: str, tmp_path: Path
) -> None:
    assert sentence in ran(tmp_path, *arguments, exit_code=2)[1]


@pytest.mark.slow
def test_a_goal_that_nobody_reaches_has_a_row_and_the_event_that_may_have_been_meant_is_named(tmp_path: Path) -> None:
    out, err = ran(tmp_path, "--goal", "purchse", "--goal", "/none", "--goal", "signup")
    assert [line.split(",")[:4] for line in out.splitlines()[1:]] == [
        ["purchse", "3", "5", "0"], ["/none", "3", "5", "0"], ["signup", "3", "5", "1"],
    ]  # fmt: skip
    assert [line for line in err.splitlines() if line.startswith("Warning")] == [
        "Warning: the goal 'purchse' matches no event. Did you mean purchase?",
        "Warning: the goal '/none' matches no event.",
    ]
    assert "matches no event" not in ran(tmp_path)[1]  # lead is nobody's wish
    assert "Warning" not in ran(tmp_path, "--goal", "purchse", "-q")[1]


@pytest.mark.slow
def test_each_currency_has_a_row_in_which_all_but_the_money_repeats(tmp_path: Path) -> None:
    lines = (*STORY, bought("cid", "12:05", "3", "7", cur="USD"), hit("cid", "purchase", "12:06", oid="4"))
    out, err = ran(tmp_path, "--goal", "purchase", lines=lines)
    euro, dollar = csv.DictReader(io.StringIO(out))
    names = list(euro)
    before = names[: names.index("currency")]
    assert only([euro], *before) == only([dollar], *before)
    assert only([euro], *COUNTS) == [("3", "5", "4", "2", "2")]
    assert only([euro, dollar], "currency", "orders", "revenue", "revenue_per_visitor") == [
        ("EUR", "2", "80.0", str(80 / 3)), ("USD", "1", "7.0", str(7 / 3)),
    ]  # fmt: skip
    assert "Warning: 1 purchase without a value counts as conversions only." in err


GOALS_WITH_VALUES = """
[goals]
lead = { match = "lead", value = 20, currency = "eur" }
trial = { match = "goal = '3'", value = 5 }
order = { match = "purchase", value = 7.5, currency = "USD" }
video = { match = "video" }
signup = "signup"
"""


def test_a_goal_with_a_value_of_its_own_earns_it_where_no_revenue_is_stated(tmp_path: Path) -> None:
    (tmp_path / "pixelstat.toml").write_text(GOALS_WITH_VALUES)
    lines = [
        hit("ann", "lead", "10:00"),
        hit("ben", "lead", "10:01", value="99", cur="GBP"),  # the value of another event is no revenue
        hit("ann", "purchase", "10:02", oid="A1", value="50", cur="EUR"),
        hit("ben", "purchase", "10:03", oid="B1"),
        hit("ann", "refund", "10:04", oid="A1", value="10"),
        hit("ann", "video", "10:05", value="3"),
        hit("ann", "signup", "10:06"),
        request("/matomo.php?idsite=1&idgoal=3&revenue=25&_id=a1", "10:07"),
        request("/matomo.php?idsite=1&idgoal=3&_id=a2", "10:08"),
    ]
    found = rows(tmp_path, lines=lines)
    assert only(found, "goal", "conversions", "currency", "orders", "revenue", "net_revenue") == [
        ("lead", "2", "EUR", "0", "40.0", "40.0"),
        ("trial", "2", "", "0", "30.0", "30.0"),
        ("order", "2", "EUR", "1", "50.0", "40.0"),
        ("order", "2", "USD", "1", "7.5", "7.5"),
        ("video", "1", "", "0", "", ""),
        ("signup", "1", "", "0", "", ""),
    ]
    assert only(rows(tmp_path, "--goal", "lead", lines=lines), "goal", "revenue") == [("lead", "40.0")]
    stated = run_in_process(tmp_path, "conversions", "access.log").stderr
    assert "purchase without a value" not in stated


@pytest.mark.slow
def test_money_without_a_currency_is_added_to_no_other(tmp_path: Path) -> None:
    lines = (*STORY, hit("cid", "purchase", "12:05", oid="9", value="5"))
    found = rows(tmp_path, "--goal", "purchase", lines=lines)
    assert only(found, "currency", "orders", "revenue") == [("EUR", "2", "80.0"), ("", "1", "5.0")]


def test_a_goal_of_the_pixel_earns_the_revenue_that_it_states_and_other_values_are_none(tmp_path: Path) -> None:
    lines = [
        request("/matomo.php?idsite=1&idgoal=3&revenue=25&_id=a1", "10:00"),
        request("/matomo.php?idsite=1&idgoal=3&revenue=25&_id=a2", "10:01"),
        request("/matomo.php?idsite=1&idgoal=0&ec_id=A1&revenue=50&_id=a2", "10:02"),
        request("/matomo.php?idsite=1&e_c=Trial&e_a=lead&e_v=9&_id=a2", "10:03"),
        request("/g/collect?v=2&tid=G-A&cid=3&en=generate_lead&epn.value=7&cu=EUR", "10:04"),
    ]
    goals = ("--goal", "trial: goal = '3'", "--goal", "lead", "--goal", "any: event in ('goal', 'purchase')")
    money = only(rows(tmp_path, *goals, lines=lines), "goal", "conversions", "orders", "revenue", "average_order_value")
    assert money == [("trial", "2", "0", "50.0", ""), ("lead", "2", "0", "", ""), ("any", "3", "1", "100.0", "50.0")]


@pytest.mark.slow
def test_a_series_has_every_day_and_money_on_each_for_what_is_ever_sold(tmp_path: Path) -> None:
    lines = (*STORY, view("cid", "/", "10:00", day="2026-09-10"))
    found = rows(tmp_path, "--goal", "signup", "--goal", "purchase", "--every", "day", lines=lines)
    assert [
        (row["time"][8:10], *only([row], "goal", *COUNTS, "currency", "orders", "revenue")[0]) for row in found
    ] == [
        ("07", "signup", "3", "4", "1", "1", "1", "", "0", ""),
        ("07", "purchase", "3", "4", "0", "0", "0", "EUR", "0", "0.0"),
        ("08", "signup", "1", "1", "0", "0", "0", "", "0", ""),
        ("08", "purchase", "1", "1", "2", "1", "1", "EUR", "2", "80.0"),
        ("09", "signup", "0", "0", "0", "0", "0", "", "0", ""),
        ("09", "purchase", "0", "0", "0", "0", "0", "EUR", "0", ""),
        ("10", "signup", "1", "1", "0", "0", "0", "", "0", ""),
        ("10", "purchase", "1", "1", "0", "0", "0", "EUR", "0", "0.0"),
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("day", "other"), [(DAY, TUESDAY), (TUESDAY, DAY)])
def test_a_day_without_sales_is_compared_by_all_who_came(day: str, other: str, tmp_path: Path) -> None:
    period = ("--since", day, "--until", day, "--compare", f"{other}..{other}")
    lines = (*STORY, view("ann", "/", "12:00", day=TUESDAY))  # both days last until noon
    [found] = rows(tmp_path, "--goal", "purchase", *period, lines=lines)
    of_day = {DAY: ("3", "4", "0", "0"), TUESDAY: ("1", "2", "2", "2")}
    names = ("visitors", "visits", "conversions", "orders")
    assert (found["currency"], *only([found], *names)[0]) == ("EUR", *of_day[day])
    assert only([found], *(f"previous_{name}" for name in names)) == [of_day[other]]


@pytest.mark.slow
def test_currencies_that_one_period_lacks_are_compared_with_nothing_sold_in_them(tmp_path: Path) -> None:
    lines = (
        bought("ann", "10:00", "1", "5"),
        bought("ben", "10:00", "2", "7", day=TUESDAY, cur="USD"),
        view("cid", "/", "10:00", day=TUESDAY),
    )
    period = ("--since", TUESDAY, "--until", TUESDAY, "--compare", f"{DAY}..{DAY}", "--goal", "purchase")
    names = ("currency", "visitors", "previous_visitors", "conversions", "orders", "previous_orders")
    expected = [("EUR", "2", "1", "1", "0", "1"), ("USD", "2", "1", "1", "1", "0")]
    assert only(rows(tmp_path, *period, lines=lines), *names) == expected
    assert only(rows(tmp_path, *period, "--by", "channel", lines=lines), *names) == expected


@pytest.mark.slow
def test_events_in_a_mailbox_make_no_visitors_and_no_group_unless_they_are_the_goal(tmp_path: Path) -> None:
    lines = (*STORY, hit("zoe", "open", "10:00", rcpt="zoe"))
    assert rows(tmp_path, "--by", "channel", lines=lines) == rows(tmp_path, "--by", "channel")
    [opened] = rows(tmp_path, "--goal", "open", lines=lines)
    assert only([opened], *COUNTS) == [("3", "5", "1", "0", "0")]


@pytest.mark.slow
def test_conversions_are_the_same_for_logs_twice_backwards_or_as_parquet(tmp_path: Path) -> None:
    expected = ran(tmp_path, "--by", "channel", "-q")
    run_in_process(tmp_path, "events", "access.log", "-q", "-o", "events.parquet")
    assert run_in_process(tmp_path, "conversions", "events.parquet", "--by", "channel", "-q").stdout == expected[0]
    assert ran(tmp_path, "--by", "channel", "-q", lines=STORY + STORY) == expected
    assert ran(tmp_path, "--by", "channel", "-q", lines=STORY[::-1]) == expected


# -- against a plain loop --------------------------------------------------------------------------------------------

Event = dict[str, Any]


@st.composite
def stories(draw: st.DrawFn) -> list[Event]:
    events: list[Event] = []
    for number in range(draw(st.integers(0, 14))):
        event = draw(st.sampled_from(["page_view", "page_view", "purchase", "signup", "open"]))
        events.append(
            {
                "visitor": draw(st.sampled_from(["v:ann", "v:ben", "v:cid", None])),
                "time": START + timedelta(minutes=draw(st.integers(0, 9)) * 13),
                "event": event,
                "page": draw(st.sampled_from(["/", "/a", None])),
                "order_id": str(number) if event == "purchase" else None,
                "value": draw(st.sampled_from([None, 0.1, 2.5, 7.0])),
                "currency": draw(st.sampled_from(["EUR", "USD", None])),
            }
        )
    return events


def of_visits(story: list[Event]) -> pl.LazyFrame:
    return sessionize(distinct_events(story), SessionRules()).collect().lazy()


def found_of(story: list[Event], by: Sequence[str] = (), top: int = 0) -> list[Event]:
    events = of_visits(story)
    goals = [parse_step(text) for text in GOALS]
    frame = conversions.compute(events, goal=goals, by=by, top=top, every=None, warn=str).collect()
    return frame.cast({"goal": pl.String}).to_dicts()


def with_visits_of(story: list[Event]) -> list[Event]:
    """The events with `visit` (visitor and number), `page` of the visit where they show none, and `first_seen`."""
    told = [{**event, "visit": None, "first_seen": None} for event in story]
    for visitor in {event["visitor"] for event in told} - {None}:
        own = sorted((event for event in told if event["visitor"] == visitor), key=lambda event: event["time"])
        on_site = [event for event in own if event["event"] != "open"]
        for event in own:
            event["first_seen"] = own[0]["time"]
        number = 1
        for before, event in pairwise([*on_site[:1], *on_site]):
            number += event["time"] - before["time"] > timedelta(minutes=30)
            event["visit"] = (visitor, number)
    first: dict[Any, tuple[datetime, str]] = {}
    for event in told:
        if event["visit"] and event["page"]:
            shown = (event["time"], event["page"])
            first[event["visit"]] = min(first.get(event["visit"], shown), shown)
    for event in told:
        if not event["page"] and event["visit"] in first:
            event["shown"] = first[event["visit"]][1]
        else:
            event["shown"] = event["page"]
        if event["event"] == "open":
            event["visitor"] = None
    return told


def reaches(event: Event, goal: str) -> bool:
    return event["event"] == goal or (goal == "/a" and (event["event"], event["page"]) == ("page_view", "/a"))


def plain(story: list[Event], *, by_page: bool) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """By group, goal and currency: the counts, the waits, orders and revenue."""
    events = [event | {"group": event["shown"] if by_page else None} for event in with_visits_of(story)]
    asked = [event for event in events if event["event"] != "open" or any(reaches(event, goal) for goal in GOALS)]
    table: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for group in {event["group"] for event in asked} if by_page else {None}:
        there = [event for event in asked if event["group"] == group]
        for goal in GOALS:
            hits = sorted(
                (event for event in asked if reaches(event, goal)),
                key=lambda event: (event["time"], event["group"] is None, event["group"] or ""),
            )
            firsts = {event["visitor"]: event for event in reversed(hits) if event["visitor"]}.values()
            firsts_here = [event for event in firsts if event["group"] == group]
            seconds = [(event["time"] - event["first_seen"]).total_seconds() for event in firsts_here]
            touches = [event["visit"][1] for event in firsts_here]
            here = [event for event in hits if event["group"] == group]
            counts = [
                len({event["visitor"] for event in there} - {None}), len({event["visit"] for event in there} - {None}),
                len(here), len({event["visitor"] for event in here} - {None}), len({event["visit"] for event in here} - {None}),
            ]  # fmt: skip
            waits = [median(seconds), mean(seconds), median(touches), mean(touches)] if seconds else [None] * 4
            sold = [event for event in here if event["event"] == "purchase" and event["value"] is not None]
            for currency in {event["currency"] for event in sold} or {None}:
                values = [event["value"] for event in sold if event["currency"] == currency]
                money = (len(values), pytest.approx(sum(values)) if sold else None)
                table[group, goal, currency] = (*counts, *map(pytest.approx, waits), *money)
    return table


@pytest.mark.slow
@given(stories(), st.booleans())
def test_every_figure_equals_a_plain_loop(story: list[Event], by_page: bool) -> None:
    waits = (
        "median_seconds_to_convert",
        "mean_seconds_to_convert",
        "median_visits_to_convert",
        "mean_visits_to_convert",
    )
    found = found_of(story, ["page"] if by_page else [])
    measured = {
        (row.get("page"), row["goal"], row["currency"]): tuple(
            row[name] for name in (*COUNTS, *waits, "orders", "revenue")
        )
        for row in found
    }
    assert len(measured) == len(found)
    assert measured == plain(story, by_page=by_page)


@pytest.mark.slow
@given(stories(), st.booleans())
def test_revenue_per_visitor_is_orders_per_visitor_times_the_average_order(story: list[Event], by_page: bool) -> None:
    for row in found_of(story, ["page"] if by_page else []):
        if row["orders"] and row["visitors"]:
            revenue = Fraction(row["revenue"])
            average = revenue / row["orders"]
            assert Fraction(row["orders"], row["visitors"]) * average == revenue / row["visitors"]
            assert row["average_order_value"] == float(average)
            assert row["revenue_per_visitor"] == float(Fraction(row["orders"], row["visitors"]) * average)
        else:
            assert row["revenue_per_visitor"] is None or row["revenue"] is not None


@pytest.mark.slow
@given(stories())
def test_no_rate_is_above_one_and_each_lies_in_its_interval(story: list[Event]) -> None:
    for row in found_of(story, ["page"]):
        for unit in ("visitor", "visit"):
            rate = row[f"{unit}_conversion_rate"]
            assert (rate is None) == (row[f"{unit}s"] == 0)
            if rate is not None:
                assert 0 <= row[f"{unit}_conversion_rate_low"] <= rate <= row[f"{unit}_conversion_rate_high"] <= 1


@pytest.mark.slow
@settings(max_examples=40)
@given(stories())
def test_the_sum_over_a_parting_of_the_visitors_is_the_whole(story: list[Event]) -> None:
    parts = [[event for event in story if (event["visitor"] == "v:ann") == is_ann] for is_ann in (True, False)]

    def counted(events: list[Event]) -> dict[str, list[int]]:
        return {row["goal"]: [row[name] for name in COUNTS] for row in found_of(events)}

    ann, others = map(counted, parts)
    assert {goal: [sum(both) for both in zip(ann[goal], others[goal], strict=True)] for goal in GOALS} == counted(story)


@pytest.mark.slow
@settings(max_examples=40)
@given(stories(), st.integers(1, 3))
def test_the_first_groups_are_those_of_the_whole(story: list[Event], top: int) -> None:
    whole = found_of(story, ["page"])
    shown = list(dict.fromkeys(row["page"] for row in whole))[:top]
    assert found_of(story, ["page"], top) == [row for row in whole if row["page"] in shown]


@pytest.mark.slow
def test_hostile_events_harm_nothing() -> None:
    huge = "\ufffd" * 1_000_000
    story: list[Event] = [
        {
            "visitor": huge,
            "time": START,
            "event": huge,
            "page": huge,
            "order_id": huge,
            "value": 1e308,
            "currency": huge,
        },
        {"visitor": None, "time": START, "event": "purchase", "order_id": huge, "value": -1e308, "currency": huge},
        {"visitor": None, "time": START, "event": None},
    ]
    warned: list[str] = []
    events = of_visits(story)
    goals = [parse_step("purchse"), parse_step("purchase")]
    found = conversions.compute(events, goal=goals, by=["page"], top=1, every="day", warn=warned.append).collect()
    assert found.select("goal", "visitors", "conversions").rows() == [("purchse", 1, 0), ("purchase", 1, 0)]
    assert warned[0] == "the goal 'purchse' matches no event. Did you mean purchase?"


@pytest.mark.slow
def test_without_events_each_goal_has_a_row_of_zeros_and_nothing_is_warned_of() -> None:
    warned: list[str] = []
    events = of_visits([])
    how: dict[str, Any] = {"goal": [parse_step("signup")], "top": 20, "warn": warned.append}
    [row] = conversions.compute(events, by=[], every=None, **how).collect().to_dicts()
    assert ([row[name] for name in COUNTS], row["visitor_conversion_rate"], row["revenue"]) == ([0] * 5, None, None)
    for by, every in ((["page"], None), ([], "day"), (["page"], "hour")):
        assert conversions.compute(events, by=by, every=every, **how).collect().is_empty()
    assert warned == []
