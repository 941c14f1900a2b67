"""The commands about logs, pixels and pixelstat itself: one a file, each with its line in `pixelstat --help`."""

from importlib import import_module

import click

NAMES = {
    "events": "The events themselves, one row each.",
    "check": "What is in a log: its format, its times, its pixels, and each line that cannot be read.",
    "init": "A commented pixelstat.toml, from what stands in given logs.",
    "formats": "The log formats that pixelstat reads.",
    "protocols": "The pixels that pixelstat reads.",
    "snippet": "What to paste to set a pixel up: in a server, a page, a mail.",
}


def load_command(name: str) -> click.Command:
    """Import the command of this name."""
    command: click.Command = import_module(f"pixelstat.cli.commands.{name}").command
    return command
