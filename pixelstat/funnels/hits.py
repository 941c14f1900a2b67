"""HITS: what a unit of a funnel did that matters to it."""

from collections.abc import Sequence
from functools import reduce
from operator import or_

import polars as pl

TIME = pl.Datetime("us", "UTC")

HITS = pl.Schema(
    {
        "key": pl.UInt32(),  # whose chain it may be part of
        "time": TIME,
        "matches": pl.UInt64(),  # bit k - 1 is set where it is a hit of step k
        "excluded": pl.UInt32(),  # bit e is set where it is one of exclusion e
        "universe": pl.Boolean(),  # it may not lie between two steps of a strict order
        "group": pl.UInt32(),  # of the chains that may begin with it; null: none may
    }
)


def matching(conditions: Sequence[pl.Expr], dtype: pl.DataType) -> pl.Expr:
    """The conditions as bits, the first one's the lowest."""
    if not conditions:
        return pl.lit(0, dtype)
    bits = [
        pl.when(holds).then(pl.lit(1 << place, dtype)).otherwise(pl.lit(0, dtype))
        for place, holds in enumerate(conditions)
    ]
    return reduce(or_, bits)
