"""The reports: one a file, one a command, named here once with what the list of commands says of it."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pixelstat.report import Report

NAMES = {  # command: its one line in `pixelstat --help`
    "funnel": "How many visitors go each step of the way, and where they leave.",
    "opens": "Opens of mails, and whose they are: people's, image proxies', machines'.",
    "clicks": "Clicks on the links of mails, and whose they are.",
    "views": "Page views and visitors, by page or over time.",
}


def report_named(name: str) -> "Report":
    found: Report = getattr(import_module(f"pixelstat.reports.{name}"), name)
    return found
