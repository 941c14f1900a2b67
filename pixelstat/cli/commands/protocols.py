"""Run `pixelstat protocols`: list the pixels that pixelstat reads, in the order in which a request is tried."""

from typing import Any

import click
import polars as pl

from pixelstat import outputs, protocols
from pixelstat.cli.delivery import deliver_result, report_failures
from pixelstat.cli.output_files import prepare_folders
from pixelstat.cli.settings import read_common_options
from pixelstat.errors import Exit
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
def command(**options: Any) -> Exit:
    """List the tracking pixels that pixelstat reads. A request becomes an event of the first pixel that matches it."""
    common = read_common_options(options)
    output = outputs.choose_output(common.format, common.output)
    prepare_folders([common.output], may_create=common.mkdir)
    listed = [
        {
            "protocol": protocol.name,
            "about": protocol.about,
            "example": protocol.samples[0].uri,
            "event": protocol.samples[0].event["event"],
        }
        for protocol in (*protocols.builtin_protocols(), house.house_protocol())
    ]
    result = Result("Pixel protocols", COLUMNS, pl.DataFrame(listed), csv_safe=common.csv_safe)
    return report_failures(deliver_result(result, output, common))
