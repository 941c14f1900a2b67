"""Query parameters as expressions: by any of their names, in any order, decoded exactly once."""

from collections.abc import Iterable
from urllib.parse import unquote, unquote_plus

import polars as pl

from pixelstat.vocabulary import changed_where


def parameter(query: pl.Expr, names: Iterable[str]) -> pl.Expr:
    """The first parameter of these names that has a value, still encoded; null when there is none."""
    return query.str.extract(f"(?:^|&)(?:{'|'.join(names)})=([^&]+)")


def decoded(rows: pl.LazyFrame, columns: Iterable[str]) -> pl.LazyFrame:
    """Rows with parameters decoded: `%XX` and `+`, once. Bytes that are no UTF-8 become U+FFFD."""
    return changed_where(rows, columns, lambda text: text.str.contains("[%+]"), unquote_plus)


def decoded_path(rows: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """Rows with a path out of an address decoded: `%XX`, once; a plus is a plus there."""
    return changed_where(rows, [column], lambda text: text.str.contains("%", literal=True), unquote)
