"""NDJSON: one object a line."""

from collections.abc import Iterable
from typing import BinaryIO

from pixelstat.outputs.spelled import with_times_as_text
from pixelstat.report import Result


def write(parts: Iterable[Result], file: BinaryIO) -> None:
    file.writelines(with_times_as_text(part).write_ndjson().encode() for part in parts)
