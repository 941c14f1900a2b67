"""The commands about logs, pixels and pixelstat itself: one a file, named here once with its line in the help."""

from importlib import import_module

import click

NAMES = {  # command: its one line in `pixelstat --help`
    "events": "The events themselves, one row each.",
    "check": "What is in a log: its format, its times, its pixels, and each line that cannot be read.",
    "init": "A commented pixelstat.toml, from what stands in given logs.",
    "formats": "The log formats that pixelstat reads.",
    "protocols": "The pixels that pixelstat reads.",
    "snippet": "What to paste to set a pixel up: in a server, a page, a mail.",
}


def command_named(name: str) -> click.Command:
    found: click.Command = import_module(f"pixelstat.cli.commands.{name}").command
    return found
