"""Funnels of visits and of users instead of visitors."""

from datetime import timedelta

import pytest
from hypothesis import strategies as st

from pixelstat.reports.funnel import funnel
from pixelstat.sessions.sessionize import SessionRules
from tests.funnels.stories import START, did, events, rules

shown = st.lists(st.tuples(st.integers(0, 5), st.sampled_from("abc"), st.sampled_from(["x", "y", None])), max_size=6)


def of_visits(unit: str = "visitor", count: str = "uniques") -> list[int]:
    """One visitor: a in the first visit; a and b in the second; b in the third."""
    story, visits = did("a0 a3600 b3660 b7200"), [[1, 2, 2, 3]]
    found = funnel.compute(events([story], visit=visits), rules=rules(["a", "b"], count=count), actor=unit).collect()
    return found["visits"].to_list()


def test_a_funnel_of_visits_has_all_steps_in_one_visit() -> None:
    assert of_visits("visit") == [2, 1]


def test_visits_that_are_counted_may_go_on_in_later_ones() -> None:
    assert of_visits(count="visits") == [2, 2]


@pytest.mark.parametrize(
    ("log_end", "timeout", "expected"),
    [(7200, 1800, [0]), (5459, 1800, [0]), (3659, 1800, [1]), (5400, 7200, [1])],  # the visit lasts until 3600
)
def test_a_visit_is_pending_while_it_may_go_on(log_end: int, timeout: int, expected: list[int]) -> None:
    shown = events([did("a0 d3600")], visit=[[1, 1]])
    context = {
        "session_rules": SessionRules(timedelta(seconds=timeout)),
        "log_end": lambda: START + timedelta(seconds=log_end),
    }
    found = funnel.compute(shown, rules=rules(["a", "b"]), actor="visit", **context).collect()
    assert found["pending"].to_list() == [None, *expected]


def test_a_visit_before_another_one_is_over() -> None:
    shown = events([did("a0 a60")], visit=[[1, 2]])  # of another campaign
    found = funnel.compute(
        shown, rules=rules(["a", "b"]), actor="visit", log_end=lambda: START + timedelta(seconds=90)
    ).collect()
    assert found.select("visits", "pending").rows() == [(2, None), (0, 1)]


def test_two_visits_of_a_user_in_one_second_begin_a_chain_each() -> None:
    stories = [did("a0"), did("a0 b1")]
    shown = events(stories, visit=[[1], [2, 2]], user_id=[["u"], ["u", "u"]])
    of = rules(["a", "b"], order="unordered", count="visits")
    assert funnel.compute(shown, rules=of, actor="user").collect()["visits"].to_list() == [2, 2]


def test_a_funnel_of_users_joins_visitors_and_leaves_out_unknown_ones() -> None:
    stories = [did("a0"), did("b10"), did("a0 b10")]
    found = funnel.compute(
        events(stories, user_id=[["u"], ["u"], [None, None]]), rules=rules(["a", "b"]), actor="user"
    ).collect()
    assert found.select("users").to_series().to_list() == [1, 1]
