"""paths against a plain walk through every visit, and ways that can be counted by hand."""

import csv
import io
import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from itertools import groupby
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from pixelstat.conditions import parse_step
from pixelstat.outputs.table import render
from pixelstat.reports.paths import paths
from pixelstat.result import Column, Result
from pixelstat.schemas import EVENTS
from tests.builders import distinct_events, hit, log, view
from tests.run import run_in_process

START = datetime(2026, 9, 7, tzinfo=timezone.utc)
Hit = tuple[int, str]  # second, and what is done: a page that is viewed or an event
Way = tuple[int, list[str]]  # visitor, and the steps of one visit from the start to the end


# -- by a plain walk ---------------------------------------------------------------------------------------------


def visited(people: Sequence[Sequence[Sequence[Hit]]]) -> pl.LazyFrame:
    """EVENTS with `visit` of visitors who each made visits of hits, in a scrambled order."""
    rows: list[dict[str, object]] = []
    number = 0
    for visitor, visits in enumerate(people):
        for hits in visits:
            number += 1
            for second, name in hits:
                is_page = name.startswith("/")
                did = {"event": "page_view" if is_page else name, "page": name if is_page else "/somewhere"}
                time = START + timedelta(seconds=second)
                rows.append({"visitor": f"v:{visitor}", "visit": number, "time": time, **did})
    random.Random(0).shuffle(rows)
    return distinct_events(rows, {**EVENTS, "visit": pl.UInt32()})


def path_options(**given: Any) -> dict[str, Any]:
    """The report's options, as the command line gives them."""
    default = {"start": None, "end": None, "depth": 4, "top": 3, "nodes": "both", "collapse": True, "show": None}
    for end in ("start", "end"):
        given[end] = parse_step(given[end]) if given.get(end) else None
    return {**default, "is_table": False, "warn": str, **given}


def found(people: Sequence[Sequence[Sequence[Hit]]], **given: Any) -> list[dict[str, Any]]:
    return paths.compute(visited(people), **path_options(**given)).collect().to_dicts()


def way(hits: Sequence[Hit], start: str, end: str, *, collapse: bool) -> list[str]:
    """The steps of one visit from its start; [] where it has none. Of one second pages come first, then by name."""
    anchor = start or end
    names = [name for _, name in sorted(hits, key=lambda hit: (hit[0], not hit[1].startswith("/"), hit[1]))]
    if anchor:
        if anchor not in names:
            return []
        first = names.index(anchor)
        names = names[first:] if start else names[first::-1]
    if collapse:
        names = [name for name, _ in groupby(names)]
    return [*([] if anchor else ["(entry)"]), *names, "(entry)" if end else "(exit)"]


def choice(ways: Sequence[Way], place: int, top: int) -> list[tuple[str, list[Way]]]:
    """The ways by what stands at this place: those of most visitors first, then the others as one, then the ends."""
    by_name: defaultdict[str, list[Way]] = defaultdict(list)
    for one in ways:
        if place < len(one[1]):
            by_name[one[1][place]].append(one)
    ends = [(name, by_name.pop(name)) for name in ("(entry)", "(exit)") if name in by_name]
    ranked = sorted(by_name.items(), key=lambda item: (-visitors(item[1]), -len(item[1]), item[0]))
    most, rest = (ranked[:top], ranked[top:]) if top else (ranked, [])
    return [*most, *([("(other)", [one for _, own in rest for one in own])] if rest else []), *ends]


def by_name(name: str) -> tuple[bool, str]:
    """What names are sorted by: the ends come last."""
    return name in ("(entry)", "(exit)"), name


def visitors(ways: Sequence[Way]) -> int:
    return len({visitor for visitor, _ in ways})


def tree(ways: Sequence[Way], path: list[str], depth: int, top: int) -> Iterator[tuple[list[str], Any, Any, Any]]:
    """The rows behind that of the path, each followed by its own."""
    for name, own in choice(ways, len(path), top):
        yield [*path, name], visitors(own), len(own), visitors(own) / visitors(ways)
        if name != "(other)" and len(path) < depth:
            yield from tree(own, [*path, name], depth, top)


def edges(ways: Sequence[Way], depth: int, top: int, *, is_back: bool) -> Iterator[tuple[object, ...]]:
    """The rows of each step, of the sources with most visitors first."""
    walked = list(ways)
    for place in range(1, depth + 1):
        by_source: defaultdict[str, list[Way]] = defaultdict(list)
        for one in walked:
            if place < len(one[1]):
                by_source[one[1][place - 1]].append(one)
        walked = []
        for source, own in sorted(by_source.items(), key=lambda item: (-visitors(item[1]), item[0])):
            for name, further in choice(own, place, top):
                ends = (name, source) if is_back else (source, name)
                of = visitors(own)
                yield *ends, place, visitors(further), len(further), of, visitors(further) / of
                walked += further if name != "(other)" else []


hits = st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["/", "/a", "/b", "x", "+1"])), min_size=1, max_size=7)
crowds = st.lists(st.lists(hits, min_size=1, max_size=3), max_size=8)
starts = st.sampled_from([("", ""), ("/", ""), ("x", ""), ("", "x"), ("", "/a")])


@pytest.mark.slow
@given(crowds, starts, st.integers(1, 5), st.integers(0, 2), st.booleans())
def test_paths_equal_a_plain_walk(
    people: list[list[list[Hit]]], ends: tuple[str, str], depth: int, top: int, collapse: bool
) -> None:
    start, end = ends
    all_ways = [
        (visitor, steps)
        for visitor, visits in enumerate(people)
        for one in visits
        if (steps := way(one, start, end, collapse=collapse))
    ]
    options = {"start": start, "end": end, "depth": depth, "top": top, "collapse": collapse}
    rows = [tuple(row.values()) for row in found(people, show="edges", **options)]
    assert rows == list(edges(all_ways, depth, top, is_back=bool(end)))

    name = start or end or "(entry)"
    root = (name, visitors(all_ways), len(all_ways), None)
    rows = [tuple(row.values()) for row in found(people, show="tree", **options)]
    parted = " < " if end else " > "
    assert rows == [root, *((parted.join(path), *row) for path, *row in tree(all_ways, [name], depth, top))]

    of = visitors(all_ways)
    whole: defaultdict[tuple[str, ...], list[Way]] = defaultdict(list)
    for one in all_ways:
        whole[tuple(one[1][: depth + 1])].append(one)
    ranked = sorted(whole.items(), key=lambda item: (-visitors(item[1]), -len(item[1]), [*map(by_name, item[0])]))
    rows = [
        tuple(row.values())
        for row in found(people, show="whole", **{**options, "top": 0})
        if row.pop("converted", True)
    ]
    assert rows == [
        (" > ".join(steps[::-1] if end else steps), visitors(own), len(own), of, visitors(own) / of)
        for steps, own in ranked
    ]


@pytest.mark.slow
@given(crowds, st.sampled_from([("x", ""), ("", "x"), ("", "")]), st.integers(1, 4), st.integers(0, 2))
def test_as_many_visits_leave_a_step_as_reach_it(
    people: list[list[list[Hit]]], ends: tuple[str, str], depth: int, top: int
) -> None:
    rows = found(people, start=ends[0], end=ends[1], depth=depth, top=top)
    near, far = ("target", "source") if ends[1] else ("source", "target")
    for place in range(2, depth + 1):
        came: defaultdict[str, int] = defaultdict(int)
        gone: defaultdict[str, int] = defaultdict(int)
        for row in rows:
            if row["step"] == place - 1 and row[far] not in ("(entry)", "(exit)", "(other)"):
                came[row[far]] += row["visits"]
            if row["step"] == place:
                gone[row[near]] += row["visits"]
        assert came == gone


@pytest.mark.slow
@given(crowds, crowds)
def test_the_rows_of_some_visitors_and_of_the_others_add_up(
    some: list[list[list[Hit]]], others: list[list[list[Hit]]]
) -> None:
    added: defaultdict[object, list[int]] = defaultdict(lambda: [0, 0])
    for people in (some, others):
        for row in found(people, top=0):
            sums = added[row["source"], row["target"], row["step"]]
            sums[0] += row["visitors"]
            sums[1] += row["visits"]
    both = found([*some, *others], top=0)
    assert {(row["source"], row["target"], row["step"]): [row["visitors"], row["visits"]] for row in both} == added


@pytest.mark.parametrize("show", ["edges", "tree", "whole"])
@pytest.mark.parametrize("end", ["", "purchase"])
def test_no_events_give_no_paths(show: str, end: str) -> None:
    rows = found([], show=show, end=end)
    start = {"path": end or "(entry)", "visitors": 0, "visits": 0, "share": None}
    assert rows == ([start] if show == "tree" else [])


# -- by hand -----------------------------------------------------------------------------------------------------


def rows(folder: Path, lines: Sequence[str], *arguments: str) -> list[str]:
    """The rows of the report, without its header."""
    (folder / "access.log").write_text(log(*lines))
    finished = run_in_process(folder, "paths", "access.log", "-q", *arguments)
    assert finished.exit == 0, finished.stderr
    return finished.stdout.splitlines()[1:]


def ways(folder: Path, lines: Sequence[str], *arguments: str) -> list[tuple[str, str]]:
    """Whole ways with their visits."""
    table = csv.reader(io.StringIO("\n".join(rows(folder, lines, "--show", "whole", *arguments))))
    return [(row[-5], row[-3]) for row in table]


@pytest.mark.slow
def test_steps_are_pages_and_other_events_from_the_first_start_of_a_visit_on(tmp_path: Path) -> None:
    lines = (
        view("ann", "/", "10:00"),
        view("ann", "/pricing", "10:01"),
        hit("ann", "signup", "10:02", p="/pricing"),
        view("ann", "/pricing", "10:03"),
        view("ann", "/docs", "10:04"),
        view("ben", "/pricing", "10:00"),
        view("cy", "/", "10:00"),
    )
    assert rows(tmp_path, lines, "--from", "/pricing", "--depth", "2") == [
        "/pricing,signup,1,1,1,2,0.5",
        "/pricing,(exit),1,1,1,2,0.5",
        "signup,/pricing,2,1,1,1,1.0",
    ]
    assert rows(tmp_path, lines, "--to", "signup") == [
        "/pricing,signup,1,1,1,1,1.0",
        "/,/pricing,2,1,1,1,1.0",
        "(entry),/,3,1,1,1,1.0",
    ]
    assert rows(tmp_path, lines, "--depth", "1", "--top", "1") == [
        "(entry),/,1,2,2,3,0.6666666666666666",
        "(entry),(other),1,1,1,3,0.3333333333333333",
    ]


@pytest.mark.slow
def test_a_repeated_step_is_one_step_without_the_option(tmp_path: Path) -> None:
    lines = [view("ann", page, f"10:0{place}") for place, page in enumerate(["/", "/", "/a", "/"])]
    assert ways(tmp_path, lines) == [("(entry) > / > /a > / > (exit)", "1")]
    assert ways(tmp_path, lines, "--no-collapse") == [("(entry) > / > / > /a > /", "1")]
    assert ways(tmp_path, lines, "--from", "/") == [("/ > /a > / > (exit)", "1")]
    assert ways(tmp_path, lines, "--to", "/a", "--no-collapse") == [("(entry) > / > / > /a", "1")]


def test_heartbeats_mails_and_duplicates_are_not_steps(tmp_path: Path) -> None:
    lines = (
        view("ann", "/", "10:00"),
        hit("ann", "ping", "10:01", p="/"),
        hit("ann", "open", "10:02"),
        hit("ann", "click_email", "10:02"),
        view("ann", "/a", "10:03"),
        view("ann", "/b", "10:04"),
        view("ann", "/a", "10:03"),
        hit("ann", "purchase", "10:05", oid="A1"),
        view("ann", "/", "10:06"),
        hit("ann", "purchase", "10:07", oid="A1"),
    )
    assert ways(tmp_path, lines, "--depth", "9") == [("(entry) > / > /a > /b > purchase > / > (exit)", "1")]


def test_an_order_of_two_visitors_belongs_to_the_one_with_the_first_hit() -> None:
    same = {"time": START, "event": "purchase", "hit": 1}
    orders = [{**same, "visitor": f"v:{n}", "visit": n, "first": n} for n in (1, 2, 3)]
    pages = [
        {**same, "visitor": f"v:{n}", "visit": n, "hit": 1 + n, "event": "page_view", "page": f"/{n}"}
        for n in (1, 2, 3)
    ]
    for lines in ([*orders, *pages], [*pages, *orders][::-1]):
        frame = pl.LazyFrame(lines, {**EVENTS, "visit": pl.UInt32()})
        found = paths.compute(frame, **path_options(end="purchase", depth=1)).collect()
        assert found["source"].to_list() == ["/1"]


@pytest.mark.slow
def test_a_visitor_with_two_visits_is_in_both_branches_and_counts_once(tmp_path: Path) -> None:
    lines = (
        view("ann", "/", "10:00"),
        view("ann", "/a", "10:30"),
        view("ann", "/", "12:00"),
        view("ann", "/b", "12:01"),
        view("ben", "/", "10:00"),
    )
    assert rows(tmp_path, lines, "--depth", "2") == [
        "(entry),/,1,2,3,2,1.0",
        "/,/a,2,1,1,2,0.5",
        "/,/b,2,1,1,2,0.5",
        "/,(exit),2,1,1,2,0.5",
    ]
    assert rows(tmp_path, lines, "--depth", "2", "--since", "2026-09-07 11:00")[0] == "(entry),/,1,1,1,1,1.0"


@pytest.mark.slow
def test_in_one_second_pages_come_first_and_then_names(tmp_path: Path) -> None:
    names = ["purchase", "+1", "/thank-you", "/cart"]
    lines = [view("ann", name, "10:00") if name.startswith("/") else hit("ann", name, "10:00") for name in names]
    expected = [("(entry) > /cart > /thank-you > +1 > purchase", "1")]
    assert ways(tmp_path, lines) == ways(tmp_path, lines[::-1]) == expected


@pytest.mark.slow
def test_steps_may_be_pages_alone_or_events_by_their_names(tmp_path: Path) -> None:
    lines = (
        view("ann", "/", "10:00"),
        hit("ann", "search", "10:01", p="/"),
        view("ann", "/a", "10:02"),
        hit("ann", "purchase", "10:03"),
        view("ann", "/b", "10:04"),
        hit("ann", "purchase", "10:05"),
    )
    assert ways(tmp_path, lines, "--nodes", "page") == [("(entry) > / > /a > /b > (exit)", "1")]
    assert ways(tmp_path, lines, "--nodes", "page", "--from", "purchase") == [("purchase > /b > (exit)", "1")]
    assert ways(tmp_path, lines, "--nodes", "page", "--to", "purchase") == [("(entry) > / > /a > purchase", "1")]
    assert ways(tmp_path, lines, "--nodes", "event", "--depth", "3") == [
        ("(entry) > page_view > search > page_view", "1")
    ]
    without = (view("ben", "/a", "10:00"), hit("ben", "search", "10:01"))
    assert ways(tmp_path, without, "--nodes", "page", "--to", "purchase") == [("/a", "1")]


@pytest.mark.slow
def test_a_start_is_named_as_in_a_funnel_a_goal_or_a_condition_too(tmp_path: Path) -> None:
    (tmp_path / "pixelstat.toml").write_text("[goals]\nbig = \"event = 'purchase' and value > 50\"\n")
    lines = (
        hit("ann", "buy", "10:00", value="10", oid="A1"),
        view("ann", "/", "10:01"),
        hit("ann", "buy", "10:02", value="90", oid="A2"),
        view("ann", "/bye", "10:03"),
    )
    assert ways(tmp_path, lines, "--from", "big") == [("big > /bye > (exit)", "1")]
    assert ways(tmp_path, lines, "--from", "small: value < 50") == [("small > / > purchase > /bye > (exit)", "1")]
    assert ways(tmp_path, lines, "--to", "/b*") == [("(entry) > purchase > / > purchase > /b*", "1")]


@pytest.mark.slow
def test_whole_ways_lead_to_a_conversion_and_the_last_steps_end_the_visits_without(tmp_path: Path) -> None:
    lines = (
        *(line for who in ("ann", "ben") for line in (view(who, "/", "10:00"), hit(who, "lead", "10:01"))),
        view("ann", "/", "12:00"),
        view("ann", "/cart", "12:01"),
        view("cy", "/cart", "10:00"),
        view("dee", "/", "10:00"),
        view("eve", "/", "10:00"),
        view("eve", "/cart", "10:01"),
        hit("eve", "lead", "10:02"),
    )
    found = rows(tmp_path, lines, "--to", "lead", "--show", "whole")
    assert found == [
        "true,(entry) > / > lead,2,2,3,0.6666666666666666",
        "true,(entry) > / > /cart > lead,1,1,3,0.3333333333333333",
        "false,/cart,2,2,3,0.6666666666666666",
        "false,/,1,1,3,0.3333333333333333",
    ]
    assert rows(tmp_path, lines, "--to", "lead", "--show", "whole", "--top", "1", "--depth", "1") == [
        "true,/ > lead,2,2,3,0.6666666666666666",
        "true,(other),1,1,3,0.3333333333333333",
        "false,/cart,2,2,3,0.6666666666666666",
        "false,(other),1,1,3,0.3333333333333333",
    ]


def test_a_step_of_all_visitors_has_a_share_of_exactly_one() -> None:
    people = [[[(0, "/"), (1, "x")]]] * 49
    assert [(row["visitors"], row["share"]) for row in found(people)] == [(49, 1.0)] * 3
    people = [[[(0, "/")]]] * 48 + [[[(0, "/")], [(0, "/a")]]]
    assert [(row["visitors"], row["visitors_at_step"], row["share"]) for row in found(people, depth=1)] == [
        (49, 49, 1.0),
        (1, 49, 1 / 49),
    ]


def test_visitors_of_other_paths_are_each_counted_once(tmp_path: Path) -> None:
    lines = [view("ann", page, clock) for page, clock in (("/a", "08:00"), ("/b", "09:00"), ("/c", "10:00"))]
    assert rows(tmp_path, [*lines, view("ben", "/a", "08:00")], "--top", "1", "--depth", "1") == [
        "(entry),/a,1,2,2,2,1.0",
        "(entry),(other),1,1,2,2,0.5",
    ]


def test_two_ends_or_an_empty_one_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(view("ann", "/", "10:00")))
    finished = run_in_process(tmp_path, "paths", "access.log", "--from", "/", "--to", "/a")
    assert (finished.exit, finished.stdout) == (2, "")
    assert "--from and --to cannot be combined." in finished.stderr
    finished = run_in_process(tmp_path, "paths", "access.log", "--from", " ")
    assert (finished.exit, "A step is empty." in finished.stderr) == (2, True)


def test_a_start_may_name_columns_of_geo_and_of_visits(tmp_path: Path) -> None:
    lines = (view("ann", "/", "10:00"), view("ann", "/a", "10:01"), view("ben", "/", "10:00"))
    assert ways(tmp_path, lines, "--from", "more: visit_views > 1") == [("more > /a > (exit)", "1")]
    finished = run_in_process(tmp_path, "paths", "access.log", "--from", "country = 'DE'")
    assert (finished.exit, "country needs --geo" in finished.stderr) == (2, True)


@pytest.mark.slow
def test_paths_of_a_period_are_compared_with_those_before(tmp_path: Path) -> None:
    lines = (
        view("ann", "/", "10:00", day="2026-09-06"),
        view("ann", "/", "10:00"),
        view("ben", "/", "10:00"),
    )
    period = ("--since", "2026-09-07", "--until", "2026-09-07", "--compare", "previous")
    assert rows(tmp_path, lines, *period) == [
        "(entry),/,1,2,1,1.0,2,1,1.0,2,1,1.0,1.0,1.0,0.0",
        "/,(exit),2,2,1,1.0,2,1,1.0,2,1,1.0,1.0,1.0,0.0",
    ]


# -- what logs may hold ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_hostile_page_names_are_shown_as_text(tmp_path: Path) -> None:
    pages = ["[red]/a", "/b > /c", "(exit)", "/\x1b[2J\n"]
    lines = [view("ann", page, f"10:0{place}") for place, page in enumerate(pages)]
    table = rows(tmp_path, lines, "--format", "table", "--depth", "9")
    steps = [line.partition("  1 ")[0].rstrip() for line in table if " 1 " in line]
    assert steps == [
        "(entry)",
        "└─ [red]/a",
        "   └─ /b > /c",
        "      └─ (exit)",
        "         └─ /\\x1b[2J\\x0a",
        "            └─ (exit)",
    ]


def test_the_page_of_a_megabyte_is_cut_in_paths_alone() -> None:
    long = "/" + "a" * 1_000_000
    people = [[[(0, "/"), (1, long + "1")]], [[(0, "/"), (1, long + "2")]]]
    cut = "/" + "a" * 199 + "…"
    assert [row["path"] for row in found(people, show="tree", depth=2)][2:] == [f"(entry) > / > {cut}"] * 2
    assert [row["target"] for row in found(people, depth=2)][1:] == [long + "1", long + "2"]


def test_a_step_without_a_name_is_unknown() -> None:
    rows = [{"visitor": "v:1", "visit": 1, "time": START}]
    frame = distinct_events(rows, {**EVENTS, "visit": pl.UInt32()})
    found = paths.compute(frame, **path_options()).collect()
    assert found["target"].to_list() == ["(unknown)", "(exit)"]


# -- as a tree ---------------------------------------------------------------------------------------------------

TREE = ("(entry)", "(entry) > /", "(entry) > / > /journal/first-pour", "(entry) > / > (exit)", "(entry) > /cart")


def as_tree(width: int, steps: Sequence[str] = TREE) -> list[str]:
    """The lines of the table, their columns two blanks apart."""
    columns = [Column("path", tree=True), Column("visitors", "count")]
    frame = pl.DataFrame({"path": steps, "visitors": list(range(len(steps), 0, -1))})
    console = Console(file=io.StringIO(), width=width)
    console.print(render(Result("Paths", columns, frame), width))
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()[4:]
    return [re.sub(r"   +(?=\d)", "  ", line.strip()) for line in lines]


def test_a_table_draws_a_tree_and_folds_behind_its_branches() -> None:
    assert as_tree(60) == [
        "(entry)  5",
        "├─ /  4",
        "│  ├─ /journal/first-pour  3",
        "│  └─ (exit)  2",
        "└─ /cart  1",
    ]
    assert as_tree(40, [step.replace("/", "/of/a/longer/name/") for step in TREE]) == [
        "(entry)  5",
        "├─ /of/a/longer/name/  4",
        "│  ├─ /of/a/longer/name/journa  3",
        "│  │  l/of/a/longer/name/first",
        "│  │  -pour",
        "│  └─ (exit)  2",
        "└─ /of/a/longer/name/cart  1",
    ]


def test_a_path_without_a_parent_row_is_a_root() -> None:
    assert as_tree(40, ("a", "a < b", "z > y", "b", "b > c")) == [
        "a  5",
        "└─ b  4",
        "z > y  3",
        "b  2",
        "└─ c  1",
    ]
