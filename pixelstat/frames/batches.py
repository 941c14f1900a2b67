"""Feed batches into a lazy frame, look at them as they pass, and find out which columns a query uses."""

import contextlib
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

import polars as pl
from polars.io.plugins import register_io_source

BATCH_ROWS = 16_000  # smaller batches are joined until they have this many rows


def columns_used(function: Callable[[pl.LazyFrame], pl.LazyFrame], schema: pl.Schema) -> list[str]:
    """Return the columns of the schema that a query reads, in the order of the schema.

    The function is run once on an empty source that has all columns. What Polars requests of that source is the answer.
    """
    used: set[str] = set()

    def read(columns: list[str] | None, _: pl.Expr | None, __: int | None, ___: int | None) -> Iterator[pl.DataFrame]:
        used.update(schema if columns is None else columns)
        yield pl.DataFrame(schema=schema).select(schema.names() if columns is None else columns)

    events = register_io_source(read, schema=schema)
    function(events).collect(optimizations=pl.QueryOptFlags(predicate_pushdown=False))
    return [name for name in schema if name in used]


def keep_columns(rows: pl.LazyFrame, columns: Iterable[str], carrier: str = "rejected") -> pl.LazyFrame:
    """Keep Polars from pruning the columns before this point, even if the rest of the query does not use them.

    A function in `map_batches` with projection pushdown receives only the columns that later steps use. So a later
    step has to use those that the function needs. Here the column `carrier` is replaced by itself under a condition
    that refers to the columns and is always true. That costs next to nothing, while a filter would copy every row.
    """
    is_any_null = pl.any_horizontal(pl.col(name).is_null() for name in columns)
    return rows.with_columns(pl.when(is_any_null | ~is_any_null).then(carrier).alias(carrier))


def tap_batches(
    rows: pl.LazyFrame, function: Callable[[pl.DataFrame], pl.DataFrame], columns: Iterable[str]
) -> pl.LazyFrame:
    """Pass each batch through the function.

    The function receives `columns` and `rejected`, which must exist, and all other columns that the query uses. It
    returns a batch with the columns that it got.
    """
    return keep_columns(rows.map_batches(function, projection_pushdown=True, streamable=True), columns)


def tap_whole(
    rows: pl.LazyFrame, function: Callable[[pl.DataFrame], pl.DataFrame], columns: Iterable[str]
) -> pl.LazyFrame:
    """Pass all rows at once through the function, as `tap_batches` does with each batch. They are held in memory."""
    return keep_columns(rows.map_batches(function, projection_pushdown=True), columns)


def scan(
    read: Callable[[Sequence[str], pl.Expr | None], Generator[pl.DataFrame]], schema: pl.Schema, name: str
) -> pl.LazyFrame:
    """Return a lazy frame of this schema that reads its batches when the query runs.

    `read` receives the columns and the predicate that the query needs and yields batches with those columns and rows.
    `name` is what Polars shows in query plans.
    """

    def batches(
        columns: list[str] | None, predicate: pl.Expr | None, limit: int | None, _batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        with contextlib.closing(read(columns or schema.names(), predicate)) as frames:
            for batch in _merge_small(frames):
                yield batch if limit is None else batch.head(limit)
                limit = None if limit is None else limit - batch.height
                if limit is not None and limit <= 0:
                    return

    return register_io_source(batches, schema=schema, is_pure=True, explain_name=name)


def _merge_small(frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Yield batches of BATCH_ROWS rows or more, except for the last.

    Where few lines pass a filter, handing on a batch for each block would cost more than reading the block.
    """
    waiting: list[pl.DataFrame] = []
    for frame in frames:
        waiting.append(frame)
        if sum(frame.height for frame in waiting) >= BATCH_ROWS:
            yield pl.concat(waiting)
            waiting = []
    if waiting:
        yield pl.concat(waiting)
