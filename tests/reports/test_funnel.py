"""The funnel against brute force, and against the vectors of those who define funnels."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelstat.errors import PixelstatError
from pixelstat.people.duplicates import every_hit
from pixelstat.reports.funnel import funnel, search
from pixelstat.reports.steps import split_steps, step
from pixelstat.schemas import EVENTS
from tests.reports import brute_force

START = datetime(2026, 9, 7, tzinfo=timezone.utc)
MATCHES = {"a": "a", "b": "b", "c": "c", "a or b": "event = 'a' or event = 'b'", "any": "event <> ''"}


def events(visitors: Sequence[Sequence[tuple[int, str]]]) -> pl.LazyFrame:
    """EVENTS of visitors who each did (second, event), in a scrambled order."""
    rows = [
        {"visitor": f"v:{number}", "time": START + timedelta(seconds=second), "event": event, "page": "/"}
        for number, hits in enumerate(visitors)
        for second, event in hits
    ]
    random.Random(0).shuffle(rows)
    return every_hit(pl.LazyFrame(rows, schema=EVENTS))


def counted(visitors: Sequence[Sequence[tuple[int, str]]], steps: Sequence[str], window: int = 7 * 86_400) -> list[int]:
    """Visitors by step."""
    return [row[0] for row in table(visitors, steps, window)]


def table(
    visitors: Sequence[Sequence[tuple[int, str]]], steps: Sequence[str], window: int
) -> list[tuple[int, float | None]]:
    found = funnel.function(events(visitors), steps=[step(text) for text in steps], window=timedelta(seconds=window))
    return found.select("visitors", "median_seconds").collect().rows()


def did(story: str) -> list[tuple[int, str]]:
    """`a0 b5`: event a at second 0, b at second 5; without numbers a minute apart."""
    words = story.split()
    return [(int(word[1:]) if word[1:] else place * 60, word[0]) for place, word in enumerate(words)]


hits = st.lists(st.tuples(st.integers(0, 5), st.sampled_from("abcd")), max_size=6)


@given(st.lists(hits, max_size=12), st.lists(st.sampled_from(list(MATCHES)), min_size=1, max_size=4), st.integers(1, 6))
def test_a_funnel_equals_brute_force_with_ties_and_repeated_and_overlapping_steps(
    visitors: list[list[tuple[int, str]]], steps: list[str], window: int
) -> None:
    assert table(visitors, [MATCHES[name] for name in steps], window) == reference(visitors, steps, window)


def reference(
    visitors: Sequence[Sequence[tuple[int, str]]], steps: Sequence[str], window: int
) -> list[tuple[int, float | None]]:
    matching = {event: frozenset(n for n, name in enumerate(steps, 1) if matches(name, event)) for event in "abcd"}
    return brute_force.funnel(
        [[(second, matching[event]) for second, event in own] for own in visitors], len(steps), window
    )


def matches(name: str, event: str) -> bool:
    return name in (event, "any") or (name == "a or b" and event in "ab")


@pytest.mark.parametrize(
    "steps", [["a", "b", "c"], ["a", "a", "b"], ["any", "a or b", "a", "any"], ["c", "b", "a", "b"]]
)
def test_thousands_of_visitors_equal_brute_force(steps: list[str]) -> None:
    draw = random.Random(1)
    visitors = [[(draw.randrange(12), draw.choice("abcd")) for _ in range(draw.randrange(7))] for _ in range(3_000)]
    assert table(visitors, [MATCHES[name] for name in steps], 5) == reference(visitors, steps, 5)


VECTORS = {  # story by story, steps, window in seconds, visitors by step; the names are those of the projects they come from
    "repeated step of one hit is no second hit": (["s s", "s"], "s,s", 10_000, [2, 1]),
    "same second, different events": (["s0 v0", "s0"], "s,v", 60, [2, 1]),
    "same second, against the order of the log": (["v0 s0"], "s,v", 60, [1, 1]),
    "conversion window in seconds": (["x0 y10"] * 10 + ["x0 y20"] * 15, "x,y", 15, [25, 10]),
    "other events between": (["s p m", "s s p", "s p m", "m", "p s m"], "s,p,m", 10_000, [4, 3, 2]),
    "ten steps in one second": (["a0 b0 b0 c0 c0 d0 b0 c0 d0 a0"], "a,b,b,c,c,d,b,c,d,a", 60, [1] * 10),
    "the newest start counts": (["a0 a1800 b2700 c4500"], "a,b,c", 3600, [1, 1, 1]),
    "one hit, three steps": (["z0"], "z,z,z", 60, [1, 0, 0]),
    "a second a must not end the first chain": (["a8 b8 a9 b9"], "a,a,b", 5, [1, 1, 1]),
    "window exactly reached": (["a0 b60", "a0 b61"], "a,b", 60, [2, 1]),
    "levels within the window": (["a0 b1 c2 d3 e4 f5 g6 h7 i8"], "d,e,f,g,h", 3, [1, 1, 1, 1, 0]),
    "the clock change is no matter of seconds": (["a0 b1207020"], "a,b", 14 * 86_400, [1, 1]),
}


@pytest.mark.parametrize("name", VECTORS)
def test_vector(name: str) -> None:
    stories, steps, window, expected = VECTORS[name]
    assert counted([did(story) for story in stories], steps.split(","), window) == expected


def test_the_median_is_of_the_latest_start() -> None:
    # 45 minutes pass from the second a to c, 15 of them to b.
    assert table([did("a0 a1800 b2700 c4500")], ["a", "b", "c"], 3600) == [(1, None), (1, 900.0), (1, 1800.0)]


def test_nobody_gives_zeros_and_no_shares() -> None:
    found = funnel.function(events([]), steps=[step("a"), step("b")], window=timedelta(days=7)).collect()
    assert found["visitors"].to_list() == [0, 0]
    assert found["from_first"].to_list() == [None, None]


def test_without_steps_those_of_the_shop_funnel_that_occur_are_taken() -> None:
    visitors = [[(0, "page_view"), (1, "purchase")], [(0, "page_view")]]
    found = funnel.function(events(visitors), steps=[], window=timedelta(days=7)).collect()
    assert found.select("step", "name", "visitors").rows() == [(1, "page_view", 2), (2, "purchase", 1)]


def test_without_any_event_of_the_shop_funnel_the_table_is_empty() -> None:
    assert funnel.function(events([[(0, "quiz")]]), steps=[], window=timedelta(days=7)).collect().is_empty()


@given(st.lists(hits, min_size=1, max_size=12), st.data())
def test_the_sum_over_any_parting_of_the_visitors_is_the_whole(
    visitors: list[list[tuple[int, str]]], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(visitors)))
    steps = ["a", MATCHES["a or b"], "b"]
    parts = [counted(part, steps, 4) for part in (visitors[:cut], visitors[cut:])]
    assert [sum(both) for both in zip(*parts, strict=True)] == counted(visitors, steps, 4)


def test_search_deals_out_the_hits_of_a_second() -> None:
    assert search([(0, [{1, 2}, {1}])], 2, 10) == (0, 0)
    assert search([(0, [{2}, {1, 2}, {1}])], 3, 10) == (0, 0)
    assert search([(0, [{2}])], 2, 10) == ()


def test_steps_are_events_pages_or_conditions_with_a_name_if_one_likes() -> None:
    named = {
        text: step(text).name
        for text in ["buy", "/cart", "video:play", "cart: /cart", "a:/b", "big order: value > 50", "value > 50"]
    }
    assert named == {"buy": "buy", "/cart": "/cart", "video:play": "video:play", "cart: /cart": "cart", "a:/b": "a",
                     "big order: value > 50": "big order", "value > 50": "value > 50"}  # fmt: skip
    assert step("buy").event == "purchase"
    assert step("/cart").event is None


def test_a_list_of_steps_is_parted_at_commas_outside_of_quotes_and_parentheses() -> None:
    assert split_steps("a,/b,event in ('x','y'),page = 'p,q',c") == [
        "a",
        "/b",
        "event in ('x','y')",
        "page = 'p,q'",
        "c",
    ]


@pytest.mark.parametrize(
    "text",
    ["pages = '/x'", "value >", "value + 1 = ", "sum(value) > 1 and (", "upper(event)", "value > avg(value)", "  "],
)
def test_a_step_that_is_no_condition_is_an_error_with_the_columns(text: str) -> None:
    with pytest.raises(PixelstatError, match=r"Columns:|A step is empty|not true or false|looks at other events"):
        step(text)


def test_a_page_step_is_a_page_view_and_its_star_crosses_slashes() -> None:
    def reached(pattern: str) -> int:
        return counted_pages(
            [("page_view", "/products/a/b"), ("click", "/products/a/b"), ("page_view", "/product")], pattern
        )

    assert [reached("/products/*"), reached("/product"), reached("/*"), reached("*")] == [1, 1, 2, 0]


def counted_pages(hits_of: list[tuple[str, str]], pattern: str) -> int:
    rows = [
        {"visitor": f"v:{n}", "time": START, "event": event, "page": page} for n, (event, page) in enumerate(hits_of)
    ]
    found = funnel.function(
        every_hit(pl.LazyFrame(rows, schema=EVENTS)), steps=[step(pattern)], window=timedelta(days=7)
    )
    return int(found.collect()["visitors"].item())


shown = st.lists(st.tuples(st.integers(0, 5), st.sampled_from("abc"), st.sampled_from(["x", "y", None])), max_size=5)


@given(st.lists(shown, max_size=10), st.sampled_from([["a", "b"], ["a", "any", "c"]]))
def test_a_funnel_by_a_column_is_the_funnel_of_those_who_show_each_value_first(
    visitors: list[list[tuple[int, str, str | None]]], steps: list[str]
) -> None:
    of_value: dict[str | None, list[list[tuple[int, str]]]] = {}
    for hits in visitors:
        first = min(((second, value) for second, _, value in hits if value), default=(0, None))[1]
        of_value.setdefault(first, []).append([(second, event) for second, event, _ in hits])
    rows = [
        {"visitor": f"v:{number}", "time": START + timedelta(seconds=second), "event": event, "variant": value}
        for number, hits in enumerate(visitors)
        for second, event, value in hits
    ]
    random.Random(0).shuffle(rows)
    texts = [MATCHES[name] for name in steps]
    found = funnel.function(
        every_hit(pl.LazyFrame(rows, schema=EVENTS)), steps=[step(text) for text in texts], window=timedelta(seconds=4), by=["variant"]
    ).collect()  # fmt: skip

    expected = {value: counted(hits, texts, 4) for value, hits in of_value.items()}
    by_value = {value: part["visitors"].to_list() for (value,), part in found.group_by("variant")}
    assert by_value == {value: counts for value, counts in expected.items() if counts[0]}
