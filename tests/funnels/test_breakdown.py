"""A funnel by a column: the value that a chain belongs to, held columns, and the groups that are shown."""

from collections.abc import Sequence
from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelstat.reports.funnel import funnel
from tests.funnels.stories import START, counted, events, rules

shown = st.lists(st.tuples(st.integers(0, 5), st.sampled_from("abc"), st.sampled_from(["x", "y", None])), max_size=6)

Shown = Sequence[tuple[int, str, str | None]]


def of_variants(visitors: Sequence[Shown]) -> pl.LazyFrame:
    """EVENTS of visitors, each hit with a variant."""
    stories = [[(second, event) for second, event, _ in hits] for hits in visitors]
    return events(stories, variant=[[value for _, _, value in hits] for hits in visitors])


def by_value(visitors: Sequence[Shown], steps: Sequence[str], touch: str) -> dict[str | None, list[int]]:
    found = funnel.compute(of_variants(visitors), rules=rules(steps, 4), by=["variant"], touch=touch).collect()
    return {value: part["visitors"].to_list() for (value,), part in found.group_by("variant", maintain_order=True)}


def counts(stories: Sequence[Sequence[tuple[int, str]]], steps: Sequence[str]) -> list[int]:
    return counted(stories, rules(steps, 4))


def without_none(found: dict[str | None, list[int]]) -> dict[str | None, list[int]]:
    return {value: counts for value, counts in found.items() if counts[0]}


@pytest.mark.slow
@given(
    st.lists(shown, max_size=10), st.sampled_from([["a", "b"], ["a", "any", "c"]]), st.sampled_from(["first", "last"])
)
def test_a_visitor_has_one_touch_and_all_their_chains_are_in_its_group(
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


@pytest.mark.slow
@given(st.lists(shown, max_size=10), st.sampled_from([["a", "b"], ["a", "any", "c"]]))
def test_touch_all_matches_chains_within_one_value(visitors: list[Shown], steps: list[str]) -> None:
    expected = {
        value: counts([[(second, event) for second, event, own in hits if own == value] for hits in visitors], steps)
        for value in ("x", "y", None)
    }
    assert by_value(visitors, steps, "all") == without_none(expected)


@pytest.mark.slow
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


@pytest.mark.slow
@given(st.lists(shown, max_size=10))
def test_a_chain_has_one_value_of_a_held_column_and_the_best_chain_counts(visitors: list[Shown]) -> None:
    steps = ["a", "b", "c"]
    reached = [0, 0, 0]
    for hits in visitors:
        of_one = [
            counts([[(second, event) for second, event, own in hits if own == value]], steps) for value in ("x", "y")
        ]
        reached = [before + max(step) for before, step in zip(reached, zip(*of_one, strict=True), strict=True)]
    found = funnel.compute(of_variants(visitors), rules=rules(steps, 4), held_column="variant").collect()
    assert found["visitors"].to_list() == reached


def test_who_is_dropped_at_one_value_of_a_held_column_does_not_count_at_another() -> None:
    stories: list[Shown] = [
        [(0, "a", "x"), (1, "d", "x"), (2, "b", "x"), (3, "a", "y")],  # kept from b at x
        [(0, "a", "x"), (1, "d", "x"), (2, "a", "y")],  # got as far at y
    ]
    of = rules(["a", "b"], exclude=["d"])
    found = funnel.compute(of_variants(stories), rules=of, held_column="variant").collect()
    assert found["visitors"].to_list() == [1, 0]


@pytest.mark.slow
def test_the_first_value_may_be_of_an_event_without_the_held_column() -> None:
    story = [[(0, "x"), (1, "a"), (2, "b")]]
    shown = events(story, variant=[["north", "south", None]], utm_source=[[None, "mail", "mail"]])
    for is_open in (False, True):
        found = funnel.compute(
            shown, rules=rules(["a", "b"]), by=["variant"], held_column="utm_source", is_open=is_open
        ).collect()
        assert found.select("variant", "visitors").rows() == [("north", 1)] * 2


def test_a_start_with_another_value_does_not_keep_a_group_pending() -> None:
    shown = of_variants([[(0, "a", "x"), (0, "b", None), (90, "a", "y")]])
    end = START + timedelta(seconds=100)
    found = funnel.compute(
        shown, rules=rules(["a", "any", "c"], 20), by=["variant"], touch="step:1", log_end=lambda: end
    ).collect()
    assert found.filter(pl.col("step") == 3).select("variant", "pending").rows() == [("x", 0), ("y", 0)]
    assert found.filter(pl.col("step") == 2).select("variant", "visitors", "pending").rows() == [
        ("x", 1, 0), ("y", 0, 1),
    ]  # fmt: skip


@pytest.mark.slow
def test_a_breakdown_by_touch_equals_the_vector() -> None:
    visitor = [(0, "p", "Chrome"), (1, "q", "Safari"), (2, "q", "Chrome"), (3, "r", "Chrome")]
    steps, chrome = ["p", "q", "r"], {"Chrome": [1, 1, 1]}
    for touch in ("first", "all", "step:1", "step:3"):
        assert by_value([visitor], steps, touch) == chrome
    assert by_value([visitor], steps, "step:2") == {**chrome, "Safari": [1, 1, 1]}


def test_groups_beyond_the_first_are_one_last_group() -> None:
    visitors = [[(0, "a", value), (1, "b", value)] for value in "xxxyyz"] + [[(0, "a", "w")]]
    found = funnel.compute(of_variants(visitors), rules=rules(["a", "b"]), by=["variant"], top=1).collect()
    assert found.select("variant", "visitors").rows() == [("x", 3), ("x", 3), ("(other)", 4), ("(other)", 3)]


def test_visitors_of_several_other_groups_count_once_there() -> None:
    visitors = [[(0, "a", "x"), (0, "a", "y"), (1, "b", "y"), (0, "a", "z")]] + [[(0, "a", "x")]] * 3
    found = funnel.compute(of_variants(visitors), rules=rules(["a", "b"]), by=["variant"], touch="all", top=1).collect()
    assert found.select("variant", "visitors").rows() == [("x", 4), ("x", 0), ("(other)", 1), ("(other)", 1)]
