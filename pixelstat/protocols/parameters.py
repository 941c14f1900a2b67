"""Query parameters as expressions: by any of their names, in any order, decoded exactly once."""

from collections.abc import Iterable
from urllib.parse import unquote, unquote_plus

import polars as pl

from pixelstat.vocabulary import changed_where


def parameter(query: pl.Expr, names: Iterable[str]) -> pl.Expr:
    """The first parameter of these names that has a value, still encoded; null when there is none."""
    return query.str.extract(f"(?:^|&)(?:{'|'.join(names)})=([^&]+)")


def decoded(column: str) -> pl.Expr:
    """A column of parameters: `%XX` and `+` are decoded, once. Bytes that are no UTF-8 become U+FFFD."""
    return changed_where(column, pl.col(column).str.contains("[%+]"), unquote_plus)


def decoded_path(column: str) -> pl.Expr:
    """A column of paths out of addresses: `%XX` is decoded, once; a plus is a plus there."""
    return changed_where(column, pl.col(column).str.contains("%", literal=True), unquote)
