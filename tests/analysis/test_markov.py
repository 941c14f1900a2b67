"""The removal effects of a Markov chain: published toy chains, and exact fractions of chains without a channel."""

from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelstat.analysis.markov import CONVERSION, END, START, find_removal_effects, invert

Transitions = Mapping[tuple[int, int], int]


def count(paths: Mapping[tuple[int, ...], tuple[int, int]]) -> dict[tuple[int, int], int]:
    """Transitions of paths, each with its number of conversions and of ends without one."""
    counts: dict[tuple[int, int], int] = {}
    for path, exits in paths.items():
        for exit_state, number in zip((CONVERSION, END), exits, strict=True):
            states = (START, *path, exit_state)
            for step in pairwise(states):
                counts[step] = counts.get(step, 0) + number
    return counts


def convert(transitions: Transitions, channels: int, removed: int | None = None) -> Fraction:
    """The probability of a conversion, by elimination in fractions; a visit to `removed` ends without one."""
    states = [START, *range(channels)]
    exits: dict[int, dict[int, int]] = {state: {} for state in states}
    for (before, after), number in transitions.items():
        if before != after:
            exits[before][after] = exits[before].get(after, 0) + number
    rows = []
    for place, state in enumerate(states):
        row = [Fraction(index == place) for index in range(len(states) + 1)]
        total = sum(exits[state].values())
        for after, number in exits[state].items() if total and state != removed else ():
            if after == CONVERSION:
                row[-1] += Fraction(number, total)
            elif after in states:
                row[states.index(after)] -= Fraction(number, total)
        if not total or state == removed:
            row[-1] = Fraction(0)
        rows.append(row)
    for column in range(len(states)):
        pivot = next(row for row in range(column, len(states)) if rows[row][column])
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [value / rows[column][column] for value in rows[column]]
        for index, row in enumerate(rows):
            if index != column and row[column]:
                rows[index] = [value - row[column] * other for value, other in zip(row, rows[column], strict=True)]
    return rows[0][-1]


@pytest.mark.parametrize(
    ("paths", "effects"),
    [
        ({(0, 1, 2): (1, 0), (0,): (0, 1), (1, 2): (0, 1)}, [0.5, 1, 1]),
        ({(0,): (2, 1), (1,): (1, 0), (0, 1): (1, 0)}, [0.75, 0.5]),
        ({(0,): (3, 0), (1,): (1, 0)}, [0.75, 0.25]),
        ({(0, 0, 0): (1, 0), (0,): (0, 1)}, [1]),
        ({(0,): (0, 3)}, [0]),
        ({}, [0, 0]),
    ],
)
def test_chains_have_their_published_effects(
    paths: dict[tuple[int, ...], tuple[int, int]], effects: list[float]
) -> None:
    assert find_removal_effects(count(paths), len(effects)) == pytest.approx(effects)


PATHS = st.dictionaries(
    st.lists(st.integers(0, 3), min_size=1, max_size=5).map(tuple),
    st.tuples(st.integers(0, 5), st.integers(0, 5)).filter(any),
    max_size=8,
)


@settings(deadline=None, max_examples=60)
@given(paths=PATHS)
def test_effects_are_those_of_the_chain_without_the_channel(paths: dict[tuple[int, ...], tuple[int, int]]) -> None:
    transitions = count(paths)
    overall = convert(transitions, 4)
    expected = [float(1 - convert(transitions, 4, channel) / overall) if overall else 0.0 for channel in range(4)]
    assert find_removal_effects(transitions, 4) == pytest.approx(expected, abs=1e-12)


@settings(deadline=None, max_examples=30)
@given(paths=PATHS, order=st.permutations(range(4)))
def test_other_numbers_of_channels_permute_the_effects(
    paths: dict[tuple[int, ...], tuple[int, int]], order: list[int]
) -> None:
    renamed = {tuple(order[channel] for channel in path): exits for path, exits in paths.items()}
    effects, others = find_removal_effects(count(paths), 4), find_removal_effects(count(renamed), 4)
    assert [others[order[channel]] for channel in range(4)] == pytest.approx(effects, abs=1e-12)


def test_a_matrix_is_inverted_with_pivots() -> None:
    assert invert([[0.0, 2.0], [4.0, 0.0]]) == [[0.0, 0.25], [0.5, 0.0]]
    with pytest.raises(ZeroDivisionError):
        invert([[1.0, 1.0], [1.0, 1.0]])
