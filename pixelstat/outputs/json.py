"""Write JSON: one array with an object for each row."""

from collections.abc import Iterable
from typing import BinaryIO

from pixelstat.outputs._text import format_times
from pixelstat.result import Result


def write(parts: Iterable[Result], file: BinaryIO) -> None:
    """Write the rows as one JSON array of objects."""
    file.write(b"[")
    is_first = True
    for part in parts:
        rows = format_times(part).write_json().encode()[1:-1]  # without the brackets of its array
        if rows:
            file.write(rows if is_first else b"," + rows)
            is_first = False
    file.write(b"]\n")
