"""Run one query plan for many frames. Making the plan is most of the work for a small frame."""

from collections.abc import Callable, Generator, Sequence

import polars as pl

from pixelstat.frames.batches import scan

Stage = Callable[[pl.LazyFrame], pl.LazyFrame]  # one step of the pipeline


class ReusablePlan:
    """A stage that is planned once for frames of one schema. One thread at a time may run it."""

    def __init__(self, stage: Stage, schema: pl.Schema) -> None:
        self._frame = pl.DataFrame(schema=schema)
        self._plan = stage(scan(self._read, schema, "the frame of a reusable plan"))

    def __call__(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Pass a frame through the stage."""
        self._frame = frame
        result = self._plan.collect()
        self._frame = frame.clear()  # release its memory
        return result

    def _read(self, columns: Sequence[str], predicate: pl.Expr | None) -> Generator[pl.DataFrame]:
        frame = self._frame
        yield frame.select(columns) if predicate is None else frame.filter(predicate).select(columns)
