"""Hash what makes two events of two requests the same."""

from collections.abc import Sequence
from functools import reduce
from operator import xor

import polars as pl

from pixelstat.fastpath.extension import native
from pixelstat.traffic.deduplication import HASHED_COLUMNS, REQUEST_HASH

_PART_SEED = len(HASHED_COLUMNS)


def hash_requests(events: pl.LazyFrame) -> pl.LazyFrame:
    """Add REQUEST_HASH: equal where all of HASHED_COLUMNS and `part` are equal, null beside null.

    Hashes can be compared within one run only. The extension makes all hashes of a run where it exists, because the
    native reader makes them too. That reader knows no parts, so a null `part` leaves the hash as it is.
    """
    if native is None:
        hashes = [pl.col(name).hash(seed) for seed, name in enumerate(HASHED_COLUMNS)]
        return events.with_columns(reduce(xor, [*hashes, _hash_part()]).alias(REQUEST_HASH))
    return events.with_columns(
        pl.map_batches([*HASHED_COLUMNS, "part"], _hash_natively, return_dtype=pl.UInt64, is_elementwise=True).alias(
            REQUEST_HASH
        )
    )


def _hash_natively(columns: Sequence[pl.Series]) -> pl.Series:
    *texts, part = columns
    hashes = pl.Series(native.hash_texts(texts, len(part))).struct.field("hash")
    return hashes if part.null_count() == len(part) else hashes ^ part.to_frame("part").select(_hash_part()).to_series()


def _hash_part() -> pl.Expr:
    return pl.when(pl.col("part").is_not_null()).then(pl.col("part").hash(_PART_SEED)).otherwise(0)
