"""EVENTS in Parquet, as `pixelstat events` writes them: an input like a log, already read."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import polars as pl

from pixelstat.blocks import STDIN, Log
from pixelstat.config import Config
from pixelstat.errors import PixelstatError
from pixelstat.people import consent
from pixelstat.people.pseudonyms import BEGINNING
from pixelstat.schemas import DERIVED, EXPORTED, UTC_TIME, Reason
from pixelstat.source import Reading

STORED = pl.Schema({name: dtype for name, dtype in EXPORTED.items() if name not in DERIVED})
ONCE, CONSENT = "pixelstat.once", "pixelstat.consent"  # what such Parquet says of itself
HELD = "path"  # every event has one: a pseudonym, or as it was asked for
MAGIC = b"PAR1"  # what a Parquet file begins with


def is_stored(log: Log) -> bool:
    """Whether it is Parquet. Raises PixelstatError where it is and cannot be read so, because it is a stream."""
    if not log.head[1:].startswith(MAGIC):
        return False
    if log.stream or log.name == STDIN:
        raise PixelstatError(f"{log.title()} is Parquet, which is read from its end.", "Name it as a file.")
    return True


def are_pseudonyms(log: Log) -> bool | None:
    """Whether its events were written with pseudonyms; None where it has no event. Raises PixelstatError."""
    with _readable(log):
        first = _scanned(log).select(pl.col(HELD).cast(pl.String).str.starts_with(BEGINNING)).head(1).collect()
    return None if first.is_empty() else bool(first.item())


def tags(config: Config, *, each_once: bool) -> dict[str, str]:
    """What Parquet of events says of itself: whether each hit stands there once, and how its consent was read."""
    return {ONCE: "yes" if each_once else "no", CONSENT: "" if config.consent else consent.READING}


def are_once(logs: Sequence[Log]) -> bool:
    """Whether no hit stands in these files twice: only one by itself can tell."""
    return len(logs) == 1 and _tags(logs[0]).get(ONCE) == "yes"


def know_consent(logs: Sequence[Log], config: Config) -> bool:
    """Whether the consent that stands in these files is what would be read again."""
    return not config.consent and all(_tags(log).get(CONSENT) == consent.READING for log in logs)


def _tags(log: Log) -> dict[str, str]:
    with _readable(log):
        return pl.read_parquet_metadata(log.name)


def events(
    logs: Sequence[Log], reading: Reading, further: Sequence[str] = (), columns: pl.Schema = STORED
) -> pl.LazyFrame:
    """These columns of the events of such files, not marked yet, and the further ones, null where a file has none.

    Raises PixelstatError for Parquet of anything else.
    """
    return pl.concat([_events(log, reading, {**columns, **dict.fromkeys(further, pl.String())}) for log in logs])


@contextmanager
def _readable(log: Log) -> Iterator[None]:
    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as error:
        raise PixelstatError(
            f"{log.title()} cannot be read as Parquet: {str(error).partition(chr(10))[0]}.", "Export the events again."
        ) from error


def _scanned(log: Log) -> pl.LazyFrame:
    with _readable(log):
        found = pl.scan_parquet(log.name, glob=False)
        missing = [name for name in STORED if name not in found.collect_schema()]
    if missing:
        raise PixelstatError(
            f"{log.title()} is Parquet, but not of events: it has no {', '.join(missing[:5])}.",
            "Reports read what this writes: pixelstat events LOGS -o events.parquet",
        )
    return found


def _events(log: Log, reading: Reading, columns: dict[str, pl.DataType]) -> pl.LazyFrame:
    found = _scanned(log)
    schema = found.collect_schema()

    def tally(batch: pl.DataFrame) -> pl.DataFrame:
        reading.count(batch.height)
        return batch

    # The time is asked for by every report; a batch without any column has no height.
    held = [name if name in schema else pl.lit(None, dtype).alias(name) for name, dtype in columns.items()]
    counted = found.select(held).map_batches(tally, projection_pushdown=True, streamable=True)
    moments = [name for name, dtype in columns.items() if dtype == UTC_TIME]
    utc = pl.col(moments).dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    return (
        counted.with_columns(utc)
        .cast(pl.Schema(columns))
        .with_columns(rejected=pl.lit(None, Reason), order=pl.when(pl.col("event") == "purchase").then("order_id"))
    )
