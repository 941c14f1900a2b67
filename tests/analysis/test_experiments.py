"""The statistics of experiments are those of the libraries that people trust, and keep what they promise on chance."""

import random
from collections.abc import Callable, Sequence
from itertools import combinations
from math import nan
from statistics import mean, variance

import polars as pl
import pytest
from scipy import stats

from pixelstat.analysis.confidence import wilson_interval
from pixelstat.analysis.experiments import (
    Correction,
    Estimate,
    Rate,
    Sample,
    adjust_p_values,
    check_sample_ratio,
    compare_means,
    compare_rates,
    compute_degrees,
    compute_lift,
    compute_visitors_needed,
    estimate_sequentially,
)


def rate(successes: int, trials: int) -> Rate:
    low, high = wilson_interval(pl.lit(successes), pl.lit(trials))
    return Rate(successes, trials, *pl.select(low=low, high=high).row(0))


def sample(total: float, squares: float, number: int) -> Sample:
    """The moments of a sample by its sums."""
    return Sample(number, total / number, (squares - total**2 / number) / (number - 1))


def near(*values: float, to: float = 6e-6) -> object:
    return pytest.approx(values, abs=to)


def interval(estimate: Estimate) -> tuple[float, float, float, float]:
    values = (estimate.value, estimate.low, estimate.high, estimate.p_value)
    return tuple(nan if value is None else value for value in values)  # type: ignore[return-value]


# -- vectors of gbstats, statsmodels, spotify-confidence and tea-tasting -----------------------------------------------

REVENUE = sample(1396.87, 52377.9767, 3407), sample(2422.7, 134698.29, 3461)


def test_means_are_compared_as_gbstats_does() -> None:
    assert interval(compute_lift(*REVENUE)) == near(0.70732, -0.03526, 1.44989, 0.06191)
    assert compute_degrees(*REVENUE) == pytest.approx(5841.74, abs=0.005)
    assert interval(compare_means(*REVENUE)) == near(0.29, 0.04538, 0.53462, 0.02016)


def test_the_lift_of_a_rate_is_that_of_gbstats() -> None:
    assert interval(compute_lift(rate(14, 28).sample, rate(16, 30).sample)) == near(0.06667, -0.47767, 0.61101, 0.80707)


def lift_sequentially(control: Sample, other: Sample, tuned_for: int) -> Estimate:
    error = other.squared_error / control.mean**2 + control.squared_error * other.mean**2 / control.mean**4
    lift = (other.mean - control.mean) / control.mean
    return estimate_sequentially(lift, error, control.number + other.number, tuned_for)


def test_always_valid_intervals_are_those_of_gbstats() -> None:
    control = sample(1396.87, 52377.9767, 3000)
    assert interval(lift_sequentially(control, REVENUE[1], 1_000)) == near(0.50336, -0.55844, 1.56516, 1)
    control, other = rate(1396, 3000).sample, rate(2422, 3461).sample
    assert interval(lift_sequentially(control, other, 5_000)) == near(0.50386, 0.40098, 0.60675, 0)
    found = compute_lift(control, other, is_sequential=True)
    assert interval(found) == pytest.approx(interval(lift_sequentially(control, other, 5_000)), rel=1e-9)


def test_rates_are_compared_as_statsmodels_does() -> None:
    found = compare_rates(rate(200, 2000), rate(250, 2000))
    assert found.p_value == pytest.approx(0.0123509, abs=5e-8)
    assert (found.value, found.low, found.high) == near(0.025, 0.005410, 0.044624, to=1e-6)
    assert compare_rates(rate(14, 28), rate(16, 30)).p_value == pytest.approx(0.79960, abs=5e-6)


@pytest.mark.parametrize(
    ("counts", "p_value"),
    [((5100, 4900), 0.04550), ((50600, 49400), 0.000148), ((821588, 815482), 1.82e-6)],
)
def test_sample_ratios_of_known_cases(counts: tuple[int, int], p_value: float) -> None:
    assert check_sample_ratio(counts, (1, 1)) == pytest.approx(p_value, rel=0.002)
    assert check_sample_ratio(counts, (50, 50)) == check_sample_ratio(counts, (0.5, 0.5))


P_VALUES = (0.005, 0.06, 0.007, 0.04, 0.01, 0.03)


def test_benjamini_and_hochberg_as_tea_tasting_has_it() -> None:
    assert adjust_p_values(P_VALUES, "bh") == near(0.02, 0.06, 0.02, 0.048, 0.02, 0.045, to=1e-12)
    assert adjust_p_values(P_VALUES, "none") == [*P_VALUES]


def test_sample_sizes_of_known_cases() -> None:
    assert compute_visitors_needed(0.1, 0.2) == pytest.approx(3840.85, abs=0.005)
    assert compute_visitors_needed(0.5, 0.5, power=0.9) == pytest.approx(76.70692, abs=2e-5)  # R's power.prop.test


# -- scipy as an oracle ------------------------------------------------------------------------------------------------


def test_the_tests_are_those_of_scipy() -> None:
    dice = random.Random(1)
    for _ in range(60):
        one, two = ([dice.expovariate(1 / 50) for _ in range(dice.randrange(2, 60))] for _ in range(2))
        found = compare_means(*(Sample(len(part), mean(part), variance(part)) for part in (one, two)))
        expected = stats.ttest_ind(two, one, equal_var=False)
        between = expected.confidence_interval()
        assert interval(found) == pytest.approx((mean(two) - mean(one), *between, expected.pvalue), rel=1e-8)

        counts = [dice.randrange(1, 5_000) for _ in range(dice.randrange(2, 6))]
        shares = [dice.randrange(1, 9) for _ in counts]
        targets = [sum(counts) * share / sum(shares) for share in shares]
        ratio = check_sample_ratio(counts, shares)
        assert ratio == (
            pytest.approx(stats.chisquare(counts, targets).pvalue, rel=1e-8) if min(targets) >= 5 else None
        )

        p_values = [dice.random() ** 3 for _ in range(dice.randrange(1, 9))]
        assert adjust_p_values(p_values, "bh") == pytest.approx(stats.false_discovery_control(p_values), rel=1e-8)


def test_small_counts_get_fisher_s_exact_test() -> None:
    dice = random.Random(2)
    for _ in range(80):
        trials = [dice.randrange(1, 200), dice.randrange(1, 200)]
        wins = [min(number, dice.randrange(5)) for number in trials]
        control, other = (rate(*pair) for pair in zip(wins, trials, strict=True))
        if not 0 < sum(wins) < sum(trials):
            assert compare_rates(control, other).p_value is None
        elif min(sum(wins), sum(trials) - sum(wins)) * min(trials) / sum(trials) < 5:
            table = [[won, number - won] for won, number in zip(wins, trials, strict=True)]
            assert compare_rates(control, other).p_value == pytest.approx(stats.fisher_exact(table).pvalue, rel=1e-8)


# -- definitions -------------------------------------------------------------------------------------------------------


def test_holm_is_the_closed_test_of_bonferroni() -> None:
    dice = random.Random(3)
    for _ in range(40):
        p_values = [dice.choice((dice.random(), dice.random() / 50)) for _ in range(dice.randrange(1, 6))]
        places = range(len(p_values))
        subsets = [part for size in places for part in combinations(places, size + 1)]
        closed = [
            max(min(1.0, len(part) * min(p_values[other] for other in part)) for part in subsets if place in part)
            for place in places
        ]
        assert adjust_p_values(p_values, "holm") == pytest.approx(closed, abs=1e-12)


@pytest.mark.parametrize("correction", ["holm", "bh", "none"])
def test_what_cannot_be_tested_does_not_count_in_its_family(correction: Correction) -> None:
    without = adjust_p_values([0.01, 0.04], correction)
    assert adjust_p_values([None, 0.01, None, 0.04], correction) == [None, without[0], None, without[1]]
    assert adjust_p_values([None], correction) == [None]


@pytest.mark.parametrize("is_sequential", [False, True])
@pytest.mark.parametrize("successes", [0, 10])
def test_margins_of_zero_give_no_p_value(successes: int, is_sequential: bool) -> None:
    control, other = rate(successes, 10), rate(successes, 10)
    assert compare_rates(control, other, is_sequential=is_sequential).p_value is None
    lift = compute_lift(control.sample, other.sample, is_sequential=is_sequential)
    assert lift == Estimate(0.0 if successes else None)
    assert compare_means(control.sample, other.sample, is_sequential=is_sequential) == Estimate(0.0)


def test_the_interval_of_a_difference_stays_within_a_whole() -> None:
    found = compare_rates(rate(0, 500), rate(500, 500))
    assert (found.value, found.high) == (1.0, 1.0)
    nothing = compare_rates(rate(0, 10), rate(0, 10))
    assert (nothing.low, nothing.high) == near(-0.277533, 0.277533, to=1e-6)


def test_a_sample_ratio_needs_two_variants_and_five_visitors_expected_in_each() -> None:
    assert check_sample_ratio([100], [1]) is None
    assert check_sample_ratio([9, 0], [1, 1]) is None
    assert check_sample_ratio([10, 0], [1, 1]) == pytest.approx(0.0015654, abs=5e-8)
    assert check_sample_ratio([500, 500, 0], [1, 1, 1]) < 1e-100  # type: ignore[operator]


@pytest.mark.parametrize(("baseline", "lift"), [(0.0, 0.1), (1.0, 0.1), (0.1, 0.0), (0.6, 0.7), (0.5, -1.0)])
def test_no_number_of_visitors_shows_what_cannot_be(baseline: float, lift: float) -> None:
    assert compute_visitors_needed(baseline, lift) is None


def test_more_comparisons_and_more_power_need_more_visitors() -> None:
    one = compute_visitors_needed(0.1, 0.1) or 0
    assert (compute_visitors_needed(0.1, 0.1, comparisons=2) or 0) > one * 1.1
    assert compute_visitors_needed(0.1, 0.1, comparisons=2) == compute_visitors_needed(0.1, 0.1, alpha=0.025)
    assert (compute_visitors_needed(0.1, 0.1, power=0.9) or 0) > one * 1.2


# -- what they promise on chance ---------------------------------------------------------------------------------------

RUNS = 1_000


def count_alarms(compute: Callable[[random.Random], float | None], runs: int = RUNS) -> int:
    """In how many runs a p-value is below 5 % although there is no effect."""
    dice = random.Random(20260907)
    return sum((p_value := compute(dice)) is not None and p_value < 0.05 for _ in range(runs))


def test_shuffled_variants_show_an_effect_of_rates_in_one_run_of_twenty() -> None:
    outcomes = [1] * 60 + [0] * 540

    def shuffle(dice: random.Random) -> float | None:
        wins = sum(dice.sample(outcomes, 300))
        return compare_rates(Rate(wins, 300, 0, 1), Rate(60 - wins, 300, 0, 1)).p_value

    assert 25 <= count_alarms(shuffle) <= 75


def moments(amounts: Sequence[int]) -> Sample:
    number, total = len(amounts), sum(amounts)
    return Sample(number, total / number, (sum(a * a for a in amounts) - total**2 / number) / (number - 1))


def test_shuffled_variants_show_an_effect_of_revenue_in_one_run_of_twenty() -> None:
    amounts = [0] * 340 + [20, 30, 50, 80] * 15

    def shuffle(dice: random.Random) -> float | None:
        dice.shuffle(amounts)
        return compare_means(moments(amounts[:200]), moments(amounts[200:])).p_value

    assert 25 <= count_alarms(shuffle) <= 75


def test_looking_every_day_is_sound_with_always_valid_p_values_only() -> None:
    """Visitors of no effect come in over twenty days, and somebody stops at the first alarm."""

    def stop_early(dice: random.Random, *, is_sequential: bool) -> float:
        wins, lowest = [0, 0], 1.0
        for day in range(1, 21):
            wins = [count + int(dice.normalvariate(50, 6.7)) for count in wins]
            both = [Rate(count, 500 * day, 0, 1) for count in wins]
            lowest = min(lowest, compare_rates(both[0], both[1], is_sequential=is_sequential).p_value or 1)
        return lowest

    assert count_alarms(lambda dice: stop_early(dice, is_sequential=False), 300) > 45
    assert count_alarms(lambda dice: stop_early(dice, is_sequential=True), 300) < 15
