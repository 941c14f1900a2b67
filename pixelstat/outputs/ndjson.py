"""Write NDJSON: one object per line."""

from collections.abc import Iterable
from typing import BinaryIO

from pixelstat.outputs._text import format_times
from pixelstat.result import Result


def write(parts: Iterable[Result], file: BinaryIO) -> None:
    """Write one JSON object a line."""
    file.writelines(format_times(part).write_ndjson().encode() for part in parts)
