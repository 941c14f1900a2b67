"""Compare the variants of an experiment: intervals, p-values, the sample ratio, corrections and sample sizes.

All functions are pure and work on counts and moments. Where the data cannot answer, because nobody or everybody
converts or nothing varies, a figure is None and never 0 or 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, isfinite, lgamma, log, sqrt
from typing import Literal

from pixelstat.analysis.distributions import (
    NORMAL,
    chi_square_tail,
    normal_two_sided,
    student_critical,
    student_two_sided,
)

ALPHA = 0.05  # the level of all intervals
TUNED_FOR = 5_000  # visitors of both variants at which always-valid intervals are narrowest, relative to fixed ones
LEAST_EXPECTED = 5.0  # the least count that a chi-square test or a pooled z test needs in each cell
CORRECTIONS = ("holm", "bh", "none")

Correction = Literal["holm", "bh", "none"]


@dataclass(frozen=True)
class Rate:
    """A rate of visitors, with its interval by Wilson."""

    successes: int
    trials: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """The successes as a share of the trials."""
        return self.successes / self.trials

    @property
    def sample(self) -> "Sample":
        """Its moments."""
        return Sample(self.trials, self.share, self.share * (1 - self.share))


@dataclass(frozen=True)
class Sample:
    """The moments of a figure over the visitors of a variant."""

    number: int
    mean: float
    variance: float

    @property
    def squared_error(self) -> float:
        """The variance of the mean."""
        return self.variance / self.number


@dataclass(frozen=True)
class Estimate:
    """An estimated difference with its 95% interval and its two-sided p-value."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None


def compare_rates(control: Rate, other: Rate, *, is_sequential: bool = False) -> Estimate:
    """Return the difference of two rates, with Newcombe's interval (1998, method 10) and a pooled z test.

    Where one of the four expected counts is below 5, the p-value is that of Fisher's exact test. With `is_sequential`
    interval and p-value are always valid. The p-value is None where nobody or everybody converts.
    """
    difference = other.share - control.share
    if is_sequential:
        return estimate_sequentially(
            difference,
            control.sample.squared_error + other.sample.squared_error,
            control.trials + other.trials,
        )
    low = difference - sqrt((other.share - other.low) ** 2 + (control.high - control.share) ** 2)
    high = difference + sqrt((other.high - other.share) ** 2 + (control.share - control.low) ** 2)
    return Estimate(difference, low, high, _compute_p_value(control, other))


def _compute_p_value(control: Rate, other: Rate) -> float | None:
    """Return the p-value of two equal rates."""
    successes, trials = control.successes + other.successes, control.trials + other.trials
    if not 0 < successes < trials:
        return None
    pooled = successes / trials
    if min(pooled, 1 - pooled) * min(control.trials, other.trials) < LEAST_EXPECTED:
        return fisher_exact(control, other)
    error = sqrt(pooled * (1 - pooled) * (1 / control.trials + 1 / other.trials))
    return normal_two_sided((other.share - control.share) / error)


def fisher_exact(control: Rate, other: Rate) -> float:
    """Return the two-sided p-value of Fisher's exact test: all tables together that are no likelier than this one."""
    successes, trials = control.successes + other.successes, control.trials + other.trials

    def log_chance(count: int) -> float:
        return _log_choose(control.trials, successes - count) + _log_choose(other.trials, count)

    whole = _log_choose(trials, successes)
    limit = log_chance(other.successes) + 1e-7
    counts = range(max(0, successes - control.trials), min(successes, other.trials) + 1)
    chances = (log_chance(count) for count in counts)
    return min(1.0, sum(exp(chance - whole) for chance in chances if chance <= limit))


def _log_choose(number: int, part: int) -> float:
    return lgamma(number + 1) - lgamma(part + 1) - lgamma(number - part + 1)


def compare_means(control: Sample, other: Sample, *, is_sequential: bool = False) -> Estimate:
    """Return the difference of two means, by Welch's t test."""
    return _estimate(other.mean - control.mean, control, other, 1.0, 1.0, is_sequential=is_sequential)


def compute_lift(control: Sample, other: Sample, *, is_sequential: bool = False) -> Estimate:
    """Return the difference of two means as a share of the control's, with an interval by the delta method.

    It is without figures where the control's mean is 0.
    """
    if not control.mean:
        return Estimate()
    if not isfinite(control.variance + other.variance):
        return Estimate(other.mean / control.mean - 1)
    ratio, size = other.mean / control.mean, abs(control.mean)
    lift = (other.mean - control.mean) / size
    return _estimate(lift, control, other, (ratio / size) ** 2, 1 / size**2, is_sequential=is_sequential)


def _estimate(
    value: float,
    control: Sample,
    other: Sample,
    factor_of_control: float,
    factor_of_other: float,
    *,
    is_sequential: bool,
) -> Estimate:
    """Return an estimate whose variance is the sum of both squared errors, each times its factor."""
    variance = control.squared_error * factor_of_control + other.squared_error * factor_of_other
    if not isfinite(variance):
        return Estimate(value)
    if is_sequential:
        return estimate_sequentially(value, variance, control.number + other.number)
    degrees = compute_degrees(control, other)
    if variance <= 0 or degrees is None:
        return Estimate(value)
    error = sqrt(variance)
    half = error * student_critical(ALPHA, degrees)
    return Estimate(value, value - half, value + half, student_two_sided(value / error, degrees))


def compute_degrees(control: Sample, other: Sample) -> float | None:
    """Return the degrees of freedom of Welch's test; None for fewer than two visitors, or where nothing varies."""
    if min(control.number, other.number) < 2:
        return None
    total = control.squared_error + other.squared_error
    parts = sum(sample.squared_error**2 / (sample.number - 1) for sample in (control, other))
    return total**2 / parts if parts > 0 else None


def estimate_sequentially(value: float, variance: float, number: int, tuned_for: int = TUNED_FOR) -> Estimate:
    """Return an estimate that stays valid however often people look, from its variance and the number of visitors.

    It is the asymptotic confidence sequence of Waudby-Smith et al. (arXiv 2103.06476) as GrowthBook uses it, narrowest
    at `tuned_for` visitors.
    """
    if variance <= 0:
        return Estimate(value)
    rho = _tune(tuned_for)
    growth = number * rho**2 + 1
    half = sqrt(variance * number * 2 * growth * log(sqrt(growth) / ALPHA) / (number * rho) ** 2)
    square = value**2 / variance
    p_value = min(1.0, exp(log(growth) / 2 - rho**2 * square * number / (2 * growth)))
    return Estimate(value, value - half, value + half, p_value)


def _tune(tuned_for: int) -> float:
    """Return the parameter that makes a confidence sequence narrowest at this many visitors."""
    spent = -2 * log(ALPHA)
    return sqrt((spent + log(spent + 1)) / tuned_for)


def check_sample_ratio(counts: Sequence[int], shares: Sequence[float]) -> float | None:
    """Return the p-value of a chi-square test that the visitors are split as planned.

    The shares are positive, and only their proportions matter. None for fewer than two variants, or where fewer than
    five visitors are expected in one.
    """
    total, whole = sum(counts), sum(shares)
    expected = [total * share / whole for share in shares]
    if len(counts) < 2 or min(expected) < LEAST_EXPECTED:
        return None
    distance = sum((count - target) ** 2 / target for count, target in zip(counts, expected, strict=True))
    return chi_square_tail(distance, len(counts) - 1)


def adjust_p_values(p_values: Sequence[float | None], correction: Correction) -> list[float | None]:
    """Return the p-values of one family, corrected for their number; None stays None and does not count.

    `holm` bounds the chance of any false alarm (Holm 1979), `bh` the expected share of false ones among all alarms
    (Benjamini and Hochberg 1995).
    """
    ranked = sorted((p_value, place) for place, p_value in enumerate(p_values) if p_value is not None)
    adjusted = list(p_values)
    number = len(ranked)
    if correction == "holm":
        highest = 0.0
        for rank, (p_value, place) in enumerate(ranked):
            adjusted[place] = highest = max(highest, min(1.0, (number - rank) * p_value))
    elif correction == "bh":
        lowest = 1.0
        for rank, (p_value, place) in reversed([*enumerate(ranked, 1)]):
            adjusted[place] = lowest = min(lowest, number / rank * p_value)
    return adjusted


def compute_visitors_needed(
    baseline: float, lift: float, *, alpha: float = ALPHA, power: float = 0.8, comparisons: int = 1
) -> float | None:
    """Return the visitors that each variant needs, so that this relative lift is shown with this power.

    It is the usual formula for a two-sided pooled z test. Several comparisons share alpha (Bonferroni). None where
    there is no lift, where one of the rates is not between 0 and 1, or where the power is not above alpha.
    """
    target = baseline * (1 + lift)
    if not (0 < baseline < 1 and 0 < target < 1) or baseline == target or power <= alpha:
        return None
    middle = (baseline + target) / 2
    pooled = sqrt(2 * middle * (1 - middle))
    separate = sqrt(baseline * (1 - baseline) + target * (1 - target))
    critical, reached = NORMAL.inv_cdf(1 - alpha / comparisons / 2), NORMAL.inv_cdf(power)
    return (critical * pooled + reached * separate) ** 2 / (target - baseline) ** 2
