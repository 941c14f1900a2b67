"""Hash the texts by which two requests are the same."""

from collections.abc import Sequence
from functools import reduce
from operator import xor

import polars as pl

from pixelstat.fastpath.extension import native
from pixelstat.traffic.deduplication import HASHED_COLUMNS, REQUEST_HASH


def hash_requests(events: pl.LazyFrame) -> pl.LazyFrame:
    """Add the request hash, CONTENT: equal where all columns of SAME are equal, null beside null.

    Hashes can be compared within one run only. The extension makes all hashes of a run where it exists, because the
    native reader makes them too.
    """
    if native is None:
        hashes = [pl.col(name).hash(seed) for seed, name in enumerate(HASHED_COLUMNS)]
        return events.with_columns(reduce(xor, hashes).alias(REQUEST_HASH))
    return events.with_columns(
        pl.map_batches(HASHED_COLUMNS, _hash_natively, return_dtype=pl.UInt64, is_elementwise=True).alias(REQUEST_HASH)
    )


def _hash_natively(columns: Sequence[pl.Series]) -> pl.Series:
    return pl.Series(native.hash_texts(columns, len(columns[0]))).struct.field("hash")
