"""Run `pixelstat formats`: list the log formats that pixelstat reads, in the order in which a line is tried."""

from typing import Any

import click
import polars as pl

from pixelstat import formats, outputs
from pixelstat.cli.delivery import deliver_result, report_failures
from pixelstat.cli.output_files import prepare_folders
from pixelstat.cli.settings import read_common_options
from pixelstat.errors import Exit
from pixelstat.formats.base import LogFormat
from pixelstat.formats.detection import HEADER_START
from pixelstat.formats.json import JsonFormat
from pixelstat.formats.text import TextFormat
from pixelstat.options.shared import OUTPUT
from pixelstat.result import Column, Result

COLUMNS = (
    Column("format", about="name of the format, for --log-format"),
    Column("about", about="server or service that writes it"),
    Column("layout", about="log_format string, keys, or `#Fields:` line"),
)


@click.command("formats", params=OUTPUT[:-1])
def command(**options: Any) -> Exit:
    """List the log formats that pixelstat reads.

    pixelstat detects the format from the first lines of a log; specific formats are tried first. It also reads every
    format behind a syslog, journald, Docker or Kubernetes prefix.
    """
    common = read_common_options(options)
    output = outputs.choose_output(common.format, common.output)
    prepare_folders([common.output], may_create=common.mkdir)
    listed = [
        {"format": form.name, "about": form.about, "layout": _layout(form)} for form in formats.load_all_formats()
    ]
    frame = pl.DataFrame(listed).unique(["format"], keep="first", maintain_order=True)
    result = Result("Log formats", COLUMNS, frame, csv_safe=common.csv_safe)
    return report_failures(deliver_result(result, output, common))


def _layout(form: LogFormat) -> str:
    """Return the log_format string of a text format, the keys of a JSON format, or the fields line of W3C."""
    if isinstance(form, TextFormat):
        return form.template
    return ", ".join(keys[0] for keys in form.keys.values() if keys) if isinstance(form, JsonFormat) else HEADER_START
