"""Compute how uncertain a sum over visitors is: a bootstrap interval that covers the true sum 19 times in 20.

In each draw a visitor counts 0, 1, 2 or more times, by a Poisson distribution with the mean 1. So the number of
visitors varies too, as it would in another period. The draws are the same in every run, and the amounts are sorted
first, so neither the order of the logs nor the key of a visitor matters. A sum over many visitors is close to a normal
distribution; there its interval is computed directly, with the same variance.
"""

from array import array
from functools import cache
from math import exp, factorial, sqrt
from random import Random
from sys import byteorder

import polars as pl

from pixelstat.analysis.confidence import Z

DRAWS = 1_000
MOST_DRAWN = 1_000  # visitors; sums over more of them have the interval of a normal distribution
DIGITS = 9  # decimals of an interval
_SEED = 20_260_907
_BITS = 32
_MOST_TIMES = 12  # the chance that a visitor counts more often is below 1e-10


@cache
def draw_weights() -> pl.Series:
    """Return how often a visitor counts, for MOST_DRAWN visitors in each of DRAWS draws, as one long series."""
    numbers = array("I", Random(_SEED).randbytes(DRAWS * MOST_DRAWN * _BITS // 8))  # noqa: S311
    if byteorder == "big":
        numbers.byteswap()
    chances = [exp(-1) / factorial(times) for times in range(_MOST_TIMES)]
    limits = [int(sum(chances[: times + 1]) * 2**_BITS) for times in range(_MOST_TIMES)]
    uniform = pl.Series(numbers, dtype=pl.UInt32)
    times = pl.sum_horizontal((uniform >= limit).cast(pl.UInt8) for limit in limits if limit < 2**_BITS)
    return pl.select(times.cast(pl.Float64)).to_series()


def bootstrap_sum(amounts: pl.Series) -> tuple[float, float] | None:
    """Return the 95% interval of the sum of these amounts, one for each visitor; None without an amount."""
    amounts = amounts.drop_nulls().sort()
    number = len(amounts)
    if not number:
        return None
    if number > MOST_DRAWN:
        total, half = float(amounts.sum()), Z * sqrt(float((amounts**2).sum()))
        return round(total - half, DIGITS), round(total + half, DIGITS)
    repeated = pl.concat([amounts.cast(pl.Float64)] * DRAWS)
    sums = (draw_weights().head(number * DRAWS) * repeated).reshape((DRAWS, number)).arr.sum()
    low, high = (sums.quantile(share, "linear") for share in (0.025, 0.975))
    return round(float(low or 0), DIGITS), round(float(high or 0), DIGITS)


def bootstrap_sums(rows: pl.DataFrame, keys: list[str], amount: str) -> pl.DataFrame:
    """Return the interval of the sum of an amount for each combination of keys, as `NAME_low` and `NAME_high`.

    `rows` have one row for each visitor and combination.
    """
    grouped = rows.group_by(keys, maintain_order=True).agg(pl.col(amount))
    intervals = [bootstrap_sum(amounts) or (None, None) for amounts in grouped[amount]]
    return grouped.select(
        *keys,
        pl.Series(f"{amount}_low", [low for low, _ in intervals], dtype=pl.Float64),
        pl.Series(f"{amount}_high", [high for _, high in intervals], dtype=pl.Float64),
    )
