"""Count the values of a column."""

import polars as pl


def count_values(values: pl.Series) -> dict[str | None, int]:
    """Return the number of rows with each value. A column of a single value, the usual case, is counted faster."""
    if values.is_empty() or values.eq_missing(values[0]).all():
        return {values[0]: len(values)} if len(values) else {}
    return dict(values.value_counts().iter_rows())
