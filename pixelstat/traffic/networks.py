"""Find the named network of an address: in the lists that ship with pixelstat, and in files of the user.

The networks of email scanners change. `networks.toml` holds the date of its last comparison with its sources.
"""

import csv
import ipaddress
import tomllib
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import cache
from itertools import chain
from pathlib import Path

from pixelstat.errors import PixelstatError, unreadable_file
from pixelstat.text.addresses import Network, parse_address

SHIPPED_FILE = Path(__file__).parents[1] / "data" / "networks.toml"
DEFAULT_NAME = "network"  # the name of a network in a list without names
MAX_AGE = timedelta(days=180)

NamedNetwork = tuple[Network, str]


@cache
def load_shipped_networks() -> tuple[date, tuple[NamedNetwork, ...]]:
    """Return the date of the lists that ship with pixelstat, and their networks."""
    content = tomllib.loads(SHIPPED_FILE.read_text("utf-8"))
    day: date = content.pop("date")
    return day, tuple((ipaddress.ip_network(text), name) for name, texts in content.items() for text in texts)


def describe_age(last: datetime) -> str:
    """Return a warning if the lists are much older than the last event that they classified, else an empty text."""
    day, _ = load_shipped_networks()
    if last.date() - day <= MAX_AGE:
        return ""
    return f"Warning: the networks of email scanners are from {day}. A newer pixelstat may have a newer list."


def read_networks(path: str) -> tuple[NamedNetwork, ...]:
    """Read the networks of a CSV file: the first field of each line. A header with `name` marks the column of names.

    Blank lines and lines that begin with `#` are skipped. Raises PixelstatError for a file that cannot be read, and for
    a line without a network, with its number.
    """
    try:
        rows = list(csv.reader(Path(path).read_text("utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise unreadable_file(path, error, "--machine-networks reads one network per line.") from error
    networks: list[NamedNetwork] = []
    name_index: int | None = None
    for number, row in enumerate(rows, 1):
        first = row[0].strip() if row else ""
        if not first or first.startswith("#"):
            continue
        if not networks and name_index is None and "name" in (heads := [cell.strip().lower() for cell in row[1:]]):
            name_index = heads.index("name") + 1
            continue
        try:
            network = ipaddress.ip_network(first, strict=False)
        except ValueError as error:
            raise PixelstatError(
                f"{path}, line {number}: {first!r} is not an address or a network.",
                "Write one network per line, such as 203.0.113.0/24. Names need the header: network,name",
            ) from error
        name = row[name_index].strip() if name_index is not None and name_index < len(row) else ""
        networks.append((network, name or DEFAULT_NAME))
    return tuple(networks)


def build_name_lookup(networks: Iterable[NamedNetwork]) -> Callable[[str], str]:
    """Return a function that names the smallest network around an address; empty for no network and for a host name."""
    by_length: dict[tuple[int, int], dict[int, str]] = {}
    for network, name in networks:
        start = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
        by_length.setdefault((network.version, network.prefixlen), {}).setdefault(start, name)
    longest_first: Mapping[int, list[tuple[int, dict[int, str]]]] = {
        version: [
            (length, starts)
            for (family, length), starts in sorted(by_length.items(), key=lambda item: -item[0][1])
            if family == version
        ]
        for version in (4, 6)
    }

    def name_of(text: str) -> str:
        address = parse_address(text)
        if address is None:
            return ""
        number, bits = int(address), address.max_prefixlen
        return next((starts[prefix] for length, starts in longest_first[address.version]
                     if (prefix := number >> (bits - length)) in starts), "")  # fmt: skip

    return name_of


def build_shipped_name_lookup(custom: Iterable[NamedNetwork]) -> Callable[[str], str]:
    """Return the same function for the lists that ship with pixelstat and `custom` networks, which outrank them."""
    return build_name_lookup(chain(custom, load_shipped_networks()[1]))
