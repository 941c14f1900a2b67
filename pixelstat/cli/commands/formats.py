"""Run `pixelstat formats`: list the log formats that pixelstat reads, in the order in which a line is tried."""

from typing import Any

import click
import polars as pl

from pixelstat import formats
from pixelstat.cli.delivery import deliver_listing
from pixelstat.errors import Exit
from pixelstat.formats.base import LogFormat
from pixelstat.formats.detection import HEADER_START
from pixelstat.formats.inferred import InferredFormat
from pixelstat.formats.json import JsonFormat, split_key
from pixelstat.formats.text import TextFormat
from pixelstat.options.shared import OUTPUT
from pixelstat.result import Column

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

    \b
    pixelstat formats
    pixelstat formats --format json
    """
    listed = [
        {"format": form.name, "about": form.about, "layout": _layout(form)} for form in formats.load_all_formats()
    ]
    frame = pl.DataFrame(listed).unique(["format"], keep="first", maintain_order=True)
    return deliver_listing("Log formats", COLUMNS, frame, options)


def _layout(form: LogFormat) -> str:
    """Return the log_format string of a text format, the keys of a JSON format, or the fields line of W3C."""
    if isinstance(form, TextFormat):
        return form.template
    if isinstance(form, InferredFormat):
        return "inferred from the lines"
    keys = [".".join(split_key(keys[0])) for keys in form.keys.values() if keys] if isinstance(form, JsonFormat) else []
    return ", ".join(keys) or HEADER_START
