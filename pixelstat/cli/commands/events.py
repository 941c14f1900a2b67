"""pixelstat events: the events themselves, one row each: the way into other tools, and back into reports."""

from collections.abc import Iterator, Sequence
from typing import Any

import click
import polars as pl

from pixelstat.cli.run import Run, execute
from pixelstat.cli.settings import event_query
from pixelstat.errors import Exit
from pixelstat.identity.pseudonyms import hidden
from pixelstat.options.shared import common_options, logs_argument, reveal_option
from pixelstat.outputs import deliver
from pixelstat.result import Column, Result, event_column
from pixelstat.schemas import EXPORTED
from pixelstat.sources.event_parquet import event_tags
from pixelstat.terminal import say
from pixelstat.text.plurals import format_count

COLUMNS = tuple(event_column(name, dtype) for name, dtype in EXPORTED.items())
SHOWN = ("time", "event", "visitor", "page", "value", "campaign")  # columns of a table
MOST = 20  # rows of one


@click.command(
    "events",
    params=[logs_argument, reveal_option, *common_options()],
    short_help="The events themselves, one row each.",
)
def command(logs: Sequence[str], **common: Any) -> Exit:
    """The events themselves, one row each, in the order of the logs: for other tools, and for reports.

    Parquet that this writes is an input like a log: every report reads it and gives the same figures.
    Ids, addresses and the requests as they were logged leave as pseudonyms under a key that is made on first use and
    stays here: with the same key the same ones tomorrow. --reveal-ids writes them as they are.

    A table shows the first events and a few of their columns, every other output all of both.
    """
    return execute(logs, common, event_query(common, common["tz"], names_source=False), _write)


def _write(run: Run) -> None:
    """Write the events as they come; of a table, whose width only the last row decides, the first ones."""
    if run.output != "table":
        columns = [*COLUMNS, *map(Column, run.selection.config.further)]
        deliver(_parts(run, columns), run.output, run.common["output"])
        return
    columns = [column for column in COLUMNS if column.name in SHOWN]
    first: list[Result] = []
    total = 0
    for part in _parts(run, columns):
        if total < MOST:
            first.append(Result(part.title, columns, part.frame.head(MOST - total), part.notes))
        total += part.frame.height
    deliver(first, "table", run.common["output"])
    if total > MOST and not run.common["quiet"]:
        events = format_count(total, "event", "events")
        say(f"The first {MOST} of {events}; -o events.csv or a pipe gets all, in all columns.")


def _parts(run: Run, columns: Sequence[Column]) -> Iterator[Result]:
    """The events in parts, each hit once; of an order that stands there twice the first in the order of the logs."""
    zone = run.common["tz"].key
    names = [column.name for column in columns]
    times = [pl.col(column.name).dt.convert_time_zone(zone) for column in columns if column.kind == "instant"]
    events = run.events()
    if not run.common["reveal_ids"]:
        events = hidden(events, run.key(), daily=run.selection.cookieless)
    tags = event_tags(run.selection.config, each_once=not run.selection.keep_duplicates)
    wanted = events.select(*names, "hit").with_columns(times)
    seen: set[int] = set()

    def part(batch: pl.DataFrame) -> Result:
        batch = batch.filter(pl.col("hit").is_first_distinct())
        hits = batch["hit"].to_list()
        is_new = pl.Series([hit not in seen for hit in hits], dtype=pl.Boolean)
        seen.update(hits)
        found = batch.filter(is_new).select(names)
        return Result("Events", columns, found, [f"times in {zone}"], csv_safe=run.common["csv_safe"], tags=tags)

    yield part(pl.DataFrame(schema=wanted.collect_schema()))  # a table has its header, also without rows
    for batch in wanted.collect_batches(maintain_order=True, engine="streaming"):
        yield part(batch)
    run.finish()
