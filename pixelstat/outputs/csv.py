"""Write CSV by RFC 4180: a header, commas, full precision, an empty cell for null."""

from collections.abc import Iterable
from typing import BinaryIO

from pixelstat.outputs._text import format_texts, neutralize_formulas
from pixelstat.result import Result


def write(parts: Iterable[Result], file: BinaryIO) -> None:
    """Write the rows as CSV, with one header."""
    file.writelines(
        format_texts(neutralize_formulas(part)).write_csv(include_header=number == 0).encode()
        for number, part in enumerate(parts)
    )
