"""Warn if readable lines seem to lack the clients, the sites or the queries of pixel requests."""

from collections.abc import Iterator

from pixelstat.formats.assignment import LogSet, read_head
from pixelstat.formats.detection import HEAD_LINES
from pixelstat.formats.sites import MAX_LOGS, find_address_as_site
from pixelstat.identity.visitors import VisitorRules
from pixelstat.ledger import Ledger


def list_doubts(logs: LogSet, ledger: Ledger, visitors: VisitorRules) -> Iterator[str]:
    """Yield a warning for each doubt, or an empty text. Doubts about IP addresses need visitors that depend on them."""
    if visitors.uses_address:
        yield _describe_unknown_visitors(ledger)
        if ledger.recognition.is_mostly_by_address:
            yield _describe_address_as_site(logs)
    yield _describe_missing_queries(ledger)
    yield _describe_missing_header(logs)


def _describe_unknown_visitors(ledger: Ledger) -> str:
    recognition = ledger.recognition
    if not recognition.is_mostly_unknown:
        return ""
    events = f"{recognition.unknown:,} of {recognition.events:,} events"
    return (
        f"Warning: {events} have neither an address nor a visitor id, "
        "so their visitors cannot be told apart and do not count."
    )


def _describe_address_as_site(logs: LogSet) -> str:
    site = find_address_as_site(logs)
    if not site:
        return ""
    return (
        f"Warning: {site.format_name} reads addresses such as {site.address} as the site of {site.log.label}, "
        "so visitors may be counted by the wrong address; try --log-format."
    )


def _describe_missing_queries(ledger: Ledger) -> str:
    if not ledger.json_requests or ledger.json_queries:
        return ""
    return (
        f"Warning: none of the {ledger.json_requests:,} pixel requests in JSON has a query; "
        "if the pixel sends one, log the URL with its query, such as $request_uri."
    )


def _describe_missing_header(logs: LogSet) -> str:
    header = logs.rules.client_header
    if not header or not logs.has_text or _has_header(logs):
        return ""
    return (
        f"Warning: the first lines have no header {header}, so pixelstat cannot take clients from it; "
        "if the logs contain it, give their format with --log-format."
    )


def _has_header(logs: LogSet) -> bool:
    """Return whether the first lines of a log hold the header that names the client."""
    return any(
        read_head(log_format, group[:MAX_LOGS], HEAD_LINES)["forwarded_for"].is_not_null().any()
        for log_format, group in logs.by_format
    )
