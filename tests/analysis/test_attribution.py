"""Credit of touches: the numbers of published packages, a Shapley value by all coalitions, and a plain loop."""

from datetime import datetime, timedelta, timezone
from itertools import combinations
from math import factorial

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelstat.analysis.attribution import MODELS, find_paths, sum_credits
from pixelstat.schemas import UTC_TIME

START = datetime(2026, 9, 7, tzinfo=timezone.utc)
SIMPLE_MODELS = [model for model in MODELS if model != "markov"]
DIRECT = 0  # the group of direct touches
Touch = tuple[float, int]  # day and group


def touches_of(*paths: list[Touch]) -> pl.DataFrame:
    """Touches of visitors 0, 1, 2 ..."""
    rows = [
        {"visitor": visitor, "visit": 1000 * visitor + place, "time": START + timedelta(days=day), "group": group, "is_direct": group == DIRECT}
        for visitor, path in enumerate(paths)
        for place, (day, group) in enumerate(path)
    ]  # fmt: skip
    schema = {
        "visitor": pl.UInt32(),
        "visit": pl.UInt32(),
        "time": UTC_TIME,
        "group": pl.UInt32(),
        "is_direct": pl.Boolean(),
    }
    return pl.DataFrame(rows, schema=schema)


def conversions_at(*days: tuple[int, float, float]) -> pl.DataFrame:
    """Conversions: visitor, day and value."""
    rows = [
        {"visitor": visitor, "visit": None, "time": START + timedelta(days=day), "goal": "purchase", "revenue": value}
        for visitor, day, value in days
    ]
    schema = {
        "visitor": pl.UInt32(),
        "visit": pl.UInt32(),
        "time": UTC_TIME,
        "goal": pl.String(),
        "revenue": pl.Float64(),
    }
    return pl.DataFrame(rows, schema=schema)


def credit(
    conversions: pl.DataFrame, touches: pl.DataFrame, model: str, *, lookback: float = 30, ignores_direct: bool = False
) -> dict[int | None, tuple[float, float]]:
    """Conversions and revenue of each group."""
    sums = pl.concat(
        sum_credits(part, [model], timedelta(days=7), ["goal"], ["revenue"])
        for part in find_paths(conversions, touches, timedelta(days=lookback), ignores_direct=ignores_direct)
    )
    rows = sums.select("group", pl.col("conversions", "revenue").cast(pl.Float64)).rows()
    return {group: (number, revenue) for group, number, revenue in rows if number}


def weigh(model: str, days: list[float], groups: list[int] | None = None, value: float = 1.0) -> list[float]:
    """Revenue of each touch of one path, whose groups are 1, 2, 3 ... unless given."""
    groups = groups or [*range(1, len(days) + 1)]
    sums = credit(conversions_at((0, max(days), value)), touches_of([*zip(days, groups, strict=True)]), model)
    return [sums.get(group, (0, 0))[1] for group in dict.fromkeys(groups)]


def test_positions_are_weighted_as_snowplow_and_mixpanel_do() -> None:
    assert weigh("position", [0]) == [1]
    assert weigh("position", [0, 1]) == [0.5, 0.5]
    assert weigh("position", [0, 1, 2]) == pytest.approx([0.4, 0.2, 0.4])
    assert weigh("position", [0, 1, 2, 3, 4, 5]) == pytest.approx([0.4, 0.05, 0.05, 0.05, 0.05, 0.4])


def test_weights_halve_each_week() -> None:
    assert weigh("time_decay", [0, 7, 14]) == pytest.approx([1 / 7, 2 / 7, 4 / 7])
    assert weigh("time_decay", [0, 7]) == pytest.approx([1 / 3, 2 / 3])
    assert weigh("time_decay", [0, 3.5]) == pytest.approx([1 / (1 + 2**0.5), 2**0.5 / (1 + 2**0.5)])


@pytest.mark.parametrize(
    ("model", "direct", "organic"),
    [("first", 140, 0), ("last", 140, 0), ("linear", 280 / 3, 140 / 3), ("position", 112, 28), ("last_non_direct", 0, 140), ("shapley", 70, 70)],
)  # fmt: skip
def test_a_path_of_direct_and_organic_has_snowplows_numbers(model: str, direct: float, organic: float) -> None:
    assert weigh(model, [0, 1, 2], [DIRECT, 1, DIRECT], 140) == pytest.approx([direct, organic])
    assert weigh("linear", [0, 1], [1, 2], 66.5) == [33.25, 33.25]


def test_a_path_of_one_touch_gives_all_models_the_same() -> None:
    assert {model: weigh(model, [3]) for model in SIMPLE_MODELS} == {model: [1.0] for model in SIMPLE_MODELS}


def test_each_conversion_has_its_own_lookback() -> None:
    touches = touches_of([(0, 1), (20, 2)])
    both = conversions_at((0, 20.5, 10), (0, 31, 5))
    assert credit(both, touches, "first") == {1: (1, 10), 2: (1, 5)}
    assert credit(both, touches, "first", lookback=5) == {2: (1, 10), None: (1, 5)}


def test_direct_touches_can_be_ignored_where_there_is_another() -> None:
    touches = touches_of([(0, DIRECT), (1, 1), (2, DIRECT)], [(0, DIRECT)])
    both = conversions_at((0, 3, 8), (1, 3, 4))
    assert credit(both, touches, "linear", ignores_direct=True) == {1: (1, 8), DIRECT: (1, 4)}


def test_a_conversion_without_a_touch_keeps_its_credit() -> None:
    assert credit(conversions_at((7, 1, 9)), touches_of([(0, 1)]), "linear") == {None: (1, 9)}


JOURNEYS = st.lists(
    st.lists(st.tuples(st.integers(0, 40).map(float), st.integers(0, 3)), max_size=6, unique_by=lambda touch: touch[0]),
    min_size=1,
    max_size=4,
)
CONVERSIONS = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 45).map(float), st.integers(0, 99).map(float)), max_size=5
)


def weigh_plainly(path: list[Touch], model: str) -> list[float]:
    groups, size = [group for _, group in path], len(path)
    if model == "last_non_direct":
        chosen = max((place for place, group in enumerate(groups) if group != DIRECT), default=size - 1)
        return [float(place == chosen) for place in range(size)]
    if model == "shapley":
        return [1 / len({*groups}) if groups.index(group) == place else 0 for place, group in enumerate(groups)]
    if model == "time_decay":
        weights = [2 ** ((day - path[-1][0]) / 7) for day, _ in path]
        return [weight / sum(weights) for weight in weights]
    if model == "position" and size > 2:
        return [0.4, *[0.2 / (size - 2)] * (size - 2), 0.4]
    place = {"first": 0, "last": size - 1}.get(model)
    return [1 / size if place is None else float(number == place) for number in range(size)]


@pytest.mark.slow
@settings(deadline=None, max_examples=120)
@given(
    journeys=JOURNEYS,
    converting=CONVERSIONS,
    model=st.sampled_from(SIMPLE_MODELS),
    lookback=st.sampled_from([3, 10, 60]),
)
def test_credit_equals_a_plain_loop(
    journeys: list[list[Touch]], converting: list[tuple[int, float, float]], model: str, lookback: float
) -> None:
    expected: dict[int | None, list[float]] = {}
    for visitor, day, value in converting:
        touches = sorted(journeys[visitor]) if visitor < len(journeys) else []
        path = [touch for touch in touches if 0 <= day - touch[0] <= lookback]
        for weight, (_, group) in zip(weigh_plainly(path, model), path, strict=True) if path else [(1.0, (0, None))]:
            if weight:
                entry = expected.setdefault(group, [0.0, 0.0])
                entry[0] += weight
                entry[1] += weight * value
    shown = credit(conversions_at(*converting), touches_of(*journeys), model, lookback=lookback)
    assert {**shown} == {group: pytest.approx(tuple(entry), abs=1e-9) for group, entry in expected.items()}
    assert sum(number for number, _ in shown.values()) == pytest.approx(len(converting))


@settings(deadline=None, max_examples=20)
@given(paths=st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=5), min_size=1, max_size=6))
def test_shapley_is_the_value_over_all_coalitions(paths: list[list[int]]) -> None:
    journeys = [[(float(day), group) for day, group in enumerate(path)] for path in paths]
    shown = credit(
        conversions_at(*((number, 9.0, 1.0) for number in range(len(paths)))), touches_of(*journeys), "shapley"
    )
    groups = sorted({group for path in paths for group in path})
    sets = [{*path} for path in paths]

    def wins(coalition: set[int]) -> int:
        return sum(path <= coalition for path in sets)

    for group in groups:
        others = [other for other in groups if other != group]
        value = sum(
            factorial(size)
            * factorial(len(others) - size)
            / factorial(len(groups))
            * (wins({*chosen, group}) - wins({*chosen}))
            for size in range(len(others) + 1)
            for chosen in combinations(others, size)
        )
        assert shown.get(group, (0, 0))[0] == pytest.approx(value)
