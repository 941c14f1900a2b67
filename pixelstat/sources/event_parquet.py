"""Read EVENTS from Parquet files of `pixelstat events`, which are inputs like logs, but already parsed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import polars as pl

from pixelstat.errors import PixelstatError
from pixelstat.schemas import CONSENT_READING, DERIVED, EXPORTED, PSEUDONYM_PREFIX, UTC_TIME, Reason
from pixelstat.sources.blocks import STDIN, Log
from pixelstat.sources.lines import Reading

STORED_COLUMNS = pl.Schema({name: dtype for name, dtype in EXPORTED.items() if name not in DERIVED})
ADDED_COLUMNS = ("tax", "shipping", "discount", "coupon", "excludes_tax")  # null for older files, which lack them
DEDUPLICATED_TAG, CONSENT_TAG = "pixelstat.once", "pixelstat.consent"  # keys of the metadata
ALWAYS_PRESENT = "path"  # a column without nulls; it holds the requested paths, or their pseudonyms
MAGIC = b"PAR1"  # the first bytes of a Parquet file


def is_event_parquet(log: Log) -> bool:
    """Return whether an input is Parquet. Raises PixelstatError for a stream of Parquet, which is unreadable."""
    if not log.head[1:].startswith(MAGIC):
        return False
    if log.stream or log.name == STDIN:
        raise PixelstatError(f"{log.title()} is Parquet, which cannot be piped in.", "Give the path of the file.")
    return True


def holds_pseudonyms(log: Log) -> bool | None:
    """Return whether the events were written with pseudonyms, or None if there are none. Raises PixelstatError."""
    with _explain_failures(log):
        first = (
            _open_parquet(log)
            .select(pl.col(ALWAYS_PRESENT).cast(pl.String).str.starts_with(PSEUDONYM_PREFIX))
            .head(1)
            .collect()
        )
    return None if first.is_empty() else bool(first.item())


def event_tags(*, is_deduplicated: bool, has_custom_consent: bool) -> dict[str, str]:
    """Return the metadata to write: whether the events are deduplicated, and the rules by which consent was read."""
    return {
        DEDUPLICATED_TAG: "yes" if is_deduplicated else "no",
        CONSENT_TAG: "" if has_custom_consent else CONSENT_READING,
    }


def are_deduplicated(logs: Sequence[Log]) -> bool:
    """Return whether the files are deduplicated. Several files can contain the same hit."""
    return len(logs) == 1 and _read_tags(logs[0]).get(DEDUPLICATED_TAG) == "yes"


def has_current_consent(logs: Sequence[Log]) -> bool:
    """Return whether the consent in these files was read by the current rules, without a custom parameter."""
    return all(_read_tags(log).get(CONSENT_TAG) == CONSENT_READING for log in logs)


def _read_tags(log: Log) -> dict[str, str]:
    """Return the metadata of the file. Raises PixelstatError."""
    with _explain_failures(log):
        return pl.read_parquet_metadata(log.name)


def read_first_time(log: Log) -> int:
    """Return the time of the first event in microseconds since 1970; 0 for a file without events."""
    with _explain_failures(log):
        times = _open_parquet(log).select(pl.col("time").dt.cast_time_unit("us").to_physical()).head(1).collect()
    return 0 if times.is_empty() else int(times.item())


def has_fractions(log: Log) -> bool:
    """Return whether events in the file have times with a fraction of a second. Raises PixelstatError."""
    with _explain_failures(log):
        return bool(_open_parquet(log).select((pl.col("time").dt.microsecond() != 0).any()).collect().item())


def scan_events(
    logs: Sequence[Log], reading: Reading, custom_columns: Sequence[str] = (), columns: pl.Schema = STORED_COLUMNS
) -> pl.LazyFrame:
    """Return these columns and the custom columns of the events in the files. A missing column is null.

    No event is rejected yet. `reading` counts the events when the query runs. Raises PixelstatError for Parquet that
    does not hold events.
    """
    return pl.concat(
        [_scan_file(log, reading, {**columns, **dict.fromkeys(custom_columns, pl.String())}) for log in logs]
    )


@contextmanager
def _explain_failures(log: Log) -> Iterator[None]:
    """Raise PixelstatError in place of the errors of Polars and the file system."""
    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as error:
        raise PixelstatError(
            f"{log.title()} cannot be read as Parquet: {str(error).partition(chr(10))[0]}.", "Export the events again."
        ) from error


def _open_parquet(log: Log) -> pl.LazyFrame:
    """Return the frame in the file. Raises PixelstatError unless it holds events."""
    with _explain_failures(log):
        events = pl.scan_parquet(log.name, glob=False)
        missing = [name for name in STORED_COLUMNS if name not in (*events.collect_schema(), *ADDED_COLUMNS)]
    if missing:
        raise PixelstatError(
            f"{log.title()} is Parquet, but lacks columns of events: {', '.join(missing[:5])}.",
            "Write it with: pixelstat events LOGS -o events.parquet",
        )
    return events


def _scan_file(log: Log, reading: Reading, columns: dict[str, pl.DataType]) -> pl.LazyFrame:
    """Return these columns of the events in one file. A missing column is null."""
    events = _open_parquet(log)
    schema = events.collect_schema()

    def count(batch: pl.DataFrame) -> pl.DataFrame:
        reading.count(batch.height)
        return batch

    # A batch without columns has no height to count. Every report uses the time, so a batch always has a column.
    selected = [name if name in schema else pl.lit(None, dtype).alias(name) for name, dtype in columns.items()]
    counted = events.select(selected).map_batches(count, projection_pushdown=True, streamable=True)
    times = [name for name, dtype in columns.items() if dtype == UTC_TIME]
    is_purchase = pl.col("event") == "purchase"
    utc = pl.col(times).dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    return (
        counted.with_columns(utc)
        .cast(pl.Schema(columns))
        .with_columns(
            rejected=pl.lit(None, Reason),
            order=pl.when(is_purchase).then("order_id"),
            order_host=pl.when(is_purchase).then("host"),
        )
    )
