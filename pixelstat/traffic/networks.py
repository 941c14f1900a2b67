"""Whose network an address lies in: the lists that ship with pixelstat, and larger ones of one's own.

The networks of mail scanners change: `networks.toml` bears the date that it was last compared with its sources.
"""

import csv
import ipaddress
import tomllib
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import cache
from itertools import chain
from pathlib import Path

from pixelstat.errors import PixelstatError
from pixelstat.text.addresses import Network, parse_address

SHIPPED = Path(__file__).parents[1] / "data" / "networks.toml"
UNNAMED = "network"  # what a network of a list without names is called
OLD = timedelta(days=180)

NamedNetwork = tuple[Network, str]


@cache
def load_shipped() -> tuple[date, tuple[NamedNetwork, ...]]:
    """The date of the lists that come with pixelstat, and what is in them."""
    said = tomllib.loads(SHIPPED.read_text("utf-8"))
    day: date = said.pop("date")
    return day, tuple((ipaddress.ip_network(text), name) for name, texts in said.items() for text in texts)


def warn_of_age(last: datetime) -> str:
    """That the lists are old, measured by the last event that they were asked about; nothing while they are not."""
    day, _ = load_shipped()
    if last.date() - day <= OLD:
        return ""
    return f"Warning: the networks of mail scanners are of {day}. A newer pixelstat may know newer ones."


def read_networks(path: str) -> tuple[NamedNetwork, ...]:
    """The networks of a file: one a line, first in it; a header with a `name` tells where each one's name stands.

    Lines that are blank or begin with `#` are passed over. Raises PixelstatError, with the line, for anything else.
    """
    try:
        rows = list(csv.reader(Path(path).read_text("utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise PixelstatError(f"{path} cannot be read: {reason}.", "--networks reads one network a line.") from error
    found: list[NamedNetwork] = []
    name_at: int | None = None
    for number, row in enumerate(rows, 1):
        first = row[0].strip() if row else ""
        if not first or first.startswith("#"):
            continue
        if not found and name_at is None and "name" in (heads := [cell.strip().lower() for cell in row[1:]]):
            name_at = heads.index("name") + 1
            continue
        try:
            network = ipaddress.ip_network(first, strict=False)
        except ValueError as error:
            raise PixelstatError(
                f"{path}, line {number}: {first!r} is no address or network.",
                "Write one a line, as 203.0.113.0/24; names, if there are some, below a header: network,name",
            ) from error
        name = row[name_at].strip() if name_at is not None and name_at < len(row) else ""
        found.append((network, name or UNNAMED))
    return tuple(found)


def name_lookup(networks: Iterable[NamedNetwork]) -> Callable[[str], str]:
    """A function: the name of the smallest network that an address lies in; empty for none, and for a host's name."""
    by_length: dict[tuple[int, int], dict[int, str]] = {}
    for network, name in networks:
        start = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
        by_length.setdefault((network.version, network.prefixlen), {}).setdefault(start, name)
    longest_first: Mapping[int, list[tuple[int, dict[int, str]]]] = {
        version: [
            (length, starts)
            for (of, length), starts in sorted(by_length.items(), key=lambda item: -item[0][1])
            if of == version
        ]
        for version in (4, 6)
    }

    def name_of(text: str) -> str:
        found = parse_address(text)
        if found is None:
            return ""
        number, bits = int(found), found.max_prefixlen
        return next((starts[at] for length, starts in longest_first[found.version]
                     if (at := number >> (bits - length)) in starts), "")  # fmt: skip

    return name_of


def shipped_name_lookup(more: Iterable[NamedNetwork]) -> Callable[[str], str]:
    """The same for the lists that ship with pixelstat and `more`, which outrank them."""
    return name_lookup(chain(more, load_shipped()[1]))
