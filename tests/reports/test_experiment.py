"""`experiment` assigns visitors and counts conversions as a plain loop does, and says what its figures do not show."""

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from statistics import mean, variance
from typing import Any

import polars as pl
import pytest
from scipy import stats

from pixelstat.conditions import parse_step
from pixelstat.options.types import Shares
from pixelstat.reports._experiment_notes import LEAST_VISITORS, RATIO_ALARM
from pixelstat.reports.experiment import experiment
from tests.builders import Row, at, bought, events, hit, log, view
from tests.marks import slow_after
from tests.run import csv_rows, run_in_process

# -- assignment, against a plain loop ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Did:
    """One hit of somebody. The order of rows in a log says nothing."""

    time: datetime
    visitor: str | None
    event: str
    variant: str | None
    order: str | None = None
    value: float | None = None
    currency: str | None = None


def draw_story(seed: int, visitors: int = 40) -> list[Did]:
    """Random hits over two days, many in the same second, with orders that are logged again."""
    dice = random.Random(seed)
    story = []
    for number in range(visitors * 6):
        event = dice.choice(("page_view",) * 3 + ("signup", "purchase", "open"))
        visitor = dice.choice((f"v:{dice.randrange(visitors)}",) * 9 + (None,))
        usual = "ab"[int(visitor[2:]) % 2] if visitor else "a"
        variant = dice.choice((None, None, None, "", usual, usual, usual, "b" if dice.random() < 0.2 else usual))
        did = Did(at(dice.randrange(0, 2_880, 20)), visitor, event, variant)
        if event == "purchase":
            time = did.time + timedelta(seconds=number)  # a copy in the same second could be the first one
            order: dict[str, Any] = {
                "order": f"A{dice.randrange(visitors)}",
                "value": dice.choice((5.0, 20.1, 0.2, None)),
            }
            did = replace(did, time=time, currency=dice.choice(("EUR", "EUR", "USD")), **order)
        story += [did] * dice.choice((1, 1, 2))
    dice.shuffle(story)
    return story


def to_events(story: Iterable[Did]) -> pl.LazyFrame:
    rows: list[Row] = [
        {
            "time": did.time, "visitor": did.visitor, "event": did.event, "variant": did.variant, "value": did.value,
            "order_id": did.order, "currency": did.currency, "host": "shop.example",
        }
        for did in story
    ]  # fmt: skip
    return events(*rows)


def count_plainly(
    story: Sequence[Did], goals: Sequence[str], window: timedelta | None
) -> tuple[dict[str, tuple[int, dict[str, int], dict[str, list[float]]]], int]:
    """By variant: visitors, who reaches each goal, the revenue of each visitor by currency. And who is excluded."""
    orders: dict[str, list[Did]] = defaultdict(list)
    for did in sorted(story, key=lambda did: did.time):
        if did.order:
            orders[did.order].append(did)
    firsts = []
    for first, *copies in orders.values():
        valued = next((did for did in (first, *copies) if did.value is not None), first)
        firsts.append(replace(first, value=valued.value, currency=valued.currency))
    counted = [did for did in story if not did.order] + firsts
    seen: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for did in counted:
        if did.visitor and did.variant and did.event != "open":
            seen[did.visitor].append((did.time, did.variant))
    several = {visitor for visitor, hits in seen.items() if len({variant for _, variant in hits}) > 1}
    exposed = {visitor: min(hits) for visitor, hits in seen.items() if visitor not in several}

    def is_after(did: Did) -> bool:
        start = exposed[did.visitor][0] if did.visitor in exposed else None
        return start is not None and did.time >= start and (window is None or did.time <= start + window)

    after = [did for did in counted if did.visitor and is_after(did)]
    found = {}
    for variant in sorted({variant for _, variant in exposed.values()}):
        people = [visitor for visitor, (_, name) in exposed.items() if name == variant]
        reached = {
            goal: len({did.visitor for did in after if did.event == goal and did.visitor in people}) for goal in goals
        }
        revenue = {
            currency: [
                sum(did.value or 0 for did in after if did.visitor == person and did.currency == currency and did.order)
                for person in people
            ]
            for currency in ("EUR", "USD")
        }
        found[variant] = (len(people), reached, revenue)
    return found, len(several)


@pytest.mark.parametrize("seed", slow_after(6, range(40)))
def test_assignment_and_conversions_equal_a_plain_loop(seed: int) -> None:
    window = random.Random(seed).choice((None, timedelta(hours=2), timedelta(minutes=20)))
    story, goals = draw_story(seed), ("purchase", "signup")
    expected, excluded = count_plainly(story, goals, window)
    steps = [parse_step(goal) for goal in goals]
    rows = experiment.compute(to_events(story), goal=steps, window=window, is_forced=True).collect().to_dicts()
    assert {row["variant"] for row in rows} == {*expected}
    for row in rows:
        visitors, reached, revenue = expected[row["variant"]]
        assert (row["visitors"], row["converting_visitors"]) == (visitors, reached[row["goal"]])
        assert row["excluded_visitors"] == excluded
        amounts = revenue[row["currency"]]
        assert row["revenue"] == pytest.approx(sum(amounts), abs=1e-9)
        assert row["revenue_per_visitor"] == pytest.approx(mean(amounts), abs=1e-9)
        if not row["is_control"]:
            base = expected["a"][2][row["currency"]]
            if variance(base) and variance(amounts):
                assert row["revenue_p_value"] == pytest.approx(stats.ttest_ind(amounts, base, equal_var=False).pvalue)


def test_a_visitor_who_buys_in_two_currencies_counts_in_both() -> None:
    rows = [
        {"time": at(0), "visitor": "v:1", "event": "page_view", "variant": "a"},
        {"time": at(1), "visitor": "v:1", "event": "purchase", "order_id": "A1", "value": 5.0, "currency": "EUR"},
        {"time": at(2), "visitor": "v:1", "event": "purchase", "order_id": "A2", "value": 7.0, "currency": "USD"},
        {"time": at(0), "visitor": "v:2", "event": "page_view", "variant": "b"},
    ]
    found = experiment.compute(events(*rows)).collect()
    assert found.select("variant", "currency", "orders", "revenue", "revenue_per_visitor").rows() == [
        ("a", "EUR", 1, 5.0, 5.0), ("a", "USD", 1, 7.0, 7.0), ("b", "EUR", 0, 0.0, 0.0), ("b", "USD", 0, 0.0, 0.0),
    ]  # fmt: skip


def test_the_order_of_the_rows_changes_no_digit() -> None:
    story = draw_story(7, visitors=400)
    steps = [parse_step("purchase"), parse_step("signup")]
    found = []
    for seed in range(3):
        random.Random(seed).shuffle(story)
        found.append(experiment.compute(to_events(story), goal=steps, is_bayesian=True, shows_power=True).collect())
    assert found[0].filter(pl.col("lift").is_not_null()).height
    assert found[0].equals(found[1])
    assert found[0].equals(found[2])


# -- whole runs --------------------------------------------------------------------------------------------------------


def crowd(variant: str, visitors: int, converting: int, *, first: int = 0, day: str = "2026-09-07") -> list[str]:
    """Views of the variant by visitors, the first of whom buy for 10 EUR a minute later."""
    lines = []
    for number in range(first, first + visitors):
        clock, person = f"{number // 60 % 20:02}:{number % 60:02}", f"{variant}{number}"
        lines.append(hit(person, "page_view", f"{clock}:10", day=day, p="/", variant=variant))
        if number < first + converting:
            lines.append(bought(person, f"{clock}:40", f"{variant}{number}", "10", day=day))
    return lines


TWO = [*crowd("a", 400, 40), *crowd("b", 410, 80)]


def ask(folder: Path, *arguments: str, lines: Sequence[str] = TWO, is_table: bool = False) -> tuple[Any, str]:
    """The rows of the report, or the lines of its table, and what stderr says."""
    (folder / "access.log").write_text(log(*lines))
    finished = run_in_process(
        folder, "experiment", "access.log", *arguments, "--format", "table" if is_table else "csv"
    )
    assert finished.exit == 0, finished.stderr
    return finished.stdout.splitlines() if is_table else csv_rows(finished), finished.stderr


def test_two_variants_have_all_figures(tmp_path: Path) -> None:
    (control, other), _ = ask(tmp_path, "--bayes", "--power", "-q")
    assert [control[name] for name in ("variant", "visitors", "conversion_rate", "lift", "p_value")] == [
        "a", "400", "0.1", "", ""
    ]  # fmt: skip
    assert float(other["lift"]) == pytest.approx(0.95122, abs=5e-6)
    assert float(other["difference"]) == pytest.approx(80 / 410 - 0.1)
    pooled = stats.chi2_contingency([[40, 360], [80, 330]], correction=False)
    assert float(other["p_value"]) == pytest.approx(pooled.pvalue, rel=1e-8)
    assert other["adjusted_p_value"] == other["p_value"]
    assert 0.999 < float(other["chance_to_win"]) < 1
    assert (other["visitors_needed"], other["visitors_missing"]) == (control["visitors_needed"], "0")
    assert float(other["revenue_lift"]) == pytest.approx(float(other["lift"]))
    assert (other["is_control"], other["excluded_visitors"], other["planned_share"]) == ("false", "0", "0.5")


def test_a_table_says_in_words_who_wins_and_who_is_excluded(tmp_path: Path) -> None:
    lines, _ = ask(tmp_path, lines=[*TWO, *crowd("a", 9, 0, first=500), *(
        hit(f"a{number}", "page_view", "21:00", p="/", variant="b") for number in range(500, 509)
    )], is_table=True)  # fmt: skip
    text = "\n".join(lines)
    assert lines[0] == "Experiment: b is better"
    assert "The control is a. Excluded because they saw several variants: 9 of 819 visitors (1.1%)." in text
    assert "purchase: b is better than a, +95.1% (95% interval +26.0% to +164.2%)." in text
    assert "To look every day, use --sequential." in text
    assert "adjusted" not in text
    sequential, _ = ask(tmp_path, "--sequential", is_table=True)
    assert not any("--sequential" in line for line in sequential)


def test_no_difference_is_not_called_one(tmp_path: Path) -> None:
    lines, _ = ask(tmp_path, lines=[*crowd("a", 200, 20), *crowd("b", 200, 23)], is_table=True)
    assert lines[0] == "Experiment: no difference shown"
    assert any("no difference between b and a shown; it may be anything from" in line for line in lines)


def test_always_valid_intervals_are_wider(tmp_path: Path) -> None:
    (_, once), _ = ask(tmp_path)
    (_, always), _ = ask(tmp_path, "--sequential")
    for name in ("difference", "lift", "revenue_difference", "revenue_lift"):
        assert once[name] == always[name]
        assert float(always[f"{name}_low"]) < float(once[f"{name}_low"])
        assert float(always[f"{name}_high"]) > float(once[f"{name}_high"])
    assert float(always["p_value"]) > float(once["p_value"])


def test_a_wrong_split_raises_its_voice(tmp_path: Path) -> None:
    lines, said = ask(tmp_path, lines=[*crowd("a", 400, 40), *crowd("b", 300, 80)], is_table=True)
    assert lines[0] == "Experiment: the visitors are not split as planned"
    assert any(
        line.startswith("WARNING: the visitors are not split as planned: 400 : 300, p = 0.0002.") for line in lines
    )
    assert "Warning: the visitors are not split as planned" in said
    (row, _), said = ask(tmp_path, "--shares", "4,3", lines=[*crowd("a", 400, 40), *crowd("b", 300, 80)])
    assert (float(row["sample_ratio_p_value"]), "not split" in said) == (1.0, False)
    assert RATIO_ALARM == 0.001


@pytest.mark.parametrize(
    ("shares", "ratio"),
    [
        (Shares((1, 1)), 0.7253),
        (Shares((1, 1), ("b", "a")), 0.7253),
        (Shares((90, 10), ("b", "a")), 0.0),
        (Shares((1, 1, 1), ("a", "b", "c")), 0.0),
        (Shares((1, 1, 1)), None),
        (Shares((1, 1), ("a", "c")), None),
    ],
)
def test_planned_shares_go_by_place_or_by_name(shares: Shares, ratio: float | None, tmp_path: Path) -> None:
    names = [f"{name}=" for name in shares.names] or [""] * len(shares.values)
    option = ",".join(f"{name}{share}" for name, share in zip(names, shares.values, strict=True))
    (row, _), said = ask(tmp_path, "--shares", option)
    if ratio is None:
        assert row["sample_ratio_p_value"] == ""
        assert "--shares does not fit the variants a and b" in said
    else:
        assert float(row["sample_ratio_p_value"]) == pytest.approx(ratio, abs=5e-5)


def test_too_few_visitors_are_shown_and_not_compared(tmp_path: Path) -> None:
    few = [*crowd("a", LEAST_VISITORS, 20), *crowd("b", LEAST_VISITORS - 1, 40), *crowd("c", LEAST_VISITORS, 25)]
    rows, said = ask(tmp_path, "--power", lines=few)
    assert [(row["variant"], row["visitors"], bool(row["p_value"]), bool(row["lift"])) for row in rows] == [
        ("a", "150", False, False), ("b", "149", False, False), ("c", "150", True, True),
    ]  # fmt: skip
    assert [row["visitors_needed"] for row in rows[:2]][1] == ""
    assert "Warning: b has fewer than 150 visitors, too few to compare; --force compares anyway." in said
    rows, said = ask(tmp_path, "--force", lines=few)
    assert (bool(rows[1]["p_value"]), "fewer" in said) == (True, False)
    assert ask(tmp_path, lines=few[:100], is_table=True)[0][0] == "Experiment"


@pytest.mark.parametrize(
    ("names", "option", "control"),
    [
        ("a b", "", "a"),
        ("blue Control zebra", "", "Control"),
        ("0 A b", "", "A"),
        ("blue red", "", "blue"),
        ("a b", "b", "b"),
    ],
)
def test_the_control_comes_first(names: str, option: str, control: str, tmp_path: Path) -> None:
    lines = [line for name in names.split() for line in crowd(name, 3, 1)]
    rows, _ = ask(tmp_path, *(["--control", option] if option else []), "--force", lines=lines)
    assert [row["variant"] for row in rows if row["is_control"] == "true"] == [control]
    others = sorted({*names.split()} - {control})
    assert [row["variant"] for row in rows] == [control, *others]
    assert [bool(row["difference"]) for row in rows] == [False] + [True] * len(others)


@pytest.mark.parametrize(
    ("lines", "arguments", "warning", "number"),
    [
        (crowd("a", 3, 1), "", "there is only one variant, a, so nothing is compared.", 1),
        (TWO, "--control c", "no visitor saw the control 'c', so nothing is compared; there is a and b.", 2),
        (TWO, "--goal signup", "the goal 'signup' matches no event.", 2),
        ([view("ann", "/", "10:00")], "", "no visitor on the site has a variant. Name another column", 0),
        ([hit("ann", "page_view", "10:00", p="/", variant="")], "", "no visitor on the site has a variant.", 0),
        ([hit("", "open", "10:00", mid="m", rcpt="r", variant="a")], "", "no visitor on the site has a variant.", 0),
        (
            [hit("ann", "page_view", clock, p="/", variant=name) for clock, name in (("10:00", "a"), ("11:00", "b"))],
            "", "every visitor with a variant (1) saw several variants, so none is left.", 0,
        ),
        (
            [bought("ann", "10:00", "A1", "5", variant="a"), bought("ben", "10:00", "A2", "5", variant="b")],
            "", "every visitor converts. Send the variant with the page that shows it", 2,
        ),
        ([line for name in range(21) for line in crowd(f"{name}", 1, 0)], "", "variant has 21 values.", 21),
    ],
)  # fmt: skip
def test_bad_input_is_said(lines: list[str], arguments: str, warning: str, number: int, tmp_path: Path) -> None:
    rows, said = ask(tmp_path, *arguments.split(), lines=lines)
    assert f"Warning: {warning}" in said
    assert len(rows) == number
    assert {row["p_value"] for row in rows} <= {""}


def test_an_empty_log_is_no_failure(tmp_path: Path) -> None:
    assert ask(tmp_path, lines=[])[0] == []


def test_any_column_names_the_variants(tmp_path: Path) -> None:
    lines = [hit(f"v{number}", "page_view", "10:00", p="/", utm_content="ab"[number % 2]) for number in range(8)]
    rows, _ = ask(tmp_path, "--variant", "utm_content", lines=lines)
    assert [(row["variant"], row["visitors"]) for row in rows] == [("a", "4"), ("b", "4")]
    finished = run_in_process(tmp_path, "experiment", "access.log", "--variant", "client")
    assert (finished.exit, finished.stderr.partition("\n")[0]) == (
        2, "Error: --variant client contains personal data, not variants.",
    )  # fmt: skip
    finished = run_in_process(tmp_path, "experiment", "access.log", "--variant", "variants")
    assert (finished.exit, finished.stderr.partition("\n")[0]) == (
        2, "Error: --variant 'variants' is not a column of the events. Did you mean variant?",
    )  # fmt: skip


def test_several_goals_and_variants_are_corrected_together(tmp_path: Path) -> None:
    lines = [*crowd("a", 400, 40), *crowd("b", 400, 64), *crowd("c", 400, 60)]
    rows, _ = ask(tmp_path, "--goal", "purchase", "--goal", "big: value > 5", lines=lines)
    raw = [float(row["p_value"]) for row in rows if row["p_value"]]
    assert [(row["goal"], row["variant"]) for row in rows] == [
        (goal, variant) for goal in ("purchase", "big") for variant in "abc"
    ]
    adjusted = [float(row["adjusted_p_value"]) for row in rows if row["p_value"]]
    assert adjusted == pytest.approx([min(raw) * 4, max(raw) * 2] * 2)
    none, _ = ask(tmp_path, "--correction", "none", lines=lines)
    assert [row["adjusted_p_value"] for row in none] == [row["p_value"] for row in none]


def test_conversions_after_the_period_count_within_the_window(tmp_path: Path) -> None:
    lines = [
        hit("ann", "page_view", "23:50", p="/", variant="a"),
        bought("ann", "00:10", "A1", "5", day="2026-09-08"),
        hit("ben", "page_view", "23:50", p="/", variant="b"),
        bought("ben", "00:51", "A2", "5", day="2026-09-08"),
        hit("cy", "page_view", "00:05", day="2026-09-08", p="/", variant="b"),
        bought("dee", "23:00", "A3", "5", day="2026-09-06"),
        hit("dee", "page_view", "10:00", p="/", variant="a"),
        bought("dee", "10:05", "A3", "5"),
    ]
    day = ("--since", "2026-09-07", "--until", "2026-09-07")
    columns = ("variant", "visitors", "converting_visitors", "pending", "revenue")
    rows, _ = ask(tmp_path, *day, "--window", "1h", lines=lines)
    assert [[row[name] for name in columns] for row in rows] == [
        ["a", "2", "1", "0", "5.0"],
        ["b", "1", "0", "0", "0.0"],
    ]
    rows, _ = ask(tmp_path, *day, lines=lines)
    assert [[row[name] for name in columns] for row in rows] == [["a", "2", "0", "", ""], ["b", "1", "0", "", ""]]


@pytest.mark.slow
def test_any_split_of_the_log_gives_the_same_report(tmp_path: Path) -> None:
    whole, _ = ask(tmp_path, "-q")
    for number in range(3):
        (tmp_path / f"part{number}").write_text(log(*TWO[number::3]))
    finished = run_in_process(tmp_path, "experiment", "-q", "part2", "part0", "part1", "--format", "csv")
    assert csv_rows(finished) == whole


@pytest.mark.parametrize("shares", ["50", "0,1", "a=1,a=2", "a=1,2", "x,y", "50,-50", ""])
def test_shares_that_make_no_plan(shares: str, tmp_path: Path) -> None:
    finished = run_in_process(tmp_path, "experiment", "access.log", "--shares", shares)
    assert finished.exit == 2
    assert "are not two or more shares above 0. Try 50,50 or a=90,b=10." in finished.stderr


def test_goals_come_from_the_project_file(tmp_path: Path) -> None:
    (tmp_path / "pixelstat.toml").write_text("[goals]\nany = \"event = 'page_view'\"\n")
    assert [(row["goal"], row["conversion_rate"]) for row in ask(tmp_path)[0]] == [("any", "1.0")] * 2
    assert [row["goal"] for row in ask(tmp_path, "--goal", "purchase")[0]] == ["purchase"] * 2


def test_power_plans_for_a_given_lift(tmp_path: Path) -> None:
    rows, _ = ask(tmp_path, "--lift", "20%", "--power-level", "80%")
    assert [(row["visitors_needed"], row["visitors_missing"]) for row in rows] == [("3841", "3441"), ("3841", "3431")]
    rows, _ = ask(tmp_path)
    assert {row["visitors_needed"] for row in rows} == {""}
