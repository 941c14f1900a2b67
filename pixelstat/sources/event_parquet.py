"""EVENTS in Parquet, as `pixelstat events` writes them: an input like a log, already read."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import polars as pl

from pixelstat.errors import PixelstatError
from pixelstat.schemas import CONSENT_READING, DERIVED, EXPORTED, PSEUDONYM_PREFIX, UTC_TIME, Reason
from pixelstat.sources.blocks import STDIN, Log
from pixelstat.sources.lines import Reading

STORED_COLUMNS = pl.Schema({name: dtype for name, dtype in EXPORTED.items() if name not in DERIVED})
DEDUPLICATED_TAG, CONSENT_TAG = "pixelstat.once", "pixelstat.consent"  # what such Parquet says of itself
ALWAYS_PRESENT = "path"  # every event has one: a pseudonym, or as it was asked for
MAGIC = b"PAR1"  # what a Parquet file begins with


def is_event_parquet(log: Log) -> bool:
    """Whether it is Parquet. Raises PixelstatError where it is and cannot be read so, because it is a stream."""
    if not log.head[1:].startswith(MAGIC):
        return False
    if log.stream or log.name == STDIN:
        raise PixelstatError(f"{log.title()} is Parquet, which is read from its end.", "Name it as a file.")
    return True


def holds_pseudonyms(log: Log) -> bool | None:
    """Whether its events were written with pseudonyms; None where it has no event. Raises PixelstatError."""
    with _explain_failures(log):
        first = (
            _open_parquet(log)
            .select(pl.col(ALWAYS_PRESENT).cast(pl.String).str.starts_with(PSEUDONYM_PREFIX))
            .head(1)
            .collect()
        )
    return None if first.is_empty() else bool(first.item())


def event_tags(*, is_deduplicated: bool, has_custom_consent: bool) -> dict[str, str]:
    """Return what Parquet of events says of itself: whether no hit is in it twice, and how its consent was read."""
    return {
        DEDUPLICATED_TAG: "yes" if is_deduplicated else "no",
        CONSENT_TAG: "" if has_custom_consent else CONSENT_READING,
    }


def are_deduplicated(logs: Sequence[Log]) -> bool:
    """Whether no hit stands in these files twice: only one by itself can tell."""
    return len(logs) == 1 and _read_tags(logs[0]).get(DEDUPLICATED_TAG) == "yes"


def knows_consent(logs: Sequence[Log]) -> bool:
    """Return whether the consent in these files is what this version would read, without a custom parameter."""
    return all(_read_tags(log).get(CONSENT_TAG) == CONSENT_READING for log in logs)


def _read_tags(log: Log) -> dict[str, str]:
    with _explain_failures(log):
        return pl.read_parquet_metadata(log.name)


def scan_events(
    logs: Sequence[Log], reading: Reading, further: Sequence[str] = (), columns: pl.Schema = STORED_COLUMNS
) -> pl.LazyFrame:
    """These columns of the events of such files, not marked yet, and the further ones, null where a file has none.

    Raises PixelstatError for Parquet of anything else.
    """
    return pl.concat([_scan_file(log, reading, {**columns, **dict.fromkeys(further, pl.String())}) for log in logs])


@contextmanager
def _explain_failures(log: Log) -> Iterator[None]:
    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as error:
        raise PixelstatError(
            f"{log.title()} cannot be read as Parquet: {str(error).partition(chr(10))[0]}.", "Export the events again."
        ) from error


def _open_parquet(log: Log) -> pl.LazyFrame:
    with _explain_failures(log):
        found = pl.scan_parquet(log.name, glob=False)
        missing = [name for name in STORED_COLUMNS if name not in found.collect_schema()]
    if missing:
        raise PixelstatError(
            f"{log.title()} is Parquet, but not of events: it has no {', '.join(missing[:5])}.",
            "Reports read what this writes: pixelstat events LOGS -o events.parquet",
        )
    return found


def _scan_file(log: Log, reading: Reading, columns: dict[str, pl.DataType]) -> pl.LazyFrame:
    found = _open_parquet(log)
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
