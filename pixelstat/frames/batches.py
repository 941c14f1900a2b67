"""Feed batches into a lazy frame, look at them as they pass, and find out which columns a query uses."""

import contextlib
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

import polars as pl
from polars.io.plugins import register_io_source

BATCH_ROWS = 16_000  # rows that are passed on together, at least


def columns_used(function: Callable[[pl.LazyFrame], pl.LazyFrame], schema: pl.Schema) -> list[str]:
    """The columns of the events that a report looks at: what it would ask of a source that has them all."""
    asked: set[str] = set()

    def source(columns: list[str] | None, _: pl.Expr | None, __: int | None, ___: int | None) -> Iterator[pl.DataFrame]:
        asked.update(schema if columns is None else columns)
        yield pl.DataFrame(schema=schema).select(schema.names() if columns is None else columns)

    events = register_io_source(source, schema=schema)
    function(events).collect(optimizations=pl.QueryOptFlags(predicate_pushdown=False))
    return [name for name in schema if name in asked]


def tap_batches(
    rows: pl.LazyFrame, function: Callable[[pl.DataFrame], pl.DataFrame], columns: Iterable[str]
) -> pl.LazyFrame:
    """Pass each batch through `function`, which always receives these columns and `rejected`.

    It also receives whatever else the query uses.
    """
    tapped = rows.map_batches(function, projection_pushdown=True, streamable=True)
    return keep_columns(tapped, columns)


def keep_columns(rows: pl.LazyFrame, columns: Iterable[str], carrier: str = "rejected") -> pl.LazyFrame:
    """Keep projection pushdown from dropping columns that a function before this step looks at.

    Polars hands a function in the middle of a query only the columns that later steps use. So this step uses them, at
    next to no cost: it rewrites `carrier` under a condition that always holds. A filter would copy every row.
    """
    is_any_null = pl.any_horizontal(pl.col(name).is_null() for name in columns)
    return rows.with_columns(pl.when(is_any_null | ~is_any_null).then(carrier).alias(carrier))


def scan(
    read: Callable[[Sequence[str], pl.Expr | None], Generator[pl.DataFrame]], schema: pl.Schema, name: str
) -> pl.LazyFrame:
    """A frame of this schema out of what `read` yields of the columns and rows that are asked for."""

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
    """Batches of BATCH rows or more: where few lines pass, a batch a block would be dearer to pass on than to read."""
    gathered: list[pl.DataFrame] = []
    for frame in frames:
        gathered.append(frame)
        if sum(frame.height for frame in gathered) >= BATCH_ROWS:
            yield pl.concat(gathered)
            gathered = []
    if gathered:
        yield pl.concat(gathered)
