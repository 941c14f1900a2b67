"""Register the reports: one per file, each a command, with its line in the list of commands.

The lines are here and not in the reports, so that `pixelstat --help` answers without loading Polars. Many are shorter
than the first line of the report's own help.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pixelstat.reports._report import Report

NAMES = {  # command: its line in `pixelstat --help`
    "summary": "Visitors, visits, views, conversions and revenue at a glance.",
    "funnel": "How many visitors go each step of the way, and where they leave.",
    "paths": "What people do after something, or before it, as a tree or for a Sankey.",
    "conversions": "How many visitors and visits reach each goal, how soon, and what it earns.",
    "views": "Page views and visitors, by page or over time.",
    "visitors": "Distinct visitors over time, new and returning.",
    "visits": "How many visits, how long, and how many of a single hit.",
    "sources": "Where visitors come from: channels, sources and media.",
    "orders": "Orders and revenue over time, and which customers buy again.",
    "devices": "What visitors use: types of device, systems, browsers.",
    "places": "Where visitors are: countries, regions, cities, networks.",
    "products": "Which products are viewed, put into carts and bought; abandoned carts.",
    "opens": "Opens of mails, and whose they are: people's, image proxies', machines'.",
    "clicks": "Clicks on the links of mails, and whose they are.",
}


def load_report(name: str) -> "Report":
    """Import the report of this name."""
    report: Report = getattr(import_module(f"pixelstat.reports.{name}"), name)
    return report
