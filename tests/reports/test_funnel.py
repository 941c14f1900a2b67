"""The funnel's table, and steps as people type them."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelstat.reports.funnel import funnel
from tests.builders import hit, log, request, view
from tests.funnels.stories import counted, events, rules, table
from tests.marks import slow_after
from tests.run import csv_rows, run_in_process

SHOP = ("page_view", "product_view", "add_to_cart", "checkout", "purchase")


def test_a_funnel_without_visitors_has_zeros_and_no_shares() -> None:
    found = table([], rules(["a", "b"]))
    assert found["visitors"].to_list() == [0, 0]
    assert found["conversion_rate"].to_list() == [None, None]


def test_without_steps_those_of_the_shop_funnel_that_occur_are_taken() -> None:
    visitors = [[(0, "page_view"), (1, "purchase")], [(0, "page_view")]]
    found = table(visitors, rules(SHOP), has_default_steps=True)
    assert found.select("step", "name", "visitors").rows() == [(1, "page_view", 2), (2, "purchase", 1)]


def test_without_any_event_of_the_shop_funnel_the_table_is_empty() -> None:
    assert table([[(0, "quiz")]], rules(SHOP), has_default_steps=True).is_empty()


shown = st.lists(st.tuples(st.integers(0, 5), st.sampled_from("abc"), st.sampled_from(["x", "y", None])), max_size=5)


@pytest.mark.slow
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
    found = funnel.compute(events(stories, variant=values), rules=rules(steps, 4), by=["variant"]).collect()

    expected = {value: counted(hits, rules(steps, 4)) for value, hits in of_value.items()}
    by_value = {value: part["visitors"].to_list() for (value,), part in found.group_by("variant")}
    assert by_value == {value: counts for value, counts in expected.items() if counts[0]}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--list dropped:1", "Nobody drops out before step 1."),
        (
            "--list dropped",
            "Invalid value for '--list': 'dropped' is neither dropped:STEP nor reached:STEP. Try dropped:2.",
        ),
        (
            "--list lost:2",
            "Invalid value for '--list': 'lost:2' is neither dropped:STEP nor reached:STEP. Try dropped:2.",
        ),
        (
            "--list reached:purchse",
            "--list: 'purchse' is not a step. Did you mean purchase?\n\nThe steps are: 1 page_view, 2 purchase.",
        ),
        ("--list reached:3", "--list: '3' is not a step."),
        ("--list reached:2 --every day", "--list and --every cannot be combined."),
        ("--list reached:purchase --order unordered", "--list: 'purchase' is not a step."),
        (
            "--list reached:2 --since 2026-09-07 --compare previous",
            "--list and --compare cannot be combined.",
        ),
        ("--strict-over login", "--strict-over changes nothing without --order strict."),
        ("--touch last", "--touch changes nothing without --by COLUMN."),
        ("--top 3", "--top changes nothing without --by COLUMN."),
        ("--exclude-mode stop", "--exclude-mode changes nothing without --exclude EVENT."),
        ("--exclude-mode drop", "--exclude-mode changes nothing without --exclude EVENT."),
        ("--open --exclude lead --exclude-mode drop", "--open and --exclude-mode drop cannot be combined."),
    ],
)
def test_funnel_options_without_effect_are_refused(options: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(view("ann", "/", "10:00"), hit("ann", "purchase", "10:05")))
    finished = run_in_process(tmp_path, "funnel", "access.log", "--steps", "page_view,purchase", *options.split())
    assert finished.exit == 2
    assert f"Error: {sentence}" in finished.stderr


@pytest.mark.parametrize(
    ("options", "caption"),
    [
        ("--exclude lead", "without lead: visitors with this event do not count"),
        ("--exclude lead --exclude-mode stop", "without lead: visitors stop at this event"),
        ("--exclude lead --open", "entry at any step; without lead: visitors stop at this event"),
        ("--entry latest", "from the latest hit of step 1"),
        ("--entry first", "from the first hit of step 1"),
    ],
)
def test_the_caption_says_how_visitors_are_counted(options: str, caption: str, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(view("ann", "/", "10:00"), hit("ann", "lead", "10:05")))
    steps = ("--steps", "page_view,lead", "--format", "table", "-q")
    finished = run_in_process(tmp_path, "funnel", "access.log", *steps, *options.split())
    assert caption in " ".join(finished.stdout.split())


def collect(second: int, number: int, **parameters: str) -> str:
    """A hit of Google Analytics. Two properties of one page number their hits alike."""
    query = "&".join(f"{name}={value}" for name, value in {"v": "2", "cid": "5.5", "_p": "9", **parameters}.items())
    return request(f"/g/collect?{query}&_s={number}&dl=https%3A%2F%2Fshop.example%2Fkettle", f"10:00:{second:02}")


TWO_PROPERTIES = (
    collect(0, 1, tid="G-A", en="page_view"),
    collect(0, 1, tid="G-B", en="page_view"),
    collect(20, 2, tid="G-A", en="scroll"),
    collect(35, 2, tid="G-B", en="add_to_cart"),
    collect(50, 3, tid="G-A", en="form_start"),
    collect(55, 3, tid="G-B", en="generate_lead"),
)
SENT_AGAIN = [
    request("/i?e=pv&p=web&duid=s1&eid=11111111-aaaa-bbbb-cccc-000000000001&url=https%3A%2F%2Fshop.example%2F", clock)
    for clock in ("10:00:00", "10:01:30", "11:06:40")
]
WAYS = (
    "",
    "--every day",
    "--by page",
    "--open",
    "--count totals",
    "--unit visit",
    "--exclude purchase",
    "--since 2026-09-07",
)


@pytest.mark.parametrize("way", slow_after(2, WAYS))
@pytest.mark.parametrize(
    ("lines", "steps", "counts"),
    [
        (TWO_PROPERTIES, "page_view,add_to_cart,lead", ["1", "1", "1"]),
        (SENT_AGAIN, "page_view,page_view", ["1", "0"]),
    ],
)
def test_one_hit_is_one_hit_in_every_way_of_counting(
    lines: Sequence[str], steps: str, counts: Sequence[str], way: str, tmp_path: Path
) -> None:
    (tmp_path / "access.log").write_text(log(*lines))
    rows = csv_rows(run_in_process(tmp_path, "funnel", "access.log", "--steps", steps, "-q", *way.split()))
    noun = next(noun for noun in ("visitors", "visits", "entries") if noun in rows[0])
    if way == "--open" and steps == "page_view,page_view":
        counts = ["1", "1"]  # the one hit is both steps, and the visitor enters at each
    assert [row[noun] for row in rows] == counts


VISIT_BEFORE = (view("ann", "/", "00:00"), hit("ann", "lead", "00:10"), hit("ann", "signup", "00:11"))
SWAPPED = (hit("ann", "signup", "00:04:59"), hit("ann", "lead", "00:05:00"))


@pytest.mark.parametrize(
    ("lines", "options"),
    [
        (VISIT_BEFORE, "--unit visit"),
        (VISIT_BEFORE, "--count visits"),
        (SWAPPED, "--grace 2s"),
        (SWAPPED, "--grace 2s --by page"),
    ],
)
def test_what_happens_before_the_period_belongs_to_a_chain_that_begins_in_it(
    lines: Sequence[str], options: str, tmp_path: Path
) -> None:
    (tmp_path / "access.log").write_text(log(*lines))
    since = ("--since", "2026-09-07T00:05", "--steps", "lead,signup", "-q")
    rows = csv_rows(run_in_process(tmp_path, "funnel", "access.log", *since, *options.split()))
    assert [row.get("visits", row.get("visitors")) for row in rows] == ["1", "1"]


def test_a_value_before_the_period_chooses_no_group(tmp_path: Path) -> None:
    before = hit("ann", "signup", "00:04:59", variant="before")
    (tmp_path / "access.log").write_text(log(before, hit("ann", "lead", "00:05:00", variant="within")))
    options = ("--since", "2026-09-07T00:05", "--steps", "lead,signup", "--grace", "2s", "--by", "variant", "-q")
    rows = csv_rows(run_in_process(tmp_path, "funnel", "access.log", *options))
    assert [(row["variant"], row["visitors"]) for row in rows] == [("within", "1"), ("within", "1")]


@pytest.mark.parametrize("option", ["--until 9999-12-30", "--since 0001-01-01 --grace 2s"])
def test_a_period_may_reach_to_the_end_of_the_calendar(option: str, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(view("ann", "/", "10:00")))
    assert run_in_process(tmp_path, "funnel", "access.log", "-q", *option.split()).exit == 0
