"""What a funnel counts by step: series by the time of step one, who is pending, who was lost, and how sure the rates are."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import polars as pl
import pytest

from pixelstat.reports.funnel import funnel
from tests.builders import distinct_events
from tests.funnels.stories import START, counted, did, rules, table

DAY = 86_400


def by_bucket(visitors: Sequence[str], window: int, every: str = "day", tz: str = "UTC") -> list[tuple[str, int, int]]:
    """Who reached the first and the last step by bucket, of stories in which a number is a day."""
    stories = [[(second * DAY, event) for second, event in did(story)] for story in visitors]
    found = table(stories, rules(["p", "q", "r"], window), every=every, time_zone=tz)
    ends = found.filter(pl.col("step") != 2).with_columns(day=pl.col("time").dt.strftime("%m-%d"))
    return [(day, *part["visitors"]) for (day,), part in ends.group_by("day", maintain_order=True)]


def test_a_series_by_the_time_of_step_one_equals_the_vector() -> None:
    visitors = ["p0 q2 r4", "p1 q3", "p5", "p0 q0 r0", "p0 q2 r4", "p1 q3"]
    rest = [("09-09", 0, 0), ("09-10", 0, 0), ("09-11", 0, 0), ("09-12", 1, 0)]
    assert by_bucket(visitors, 7 * DAY) == [("09-07", 3, 3), ("09-08", 2, 0), *rest]
    assert by_bucket(visitors, DAY) == [("09-07", 3, 1), ("09-08", 2, 0), *rest]


def test_each_day_has_the_chains_that_begin_on_it() -> None:
    # The way from day 0 is as whole as the later one from day 1: nobody begins anew by coming again.
    assert by_bucket(["p0 p1 q2 r3"], 7 * DAY) == [("09-07", 1, 1), ("09-08", 1, 1)]


def test_two_chains_of_a_visitor_on_one_day_count_once() -> None:
    stories = [did("p0 q1 r2 p3 q4 r5")]
    assert table(stories, rules(["p", "q", "r"]), every="day")["visitors"].to_list() == [1, 1, 1]


@pytest.mark.parametrize(("tz", "month"), [("UTC", "2020-05"), ("US/Pacific", "2020-04")])
def test_a_month_of_a_funnel_series_is_local(tz: str, month: str) -> None:
    begins = datetime(2020, 5, 1, tzinfo=timezone.utc)
    rows = [{"visitor": "v:1", "time": begins + timedelta(hours=hour), "event": "pqr"[hour]} for hour in range(3)]
    found = funnel.compute(distinct_events(rows), rules=rules(["p", "q", "r"]), every="month", time_zone=tz).collect()
    assert found["time"].dt.strftime("%Y-%m").unique().to_list() == [month]
    assert found["visitors"].to_list() == [1, 1, 1]


def test_a_bucket_is_incomplete_while_its_windows_last() -> None:
    stories = [[(0, "a")], [(DAY, "a")], [(4 * DAY, "a")]]
    found = table(stories, rules(["a", "b"], 2 * DAY), every="day", log_end=lambda: START + timedelta(days=4)).filter(
        pl.col("step") == 1
    )
    # The windows of the 8th end with the 10th, a day before the log does; those of the 9th with the 11th.
    assert found["incomplete"].to_list() == [False, False, True, True, True]


def test_visitors_whose_window_is_open_are_pending() -> None:
    stories = [did("a0"), did("a90"), did("a0 b1"), did("a0 a90"), did("a90 b95 c99")]
    found = table(stories, rules(["a", "b", "c"], 20), log_end=lambda: START + timedelta(seconds=100))
    assert found.select("visitors", "dropped", "pending").rows() == [(5, None, None), (2, 3, 2), (1, 1, 0)]


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


@pytest.mark.slow
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


def test_visitors_who_dropped_out_or_arrived_are_listed_by_their_start() -> None:
    stories = [did("a9 b10"), did("a0"), did("a3 b5 c6"), did("x0")]
    of = rules(["a", "b", "c"])
    dropped = table(stories, of, listed_step=3, lists_dropped=True)
    assert dropped.select("visitor", "furthest_step", pl.col("last_time") - START).rows() == [
        ("v:0", 2, timedelta(seconds=10))
    ]
    assert table(stories, of, listed_step=2, lists_dropped=True)["visitor"].to_list() == ["v:1"]
    assert table(stories, of, listed_step=1)["visitor"].to_list() == ["v:1", "v:2", "v:0"]


def test_rates_have_wilson_intervals_and_the_first_step_has_no_rate() -> None:
    stories = [did("a0 b1")] + [did("a0")] * 9
    found = table(stories, rules(["a", "b"]))
    assert found["conversion_rate_low"].to_list() == [None, pytest.approx(0.017876, abs=1e-6)]
    assert found["step_rate_high"].to_list() == [None, pytest.approx(0.404150, abs=1e-6)]


@pytest.mark.slow
def test_many_visitors_with_many_ties_are_searched_in_bearable_time() -> None:
    draw = random.Random(2)
    story = sorted((draw.randrange(20_000), draw.choice("abx")) for _ in range(30_000))
    assert counted([story], rules(["any", "a or b", "b"], 60, exclude=["x:2-3"])) == [1, 1, 1]


@pytest.mark.parametrize("year", [1, 1600, 1969, 2600, 9999])
def test_times_of_any_year_make_no_error(year: int) -> None:
    begins = datetime(year, 12, 31, 23, 59, 50, tzinfo=timezone.utc)
    rows = [
        {"visitor": visitor, "time": begins + timedelta(seconds=second), "event": event}
        for visitor, second, event in [("v", 0, "a"), ("v", 2, "b"), ("w", 3, "b"), ("w", 5, "a")]
    ]
    found = funnel.compute(distinct_events(rows), rules=rules(["a", "b"])).collect()
    if 829 < year < 9961:  # others are all one instant
        assert found["visitors"].to_list() == [2, 1]
        assert found["median_seconds"].to_list() == [None, 2.0]
