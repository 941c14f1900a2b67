"""Hits of one step each, held in 16 bytes and put into order part by part: 100 million of them need no more memory.

Of a funnel whose steps share no hit it is enough to know that a unit did a step at a time, not which hit it was: what
is twice makes no other chain. Only hits with a key of their own are told apart, for they may stand
in the logs at several times, of which the earliest counts.
"""

from collections.abc import Iterator
from threading import Lock

import polars as pl

from pixelstat.funnels.hits import TIME

PARTS = 32  # that hits are dealt to by their keys as they stream past, on all cores
LEAST = 1 << 18  # hits, about, that are put into order at once: more of them take memory, and no less time
HELD = pl.Schema({"key": pl.UInt64(), "word": pl.UInt64()})
_STEP = 1 << 6  # places of the step in the word below the key; microseconds since the year 829 take 58 bits above it
_BEFORE_1970, _LAST = 1 << 55, (1 << 58) - 1
_WORD = 1 << 64


class HeldHits:
    """Takes hits as they stream past, and gives them back in parts, once."""

    def __init__(self) -> None:
        self._parts: list[list[pl.DataFrame]] = [[] for _ in range(PARTS)]
        self._keyed: list[pl.DataFrame] = []
        self._lock = Lock()

    def hold(self, hits: pl.LazyFrame) -> pl.LazyFrame:
        """Hits (key, a UInt64 number of the unit, time, step from 1, hit, first) -> a frame that never has a row."""
        time = (pl.col("time").to_physical() + _BEFORE_1970).clip(0, _LAST).cast(pl.UInt64)
        word = time * _STEP + (pl.col("step") - 1).cast(pl.UInt64)
        part = (pl.col("key") % PARTS).cast(pl.UInt8)

        def take(batch: pl.DataFrame) -> pl.DataFrame:
            if batch["first"].null_count() == batch.height:
                self._deal(batch)
            else:
                self._deal(batch.filter(pl.col("first").is_null()))
                with self._lock:
                    self._keyed.append(batch.filter(pl.col("first").is_not_null()))
            return batch.clear()

        packed = hits.select("key", "hit", "first", word=word, part=part)
        return packed.map_batches(take, projection_pushdown=False, streamable=True)

    def _deal(self, batch: pl.DataFrame) -> None:
        dealt = batch.select("key", "word", "part").partition_by("part", as_dict=True, include_key=False)
        with self._lock:
            for (part,), hits in dealt.items():
                self._parts[part].append(hits)

    def parts(self) -> Iterator[pl.DataFrame]:
        """All that is held, in parts that share no key: each of HELD, for `in_order`."""
        if self._keyed:
            keyed, self._keyed = pl.concat(self._keyed), []
            self._deal(keyed.group_by("hit").agg(pl.col("key", "word", "part").min_by("first")))
        held = [pl.DataFrame(schema=HELD)]
        for part in self._parts:
            held += part
            part.clear()
            if sum(map(len, held)) >= LEAST:
                yield pl.concat(held)
                held = held[:1]
        yield pl.concat(held)


def in_order(rows: pl.LazyFrame) -> pl.LazyFrame:
    """HELD hits -> key, time, step, by these three, and what is twice once.

    Sorted as one number of 128 bits, which is faster than by two columns.
    """
    column = pl.col
    packed = rows.select(packed=column("key").cast(pl.UInt128) * _WORD + column("word").cast(pl.UInt128))
    once = packed.sort("packed").filter((column("packed") != column("packed").shift()).fill_null(value=True))
    word = (column("packed") % _WORD).cast(pl.UInt64)
    return once.select(
        key=(column("packed") // _WORD).cast(pl.UInt64),
        time=((word // _STEP).cast(pl.Int64) - _BEFORE_1970).cast(TIME),
        step=(word % _STEP).cast(pl.UInt8) + 1,
    )
