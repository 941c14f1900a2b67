"""Compute the few distributions that tests need, in pure Python, because scipy would be ten times as large as all else.

Tails agree with scipy to eight digits for counts up to a million. The methods are those of chapter 6 of Numerical
Recipes: continued fractions by Lentz.
"""

from collections.abc import Callable
from math import erfc, exp, inf, isclose, lgamma, log, log1p, sqrt
from statistics import NormalDist

NORMAL = NormalDist()
_TINY = 1e-300  # in place of 0 in a denominator
_MOST_TERMS = 100_000
_LARGE = 1_000  # from here on Stirling's series is exact to all digits of a float
_POSTERIOR_POINTS = 200  # on each side of the middle of a posterior
_POSTERIOR_STEP = 0.05  # the distance of two of them, in standard deviations


def normal_two_sided(z: float) -> float:
    """Return the probability that a normal value is further from 0 than `z`."""
    return erfc(abs(z) / sqrt(2))


def student_two_sided(t: float, degrees: float) -> float:
    """Return the probability that a value of Student's t distribution is further from 0 than `t`."""
    total = degrees + t * t
    return incomplete_beta(degrees / 2, 0.5, degrees / total, t * t / total)


def student_critical(alpha: float, degrees: float) -> float:
    """Return the value that Student's t distribution exceeds, on either side of 0, with probability alpha.

    Newton's method climbs to it from the normal distribution, which has thinner tails. The tail is convex, so that no
    step goes too far.
    """
    t = NORMAL.inv_cdf(1 - alpha / 2)
    for _ in range(_MOST_TERMS):
        density = exp(-(degrees + 1) / 2 * log1p(t * t / degrees) - log_beta(degrees / 2, 0.5)) / sqrt(degrees)
        step = (student_two_sided(t, degrees) - alpha) / (2 * density)
        t += step
        if step < 1e-12 * t:
            break
    return t


def chi_square_tail(value: float, degrees: int) -> float:
    """Return the probability that a chi-square value is larger than this one."""
    return incomplete_gamma_tail(degrees / 2, value / 2)


def incomplete_gamma_tail(shape: float, x: float) -> float:
    """Return the regularized upper incomplete gamma function Q(shape, x)."""
    if x <= 0:
        return 1.0
    factor = exp(shape * log(x) - x - lgamma(shape))
    if x < shape + 1:
        term = total = 1 / shape
        for index in range(1, _MOST_TERMS):
            term *= x / (shape + index)
            total += term
            if term < total * 1e-17:
                break
        return 1 - factor * total
    return factor * _continued_fraction(
        x + 1 - shape, lambda i: (i * (shape - i), x + 2 * i + 1 - shape), numerator=1.0
    )


def incomplete_beta(a: float, b: float, x: float, y: float) -> float:
    """Return the regularized incomplete beta function I_x(a, b).

    `y` is 1 - x: a caller that knows it better than the subtraction passes it, so that no digits are lost near 1.
    """
    if x <= 0 or y <= 0:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(b, a, y, x) if a != b or x != y else 0.5
    log_x, log_y = (log(part) if part < 0.5 else log1p(-other) for part, other in ((x, y), (y, x)))
    factor = exp(a * log_x + b * log_y - log_beta(a, b))

    def term(i: int) -> tuple[float, float]:
        m = i // 2
        if i % 2:
            return -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)), 1.0
        return m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)), 1.0

    return factor * _continued_fraction(1.0, term, numerator=1.0) / a


def log_beta(a: float, b: float) -> float:
    """Return the logarithm of the beta function. For large arguments no digits cancel."""
    small, large = sorted((a, b))
    if large < _LARGE:
        return lgamma(small) + lgamma(large) - lgamma(small + large)
    ratio = -(large - 0.5) * log1p(small / large) - small * log(large + small) + small
    return lgamma(small) + ratio + _stirling_rest(large) - _stirling_rest(large + small)


def chance_to_win(control: tuple[int, int], other: tuple[int, int]) -> float:
    """Return the probability that the rate of `other` is higher, each being (successes, trials), with prior Beta(1, 1).

    It sums, over the narrower of the two posteriors, the probability that the other rate lies on the right side. The
    points are evenly spaced in the log odds, where both ends fall off so fast that a plain sum is exact to nine digits.
    """
    (wins, losses), (a, b) = ((rate[0] + 1, rate[1] - rate[0] + 1) for rate in (control, other))
    if 1 / wins + 1 / losses > 1 / a + 1 / b:
        return 1 - chance_to_win(other, control)
    centre, step = log(wins / losses), _POSTERIOR_STEP * sqrt(1 / wins + 1 / losses)
    # A posterior of few successes has a tail on one side that is longer than that of a normal distribution.
    reach = _POSTERIOR_POINTS if min(wins, losses) > 30 else 4 * _POSTERIOR_POINTS
    top, weights, total = _log_density(centre, wins, losses), 0.0, 0.0
    for index in range(-reach, reach + 1):
        odds = centre + index * step
        weight = exp(_log_density(odds, wins, losses) - top)
        if weight > 1e-18:
            rate, rest = 1 / (1 + exp(-odds)), 1 / (1 + exp(odds))
            weights += weight
            total += weight * incomplete_beta(b, a, rest, rate)
    return total / weights


def _log_density(odds: float, wins: int, losses: int) -> float:
    """Return the log density of the log odds, up to a constant."""
    return -wins * log1p(exp(-odds)) - losses * log1p(exp(odds)) if abs(odds) < 700 else -inf


def _stirling_rest(x: float) -> float:
    """Return what Stirling's formula lacks of the logarithm of the gamma function at a large x."""
    return 1 / (12 * x) - 1 / (360 * x**3)


def _continued_fraction(first: float, term: Callable[[int], tuple[float, float]], *, numerator: float) -> float:
    """Return numerator / (first + n1 / (d1 + n2 / (d2 + ...))), where term(i) is (ni, di), by Lentz's method."""
    fraction = c = first or _TINY
    d = 0.0
    for index in range(1, _MOST_TERMS):
        above, below = term(index)
        d = 1 / ((below + above * d) or _TINY)
        c = (below + above / c) or _TINY
        fraction *= c * d
        if isclose(c * d, 1, rel_tol=1e-16):
            break
    return numerator / fraction
