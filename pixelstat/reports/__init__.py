"""Register the reports: one per file, each a command, with its section and its line in the list of commands.

The lines are here and not in the reports, so that `pixelstat --help` answers without loading Polars.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pixelstat.reports._report import Report

SECTIONS = {  # heading in `pixelstat --help`: its commands, each with its line
    "Traffic": {
        "summary": "Show visitors, visits, conversions, revenue and top lists.",
        "views": "Count page views by page or over time.",
        "visitors": "Count new and returning visitors over time.",
        "visits": "Count visits and bounces, and measure durations.",
        "sources": "Show the channels, sources and media of visits.",
        "devices": "Show the devices, systems and browsers of visitors.",
        "places": "Show the countries, cities and networks of visitors.",
    },
    "Conversions and sales": {
        "funnel": "Count the visitors who reach each step of a funnel.",
        "paths": "Show what visitors do after or before a step.",
        "conversions": "Show the conversion rates and the revenue of goals.",
        "attribution": "Show which channel or campaign earned the conversions.",
        "roi": "Compare the spend of campaigns with what they earn.",
        "experiment": "Compare the variants of an experiment (A/B test).",
        "orders": "Show orders and revenue, and customers who order again.",
        "products": "Show product views, carts and sales, and abandoned carts.",
    },
    "Email": {
        "opens": "Count opens of emails by people, proxies and machines.",
        "clicks": "Count clicks in emails by people and machines.",
    },
}
NAMES = {name: line for commands in SECTIONS.values() for name, line in commands.items()}


def load_report(name: str) -> "Report":
    """Import the report of this name."""
    report: Report = getattr(import_module(f"pixelstat.reports.{name}"), name)
    return report
