"""Find lines whose text a format hides from a search: by escapes of JSON, as a list of bytes, or by colours.

    {"log":"... \\"GET \\/g\\/collect?v=2\\u0026tid=G-1 ..."}     {"MESSAGE":[71,69,84,32,47]}     /<ESC>[1mpixel<ESC>[0m.gif

A quick search for pixels would miss them. Only logs in JSON, in envelopes of JSON or with colours pay for this.
"""

from collections.abc import Callable
from functools import cache

import polars as pl

from pixelstat.formats.base import LogFormat
from pixelstat.formats.inferred import InferredFormat
from pixelstat.formats.json import JsonFormat
from pixelstat.formats.wrappings import Colours, Envelope, list_wrappings, unwrap_format

_COLOUR = Colours().pattern
_HIDES_CHARACTERS = rf"\\(?:/|u00[0-7]|x[0-7])|\S{_COLOUR}"
_HIDES_LINE = r'"\s*:\s*\[\s*\d+\s*[,\]]'  # a list of bytes


def may_hide_text(log_format: LogFormat) -> bool:
    """Return whether lines of a format may hold their text in another way than as it is."""
    has_wrapping = any(isinstance(wrapping, (Envelope, Colours)) for wrapping in list_wrappings(log_format))
    return has_wrapping or isinstance(unwrap_format(log_format), (JsonFormat, InferredFormat))


def pass_hidden(passes: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
    """Return a filter of `line` that passes what this filter of a text passes, as it is or revealed."""
    line = pl.col("line")
    hidden = pl.when(line.str.contains(f"{_HIDES_CHARACTERS}|{_HIDES_LINE}")).then(line)  # all others cost no more
    return passes(line) | (passes(reveal(hidden)) | hidden.str.contains(_HIDES_LINE)).fill_null(value=False)


def reveal(line: pl.Expr) -> pl.Expr:
    """Return a line with what its escapes stand for, however many envelopes escaped it, and without colours."""
    escapes = _list_escapes()
    plain = line.str.replace_all(r"\\{2,}", "\\").str.replace_many([*escapes], [*escapes.values()])
    return plain.str.replace_all(_COLOUR, "")


@cache
def _list_escapes() -> dict[str, str]:
    """Return the escapes of ASCII characters, each with its character."""
    codes = {
        prefix + digits: chr(number)
        for number in range(128)
        for prefix, width in (("\\u", 4), ("\\x", 2))
        for digits in {f"{number:0{width}x}", f"{number:0{width}X}"}
    }
    return {"\\/": "/", '\\"': '"', **codes}
