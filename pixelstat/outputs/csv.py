"""CSV by RFC 4180: a header, commas, full precision, an empty cell for null."""

from collections.abc import Iterable
from typing import BinaryIO

from pixelstat.outputs.spelled import defused
from pixelstat.report import Result


def write(parts: Iterable[Result], file: BinaryIO) -> None:
    file.writelines(defused(part).write_csv(include_header=place == 0).encode() for place, part in enumerate(parts))
