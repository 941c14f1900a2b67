"""Funnels under any rules equal brute force and the vectors of those who define funnels."""

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelstat.funnels.timeline import assignable_steps
from tests.funnels import brute_force
from tests.funnels.stories import MATCHES, START, Story, counted, did, rules, table
from tests.marks import slow_after

UNIVERSE = "abcdx"  # y may lie between the steps of a strict order
NAMES = ["a", "b", "c", "d", *MATCHES]

LAST = 11  # the second of the last hit
Row = tuple[int, float | None, int | None, float | None]


def matches(name: str, event: str) -> bool:
    return name in (event, "any") or (name == "a or b" and event in "ab")


def reference(
    visitors: Sequence[Story], steps: Sequence[str], given: dict[str, Any], period: range | None, log_end: int = LAST
) -> list[Row]:
    """What trying everything finds."""
    of = rules(steps, **given)
    found: list[tuple[brute_force.Times, bool]] = []
    for story in visitors:
        hits = [
            brute_force.Hit(
                second,
                frozenset(number for number, name in enumerate(steps, 1) if matches(name, event)),
                frozenset(place for place, one in enumerate(of.exclusions) if one.name == event),
                event in UNIVERSE or any(matches(name, event) for name in steps),
                period is None or second in period,
            )
            for second, event in story
        ]
        parts = brute_force.entries(hits, of) if of.count == "totals" else [hits]
        chains = ((brute_force.best(part, of), part) for part in parts)
        found += [(chain, brute_force.may_go_on(part, of, log_end)) for chain, part in chains if chain is not None]
    return brute_force.table(found, of)


def drawn(draw: random.Random) -> tuple[list[str], dict[str, Any], range | None]:
    """Steps, rules for them that go together, and perhaps a period."""
    is_disjoint = draw.random() < 0.5
    number = draw.randint(1, 4)
    steps = draw.sample("abcd", number) if is_disjoint else [draw.choice(NAMES) for _ in range(number)]
    order = draw.choice(["ordered", "ordered", "ordered", "strict", "unordered"])
    found: dict[str, Any] = {
        "window": draw.randint(1, 8),
        "order": order,
        "entry": draw.choice(["earliest", "latest", "first"]),
    }
    if order != "unordered" and draw.random() < 0.3:
        found["step_window"] = draw.randint(1, 5)
    if order == "ordered" and number > 2 and draw.random() < 0.3:
        found["optional"] = draw.sample(range(2, number), draw.randint(1, number - 2))
    if draw.random() < 0.4:
        found["exclude"] = [excluded(draw, order, number) for _ in range(draw.randint(1, 2))]
        found["exclude_mode"] = draw.choice(["drop", "stop"])
    if order == "ordered" and "optional" not in found:
        more = draw.choice(["grace", "totals", ""])
        if more == "grace" and not {"step_window", "exclude"} & found.keys():
            found["grace"] = draw.randint(1, 3)
        elif more == "totals" and is_disjoint:
            found["count"] = "totals"
    if order == "strict":
        found["universe"] = pl.col("event").is_in(list(UNIVERSE))
    return steps, found, range(2, 9) if draw.random() < 0.3 else None


def excluded(draw: random.Random, order: str, steps: int) -> str:
    event = draw.choice("xyabcd" if draw.random() < 0.3 else "xy")
    if order == "unordered" or steps < 2 or draw.random() < 0.4:
        return event
    after = draw.randint(1, steps - 1)
    return f"{event}:{after}-{draw.randint(after + 1, steps)}"


@pytest.mark.slow
@pytest.mark.parametrize("seed", slow_after(12, range(120)))
def test_a_funnel_under_any_rules_equals_brute_force(seed: int) -> None:
    draw = random.Random(seed)
    steps, given, period = drawn(draw)
    visitors = [[(draw.randint(0, LAST), draw.choice("abcdxy")) for _ in range(draw.randrange(8))] for _ in range(40)]
    log_end = LAST + draw.randrange(6)
    bounds = (
        {"since": START + timedelta(seconds=period.start), "until": START + timedelta(seconds=period.stop)}
        if period
        else {}
    )
    ends = START + timedelta(seconds=log_end)
    found = table(visitors, rules(steps, **dict(given)), **bounds, log_end=lambda: ends)
    noun = "entries" if given.get("count") == "totals" else "visitors"
    expected = reference(visitors, steps, dict(given), period, log_end)
    assert found.select(noun, "median_seconds", "pending").rows() == [row[:3] for row in expected]
    assert found["mean_seconds"].to_list() == pytest.approx([row[3] for row in expected])


@pytest.mark.slow
@pytest.mark.parametrize(
    "steps", [["a", "b", "c"], ["a", "a", "b"], ["any", "a or b", "a", "any"], ["c", "b", "a", "b"]]
)
def test_thousands_of_visitors_equal_brute_force(steps: list[str]) -> None:
    draw = random.Random(1)
    visitors = [[(draw.randrange(12), draw.choice("abcd")) for _ in range(draw.randrange(7))] for _ in range(3_000)]
    found = table(visitors, rules(steps, 5)).select("visitors", "median_seconds").rows()
    assert found == [row[:2] for row in reference(visitors, steps, {"window": 5}, None)]


hits = st.lists(st.tuples(st.integers(0, 5), st.sampled_from("abcd")), max_size=6)


@pytest.mark.slow
@given(st.lists(hits, min_size=1, max_size=12), st.data())
def test_the_sum_over_any_parting_of_the_visitors_is_the_whole(visitors: list[Story], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(visitors)))
    of = rules(["a", "a or b", "b"], 4, **data.draw(st.sampled_from([{}, {"order": "strict"}, {"order": "unordered"}])))
    parts = [counted(part, of) for part in (visitors[:cut], visitors[cut:])]
    assert [sum(both) for both in zip(*parts, strict=True)] == counted(visitors, of)


DAY, STOP = 86_400, {"exclude_mode": "stop"}
VECTORS: dict[str, tuple[list[str], str, dict[str, Any], list[int]]] = {  # stories, steps, rules, who reached each step
    "repeated step of one hit is no second hit": (["s s", "s"], "s,s", {}, [2, 1]),
    "same second, different events": (["s0 v0", "s0"], "s,v", {"window": 60}, [2, 1]),
    "same second, against the order of the log": (["v0 s0"], "s,v", {"window": 60}, [1, 1]),
    "conversion window in seconds": (["x0 y10"] * 10 + ["x0 y20"] * 15, "x,y,z", {"window": 15}, [25, 10, 0]),
    "other events between": (["s p m", "s s p", "s p m", "m", "p s m"], "s,p,m", {}, [4, 3, 2]),
    "fewer and fewer": (["s", "s p", "s p m", "m", "p s m"], "s,p,m", {}, [4, 2, 1]),
    "ten steps in one second": (["a0 b0 b0 c0 c0 d0 b0 c0 d0 a0"], "a,b,b,c,c,d,b,c,d,a", {"window": 60}, [1] * 10),
    "the newest start counts": (["a0 a1800 b2700 c4500"], "a,b,c", {"window": 3600}, [1, 1, 1]),
    "the first start counts": (["a0 a1800 b2700 c4500"], "a,b,c", {"window": 3600, "entry": "first"}, [1, 1, 0]),
    "one hit, three steps": (["z0"], "z,z,z", {"window": 60}, [1, 0, 0]),
    "a second a must not end the first chain": (["a8 b8 a9 b9"], "a,a,b", {"window": 5}, [1, 1, 1]),
    "window exactly reached": (["a0 b60", "a0 b61"], "a,b", {"window": 60}, [2, 1]),
    "window of two": (["a0 b1 c2 d3 e4 f5 g6 h7 i8"], "d,e,f,g,h", {"window": 2}, [1, 1, 1, 0, 0]),
    "window of three": (["a0 b1 c2 d3 e4 f5 g6 h7 i8"], "d,e,f,g,h", {"window": 3}, [1, 1, 1, 1, 0]),
    "window of four": (["a0 b1 c2 d3 e4 f5 g6 h7 i8"], "d,e,f,g,h", {"window": 4}, [1, 1, 1, 1, 1]),
    "ties between": (["a0 b1 c1 d1 e2"], "a,b,c,d,e", {"window": 10}, [1, 1, 1, 1, 1]),
    "a repeated step between is no harm": (["a1 b2 c3 b4 d5"], "a,b,c,d", {"window": 10}, [1, 1, 1, 1]),
    "nor where nothing may lie between": (["a1 b2 c3 b4 d5"], "a,b,c,d", {"window": 10, "order": "strict"}, [1, 1, 1, 0]),
    "a login again": (["i0 s5 l10 i15"], "i,s,l,e", {"window": 60}, [1, 1, 1, 0]),
    "the clock change is no matter of seconds": (["a0 b1207020"], "a,b", {"window": 14 * DAY}, [1, 1]),
    "excluded between, dropped": (
        ["s0 p3600", "s0 x1800 p3600", "s0 x3600", "s0 x90000"], "s,p", {"window": DAY, "exclude": ["x:1-2"]}, [2, 1],
    ),
    "excluded between, stopped": (
        ["s0 p3600", "s0 x1800 p3600", "s0 x3600", "s0 x90000"], "s,p",
        {"window": DAY, "exclude": ["x:1-2"], **STOP}, [4, 1],
    ),
    "a later way without the excluded": (["a0 x1 b31 a3600 b3629"], "a,b", {"window": 30, "exclude": ["x"]}, [1, 1]),
    "excluded after the window": (["a0 x11 b12"], "a,b", {"window": 10, "exclude": ["x"]}, [1, 0]),
    "excluded on the way that leads further": (["a0 x11 a12 x13 b14"], "a,b", {"window": 10, "exclude": ["x"]}, [0, 0]),
    "the same, stopped": (["a0 x11 a12 x13 b14"], "a,b", {"window": 10, "exclude": ["x"], **STOP}, [1, 0]),
    "excluded in the second of a step that comes later": (["a0 x5 c5 b10"], "a,b,c", {"exclude": ["x"]}, [0, 0, 0]),
    "the same, stopped there": (["a0 x5 c5 b10"], "a,b,c", {"exclude": ["x"], **STOP}, [1, 0, 0]),
    "excluded in the second of the next step": (["a0 x5 b5 c10"], "a,b,c", {"exclude": ["x"]}, [1, 1, 1]),
    "excluded in the second of a step that may be left out": (
        ["a0 x5 b5 c10"], "a,b,c", {"exclude": ["x"], "optional": [2]}, [1, 1, 1],
    ),
    "a step is not in its own way": (["a0 b5"], "a,b", {"exclude": ["b"]}, [1, 1]),
    "nor in any order": (["a0 b5"], "a,b", {"exclude": ["b"], "order": "unordered"}, [1, 1]),
    "nor with every entry": (["a0 b5"], "a,b", {"exclude": ["b"], "count": "totals", **STOP}, [1, 1]),
    "excluded in any order, on the way that leads further": (
        ["a0 x11 a12 x13 b14"], "a,b", {"window": 10, "exclude": ["x"], "order": "unordered"}, [0, 0],
    ),
    "steps that may be left out": (
        ["1", "1 2 3", "1 3", "1 2 3 4 5", "1 2 3 5", "1 3 4", "1 3 4 5", "1 3 5"], "1,2,3,4,5",
        {"optional": [2, 4]}, [8, 3, 7, 3, 4],
    ),
    "left out or not, it comes soon after the step before": (
        ["a0 b9", "a0 b10", "a0 x0 b10"], "a,b,c", {"optional": [2], "step_window": 9, "exclude": ["x"]}, [3, 1, 0],
    ),
    "who is stopped comes to no step that others may leave out": (
        ["a0 b9", "a0 x5 b9", "a0 b5 x5 c9", "a0 b5 x6 c9"], "a,b,c", {"optional": [2], "exclude": ["x"], **STOP},
        [4, 3, 1],
    ),
    "any order": (
        ["s", "v s", "s v x i", "i v s", "v s x i", "x i", "v x", "i v"], "s,v,i", {"order": "unordered"}, [8, 5, 3],
    ),
    "every entry, one of them broken off": (
        ["a0 a1 a2 b3"], "a,b", {"count": "totals", "entry": "first", "exclude": ["a:1-2"], **STOP}, [2, 1],
    ),
    "every entry, whichever start counts": (
        ["a0 a1 a2 b3"], "a,b", {"count": "totals", "exclude": ["a:1-2"], **STOP}, [2, 1],
    ),
    "an excluded hit that ends an entry begins none": (
        ["a0 a1 b2"], "a,b", {"count": "totals", "exclude": ["a:1-2"], **STOP}, [1, 0],
    ),
    "an entry that goes on elsewhere is not over": (
        ["a0 b1 a2 x3 b4 c5"], "a,b,c", {"count": "totals", "exclude": ["x:2-3"], **STOP}, [1, 1, 1],
    ),
    "a start within the window is no entry of its own": (["a0 a5 a10 b12"], "a,b", {"count": "totals", "window": 6}, [1, 1]),
    "a start after the window is one": (["a0 a7 a14 b16"], "a,b", {"count": "totals", "window": 6}, [3, 1]),
    "so is one after the step window": (
        ["a0 a7 b8"], "a,b", {"count": "totals", "window": 60, "step_window": 6}, [2, 1],
    ),
    "two seconds apart, the wrong way round": (["b0 a1"], "a,b", {"grace": 2}, [1, 1]),
    "no grace": (["b0 a1"], "a,b", {}, [1, 0]),
    "soon after the step before": (["a0 b5 b9 c18"], "a,b,c", {"step_window": 9}, [1, 1, 1]),
    "too late after the step before": (["a0 b5 c15"], "a,b,c", {"step_window": 9}, [1, 1, 0]),
}  # fmt: skip


@pytest.mark.parametrize("name", VECTORS)
def test_a_funnel_equals_the_published_vector(name: str) -> None:
    stories, steps, given, expected = VECTORS[name]
    assert counted([did(story) for story in stories], rules(steps.split(","), **given)) == expected


@pytest.mark.parametrize("further", [{}, {"exclude": ["x"]}, {"grace": 1}, {"count": "totals"}, {"step_window": 3600}])
@pytest.mark.parametrize(
    ("story", "entry", "waits"),
    [
        ("a0 a100 b100 c130", "earliest", [100, 30]),  # the page of thanks is viewed as the order arrives
        ("a0 a100 b100 c130", "latest", [0, 30]),
        ("a0 a100 b100 c130", "first", [100, 30]),
        ("a0 a1800 b2700 c4500", "earliest", [900, 1800]),  # the window is over for the first a
        ("a0 a600 a900 a1800 b2700 c4200", "earliest", [2100, 1500]),
        ("a0 b9 a12 b19 c30", "earliest", [9, 21]),
        ("a0 b9 a12 b19 c30", "latest", [7, 11]),
    ],
)
def test_times_are_those_of_the_entry(story: str, entry: str, waits: Sequence[int], further: dict[str, Any]) -> None:
    others = "x0" if "exclude" in further else "d0"  # who has an excluded hit is searched
    found = table([did(f"{others} {story}")], rules(["a", "b", "c"], 3600, entry=entry, **dict(further)))
    assert found["median_seconds"].to_list() == [None, *map(float, waits)]
    assert found["total_median_seconds"].to_list() == [None, waits[0], sum(waits)]


@pytest.mark.slow
@pytest.mark.parametrize("entry", ["earliest", "latest"])
@pytest.mark.parametrize("window", [2, 5, 40])
def test_buffered_hits_and_those_of_one_group_have_the_same_figures(entry: str, window: int) -> None:
    draw = random.Random(window)
    visitors = [[(draw.randrange(60), draw.choice("aaaabc")) for _ in range(draw.randrange(30))] for _ in range(300)]
    of = rules(["a", "b", "c"], window, entry=entry)
    log_end = START + timedelta(seconds=70)
    buffered = table(visitors, of, log_end=lambda: log_end)
    assert table(visitors, of, by=["page"], log_end=lambda: log_end).drop("page").equals(buffered)
    assert 0 not in buffered["visitors"]


def test_a_strict_chain_leaves_out_no_hit_of_a_second_between() -> None:
    found = table([did("a0 a1 b1 b1 c3")], rules(["a", "b", "c"], 10, order="strict"))
    assert found["total_median_seconds"].to_list() == [
        None,
        0.0,
        2.0,
    ]  # from the second a: b is left over after the first


def test_an_abandoned_chain_does_not_count_in_the_time_of_a_later_one() -> None:
    found = table([did("a0 x1 b31 a3600 b3629")], rules(["a", "b"], 30, exclude=["x"]))
    assert found["mean_seconds"].to_list() == [None, 29.0]


def test_times_to_convert_have_bins_of_one_width() -> None:
    stories = [did("a0 b60"), did("a0 a2040 b2400"), did("a0 a2040 a2400")]
    assert table(stories, rules(["a", "b"], 600)).select("visitors", "mean_seconds").rows() == [(3, None), (2, 210.0)]
    found = table(stories, rules(["a", "b"], 600), histogram=True)
    assert found.rows() == [(60.0, 210.0, 1), (210.0, 360.0, 0), (360.0, 510.0, 1)]


def test_hits_of_one_second_are_assigned_to_steps() -> None:
    assert assignable_steps((0b11, 0b01), 0, 2) == 2
    assert assignable_steps((0b010, 0b011, 0b001), 0, 3) == 2
    assert assignable_steps((0b10,), 0, 2) == 0
