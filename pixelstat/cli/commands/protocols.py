"""Run `pixelstat protocols`: list the pixels that pixelstat reads, in the order in which a request is tried."""

from typing import Any

import click
import polars as pl

from pixelstat import protocols
from pixelstat.cli.delivery import deliver_listing
from pixelstat.errors import Exit
from pixelstat.options.shared import OUTPUT
from pixelstat.protocols.builtin import house
from pixelstat.result import Column

COLUMNS = (
    Column("protocol", about="name of the protocol, in the column `protocol` of its events"),
    Column("about", about="product that the pixel belongs to"),
    Column("example", about="example of a request"),
    Column("event", about="event of the example"),
)


@click.command("protocols", params=OUTPUT[:-1])
def command(**options: Any) -> Exit:
    """List the tracking pixels that pixelstat reads. A request becomes an event of the first pixel that matches it.

    \b
    pixelstat protocols
    pixelstat protocols --columns protocol,example
    """
    listed = [
        {
            "protocol": protocol.name,
            "about": protocol.about,
            "example": protocol.samples[0].uri,
            "event": protocol.samples[0].event["event"],
        }
        for protocol in (*protocols.builtin_protocols(), house.house_protocol())
    ]
    return deliver_listing("Pixel protocols", COLUMNS, pl.DataFrame(listed), options)
