"""Compute how certain a rate is: the interval that contains the true rate 19 times in 20."""

import polars as pl

Z = 1.959963984540054  # 97.5 % of a normal distribution lie below it, in standard deviations


def wilson_interval(successes: pl.Expr, trials: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Return the lower and the upper end of Wilson's 95% interval (1927) of the rate successes / trials.

    The lower end is exactly 0 without a success, the upper end exactly 1 where every trial succeeded. Both are null
    without a trial, and where there are more successes than trials, which is not a rate.
    """
    middle = (successes + Z**2 / 2) / (trials + Z**2)
    half = Z / (trials + Z**2) * (successes * (trials - successes) / trials + Z**2 / 4).sqrt()
    is_rate = (trials > 0) & successes.is_between(0, trials)
    low = pl.when(successes == 0).then(0.0).otherwise(middle - half)
    high = pl.when(successes == trials).then(1.0).otherwise(middle + half)
    return pl.when(is_rate).then(low), pl.when(is_rate).then(high)
