"""A plan that is run for one frame after the other: made once, which for small frames is most of the work."""

from collections.abc import Callable, Generator, Sequence

import polars as pl

from pixelstat.frames.batches import scan

Stage = Callable[[pl.LazyFrame], pl.LazyFrame]


class Prepared:
    """A stage for frames of one schema, one at a time."""

    def __init__(self, stage: Stage, given: pl.Schema) -> None:
        self._frame = pl.DataFrame(schema=given)
        self._plan = stage(scan(self._read, given, "what is given"))

    def __call__(self, frame: pl.DataFrame) -> pl.DataFrame:
        """What the stage makes of the frame."""
        self._frame = frame
        found = self._plan.collect()
        self._frame = frame.clear()  # its memory is not held on to
        return found

    def _read(self, names: Sequence[str], predicate: pl.Expr | None) -> Generator[pl.DataFrame]:
        frame = self._frame
        yield frame.select(names) if predicate is None else frame.filter(predicate).select(names)
