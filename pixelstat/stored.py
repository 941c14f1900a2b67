"""EVENTS in Parquet, as `pixelstat events` writes them: an input like a log, already read."""

from collections.abc import Sequence

import polars as pl

from pixelstat.errors import PixelstatError
from pixelstat.schemas import DERIVED, EXPORTED, UTC_TIME, Reason
from pixelstat.source import STDIN, Log, Reading

STORED = {name: dtype for name, dtype in EXPORTED.items() if name not in DERIVED}
MAGIC = b"PAR1"  # what a Parquet file begins with


def is_stored(log: Log) -> bool:
    """Whether it is Parquet. Raises PixelstatError where it is and cannot be read so, because it is a stream."""
    if not log.head[1:].startswith(MAGIC):
        return False
    if log.stream or log.name == STDIN:
        raise PixelstatError(f"{log.title()} is Parquet, which is read from its end.", "Name it as a file.")
    return True


def events(logs: Sequence[Log], reading: Reading, further: Sequence[str] = ()) -> pl.LazyFrame:
    """The events of such files, not marked yet, with the further columns, null where a file has none.

    Raises PixelstatError for Parquet of anything else.
    """
    return pl.concat([_events(log, reading, further) for log in logs])


def _events(log: Log, reading: Reading, further: Sequence[str]) -> pl.LazyFrame:
    try:
        found = pl.scan_parquet(log.name, glob=False)
        schema = found.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise PixelstatError(
            f"{log.title()} cannot be read as Parquet: {str(error).partition(chr(10))[0]}.", "Export the events again."
        ) from error
    missing = [name for name in STORED if name not in schema]
    if missing:
        raise PixelstatError(
            f"{log.title()} is Parquet, but not of events: it has no {', '.join(missing[:5])}.",
            "Reports read what this writes: pixelstat events LOGS -o events.parquet",
        )

    def tally(batch: pl.DataFrame) -> pl.DataFrame:
        reading.count(batch.height)
        return batch

    # The time is asked for by every report; a batch without any column has no height.
    own = [name if name in schema else pl.lit(None, pl.String).alias(name) for name in further]
    counted = found.select(*STORED, *own).map_batches(tally, projection_pushdown=True, streamable=True)
    moments = [name for name, dtype in STORED.items() if dtype == UTC_TIME]
    utc = pl.col(moments).dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    return (
        counted.with_columns(utc)
        .cast(pl.Schema({**STORED, **dict.fromkeys(further, pl.String())}))
        .with_columns(rejected=pl.lit(None, Reason), order=pl.when(pl.col("event") == "purchase").then("order_id"))
    )
