"""Refresh networks.toml from the lists of networks that email services publish.

    python -m pixelstat.data.refresh_networks FOLDER DATE

FOLDER holds any of these files, and DATE (2026-08-31) is the day of their download. A list without a file stays:

    worldwide.json                       https://endpoints.office.com/endpoints/worldwide?clientrequestid=UUID
    barracuda.txt                        Barracuda's networks, one a line, copied from its documentation
    user-triggered-fetchers-google.json  https://developers.google.com/static/crawling/ipranges/

For maintainers. The comment above the lists stays. If a file is not what its source publishes,
networks.toml stays as it was.
"""

import json
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from itertools import combinations
from pathlib import Path
from textwrap import fill

from pixelstat.errors import PixelstatError, unreadable_file
from pixelstat.text.addresses import Network
from pixelstat.traffic.networks import SHIPPED_FILE

# Sets of the service area "Exchange", whose ids never change: *.protection.outlook.com, by HTTPS and by SMTP.
MICROSOFT_SET_IDS = (9, 10)
SHORTEST_PREFIX = {4: 8, 6: 20}  # prefix lengths by IP version: a shorter prefix is more than one service has
UNCHANGED_HINT = "networks.toml is unchanged. Correct the file, or remove it to keep the present list."


def parse_microsoft(text: str) -> list[str]:
    """Return the networks of Microsoft's email filters from the list of its endpoints.

    Raises KeyError if one of the two sets is missing.
    """
    endpoints = json.loads(text)
    networks = {set_["id"]: set_["ips"] for set_ in endpoints if set_["serviceArea"] == "Exchange" and "ips" in set_}
    return [network for number in MICROSOFT_SET_IDS for network in networks[number]]


def parse_google(text: str) -> list[str]:
    """Return the networks of a list of Google: {"prefixes": [{"ipv4Prefix": ...}, {"ipv6Prefix": ...}]}."""
    entries = json.loads(text)["prefixes"]
    return [network for entry in entries for key, network in entry.items() if key.endswith("Prefix")]


SOURCES: Mapping[str, tuple[str, Callable[[str], list[str]]]] = {
    "microsoft": ("worldwide.json", parse_microsoft),
    "barracuda": ("barracuda.txt", str.split),
    "google": ("user-triggered-fetchers-google.json", parse_google),
}


def replace_lists(present: str, published: Mapping[str, Sequence[Network]], day: date) -> str:
    """Return the text of networks.toml with the lists `published` on that day, by name, in place of the present ones.

    Networks of a list are sorted, and joined where they touch or overlap. Raises PixelstatError if two lists overlap.
    """
    lists: dict[str, Sequence[Network]] = {
        name: [ip_network(text) for text in texts] for name, texts in tomllib.loads(present).items() if name != "date"
    }
    lists.update(published)
    for (name, networks), (other, others) in combinations(lists.items(), 2):
        if shared := [f"{mine} and {theirs}" for mine in networks for theirs in others if _overlap(mine, theirs)]:
            raise PixelstatError(f"The lists of {name} and {other} share addresses: {shared[0]}.", UNCHANGED_HINT)
    comment, _, _ = present.partition("\ndate = ")
    return f"{comment}\ndate = {day}\n\n" + "".join(f"{name} = [\n{_format_list(lists[name])}]\n" for name in lists)


def _overlap(network: Network, other: Network) -> bool:
    return network.version == other.version and network.overlaps(other)


def _format_list(networks: Iterable[Network]) -> str:
    """Return the lines of a list: IPv4 first, each IP version on separate lines."""
    four = collapse_addresses(network for network in networks if isinstance(network, IPv4Network))
    six = collapse_addresses(network for network in networks if isinstance(network, IPv6Network))
    quoted = (" ".join(f'"{network}",' for network in version) for version in (four, six))
    return "".join(fill(text, 120, initial_indent="    ", subsequent_indent="    ") + "\n" for text in quoted if text)


def read_list(file: Path, parse: Callable[[str], list[str]]) -> list[Network]:
    """Return the networks that a file lists. Raises PixelstatError if it lists none, or anything else."""
    try:
        texts = parse(file.read_text("utf-8-sig"))
    except OSError as error:
        raise unreadable_file(file.name, error, UNCHANGED_HINT) from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise PixelstatError(f"{file.name} does not have the structure of its source.", UNCHANGED_HINT) from error
    if not texts:
        raise PixelstatError(f"{file.name} contains no networks.", UNCHANGED_HINT)
    return [_parse_network(file.name, str(text)) for text in texts]


def _parse_network(file: str, text: str) -> Network:
    """Return a network of a file. Raises PixelstatError for any other text, and for a network that is too large."""
    try:
        network = ip_network(text)
    except ValueError as error:
        raise PixelstatError(f"{file}: {text!r} is not a network.", UNCHANGED_HINT) from error
    if network.prefixlen < SHORTEST_PREFIX[network.version]:
        raise PixelstatError(f"{file}: {text} is larger than a network of one service.", UNCHANGED_HINT)
    return network


def main(folder: str, day: str) -> None:
    """Rewrite networks.toml. Raises PixelstatError, and leaves the file as it was, if anything is wrong."""
    try:
        download_date = date.fromisoformat(day)
    except ValueError as error:
        raise PixelstatError(f"{day!r} is not a date.", "Write the day of the download like 2026-08-31.") from error
    files = {name: (Path(folder) / file, parse) for name, (file, parse) in SOURCES.items()}
    published = {name: read_list(file, parse) for name, (file, parse) in files.items() if file.exists()}
    if not published:
        names = ", ".join(file for file, _ in SOURCES.values())
        raise PixelstatError(f"{folder} contains none of the lists.", f"Download one of them into it: {names}.")
    text = replace_lists(SHIPPED_FILE.read_text("utf-8"), published, download_date)
    new = SHIPPED_FILE.with_suffix(".new")  # beside it, so that it replaces it whole and in one step
    new.write_text(text, "utf-8")
    new.replace(SHIPPED_FILE)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except PixelstatError as error:
        sys.exit(str(error))
