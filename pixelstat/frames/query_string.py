"""Read the parameters of URLs as Polars expressions."""

from collections.abc import Iterable
from urllib.parse import unquote, unquote_plus

import polars as pl

from pixelstat.frames.lookup import replace_where

MACRO = r"(?:(?:\$|%24)(?:\{|%7[Bb])|(?:\{|%7[Bb]){2}|(?:\*|%2[Aa])(?:\||%7[Cc]))"  # how one begins


def parameter(query: pl.Expr, names: Iterable[str]) -> pl.Expr:
    """The last parameter of these names that has a value, still encoded; null when there is none, or only a macro.

    Of a name that is repeated the last counts, as in PHP and in most frameworks.
    """
    if not names:
        return pl.lit(None, pl.String)
    found = query.str.extract_all(f"(?:^|&)(?:{'|'.join(names)})=[^&]+").list.last()
    text = found.str.splitn("=", 2).struct.field("field_1")
    return pl.when(~is_macro(text)).then(text)


def is_macro(text: pl.Expr) -> pl.Expr:
    """Return whether a parameter, encoded or not, is a macro nobody filled in: `${USER}`, `{{id}}`, `*|EMAIL|*`."""
    return text.str.contains(f"^{MACRO}")


def percent_decode(rows: pl.LazyFrame, columns: Iterable[str]) -> pl.LazyFrame:
    """Rows with parameters decoded: `%XX` and `+`, once. Bytes that are no UTF-8 become U+FFFD."""
    return replace_where(rows, columns, lambda text: text.str.contains("[%+]"), unquote_plus)


def percent_decode_path(rows: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """Rows with a path out of an address decoded: `%XX`, once; a plus is a plus there."""
    return replace_where(rows, [column], lambda text: text.str.contains("%", literal=True), unquote)
