"""Run `pixelstat events`: write the events for other tools and for later reports."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import click
import polars as pl

from pixelstat.analysis.inventory import EVENT_COLUMNS, INVENTORY_COLUMNS, Inventory
from pixelstat.cli.defaults import is_given
from pixelstat.cli.delivery import (
    arrange_result,
    deliver_result,
    find_emptiness,
    find_failures,
    split_names,
    validate_options,
)
from pixelstat.cli.help_pages import LogCommand
from pixelstat.cli.run import Run, format_period, run_command
from pixelstat.cli.settings import build_pipeline_settings, read_common_options
from pixelstat.errors import Exit, PixelstatError
from pixelstat.identity.pseudonyms import pseudonymize
from pixelstat.options.shared import common_options, logs_argument, reveal_option
from pixelstat.outputs import deliver
from pixelstat.protocols import per_recipient_protocols
from pixelstat.result import Column, Result, event_column
from pixelstat.schemas import EXPORTED
from pixelstat.sources.event_parquet import event_tags
from pixelstat.text.plurals import format_count
from pixelstat.traffic.deduplication import HitFilter

count_option = click.Option(
    ["--count"], is_flag=True, help="Count the names of events, pages and parameters of each pixel instead."
)
top_option = click.Option(
    ["--top"], type=click.IntRange(min=0), default=10, show_default=True, metavar="N",
    help="With --count, show the N most frequent names of each kind; 0 shows all.",
)  # fmt: skip
COLUMNS = tuple(event_column(name, dtype) for name, dtype in EXPORTED.items())
TABLE_COLUMNS = ("time", "event", "visitor", "page", "value", "campaign")
MAX_TABLE_ROWS = 20


@click.command(
    "events",
    cls=LogCommand,
    epilog="More: --help-all, pixelstat help TOPIC, pixelstat schema events",
    params=[logs_argument, count_option, top_option, reveal_option, *common_options()],
)
def command(logs: Sequence[str], *, count: bool, top: int, reveal_ids: bool, **options: Any) -> Exit:
    """Write the events themselves, one per row, in the order of the logs.

    Every report can read the Parquet file that this command writes, and shows the same figures as from the logs. The
    file includes email opens and clicks by bots, because the email reports need them. Their traffic_class is machine.
    The file contains pseudonyms instead of ids, addresses and logged requests. The same key always creates the same
    pseudonyms. --reveal-ids writes the real values.

    A table shows the first events and a few columns. Every other format contains all events and all columns.

    --count lists the names of events, pages and parameters of each pixel instead, and how often each one occurs.

    \b
    pixelstat events access.log* -o events.parquet
    pixelstat events access.log* --count
    """
    common = read_common_options(options)
    settings = build_pipeline_settings(common, is_export=True)
    if count:
        return run_command(logs, common, settings, lambda run: _deliver_inventory(run, top))
    if is_given("top"):
        raise PixelstatError("--top changes nothing without --count.", "Add: --count")
    return run_command(logs, common, settings, lambda run: _deliver_events(run, reveal_ids=reveal_ids))


def _deliver_inventory(run: Run, top: int) -> list[str]:
    """Count the names in the events, deliver the counts, and return what fails the run."""
    common, inventory = run.common, Inventory()

    def rank() -> Result:
        period = format_period(run.ledger.first, run.ledger.last, common.tz)
        subtitle = [period, *([f"the {top} most frequent names of each kind"] if top else [])]
        counts = inventory.rank(top, common.tz.key)
        return Result("Events, pages and parameters", INVENTORY_COLUMNS, counts, subtitle, csv_safe=common.csv_safe)

    validate_options(rank(), common)
    for batch in run.read_events().select(EVENT_COLUMNS).collect_batches(maintain_order=True, engine="streaming"):
        inventory.add(batch)
    run.finish()
    return deliver_result(rank(), run.output_format, common)


def _deliver_events(run: Run, *, reveal_ids: bool) -> list[str]:
    """Deliver the events as they come, and return what fails the run.

    A table gets the first events only, because its width depends on all of its rows. --sort and --fail-if gather all
    events first.
    """
    common, is_table = run.common, run.output_format == "table"
    columns = [*COLUMNS, *map(Column, run.settings.protocols.custom_columns)]
    validate_options(_preview_events(columns, common.tz.key), common)
    if is_table and not common.columns:
        common = replace(common, columns=TABLE_COLUMNS)
    shown = split_names(common.columns)
    needs_all_columns = not shown or bool(common.fail_if)
    keys = [key.removeprefix("-") for key in split_names(common.sort)]
    read = [column for column in columns if needs_all_columns or column.name in (*shown, *keys)]
    batches = _event_batches(run, read, reveal_ids=reveal_ids)
    failures: list[str] = []
    if common.sort or common.fail_if:
        parts = [*batches]
        whole = replace(parts[0], frame=pl.concat(part.frame for part in parts))
        failures = find_failures(whole, replace(common, fail_if_empty=False))
        batches = iter([whole])
    total = _deliver_batches((arrange_result(batch, common) for batch in batches), run, is_table=is_table)
    return [*failures, *find_emptiness(total, common)]


def _deliver_batches(batches: Iterable[Result], run: Run, *, is_table: bool) -> int:
    """Deliver the batches, of a table the first rows, and return how many events there are."""
    total = 0
    if not is_table:

        def count() -> Iterator[Result]:
            nonlocal total
            for batch in batches:
                total += batch.frame.height
                yield batch

        deliver(count(), run.output_format, run.common.output)
        return total
    first: list[Result] = []
    for batch in batches:
        if total < MAX_TABLE_ROWS:
            first.append(replace(batch, frame=batch.frame.head(MAX_TABLE_ROWS - total)))
        total += batch.frame.height
    if total > MAX_TABLE_ROWS:
        events = format_count(total, "event", "events")
        note = f"The table shows the first {MAX_TABLE_ROWS} of {events}. For all rows and columns: -o events.csv"
        first[0] = replace(first[0], notes=[note])
    currencies = run.settings.currencies
    if currencies and (converted := currencies.describe()):
        first[0] = replace(first[0], notes=[*first[0].notes, converted])
    deliver(first, "table", run.common.output)
    return total


def _preview_events(columns: Sequence[Column], zone: str) -> Result:
    """Return no events, with these columns."""
    schema = {column.name: EXPORTED.get(column.name, pl.String()) for column in columns}
    times = {column.name: pl.Datetime("us", zone) for column in columns if column.kind == "instant"}
    return Result("Events", columns, pl.DataFrame(schema={**schema, **times}))


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
    hits = HitFilter()

    def result(batch: pl.DataFrame) -> Result:
        frame = hits.keep_new(batch).select(names)
        return Result("Events", columns, frame, [f"times in {zone}"], csv_safe=run.common.csv_safe, tags=tags)

    yield result(pl.DataFrame(schema=rows.collect_schema()))  # the header, also where there are no rows
    for batch in rows.collect_batches(maintain_order=True, engine="streaming"):
        yield result(batch)
    run.finish()
