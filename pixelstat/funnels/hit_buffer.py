"""Buffer hits in 16 bytes each and sort them part by part, so that 100 million hits need no more memory than that.

If no event can match two steps, a (key, time, step) triple per hit is enough: copies of a hit cannot change which chain
counts. Only hits with a deduplication key are told apart by their number, because logs may repeat such a hit at several
times. The earliest counts.
"""

from collections.abc import Iterator
from threading import Lock

import polars as pl

from pixelstat.funnels.hits import TIME

PARTS = 32  # hits are distributed by their keys as they stream past, on all cores
MIN_PART_HITS = 1 << 18  # hits, about, that are sorted at once: sorting more takes memory and saves no time
PACKED_HITS = pl.Schema({"key": pl.UInt64(), "word": pl.UInt64()})  # `word` is the time above the step
_STEP = 1 << 6  # the step is the lowest 6 bits of `word`; microseconds since the year 829 are the 58 bits above
_BEFORE_1970, _LAST = 1 << 55, (1 << 58) - 1
_WORD = 1 << 64


class HitBuffer:
    """Buffers hits as they stream past, and yields them in parts, once."""

    def __init__(self) -> None:
        self._parts: list[list[pl.DataFrame]] = [[] for _ in range(PARTS)]
        self._hits_with_dedup_key: list[pl.DataFrame] = []
        self._lock = Lock()

    def collect(self, hits: pl.LazyFrame) -> pl.LazyFrame:
        """Return a frame without rows that buffers the hits when it is collected.

        The hits have key (UInt64, a number of the actor), time, step (from 1), hit and first.
        """
        time = (pl.col("time").to_physical() + _BEFORE_1970).clip(0, _LAST).cast(pl.UInt64)
        word = time * _STEP + (pl.col("step") - 1).cast(pl.UInt64)
        part = (pl.col("key") % PARTS).cast(pl.UInt8)
        packed = hits.select("key", "hit", "first", word=word, part=part)
        return packed.map_batches(self._buffer_batch, projection_pushdown=False, streamable=True)

    def _buffer_batch(self, batch: pl.DataFrame) -> pl.DataFrame:
        """Buffer the hits of a batch, and return the batch without rows."""
        if batch["first"].null_count() == batch.height:
            self._distribute(batch)
        else:
            self._distribute(batch.filter(pl.col("first").is_null()))
            with self._lock:
                self._hits_with_dedup_key.append(batch.filter(pl.col("first").is_not_null()))
        return batch.clear()

    def _distribute(self, batch: pl.DataFrame) -> None:
        """Append the hits of a batch to their parts."""
        by_part = batch.select("key", "word", "part").partition_by("part", as_dict=True, include_key=False)
        with self._lock:
            for (part,), hits in by_part.items():
                self._parts[part].append(hits)

    def drain(self) -> Iterator[pl.DataFrame]:
        """Yield all hits as PACKED_HITS for `unpack_in_order`, in parts that share no key, and forget them."""
        if self._hits_with_dedup_key:
            hits, self._hits_with_dedup_key = pl.concat(self._hits_with_dedup_key), []
            self._distribute(hits.group_by("hit").agg(pl.col("key", "word", "part").min_by("first")))
        no_hits = pl.DataFrame(schema=PACKED_HITS)
        frames = [no_hits]
        for part in self._parts:
            frames += part
            part.clear()
            if sum(map(len, frames)) >= MIN_PART_HITS:
                yield pl.concat(frames)
                frames = [no_hits]
        yield pl.concat(frames)


def unpack_in_order(packed_hits: pl.LazyFrame) -> pl.LazyFrame:
    """Return key, time and step of PACKED_HITS, sorted by these three, without repeated rows.

    They are sorted as one number of 128 bits, which is faster than sorting by two columns.
    """
    packed = packed_hits.select(packed=pl.col("key").cast(pl.UInt128) * _WORD + pl.col("word").cast(pl.UInt128))
    is_new = (pl.col("packed") != pl.col("packed").shift()).fill_null(value=True)
    word = (pl.col("packed") % _WORD).cast(pl.UInt64)
    return (
        packed.sort("packed")
        .filter(is_new)
        .select(
            key=(pl.col("packed") // _WORD).cast(pl.UInt64),
            time=((word // _STEP).cast(pl.Int64) - _BEFORE_1970).cast(TIME),
            step=(word % _STEP).cast(pl.UInt8) + 1,
        )
    )
