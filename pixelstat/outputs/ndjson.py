"""NDJSON: one object a line."""

from typing import BinaryIO

from pixelstat.outputs.spelled import with_times_as_text
from pixelstat.report import Result


def write(result: Result, file: BinaryIO) -> None:
    file.write(with_times_as_text(result).write_ndjson().encode())
