"""CSV by RFC 4180: a header, commas, full precision, an empty cell for null."""

from typing import BinaryIO

from pixelstat.outputs.spelled import defused
from pixelstat.report import Result


def write(result: Result, file: BinaryIO) -> None:
    file.write(defused(result).write_csv().encode())
