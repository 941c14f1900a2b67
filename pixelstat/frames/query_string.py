"""Read the parameters of URLs as Polars expressions."""

from collections.abc import Iterable
from urllib.parse import unquote, unquote_plus

import polars as pl

from pixelstat.frames.lookup import replace_where

# The beginning of a template macro, as it stands or percent-encoded: `${`, `{{` or `*|`.
MACRO_START = r"(?:(?:\$|%24)(?:\{|%7[Bb])|(?:\{|%7[Bb]){2}|(?:\*|%2[Aa])(?:\||%7[Cc]))"


def parameter(query: pl.Expr, names: Iterable[str]) -> pl.Expr:
    """Return the value, still encoded, of the last parameter with one of these names that has a value.

    Null if there is none, or if the value is a macro that nobody filled in. If a name is repeated, the last one
    counts, as in PHP and in most frameworks.
    """
    if not names:
        return pl.lit(None, pl.String)
    pair = query.str.extract_all(f"(?:^|&)(?:{'|'.join(names)})=[^&]+").list.last()
    value = pair.str.splitn("=", 2).struct.field("field_1")
    return pl.when(~is_macro(value)).then(value)


def is_macro(text: pl.Expr) -> pl.Expr:
    """Return whether a parameter, encoded or not, is a macro nobody filled in: `${USER}`, `{{id}}`, `*|EMAIL|*`."""
    return text.str.contains(f"^{MACRO_START}")


def percent_decode(rows: pl.LazyFrame, columns: Iterable[str]) -> pl.LazyFrame:
    """Decode `%XX` and `+` in the columns, once. Bytes that are not valid UTF-8 become U+FFFD."""
    return replace_where(rows, columns, lambda text: text.str.contains("[%+]"), unquote_plus)


def percent_decode_path(rows: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """Decode `%XX` in a column of URL paths, once. A plus stays, because in a path it is not a blank."""
    return replace_where(rows, [column], lambda text: text.str.contains("%", literal=True), unquote)
