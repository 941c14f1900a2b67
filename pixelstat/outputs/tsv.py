"""Write tab-separated values without quotes, for `cut` and `awk`: tabs and line ends in a cell become `\\t`, `\\n`."""

from collections.abc import Iterable
from typing import BinaryIO

import polars as pl

from pixelstat.outputs._text import format_texts, neutralize_formulas
from pixelstat.result import Result


def write(parts: Iterable[Result], file: BinaryIO) -> None:
    """Write the rows as tab-separated values, with one header."""
    escaped = pl.col(pl.String).str.replace_many(["\\", "\t", "\n", "\r"], ["\\\\", "\\t", "\\n", "\\r"])
    for number, part in enumerate(parts):
        frame = format_texts(neutralize_formulas(part)).with_columns(escaped)
        file.write(frame.write_csv(separator="\t", quote_style="never", include_header=number == 0).encode())
