"""Parquet with the declared types; times keep their zone."""

from io import BytesIO
from typing import BinaryIO

from pixelstat.report import Result


def write(result: Result, file: BinaryIO) -> None:
    packed = BytesIO()  # Polars wants to seek, and stdout may be a pipe
    result.frame.write_parquet(packed)
    file.write(packed.getvalue())
