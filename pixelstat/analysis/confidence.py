"""How sure a rate is: the interval that holds the true one 19 times in 20."""

import polars as pl

Z = 1.959963984540054  # of the normal distribution, 97.5 % lie below


def wilson_interval(successes: pl.Expr, trials: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """The lower and the upper end of Wilson's interval (1927) of the rate successes / trials.

    Exactly 0 where nothing succeeded and exactly 1 where everything did. Null without a trial, and where more
    succeeded than were tried, which is no rate.
    """
    middle = (successes + Z**2 / 2) / (trials + Z**2)
    half = Z / (trials + Z**2) * (successes * (trials - successes) / trials + Z**2 / 4).sqrt()
    is_rate = (trials > 0) & successes.is_between(0, trials)
    low = pl.when(successes == 0).then(0.0).otherwise(middle - half)
    high = pl.when(successes == trials).then(1.0).otherwise(middle + half)
    return pl.when(is_rate).then(low), pl.when(is_rate).then(high)
