"""An open funnel is entered at any step."""

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from pixelstat.reports.funnel import funnel
from tests.funnels.stories import START, did, events, rules, table

Shown = Sequence[tuple[int, str, str | None]]


def of_variants(visitors: Sequence[Shown]) -> pl.LazyFrame:
    """EVENTS of visitors, each hit with a variant."""
    stories = [[(second, event) for second, event, _ in hits] for hits in visitors]
    return events(stories, variant=[[value for _, _, value in hits] for hits in visitors])


def test_an_open_funnel_is_entered_at_any_step() -> None:
    stories = [did("a0 b1 c2"), did("b0 c1"), did("a0 c1"), did("c0 b1"), did("x0")]
    found = table(stories, rules(["a", "b", "c"]), is_open=True)
    assert found.select("visitors", "entered", "dropped").rows() == [(2, 2, None), (3, 2, 1), (4, 2, 1)]
    assert found["step_rate"].to_list() == [None, 1 / 2, 2 / 3]


def test_an_excluded_event_stops_who_goes_from_one_step_to_the_next() -> None:
    stories = [did("a0 x5 b9"), did("a0 b9"), did("a0 x5")]
    of = rules(["a", "b"], 60, exclude=["x"], exclude_mode="stop")
    found = table(stories, of, is_open=True, log_end=lambda: START + timedelta(seconds=10))
    assert found.select("visitors", "entered", "dropped", "pending").rows() == [(3, 3, None, None), (2, 1, 2, 0)]


def test_an_open_funnel_is_pending_within_its_windows() -> None:
    for step_window, pending in [(5, 0), (30, 1)]:
        of = rules(["a", "b"], 60, step_window=step_window)
        found = table([did("a0")], of, is_open=True, log_end=lambda: START + timedelta(seconds=10))
        assert found["pending"].to_list() == [None, pending]


def test_an_open_funnel_has_its_groups() -> None:
    visitors: list[Shown] = [[(0, "a", "x"), (1, "b", None)], [(0, "b", "y")], [(0, "b", "z")]]
    found = funnel.compute(
        of_variants(visitors), rules=rules(["a", "b"]), by=["variant"], top=1, is_open=True
    ).collect()
    assert found.select("variant", "visitors", "entered").rows() == [
        ("x", 1, 1), ("x", 1, 0), ("(other)", 0, 0), ("(other)", 2, 2),
    ]  # fmt: skip
