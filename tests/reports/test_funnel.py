"""The funnel's table, and steps as people type them."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelstat.conditions import parse_step, split_steps
from pixelstat.errors import PixelstatError
from pixelstat.reports.funnel import funnel
from pixelstat.schemas import EVENTS
from pixelstat.traffic.deduplication import number_rows
from tests.chains.stories import START, counted, events, rules, table
from tests.inside import inside
from tests.story import hit, log, view

SHOP = ("page_view", "product_view", "add_to_cart", "checkout", "purchase")


def test_nobody_gives_zeros_and_no_shares() -> None:
    found = table([], rules(["a", "b"]))
    assert found["visitors"].to_list() == [0, 0]
    assert found["from_first"].to_list() == [None, None]


def test_without_steps_those_of_the_shop_funnel_that_occur_are_taken() -> None:
    visitors = [[(0, "page_view"), (1, "purchase")], [(0, "page_view")]]
    found = table(visitors, rules(SHOP), are_usual=True)
    assert found.select("step", "name", "visitors").rows() == [(1, "page_view", 2), (2, "purchase", 1)]


def test_without_any_event_of_the_shop_funnel_the_table_is_empty() -> None:
    assert table([[(0, "quiz")]], rules(SHOP), are_usual=True).is_empty()


def test_steps_are_events_pages_or_conditions_with_a_name_if_one_likes() -> None:
    named = {
        text: parse_step(text).name
        for text in ["buy", "/cart", "video:play", "cart: /cart", "a:/b", "big order: value > 50", "value > 50"]
    }
    assert named == {"buy": "buy", "/cart": "/cart", "video:play": "video:play", "cart: /cart": "cart", "a:/b": "a",
                     "big order: value > 50": "big order", "value > 50": "value > 50"}  # fmt: skip
    assert parse_step("buy").event == "purchase"
    assert parse_step("/cart").event is None


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
        parse_step(text)


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
    found = funnel.function(number_rows(pl.LazyFrame(rows, schema=EVENTS)), rules=rules([pattern]))
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
    stories = [[(second, event) for second, event, _ in hits] for hits in visitors]
    values = [[value for _, _, value in hits] for hits in visitors]
    found = funnel.function(events(stories, variant=values), rules=rules(steps, 4), by=["variant"]).collect()

    expected = {value: counted(hits, rules(steps, 4)) for value, hits in of_value.items()}
    by_value = {value: part["visitors"].to_list() for (value,), part in found.group_by("variant")}
    assert by_value == {value: counts for value, counts in expected.items() if counts[0]}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--visitors-at 1 --lost", "Nobody is lost before step 1."),
        ("--visitors-at purchase --reached --order unordered", "--visitors-at 'purchase' is no step."),
        (
            "--visitors-at 2 --reached --since 2026-09-07 --compare previous",
            "--visitors-at and --compare do not go together.",
        ),
        ("--strict-over login", "--strict-over changes nothing without --order strict."),
        ("--touch last", "--touch changes nothing without --by COLUMN."),
        ("--top 3", "--top changes nothing without --by COLUMN."),
        ("--exclude-mode stop", "--exclude-mode changes nothing without --exclude EVENT."),
    ],
)
def test_options_that_would_say_nothing_are_refused(options: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(view("ann", "/", "10:00"), hit("ann", "purchase", "10:05")))
    ended = inside(tmp_path, "funnel", "access.log", "--steps", "page_view,purchase", *options.split())
    assert ended.exit == 2
    assert f"Error: {sentence}" in ended.stderr
