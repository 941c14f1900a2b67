"""Credit for channels and campaigns: a plain loop on random logs, other reports that answer the same, and bad input."""

from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pixelstat.analysis.attribution import MODELS
from tests.builders import hit, log
from tests.marks import slow_after
from tests.random_logs import PAUSE, Event, read_plainly, write_random_log
from tests.run import csv_rows, run_in_process

SINGLE = ("first", "last", "last_non_direct")
DIRECT = "(direct)"
Credit = dict[str, tuple[Any, Any]]


def ask(folder: Path, *arguments: str) -> list[dict[str, str]]:
    return csv_rows(run_in_process(folder, arguments[0], "access.log", "-q", *arguments[1:]))


def sum_rows(rows: list[dict[str, str]], column: str, figures: tuple[str, str]) -> Credit:
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for row in rows:
        for place, figure in enumerate(figures):
            sums[row[column]][place] += float(row[figure] or 0)
    return {group: (pytest.approx(number), pytest.approx(money)) for group, (number, money) in sums.items() if number}


def weigh(sources: list[str], ages: list[float], model: str) -> list[float]:
    size = len(sources)
    if model == "linear":
        return [1 / size] * size
    if model == "time_decay":
        weights = [2 ** ((ages[-1] - age) / 7) for age in ages]
        return [weight / sum(weights) for weight in weights]
    place = {"first": 0, "last": size - 1}.get(model)
    if place is None:
        place = max((number for number, source in enumerate(sources) if source != DIRECT), default=size - 1)
    return [float(number == place) for number in range(size)]


def find_touches(hits: list[Event]) -> dict[str, list[tuple[Event, str]]]:
    """Touches of each visitor with their sources: starts of visits and clicks in emails."""
    touches: dict[str, list[tuple[Event, str]]] = defaultdict(list)
    for event in (event for event in hits if not event.is_bot):
        if event.name == "click_email":
            touches[event.visitor].append((event, event.source or "(not set)"))
        elif event.visit and event is event.visit.events[0]:
            own, clicks = touches[event.visitor], []
            while own and own[-1][0].name == "click_email" and event.time - own[-1][0].time <= PAUSE:
                clicks.append(own.pop()[1])
            own.append((event, clicks[0] if clicks and event.visit.source == DIRECT else event.visit.source))
    return touches


def attribute_plainly(hits: list[Event], model: str, lookback: timedelta) -> Credit:
    """Orders and revenue of each source, by a loop over the touches."""
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    touches = find_touches(hits)
    for order in (event for event in hits if event.order and not event.is_bot):
        own = touches[order.visitor]
        path = [touch for touch in own if timedelta(0) <= order.time - touch[0].time <= lookback]
        path = path or [touch for touch in own if touch[0].visit is order.visit]
        ages = [(order.time - event.time) / timedelta(days=1) for event, _ in path]
        sources = [source for _, source in path]
        for source, weight in zip(sources, weigh(sources, ages, model), strict=True):
            sums[source][0] += weight
            sums[source][1] += weight * (order.value or 0)
    return {source: (number, money) for source, (number, money) in sums.items() if number}


@pytest.mark.slow
@pytest.mark.parametrize("seed", slow_after(1, range(4)))
@pytest.mark.parametrize("lookback", ["30d", "3h"])
def test_credit_equals_a_plain_loop(seed: int, lookback: str, tmp_path: Path) -> None:
    lines = write_random_log(seed)
    (tmp_path / "access.log").write_text("".join(lines))
    hits = read_plainly(lines)
    rows = ask(
        tmp_path, "attribution", "--by", "source", "--model", "all", "--goal", "purchase", "--lookback", lookback
    )
    longest = timedelta(days=30) if lookback == "30d" else timedelta(hours=3)
    for model in (*SINGLE, "linear", "time_decay"):
        shown = [row for row in rows if row["model"] == model]
        assert sum_rows(shown, "source", ("conversions", "revenue")) == attribute_plainly(hits, model, longest)
    orders = sum(event.order is not None and not event.is_bot for event in hits)
    revenue = sum(event.value or 0 for event in hits if event.order and not event.is_bot)
    for model in MODELS:
        shown = [row for row in rows if row["model"] == model]
        assert sum(float(row["conversions"]) for row in shown) == pytest.approx(orders)
        assert sum(float(row["revenue"] or 0) for row in shown) == pytest.approx(revenue)


@pytest.mark.slow
@pytest.mark.parametrize("seed", slow_after(1, range(2)))
@pytest.mark.parametrize("column", ["channel", "utm_source"])
@pytest.mark.parametrize("model", SINGLE)
def test_other_reports_give_the_same_answer(model: str, column: str, seed: int, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text("".join(write_random_log(seed)))
    by = ("--by", column, "--top", "0", "--lookback", "5h")
    own = ask(tmp_path, "attribution", *by, "--model", model, "--goal", "purchase")
    expected = sum_rows(own, column, ("conversions", "revenue"))
    rule = (*by, "--attribution", model)
    of_conversions = ask(tmp_path, "conversions", *rule, "--goal", "purchase")
    assert sum_rows(of_conversions, column, ("conversions", "revenue")) == expected
    assert sum_rows(ask(tmp_path, "orders", *rule, "--every", "all"), column, ("orders", "revenue")) == expected
    sold = sum_rows(ask(tmp_path, "products", *rule), column, ("purchases", "purchases"))
    assert {group: number for group, (number, _) in sold.items()} == {
        group: number for group, (number, _) in expected.items()
    }


@pytest.mark.parametrize("model", SINGLE)
def test_a_funnel_gives_the_same_answer_where_visitors_buy_once(model: str, tmp_path: Path) -> None:
    sources = ("ads", "", "news")
    lines = [
        line
        for number in range(27)  # all paths of three visits
        for line in (
            *(
                visit(f"v{number}", f"{place + 1:02}:{number:02}:00", sources[number // 3**place % 3])
                for place in range(3)
            ),
            buy(f"v{number}", f"03:{number:02}:10", str(number)),
        )
    ]
    (tmp_path / "access.log").write_text(log(*lines))
    own = ask(tmp_path, "attribution", "--by", "source", "--model", model)
    steps = ask(tmp_path, "funnel", "--by", "source", "--attribution", model, "--steps", "page_view,purchase")
    buyers = {row["source"]: float(row["visitors"]) for row in steps if row["name"] == "purchase"}
    assert buyers == {row["source"]: float(row["conversions"]) for row in own}
    assert len(buyers) == 3


@pytest.mark.parametrize("report", ["attribution", "conversions", "orders"])
def test_a_visit_that_begins_before_period_and_lookback_has_its_conversion(report: str, tmp_path: Path) -> None:
    lines = [visit("ann", "10:00:00", "ads"), visit("ann", "10:20:00"), buy("ann", "10:40:00", "1")]
    (tmp_path / "access.log").write_text(log(*lines))
    [row] = ask(tmp_path, report, "--by", "source", "--since", "2026-09-07T10:30", "--lookback", "5m")
    assert row["source"] == "ads"


def visit(visitor: str, clock: str, source: str = "") -> str:
    shown = {"utm_source": source, "utm_medium": "cpc", "utm_campaign": f"of-{source}"} if source else {}
    return hit(visitor, "page_view", clock, **shown)  # type: ignore[arg-type]


def buy(visitor: str, clock: str, order: str, value: str = "10", **fields: str) -> str:
    return hit(visitor, "purchase", clock, **{"oid": order, "value": value, "cur": "EUR", **fields})  # type: ignore[arg-type]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Ann buys after an advertisement, a newsletter and a direct visit; Ben buys at once; Cy only looks."""
    lines = [
        visit("ann", "01:00:00", "ads"), visit("ann", "02:00:00", "news"), visit("ann", "03:00:00"),
        buy("ann", "03:00:10", "1", "30"), visit("ben", "04:00:00", "ads"), buy("ben", "04:00:10", "2", "20"),
        visit("cy", "05:00:00", "news"),
    ]  # fmt: skip
    (tmp_path / "access.log").write_text(log(*lines))
    return tmp_path


def credit(folder: Path, *options: str) -> dict[str, tuple[float, float]]:
    rows = ask(folder, "attribution", "--by", "source", *options)
    return {row["source"]: (float(row["conversions"]), float(row["revenue"])) for row in rows}


def test_the_last_visit_that_is_not_direct_has_the_credit_by_default(shop: Path) -> None:
    assert credit(shop) == {"news": (1, 30), "ads": (1, 20)}
    assert credit(shop, "--lookback", "30m") == {DIRECT: (1, 30), "ads": (1, 20)}


def test_a_period_limits_conversions_but_not_their_touches(shop: Path) -> None:
    assert credit(shop, "--since", "2026-09-07T03:00:05", "--until", "2026-09-07T03:30", "--model", "first") == {
        "ads": (1, 30)
    }
    assert credit(shop, "--where", "event = 'purchase' and value > 25") == {"news": (1, 30)}


def test_markov_counts_paths_that_do_not_convert_unless_told_otherwise(shop: Path) -> None:
    # With Cy: p = 1/3 + 1/3, without: 1. Removal of ads loses all; of news 1/2 or 3/4 of it.
    with_null, without_null = (credit(shop, "--model", "markov", *options) for options in ((), ("--no-null-paths",)))
    assert sum(number for number, _ in with_null.values()) == pytest.approx(2)
    assert sum(number for number, _ in without_null.values()) == pytest.approx(2)
    assert with_null["ads"][0] != pytest.approx(without_null["ads"][0])


def test_paths_lag_and_touches_are_distributions_of_the_same_conversions(shop: Path) -> None:
    paths = ask(shop, "attribution", "--by", "source", "--paths")
    assert [(row["path"], row["touches"], row["revenue"], row["median_seconds"]) for row in paths] == [
        ("ads", "1", "20.0", "10.0"), ("ads > news > (direct)", "3", "30.0", "7210.0"),
    ]  # fmt: skip
    [other] = [row for row in ask(shop, "attribution", "--paths", "--top", "1") if row["path"] == "(other)"]
    assert (other["conversions"], other["touches"]) == ("1", "")
    assert [(row["from_days"], row["conversions"]) for row in ask(shop, "attribution", "--lag")] == [("0", "2")]
    touches = ask(shop, "attribution", "--touches")
    assert [(row["touches"], row["cumulative_share"]) for row in touches] == [("1", "0.5"), ("3", "1.0")]


def test_currencies_stay_apart(tmp_path: Path) -> None:
    lines = [visit("ann", "01:00:00", "ads"), buy("ann", "01:00:10", "1"), buy("ann", "01:00:20", "2", "7", cur="USD")]
    (tmp_path / "access.log").write_text(log(*lines))
    rows = ask(tmp_path, "attribution")
    assert [(row["currency"], row["conversions"], row["revenue"], row["share"]) for row in rows] == [
        ("EUR", "1", "10.0", "0.5"), ("USD", "1", "7.0", "0.5"),
    ]  # fmt: skip


def test_an_order_without_a_visitor_is_a_row_of_its_own(tmp_path: Path) -> None:
    lines = [hit("ann", "page_view", "01:00:00"), buy("ann", "01:00:10", "1")]
    (tmp_path / "access.log").write_text(log(*lines))
    rows = ask(tmp_path, "attribution", "--visitor", "cookie:none")
    assert [(row["channel"], row["conversions"]) for row in rows] == [("(no touch)", "1")]


def test_groups_beyond_the_first_are_one_row(tmp_path: Path) -> None:
    lines = [
        line
        for number in range(5)
        for line in (
            visit(f"v{number}", f"0{number}:00:00", f"s{number}"),
            buy(f"v{number}", f"0{number}:00:10", str(number)),
        )
    ]
    (tmp_path / "access.log").write_text(log(*lines))
    rows = ask(tmp_path, "attribution", "--by", "source", "--model", "all", "--top", "2")
    assert {row["source"] for row in rows} == {"s0", "s1", "(other)"}
    others = [float(row["conversions"]) for row in rows if row["source"] == "(other)"]
    assert others == [pytest.approx(3.0)] * len(MODELS)


def test_a_table_puts_models_side_by_side(shop: Path) -> None:
    lines = run_in_process(
        shop, "attribution", "access.log", "-q", "--format", "table", "--model", "first", "--model", "linear"
    ).stdout
    rows = [line.split() for line in lines.splitlines() if line.startswith(("Paid", "Email", "Direct", "Unassigned"))]
    assert next(line.split() for line in lines.splitlines() if "first" in line)[-2:] == ["first", "linear"]
    assert len(rows) == 4  # conversions and revenue of two channels
    shown = run_in_process(
        shop, "attribution", "access.log", "-q", "--format", "table", "--model", "all", "--columns", "model,conversions"
    ).stdout
    assert "last_non_direct" in shown


def test_views_cannot_be_combined(shop: Path) -> None:
    finished = run_in_process(shop, "attribution", "access.log", "--paths", "--lag")
    assert (finished.exit, finished.stderr.splitlines()[0]) == (
        2,
        "Error: --paths, --lag and --touches cannot be combined.",
    )


def test_a_goal_that_nobody_reaches_has_no_rows(shop: Path) -> None:
    finished = run_in_process(shop, "attribution", "access.log", "--goal", "signup")
    assert len(finished.stdout.splitlines()) == 1
    assert "signup" in finished.stderr


@pytest.mark.parametrize("report", ["orders", "conversions", "products"])
def test_an_option_without_effect_is_told(report: str, shop: Path) -> None:
    sentence = "--attribution and --lookback need --by channel or another column of a visit's source."
    options = ("--attribution", "first", "--lookback", "1d")
    assert sentence in run_in_process(shop, report, "access.log", *options, "--by", "product").stderr
    assert "need --by" not in run_in_process(shop, report, "access.log", *options, "--by", "channel").stderr


def test_an_absurd_value_is_summed(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(visit("ann", "01:00:00", "ads"), buy("ann", "01:00:10", "1", "1e30")))
    assert [float(row["revenue"]) for row in ask(tmp_path, "attribution")] == [1e30]
