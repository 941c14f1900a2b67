"""Define HITS: the events of a funnel's actors that can influence their chains."""

from collections.abc import Sequence
from functools import reduce
from operator import or_

import polars as pl

TIME = pl.Datetime("us", "UTC")

HITS = pl.Schema(
    {
        "key": pl.UInt32(),  # chains consist of hits of one key: an actor, with its held value and label
        "time": TIME,
        "matches": pl.UInt64(),  # bit k - 1 is set where it matches step k
        "excluded": pl.UInt32(),  # bit e is set where exclusion e applies to it
        "universe": pl.Boolean(),  # whether it may not lie between two steps of a strict order
        "group": pl.UInt32(),  # of the chains that may begin with it, by `add_start_group`; null: none may
    }
)


def condition_bits(conditions: Sequence[pl.Expr], dtype: pl.DataType) -> pl.Expr:
    """Return an integer in which bit i is set where condition i is true; the first condition is the lowest bit."""
    if not conditions:
        return pl.lit(0, dtype)
    bits = [
        pl.when(condition).then(pl.lit(1 << index, dtype)).otherwise(pl.lit(0, dtype))
        for index, condition in enumerate(conditions)
    ]
    return reduce(or_, bits)
