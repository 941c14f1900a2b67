"""A plan that is run for one frame after the other: made once, which for small frames is most of the work."""

from collections.abc import Callable, Generator, Sequence
from functools import partial

import polars as pl

from pixelstat.source import scanned

Stage = Callable[[pl.LazyFrame], pl.LazyFrame]


class Prepared:
    """A stage for frames of one schema, which may be called by several threads at once."""

    def __init__(self, stage: Stage, given: pl.Schema) -> None:
        self._stage, self._given = stage, given
        self._idle: list[tuple[list[pl.DataFrame], pl.LazyFrame]] = []  # one for each thread that was at work

    def __call__(self, frame: pl.DataFrame) -> pl.DataFrame:
        """What the stage makes of the frame."""
        try:
            holder, plan = self._idle.pop()
        except IndexError:
            holder = []
            plan = self._stage(scanned(partial(_held, holder), self._given, "what is given"))
        holder[:] = [frame]
        found = plan.collect()
        holder.clear()
        self._idle.append((holder, plan))
        return found


def _held(holder: list[pl.DataFrame], names: Sequence[str], predicate: pl.Expr | None) -> Generator[pl.DataFrame]:
    frame = holder[0]
    yield frame.select(names) if predicate is None else frame.filter(predicate).select(names)
