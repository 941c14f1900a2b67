"""Units, groups and series of funnels: whose ways they are, and in which rows they stand."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelstat.reports.funnel import funnel
from pixelstat.schemas import EVENTS
from pixelstat.traffic.deduplication import number_rows
from tests.chains.stories import START, counted, did, events, rules, table

DAY = 86_400
shown = st.lists(st.tuples(st.integers(0, 5), st.sampled_from("abc"), st.sampled_from(["x", "y", None])), max_size=6)
Shown = Sequence[tuple[int, str, str | None]]


def of_variants(visitors: Sequence[Shown]) -> pl.LazyFrame:
    """EVENTS of visitors, each hit with a variant."""
    stories = [[(second, event) for second, event, _ in hits] for hits in visitors]
    return events(stories, variant=[[value for _, _, value in hits] for hits in visitors])


def by_value(visitors: Sequence[Shown], steps: Sequence[str], touch: str) -> dict[str | None, list[int]]:
    found = funnel.function(of_variants(visitors), rules=rules(steps, 4), by=["variant"], touch=touch).collect()
    return {value: part["visitors"].to_list() for (value,), part in found.group_by("variant", maintain_order=True)}


def counts(stories: Sequence[Sequence[tuple[int, str]]], steps: Sequence[str]) -> list[int]:
    return counted(stories, rules(steps, 4))


def without_none(found: dict[str | None, list[int]]) -> dict[str | None, list[int]]:
    return {value: counts for value, counts in found.items() if counts[0]}


@given(
    st.lists(shown, max_size=10), st.sampled_from([["a", "b"], ["a", "any", "c"]]), st.sampled_from(["first", "last"])
)
def test_the_touch_of_a_visitor_is_one_value_and_all_their_ways_stand_there(
    visitors: list[Shown], steps: list[str], touch: str
) -> None:
    of_value: dict[str | None, list[list[tuple[int, str]]]] = {}
    for hits in visitors:
        seconds = {second for second, _, value in hits if value}
        at = {None: None, "first": min, "last": max}[touch if seconds else None]
        value = min(value for second, _, value in hits if value and second == at(seconds)) if at else None
        of_value.setdefault(value, []).append([(second, event) for second, event, _ in hits])
    expected = without_none({value: counts(stories, steps) for value, stories in of_value.items()})
    assert by_value(visitors, steps, touch) == expected


@given(st.lists(shown, max_size=10), st.sampled_from([["a", "b"], ["a", "any", "c"]]))
def test_touch_all_makes_ways_of_one_value(visitors: list[Shown], steps: list[str]) -> None:
    expected = {
        value: counts([[(second, event) for second, event, own in hits if own == value] for hits in visitors], steps)
        for value in ("x", "y", None)
    }
    assert by_value(visitors, steps, "all") == without_none(expected)


@given(st.lists(shown, max_size=10), st.sampled_from([1, 2]))
def test_the_touch_of_a_step_is_what_its_hits_show(visitors: list[Shown], number: int) -> None:
    steps = ["a", "b", "c"]
    name = steps[number - 1]
    expected = {}
    for value in ("x", "y", None):
        stories = []
        for hits in visitors:
            values = {own for _, event, own in hits if event == name}
            if value in values or (value is None and not values):
                stories.append([(second, event) for second, event, own in hits if event != name or own == value])
        expected[value] = counts(stories, steps)
    assert by_value(visitors, steps, f"step:{number}") == without_none(expected)


@given(st.lists(shown, max_size=10))
def test_held_values_are_one_in_a_way_and_a_visitor_counts_once_by_the_best(visitors: list[Shown]) -> None:
    steps = ["a", "b", "c"]
    reached = [0, 0, 0]
    for hits in visitors:
        of_one = [
            counts([[(second, event) for second, event, own in hits if own == value]], steps) for value in ("x", "y")
        ]
        reached = [before + max(step) for before, step in zip(reached, zip(*of_one, strict=True), strict=True)]
    found = funnel.function(of_variants(visitors), rules=rules(steps, 4), hold="variant").collect()
    assert found["visitors"].to_list() == reached


def test_the_value_shown_first_may_be_that_of_an_event_without_the_held_value() -> None:
    story = [[(0, "x"), (1, "a"), (2, "b")]]
    shown = events(story, variant=[["north", "south", None]], utm_source=[[None, "mail", "mail"]])
    for is_open in (False, True):
        found = funnel.function(
            shown, rules=rules(["a", "b"]), by=["variant"], hold="utm_source", is_open=is_open
        ).collect()
        assert found.select("variant", "visitors").rows() == [("north", 1)] * 2


def test_a_start_of_another_value_keeps_no_group_pending() -> None:
    shown = of_variants([[(0, "a", "x"), (0, "b", None), (90, "a", "y")]])
    end = START + timedelta(seconds=100)
    found = funnel.function(
        shown, rules=rules(["a", "any", "c"], 20), by=["variant"], touch="step:1", log_end=lambda: end
    ).collect()
    assert found.filter(pl.col("step") == 3).select("variant", "pending").rows() == [("x", 0), ("y", 0)]
    assert found.filter(pl.col("step") == 2).select("variant", "visitors", "pending").rows() == [
        ("x", 1, 0), ("y", 0, 1),
    ]  # fmt: skip


def test_a_breakdown_by_touch_as_the_vector_has_it() -> None:
    visitor = [(0, "p", "Chrome"), (1, "q", "Safari"), (2, "q", "Chrome"), (3, "r", "Chrome")]
    steps, chrome = ["p", "q", "r"], {"Chrome": [1, 1, 1]}
    for touch in ("first", "all", "step:1", "step:3"):
        assert by_value([visitor], steps, touch) == chrome
    assert by_value([visitor], steps, "step:2") == {**chrome, "Safari": [1, 1, 1]}


def test_the_groups_beyond_the_first_stand_together_and_last() -> None:
    visitors = [[(0, "a", value), (1, "b", value)] for value in "xxxyyz"] + [[(0, "a", "w")]]
    found = funnel.function(of_variants(visitors), rules=rules(["a", "b"]), by=["variant"], top=1).collect()
    assert found.select("variant", "visitors").rows() == [("x", 3), ("x", 3), ("(other)", 4), ("(other)", 3)]


def test_visitors_of_several_other_groups_count_once_there() -> None:
    visitors = [[(0, "a", "x"), (0, "a", "y"), (1, "b", "y"), (0, "a", "z")]] + [[(0, "a", "x")]] * 3
    found = funnel.function(
        of_variants(visitors), rules=rules(["a", "b"]), by=["variant"], touch="all", top=1
    ).collect()
    assert found.select("variant", "visitors").rows() == [("x", 4), ("x", 0), ("(other)", 1), ("(other)", 1)]


# -- visits and users ---------------------------------------------------------------------------------------------


def of_visits(unit: str = "visitor", count: str = "uniques") -> list[int]:
    """One visitor: a in the first visit; a and b in the second; b in the third."""
    story, visits = did("a0 a3600 b3660 b7200"), [[1, 2, 2, 3]]
    found = funnel.function(events([story], visit=visits), rules=rules(["a", "b"], count=count), unit=unit).collect()
    return found["visits"].to_list()


def test_the_unit_visit_has_all_steps_in_one_visit() -> None:
    assert of_visits("visit") == [2, 1]


def test_visits_that_are_counted_may_go_on_in_later_ones() -> None:
    assert of_visits(count="visits") == [2, 2]


def test_two_visits_of_a_user_in_one_second_begin_a_way_each_in_any_order() -> None:
    stories = [did("a0"), did("a0 b1")]
    shown = events(stories, visit=[[1], [2, 2]], user_id=[["u"], ["u", "u"]])
    of = rules(["a", "b"], order="unordered", count="visits")
    assert funnel.function(shown, rules=of, unit="user").collect()["visits"].to_list() == [2, 2]


def test_the_unit_user_joins_visitors_and_leaves_out_who_is_unknown() -> None:
    stories = [did("a0"), did("b10"), did("a0 b10")]
    found = funnel.function(
        events(stories, user_id=[["u"], ["u"], [None, None]]), rules=rules(["a", "b"]), unit="user"
    ).collect()
    assert found.select("users").to_series().to_list() == [1, 1]


# -- series --------------------------------------------------------------------------------------------------------


def by_bucket(visitors: Sequence[str], window: int, every: str = "day", tz: str = "UTC") -> list[tuple[str, int, int]]:
    """Who reached the first and the last step by bucket, of stories in which a number is a day."""
    stories = [[(second * DAY, event) for second, event in did(story)] for story in visitors]
    found = table(stories, rules(["p", "q", "r"], window), every=every, tz=tz)
    ends = found.filter(pl.col("step") != 2).with_columns(day=pl.col("time").dt.strftime("%m-%d"))
    return [(day, *part["visitors"]) for (day,), part in ends.group_by("day", maintain_order=True)]


def test_a_series_counts_by_the_time_of_step_one_as_the_vector_has_it() -> None:
    visitors = ["p0 q2 r4", "p1 q3", "p5", "p0 q0 r0", "p0 q2 r4", "p1 q3"]
    rest = [("09-09", 0, 0), ("09-10", 0, 0), ("09-11", 0, 0), ("09-12", 1, 0)]
    assert by_bucket(visitors, 7 * DAY) == [("09-07", 3, 3), ("09-08", 2, 0), *rest]
    assert by_bucket(visitors, DAY) == [("09-07", 3, 1), ("09-08", 2, 0), *rest]


def test_each_day_that_somebody_begins_on_has_their_way_from_there() -> None:
    # The way from day 0 is as whole as the later one from day 1: nobody begins anew by coming again.
    assert by_bucket(["p0 p1 q2 r3"], 7 * DAY) == [("09-07", 1, 1), ("09-08", 1, 1)]


def test_two_ways_on_one_day_count_once() -> None:
    stories = [did("p0 q1 r2 p3 q4 r5")]
    assert table(stories, rules(["p", "q", "r"]), every="day")["visitors"].to_list() == [1, 1, 1]


@pytest.mark.parametrize(("tz", "month"), [("UTC", "2020-05"), ("US/Pacific", "2020-04")])
def test_a_month_is_that_of_the_zone(tz: str, month: str) -> None:
    begins = datetime(2020, 5, 1, tzinfo=timezone.utc)
    rows = [{"visitor": "v:1", "time": begins + timedelta(hours=hour), "event": "pqr"[hour]} for hour in range(3)]
    found = funnel.function(
        number_rows(pl.LazyFrame(rows, schema=EVENTS)), rules=rules(["p", "q", "r"]), every="month", tz=tz
    ).collect()
    assert found["time"].dt.strftime("%Y-%m").unique().to_list() == [month]
    assert found["visitors"].to_list() == [1, 1, 1]


def test_a_bucket_is_incomplete_while_its_windows_last() -> None:
    stories = [[(0, "a")], [(DAY, "a")], [(4 * DAY, "a")]]
    found = table(stories, rules(["a", "b"], 2 * DAY), every="day", log_end=lambda: START + timedelta(days=4)).filter(
        pl.col("step") == 1
    )
    # The windows of the 8th end with the 10th, a day before the log does; those of the 9th with the 11th.
    assert found["incomplete"].to_list() == [False, False, True, True, True]


# -- what else ------------------------------------------------------------------------------------------------------


def test_pending_are_those_who_may_still_come() -> None:
    stories = [did("a0"), did("a90"), did("a0 b1"), did("a0 a90"), did("a90 b95 c99")]
    found = table(stories, rules(["a", "b", "c"], 20), log_end=lambda: START + timedelta(seconds=100))
    assert found.select("visitors", "lost", "pending").rows() == [(5, None, None), (2, 3, 2), (1, 1, 0)]


def pending(story: str, log_end: int, steps: Sequence[str] = ("a", "b"), **given: Any) -> list[int]:
    """How many of one visitor are pending at step 2, by row of it, with a window of 20 seconds."""
    every = "day" if given.pop("is_daily", False) else None
    end = START + timedelta(seconds=log_end)
    found = table([did(story)], rules(steps, 20, **given), every=every, log_end=lambda: end)
    return found.filter(pl.col("step") == 2)["pending"].to_list()


@pytest.mark.parametrize("further", [{}, {"order": "strict"}, {"order": "unordered"}, {"exclude": ["x"]}])
@pytest.mark.parametrize("other", ["y0", "x0"])  # with an excluded hit the visitor is searched
def test_no_start_of_a_later_day_keeps_an_earlier_day_pending(further: dict[str, Any], other: str) -> None:
    assert pending(f"{other} a1 a{DAY}", DAY + 5, is_daily=True, **further) == [0, 1]


@pytest.mark.parametrize("further", [{}, {"order": "strict"}, {"order": "unordered"}, {"exclude": ["x"]}])
@pytest.mark.parametrize("other", ["y0", "x0", "a0 a0"])
def test_no_later_start_keeps_pending_who_entered_with_the_first(further: dict[str, Any], other: str) -> None:
    assert pending(f"{other} a1 a19", 30, **further) == [1]
    assert pending(f"{other} a1 a19", 30, entry="first", **further) == [0]


def test_of_every_entry_only_the_one_that_is_open_is_pending() -> None:
    assert pending("a0 a40 b41 a90 a105", 120, count="totals") == [1]
    assert pending("a0 a40 b41 a90 a105", 120, count="totals", entry="first") == [0]


def test_steps_after_the_first_are_looked_for_beyond_the_period() -> None:
    stories = [did("a5 b15"), did("a0 b5"), did("a12 b13")]
    bounds = {"since": START + timedelta(seconds=2), "until": START + timedelta(seconds=10)}
    assert counted(stories, rules(["a", "b"]), **bounds) == [1, 1]


def test_an_open_funnel_is_entered_at_any_step() -> None:
    stories = [did("a0 b1 c2"), did("b0 c1"), did("a0 c1"), did("c0 b1"), did("x0")]
    found = table(stories, rules(["a", "b", "c"]), is_open=True)
    assert found.select("visitors", "entered", "lost").rows() == [(2, 2, None), (3, 2, 1), (4, 2, 1)]
    assert found["from_previous"].to_list() == [None, 1 / 2, 2 / 3]


def test_an_open_funnel_has_its_groups() -> None:
    visitors: list[Shown] = [[(0, "a", "x"), (1, "b", None)], [(0, "b", "y")], [(0, "b", "z")]]
    found = funnel.function(
        of_variants(visitors), rules=rules(["a", "b"]), by=["variant"], top=1, is_open=True
    ).collect()
    assert found.select("variant", "visitors", "entered").rows() == [
        ("x", 1, 1), ("x", 1, 0), ("(other)", 0, 0), ("(other)", 2, 2),
    ]  # fmt: skip


def test_who_was_lost_and_who_came_is_listed_by_their_beginning() -> None:
    stories = [did("a9 b10"), did("a0"), did("a3 b5 c6"), did("x0")]
    of = rules(["a", "b", "c"])
    lost = table(stories, of, listed=3, is_lost=True)
    assert lost.select("visitor", "level", pl.col("last_time") - START).rows() == [("v:0", 2, timedelta(seconds=10))]
    assert table(stories, of, listed=2, is_lost=True)["visitor"].to_list() == ["v:1"]
    assert table(stories, of, listed=1)["visitor"].to_list() == ["v:1", "v:2", "v:0"]


def test_intervals_are_wilsons_and_the_first_step_is_no_rate() -> None:
    stories = [did("a0 b1")] + [did("a0")] * 9
    found = table(stories, rules(["a", "b"]))
    assert found["from_first_low"].to_list() == [None, pytest.approx(0.017876, abs=1e-6)]
    assert found["from_previous_high"].to_list() == [None, pytest.approx(0.404150, abs=1e-6)]


def test_a_step_that_nothing_matches_is_warned_of_with_what_may_be_meant() -> None:
    said: list[str] = []
    table([did("a0 b1")], rules(["a", "purchse", "b"]), warn=said.append)
    table([[(0, "page_view"), (1, "purchase")]], rules(["page_view", "purchse"]), warn=said.append)
    table([[(0, "page_view"), (1, "purchase")]], rules(["page_view", "purchse"], order="strict"), warn=said.append)
    assert said == [
        "step 2, 'purchse', matches no event. There are a, b.",
        *["step 2, 'purchse', matches no event. Did you mean purchase?"] * 2,
    ]


def test_an_exclusion_that_nothing_matches_is_warned_of() -> None:
    said: list[str] = []
    table([did("a0 x1 b2")], rules(["a", "b"], exclude=["x", "logn"]), warn=said.append)
    assert said == ["--exclude logn matches no event, so it changes nothing."]


def test_many_visitors_with_many_ties_are_searched_in_bearable_time() -> None:
    draw = random.Random(2)
    story = sorted((draw.randrange(20_000), draw.choice("abx")) for _ in range(30_000))
    assert counted([story], rules(["any", "a or b", "b"], 60, exclude=["x:2-3"])) == [1, 1, 1]


def test_the_warning_names_no_step_that_occurs_only_after_the_period() -> None:
    said: list[str] = []
    counts_of = counted([did("a9 b10")], rules(["a", "b"]), until=START + timedelta(seconds=5), warn=said.append)
    assert (counts_of, said) == ([0, 0], [])


def test_where_usual_steps_are_missing_the_first_that_occurs_lies_in_the_period() -> None:
    stories = [did("b0 c1"), did("b9 c10")]
    until = START + timedelta(seconds=5)
    assert counted(stories, rules(["a", "b", "c"]), until=until, are_usual=True) == [1, 1]


@pytest.mark.parametrize("year", [1, 1600, 1969, 2600, 9999])
def test_times_of_any_year_make_no_error(year: int) -> None:
    begins = datetime(year, 12, 31, 23, 59, 50, tzinfo=timezone.utc)
    rows = [
        {"visitor": visitor, "time": begins + timedelta(seconds=second), "event": event}
        for visitor, second, event in [("v", 0, "a"), ("v", 2, "b"), ("w", 3, "b"), ("w", 5, "a")]
    ]
    found = funnel.function(number_rows(pl.LazyFrame(rows, schema=EVENTS)), rules=rules(["a", "b"])).collect()
    if 829 < year < 9961:  # others are all one instant
        assert found["visitors"].to_list() == [2, 1]
        assert found["median_seconds"].to_list() == [None, 2.0]


def test_events_without_users_are_warned_of_once() -> None:
    said: list[str] = []
    funnel.function(events([did("a0 b1")]), rules=rules(["a", "b"]), unit="user", warn=said.append).collect()
    assert said == ["no event of these steps names a user."]
