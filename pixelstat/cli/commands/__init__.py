"""Register the commands that are not reports: one a file, each with its line in `pixelstat --help`."""

from importlib import import_module

import click

SECTION = "Data and set-up"  # their heading in `pixelstat --help`
NAMES = {
    "events": "Write the events themselves, one per row.",
    "plan-experiment": "Tell how many visitors an experiment needs.",
    "check": "Check the format, pixels, times and unreadable lines of logs.",
    "formats": "List the log formats that pixelstat reads.",
    "protocols": "List the tracking pixels that pixelstat reads.",
    "init": "Write a commented pixelstat.toml for your logs.",
    "snippet": "Print the code to paste for a pixel.",
    "schema": "List the columns of a report or of the events.",
    "completion": "Print the script that completes words in your shell.",
    "help": "Show a topic of the manual, or list the topics.",
}


def load_command(name: str) -> click.Command:
    """Import the command of this name."""
    command: click.Command = import_module(f"pixelstat.cli.commands.{name.replace('-', '_')}").command
    return command
