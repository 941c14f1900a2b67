"""Count the values of a column."""

import polars as pl


def count_values(values: pl.Series) -> dict[str | None, int]:
    """Return how often each value occurs; nearly always there is one."""
    if values.is_empty() or values.eq_missing(values[0]).all():
        return {values[0]: len(values)} if len(values) else {}
    return dict(values.value_counts().iter_rows())
