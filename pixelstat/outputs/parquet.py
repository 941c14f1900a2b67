"""Write Parquet with the declared types. Times keep their time zone."""

import shutil
from collections.abc import Iterable, Iterator
from itertools import chain
from tempfile import NamedTemporaryFile
from typing import BinaryIO

import polars as pl
from polars.io.plugins import register_io_source

from pixelstat.atomic_file import UNFINISHED
from pixelstat.result import Result


def write(parts: Iterable[Result], file: BinaryIO) -> None:
    """Write one part after the other, by way of a temporary file: Polars must seek, and stdout may be a pipe."""
    remaining = iter(parts)
    first = next(remaining)

    def frames(columns: list[str] | None, *_: object) -> Iterator[pl.DataFrame]:
        for part in chain([first], remaining):
            yield part.frame if columns is None else part.frame.select(columns)

    with NamedTemporaryFile(suffix=".parquet") as temporary:
        UNFINISHED.add(temporary.name)
        register_io_source(frames, schema=first.frame.schema).sink_parquet(temporary.name, metadata=dict(first.tags))
        shutil.copyfileobj(temporary, file)
        UNFINISHED.discard(temporary.name)
