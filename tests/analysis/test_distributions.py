"""The tails of the distributions are those of scipy, over the range that logs reach."""

import random
from math import exp, fsum, log
from statistics import NormalDist

import pytest
from scipy import special, stats

from pixelstat.analysis.distributions import (
    chance_to_win,
    chi_square_tail,
    incomplete_beta,
    log_beta,
    normal_two_sided,
    student_critical,
    student_two_sided,
)

EXACT = 1e-8  # the relative difference from scipy
LEAST = 1e-200  # smaller probabilities are nobody's concern


def test_the_tails_of_the_normal_distribution_add_up() -> None:
    assert normal_two_sided(1.959963984540054) == pytest.approx(0.05, abs=1e-15)
    assert normal_two_sided(-3.0) == pytest.approx(2 * NormalDist().cdf(-3), rel=1e-12)


def test_student_s_t_is_that_of_scipy() -> None:
    dice = random.Random(1)
    pairs = [(dice.uniform(-12, 12), 10 ** dice.uniform(0, 6)) for _ in range(400)]
    for t, degrees in [(0.0, 3.0), (1e9, 2.5), *pairs]:
        expected = 2 * stats.t.sf(abs(t), degrees)
        assert expected < LEAST or student_two_sided(t, degrees) == pytest.approx(expected, rel=EXACT)


def test_critical_values_are_those_of_scipy() -> None:
    dice = random.Random(2)
    for _ in range(60):
        alpha, degrees = 10 ** dice.uniform(-6, -0.1), 10 ** dice.uniform(0, 6)
        assert student_critical(alpha, degrees) == pytest.approx(stats.t.isf(alpha / 2, degrees), rel=EXACT)


def test_chi_square_is_that_of_scipy() -> None:
    dice = random.Random(3)
    for _ in range(400):
        value, degrees = 10 ** dice.uniform(-2, 2.3), dice.randrange(1, 60)
        assert chi_square_tail(value, degrees) == pytest.approx(stats.chi2.sf(value, degrees), rel=EXACT)
    assert chi_square_tail(0, 3) == 1


def test_the_incomplete_beta_function_is_that_of_scipy() -> None:
    dice = random.Random(4)
    for _ in range(400):
        a, b = 10 ** dice.uniform(-0.3, 5), 10 ** dice.uniform(-0.3, 5)
        x = dice.betavariate(a, b)
        assert incomplete_beta(a, b, x, 1 - x) == pytest.approx(special.betainc(a, b, x), rel=EXACT, abs=LEAST)
        assert log_beta(a, b) == pytest.approx(special.betaln(a, b), rel=1e-10)
    assert [incomplete_beta(2, 3, x, 1 - x) for x in (0.0, 1.0)] == [0, 1]


def sum_exactly(control: tuple[int, int], other: tuple[int, int]) -> float:
    """The chance that the other beta is larger, as a sum over its successes (Miller 2015)."""
    (a, b), (c, d) = ((wins + 1, trials - wins + 1) for wins, trials in (control, other))
    beta = special.betaln
    return fsum(exp(beta(a + i, b + d) - log(d + i) - beta(1 + i, d) - beta(a, b)) for i in range(c))


@pytest.mark.parametrize(
    ("control", "other", "chance"),
    [((49, 100), (51, 100), 0.6107705), ((200, 2000), (250, 2000), 0.9938143), ((0, 0), (0, 0), 0.5)],
)
def test_the_chance_to_win_of_known_cases(control: tuple[int, int], other: tuple[int, int], chance: float) -> None:
    assert chance_to_win(control, other) == pytest.approx(chance, abs=5e-8)
    assert chance_to_win(other, control) == pytest.approx(1 - chance, abs=5e-8)


def test_the_chance_to_win_is_the_exact_sum() -> None:
    dice = random.Random(5)
    for _ in range(60):
        trials = [int(10 ** dice.uniform(0, 3.7)) for _ in range(2)]
        control, other = ((dice.randrange(dice.choice((number, number // 20)) + 1), number) for number in trials)
        assert chance_to_win(control, other) == pytest.approx(sum_exactly(control, other), abs=EXACT)


def test_the_chance_to_win_of_a_million_visitors_is_fast_and_finite() -> None:
    assert chance_to_win((20_000, 1_000_000), (20_100, 1_000_000)) == pytest.approx(0.693, abs=0.001)
    assert 0 <= chance_to_win((0, 1_000_000), (1_000_000, 1_000_000)) <= 1
