"""Hash what makes two events of two requests the same."""

from collections.abc import Sequence
from functools import reduce
from operator import xor

import polars as pl

from pixelstat.fastpath.extension import native
from pixelstat.traffic.deduplication import HASHED_COLUMNS, REQUEST_HASH

_NUMBER_SEED = len(HASHED_COLUMNS)


def hash_requests(events: pl.LazyFrame) -> pl.LazyFrame:
    """Add REQUEST_HASH: equal where all of HASHED_COLUMNS and `event_number` are equal, null beside null.

    Hashes can be compared within one run only. The extension makes all hashes of a run where it exists, because the
    native reader makes them too. That reader knows no such numbers, so a null `event_number` leaves the hash as it is.
    """
    if native is None:
        hashes = [pl.col(name).hash(seed) for seed, name in enumerate(HASHED_COLUMNS)]
        return events.with_columns(reduce(xor, [*hashes, _hash_event_number()]).alias(REQUEST_HASH))
    columns = [*HASHED_COLUMNS, "event_number"]
    request_hash = pl.map_batches(columns, _hash_natively, return_dtype=pl.UInt64, is_elementwise=True)
    return events.with_columns(request_hash.alias(REQUEST_HASH))


def _hash_natively(columns: Sequence[pl.Series]) -> pl.Series:
    *texts, number = columns
    hashes = pl.Series(native.hash_texts(texts, len(number))).struct.field("hash")
    if number.null_count() == len(number):
        return hashes
    return hashes ^ number.to_frame("event_number").select(_hash_event_number()).to_series()


def _hash_event_number() -> pl.Expr:
    return pl.when(pl.col("event_number").is_not_null()).then(pl.col("event_number").hash(_NUMBER_SEED)).otherwise(0)
