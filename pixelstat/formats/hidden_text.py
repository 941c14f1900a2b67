"""Search lines whose text is hidden: by escapes of JSON, in a list of bytes, or between colours.

    {"log":"... \\"GET \\/g\\/collect?v=2\\u0026tid=G-1 ..."}     {"MESSAGE":[71,69,84,32,47]}     /<ESC>[1mpixel<ESC>[0m.gif

A plain search for pixels would miss these lines. Any log can contain some, because logs of several kinds are often in
one file. So each line is searched for signs of hidden text, which is fast, and only lines with such signs are revealed.
"""

from collections.abc import Callable
from functools import cache

import polars as pl

from pixelstat.formats.wrapping_kinds import Colours
from pixelstat.frames.columns import internal

_COLOUR = Colours().pattern
_SIGNS = r"\\(?:/|u00[0-7]|x[0-7])|(?:\x1b|#033)[\[(]|\[\s*\d+\s*,"  # of escapes, colours, and lists of numbers
_BYTES = r'"\s*:\s*\[\s*\d{1,3}\s*,'  # a list of bytes; a slower search


def may_pass(passes: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
    """Return a fast filter of `line` that keeps all lines that `flag_passing` flags, and all that hide text."""
    return passes(pl.col("line")) | _hides_text()


def flag_passing(rows: pl.LazyFrame, passes: Callable[[pl.Expr], pl.Expr], flag: str) -> pl.LazyFrame:
    """Add the boolean column `flag`: whether `line` passes this filter, as it is or with its hidden text revealed.

    The column has no nulls. A line with a list of bytes always passes.
    """
    line, hidden, revealed = pl.col("line"), internal("hidden line"), internal("revealed line")
    # Each step has its own `with_columns`. Otherwise Polars computes a step again wherever its result is used.
    rows = rows.with_columns(passes(line).fill_null(value=False).alias(flag))
    # Only lines that did not pass need the slow search.
    rows = rows.with_columns(pl.when(~pl.col(flag) & _hides_text()).then(line).alias(hidden))
    rows = rows.with_columns(reveal(pl.col(hidden)).alias(revealed))
    passed = passes(pl.col(revealed)) | pl.col(hidden).str.contains(_BYTES)
    return rows.with_columns(pl.col(flag) | passed.fill_null(value=False)).drop(hidden, revealed)


def _hides_text() -> pl.Expr:
    return pl.col("line").str.contains(_SIGNS)


def reveal(line: pl.Expr) -> pl.Expr:
    """Return a line without colours, and with characters in place of their escapes, however often they are escaped."""
    escapes = _list_escapes()
    plain = line.str.replace_all(r"\\{2,}", "\\").str.replace_many([*escapes], [*escapes.values()])
    return plain.str.replace_all(_COLOUR, "")


@cache
def _list_escapes() -> dict[str, str]:
    """Return the ASCII characters by their escapes."""
    codes = {
        prefix + digits: chr(number)
        for number in range(128)
        for prefix, width in (("\\u", 4), ("\\x", 2))
        for digits in {f"{number:0{width}x}", f"{number:0{width}X}"}
    }
    return {"\\/": "/", '\\"': '"', **codes}
