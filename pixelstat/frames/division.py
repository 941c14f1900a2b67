"""Divide columns by one number with correct rounding.

To divide a column by one number, Polars multiplies it by the reciprocal, unless the column has only one row. So the
last digit of a quotient would be wrong in a third of all cases, and would depend on the number of rows.
"""

import polars as pl


def divide_by(dividend: pl.Expr, divisor: float) -> pl.Expr:
    """Divide finite numbers by a number other than zero, with correct rounding. Null stays null."""
    return dividend / (dividend * 0 + float(divisor))


def count_seconds(duration: pl.Expr) -> pl.Expr:
    """Return the seconds of a duration as Float64, with microseconds as decimals. Null stays null."""
    return divide_by(duration.dt.total_microseconds(), 1_000_000)
