"""pixelstat events: the events themselves, one row each: the way into other tools, and back into reports."""

from collections.abc import Iterator, Sequence
from typing import Any

import click
import polars as pl

from pixelstat.cli.help_pages import LogCommand
from pixelstat.cli.run import Run, run_command
from pixelstat.cli.settings import build_pipeline_settings, read_common_options
from pixelstat.errors import Exit
from pixelstat.identity.pseudonyms import pseudonymize
from pixelstat.options.shared import common_options, logs_argument, reveal_option
from pixelstat.outputs import deliver
from pixelstat.protocols import per_recipient_protocols
from pixelstat.result import Column, Result, event_column
from pixelstat.schemas import EXPORTED
from pixelstat.sources.event_parquet import event_tags
from pixelstat.text.plurals import format_count

COLUMNS = tuple(event_column(name, dtype) for name, dtype in EXPORTED.items())
TABLE_COLUMNS = ("time", "event", "visitor", "page", "value", "campaign")
MAX_TABLE_ROWS = 20


@click.command(
    "events",
    cls=LogCommand,
    epilog="More: --help-all, pixelstat help TOPIC, pixelstat schema events",
    params=[logs_argument, reveal_option, *common_options()],
)
def command(logs: Sequence[str], *, reveal_ids: bool, **options: Any) -> Exit:
    """The events themselves, one row each, in the order of the logs: for other tools, and for reports.

    Parquet that this writes is an input like a log: every report reads it and gives the same figures.
    Ids, addresses and the requests as they were logged leave as pseudonyms under a key that is made on first use and
    stays here: with the same key the same ones tomorrow. --reveal-ids writes them as they are.

    A table shows the first events and a few of their columns, every other output all of both.
    """
    common = read_common_options(options)
    settings = build_pipeline_settings(common, uses_session_source=False)
    return run_command(logs, common, settings, lambda run: _deliver_events(run, reveal_ids=reveal_ids))


def _deliver_events(run: Run, *, reveal_ids: bool) -> None:
    """Deliver the events as they come. A table gets the first ones only: its width depends on all of its rows."""
    if run.output_format != "table":
        columns = [*COLUMNS, *map(Column, run.settings.protocols.custom_columns)]
        deliver(_event_batches(run, columns, reveal_ids=reveal_ids), run.output_format, run.common.output)
        return
    columns = [column for column in COLUMNS if column.name in TABLE_COLUMNS]
    first: list[Result] = []
    total = 0
    for batch in _event_batches(run, columns, reveal_ids=reveal_ids):
        if total < MAX_TABLE_ROWS:
            first.append(Result(batch.title, columns, batch.frame.head(MAX_TABLE_ROWS - total), batch.notes))
        total += batch.frame.height
    deliver(first, "table", run.common.output)
    if total > MAX_TABLE_ROWS:
        events = format_count(total, "event", "events")
        run.common.say(
            f"The table shows the first {MAX_TABLE_ROWS} of {events}. For all rows and columns: -o events.csv"
        )


def _event_batches(run: Run, columns: Sequence[Column], *, reveal_ids: bool) -> Iterator[Result]:
    """Yield the events in batches, each hit once; of copies of an order the first in the order of the logs."""
    zone = run.common.tz.key
    names = [column.name for column in columns]
    times = [pl.col(column.name).dt.convert_time_zone(zone) for column in columns if column.kind == "instant"]
    events = run.read_events()
    if not reveal_ids:
        events = pseudonymize(events, run.load_key(), per_recipient_protocols(), daily=run.settings.visitors.is_daily)
    has_custom_consent = run.settings.enrichment.custom_consent is not None
    tags = event_tags(is_deduplicated=not run.settings.keeps_copies, has_custom_consent=has_custom_consent)
    rows = events.select(*names, "hit").with_columns(times)
    delivered: set[int] = set()

    def result(batch: pl.DataFrame) -> Result:
        batch = batch.filter(pl.col("hit").is_first_distinct())
        hits = batch["hit"].to_list()
        is_new = pl.Series([hit not in delivered for hit in hits], dtype=pl.Boolean)
        delivered.update(hits)
        frame = batch.filter(is_new).select(names)
        return Result("Events", columns, frame, [f"times in {zone}"], csv_safe=run.common.csv_safe, tags=tags)

    yield result(pl.DataFrame(schema=rows.collect_schema()))  # the header, also where there are no rows
    for batch in rows.collect_batches(maintain_order=True, engine="streaming"):
        yield result(batch)
    run.finish()
