"""Find logs whose format mistakes the clients' IP addresses for the requested sites."""

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from pixelstat.formats.assignment import LogSet, read_head
from pixelstat.formats.base import LogFormat
from pixelstat.formats.detection import HEAD_LINES
from pixelstat.formats.text import TextFormat
from pixelstat.formats.wrapped import unwrap_format
from pixelstat.sources.blocks import Log
from pixelstat.text.addresses import parse_address

MAX_LOGS = 3  # of each format that are checked
_HOST_OF_REFERRER = r"^[A-Za-z][A-Za-z0-9+.-]*://([^/?#:]+)"


class AddressAsSite(NamedTuple):
    """A log whose format reads IP addresses as sites, and one of the addresses."""

    log: Log
    format_name: str
    address: str


def find_address_as_site(logs: LogSet) -> AddressAsSite | None:
    """Return the first log in which most of the first lines have an IP address as the site, or None.

    Clients can request a site by its IP address. So the log must have two addresses, and a referrer with a host name.
    """
    for log_format, group in logs.by_format:
        if _may_have_site(log_format):
            for log in group[:MAX_LOGS]:
                requests = read_head(log_format, [log], HEAD_LINES, logs.rules.time_zone)
                if address := _find_address(requests["vhost"].to_list(), _list_referring_hosts(requests)):
                    return AddressAsSite(log, log_format.name, address)
    return None


def _may_have_site(log_format: LogFormat) -> bool:
    bare = unwrap_format(log_format)
    return not isinstance(bare, TextFormat) or "vhost" in bare.names


def _list_referring_hosts(requests: pl.DataFrame) -> list[str]:
    return requests["referrer"].str.extract(_HOST_OF_REFERRER).drop_nulls().to_list()


def _find_address(sites: Sequence[str | None], referring_hosts: Sequence[str]) -> str:
    """Return the first IP address among the sites if it must be that of a client, or an empty text."""
    addresses = [site for site in sites if site and _is_address(site)]
    if len(addresses) * 2 <= len(sites) or len({*addresses}) < 2:
        return ""
    return addresses[0] if not all(map(_is_address, referring_hosts)) else ""


def _is_address(host: str) -> bool:
    """Return whether a host is an IP address. An IPv6 address can lack its end, which was removed like a port."""
    return host.count(":") > 1 or parse_address(host) is not None
