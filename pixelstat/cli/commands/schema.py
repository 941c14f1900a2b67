"""Run `pixelstat schema`: list the columns of a report or of the events, with their types, units and meanings."""

from collections.abc import Sequence
from typing import Any

import click
import polars as pl

from pixelstat import reports
from pixelstat.cli.delivery import deliver_listing
from pixelstat.errors import Exit
from pixelstat.options.shared import OUTPUT
from pixelstat.result import Column, event_column
from pixelstat.schemas import EVENT_COLUMNS, EXPORTED

COLUMNS = (
    Column("column", about="name of the column"),
    Column("type", about="text, integer, number, boolean, time or list"),
    Column("unit", about="unit of the values; null if they have none"),
    Column("about", about="meaning of the column"),
)
TYPES = {  # by the kind of a column: its type and its unit
    "text": ("text", None),
    "count": ("integer", "count"),
    "share": ("number", "0..1"),
    "seconds": ("number", "s"),
    "number": ("number", None),
    "figure": ("number", None),
    "change": ("number", "share of the value before"),
    "points": ("number", "difference of two shares"),
    "probability": ("number", "0..1"),
    "money": ("number", "currency of the row"),
    "price": ("number", "currency of the row"),
    "flag": ("boolean", None),
    "time": ("time", None),
    "instant": ("time", None),
    "list": ("list", None),
}
EVENTS = "events"  # the only command beside the reports whose output has a schema
NAMES = (*reports.NAMES, EVENTS)


@click.command("schema", params=[click.Argument(["report"], type=click.Choice(NAMES), metavar="REPORT"), *OUTPUT[:-1]])
def command(report: str, **options: Any) -> Exit:
    """List the columns of a report, or of the events, with their types, units and meanings.

    A report shows a column only if its options need it. With --by COLUMN, a report has a column of that name too. A
    comparison adds previous_NAME and change_NAME for each figure.

    \b
    pixelstat schema funnel
    pixelstat schema events --format json
    """
    frame = describe_columns(load_columns(report))
    return deliver_listing(f"Columns of {report}", COLUMNS, frame, options)


def load_columns(report: str) -> Sequence[Column]:
    """Return the declared columns of a report, or those that `pixelstat events` writes."""
    if report == EVENTS:
        return [event_column(name, dtype, EVENT_COLUMNS[name][1]) for name, dtype in EXPORTED.items()]
    return reports.load_report(report).columns


def describe_columns(columns: Sequence[Column]) -> pl.DataFrame:
    """Return a row for each column: its name, type, unit and meaning. A number that identifies a row has no unit."""
    rows = []
    for column in columns:
        type_, unit = TYPES[column.kind]
        unit = None if column.key and column.kind == "count" else unit
        rows.append({"column": column.name, "type": type_, "unit": unit, "about": column.about})
    return pl.DataFrame(rows, {column.name: pl.String() for column in COLUMNS})
