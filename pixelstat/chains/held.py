"""Hits of one step each, held in 16 bytes and put into order part by part: 100 million of them need no more memory.

Of a funnel whose steps share no hit it is enough to know that a unit did a step at a time, not which hit it was: what
is twice makes no other chain. Only hits with a key of their own are told apart, for they may stand
in the logs at several times, of which the earliest counts.
"""

from collections.abc import Iterator
from threading import Lock

import polars as pl

from pixelstat.chains.hits import TIME

PART = 1 << 20  # hits that are put into order at once, about
_STEP = 1 << 6  # places of the step in the word below the key; microseconds take 56 bits above it
_WORD = 1 << 64


class HeldHits:
    """Takes hits as they stream past, and gives them back in order, once."""

    def __init__(self) -> None:
        self._batches: list[pl.DataFrame] = []
        self._keyed: list[pl.DataFrame] = []
        self._lock = Lock()

    def hold(self, hits: pl.LazyFrame) -> pl.LazyFrame:
        """Hits (key, a UInt64 number of the unit, time, step from 1, hit, first) -> a frame that never has a row."""
        word = pl.col("time").to_physical().cast(pl.UInt64) * _STEP + (pl.col("step") - 1).cast(pl.UInt64)

        def take(batch: pl.DataFrame) -> pl.DataFrame:
            keyed = batch.filter(pl.col("first").is_not_null()) if batch["first"].null_count() < batch.height else None
            plain = batch if keyed is None else batch.filter(pl.col("first").is_null())
            with self._lock:
                self._batches.append(plain.select("key", "word"))
                if keyed is not None:
                    self._keyed.append(keyed)
            return batch.clear()

        packed = hits.select("key", "hit", "first", word=word)
        return packed.map_batches(take, projection_pushdown=False, streamable=True)

    def parts(self) -> Iterator[list[pl.DataFrame]]:
        """All that is held, in parts that share no key: each for `in_order`."""
        batches, self._batches = self._batches, []
        if self._keyed:
            keyed, self._keyed = pl.concat(self._keyed), []
            batches.append(keyed.group_by("hit").agg(pl.col("key", "word").min_by("first")).select("key", "word"))
        number = 1 << (max(0, sum(map(len, batches)) - 1) // PART).bit_length()
        if number == 1:
            yield batches
            return
        dealt: list[list[pl.DataFrame]] = [[] for _ in range(number)]
        while batches:
            batch = batches.pop().with_columns(part=(pl.col("key") % number).cast(pl.UInt16))
            for (part,), hits in batch.partition_by("part", as_dict=True, include_key=False).items():
                dealt[part].append(hits)
        while dealt:
            yield dealt.pop()


def in_order(batches: list[pl.DataFrame]) -> pl.DataFrame:
    """A part -> key, time, step, by these three, and what is twice once.

    Sorted as one number of 128 bits, which is faster than by two columns.
    """
    column = pl.col
    rows = pl.concat(batches) if batches else pl.DataFrame(schema={"key": pl.UInt64, "word": pl.UInt64})
    packed = rows.lazy().select(packed=column("key").cast(pl.UInt128) * _WORD + column("word").cast(pl.UInt128))
    once = packed.sort("packed").filter((column("packed") != column("packed").shift()).fill_null(value=True))
    word = (column("packed") % _WORD).cast(pl.UInt64)
    return once.select(
        key=(column("packed") // _WORD).cast(pl.UInt64),
        time=(word // _STEP).cast(pl.Int64).cast(TIME),
        step=(word % _STEP).cast(pl.UInt8) + 1,
    ).collect()
