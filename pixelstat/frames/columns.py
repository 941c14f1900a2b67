"""Name the columns that exist only between two steps of a query, and drop them."""

from collections.abc import Sequence

import polars as pl
from polars import selectors


def internal(name: str) -> str:
    """Return the name of a temporary column, such as `rank (internal)`.

    Users name custom columns in pixelstat.toml, and those names never hold a blank. So an internal column cannot
    collide with one of theirs.
    """
    return f"{name} (internal)"


def drop_internal(rows: pl.LazyFrame, keep: Sequence[str] = ()) -> pl.LazyFrame:
    """Drop all temporary columns, which are those with a blank in their names, but for those in `keep`."""
    return rows.drop(selectors.contains(" ") - selectors.by_name(*keep, require_all=False))
