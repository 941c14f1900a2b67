"""Run `pixelstat protocols`: list the pixels that pixelstat reads, in the order in which a request is tried."""

from typing import Any

import click
import polars as pl

from pixelstat import outputs, protocols
from pixelstat.options.shared import OUTPUT
from pixelstat.protocols.builtin import house
from pixelstat.result import Column, Result

COLUMNS = (
    Column("protocol", about="name of the protocol, in the column `protocol` of its events"),
    Column("about", about="product that the pixel belongs to"),
    Column("example", about="example of a request"),
    Column("event", about="event of the example"),
)


@click.command("protocols", params=OUTPUT[:-1])
def command(**options: Any) -> None:
    """The pixels that pixelstat reads. A request becomes an event of the first that claims it."""
    listed = [
        {
            "protocol": protocol.name,
            "about": protocol.about,
            "example": protocol.samples[0].uri,
            "event": protocol.samples[0].event["event"],
        }
        for protocol in (*protocols.builtin_protocols(), house.house_protocol())
    ]
    result = Result("Pixel protocols", COLUMNS, pl.DataFrame(listed), csv_safe=options["csv_safe"])
    outputs.deliver([result], outputs.choose_output(options["format"], options["output"]), options["output"])
