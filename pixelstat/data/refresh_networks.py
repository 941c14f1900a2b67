"""Makes networks.toml anew of the lists of networks that mail services publish.

    python -m pixelstat.data.refresh_networks FOLDER DATE

FOLDER holds any of these, and DATE (2026-08-31) is the day that they were downloaded; a list without its file stays:

    worldwide.json                       https://endpoints.office.com/endpoints/worldwide?clientrequestid=UUID
    barracuda.txt                        Barracuda's networks, one a line, copied from its documentation
    user-triggered-fetchers-google.json  https://developers.google.com/static/crawling/ipranges/

For maintainers. The comment above the lists stays. What is no list as expected leaves the file as it was.
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

from pixelstat.errors import PixelstatError
from pixelstat.text.addresses import Network
from pixelstat.traffic.networks import SHIPPED

SCANNERS = (9, 10)  # of the sets of "Exchange", whose ids never change: *.protection.outlook.com, by HTTPS and by SMTP
SHORTEST = {4: 8, 6: 20}  # prefixes by version: whatever is shorter is more than one service has
STAYS = "networks.toml is as it was. Mend the file; or take it away, and the present list stays."


def scanners(text: str) -> list[str]:
    """The networks of Microsoft's mail filters, of all its endpoints. KeyError where one of the two sets is missing."""
    networks = {one["id"]: one["ips"] for one in json.loads(text) if one["serviceArea"] == "Exchange" and "ips" in one}
    return [network for number in SCANNERS for network in networks[number]]


def prefixes(text: str) -> list[str]:
    """The networks of a list as Google publishes them: {"prefixes": [{"ipv4Prefix": ...}, {"ipv6Prefix": ...}]}."""
    return [network for one in json.loads(text)["prefixes"] for kind, network in one.items() if kind.endswith("Prefix")]


SOURCES: Mapping[str, tuple[str, Callable[[str], list[str]]]] = {
    "microsoft": ("worldwide.json", scanners),
    "barracuda": ("barracuda.txt", str.split),
    "google": ("user-triggered-fetchers-google.json", prefixes),
}


def refreshed(present: str, published: Mapping[str, Sequence[Network]], day: date) -> str:
    """The lists of networks of that day: those `published`, by name, in place of the `present` ones.

    Each is sorted, its networks joined where they touch or overlap. Raises PixelstatError where two lists overlap.
    """
    lists: dict[str, Sequence[Network]] = {
        name: [ip_network(text) for text in texts] for name, texts in tomllib.loads(present).items() if name != "date"
    }
    lists.update(published)
    for (name, networks), (other, others) in combinations(lists.items(), 2):
        if shared := [f"{one} and {two}" for one in networks for two in others if _overlap(one, two)]:
            raise PixelstatError(f"The lists of {name} and {other} share addresses: {shared[0]}.", STAYS)
    comment, _, _ = present.partition("\ndate = ")
    return f"{comment}\ndate = {day}\n\n" + "".join(f"{name} = [\n{_lines(lists[name])}]\n" for name in lists)


def _overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)


def _lines(networks: Iterable[Network]) -> str:
    """IPv4 first, each version on lines of its own."""
    four = collapse_addresses(one for one in networks if isinstance(one, IPv4Network))
    six = collapse_addresses(one for one in networks if isinstance(one, IPv6Network))
    quoted = (" ".join(f'"{one}",' for one in version) for version in (four, six))
    return "".join(fill(text, 120, initial_indent="    ", subsequent_indent="    ") + "\n" for text in quoted if text)


def read(file: Path, listed: Callable[[str], list[str]]) -> list[Network]:
    """The networks that a file lists. Raises PixelstatError where it lists none, or something else."""
    try:
        texts = listed(file.read_text("utf-8-sig"))
    except OSError as error:
        raise PixelstatError(f"{file.name} cannot be read: {error.strerror}.", STAYS) from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise PixelstatError(f"{file.name} is not laid out as its source publishes it.", STAYS) from error
    if not texts:
        raise PixelstatError(f"{file.name} lists no network.", STAYS)
    return [_network(file.name, str(text)) for text in texts]


def _network(file: str, text: str) -> Network:
    try:
        network = ip_network(text)
    except ValueError as error:
        raise PixelstatError(f"{file}: {text!r} is no network.", STAYS) from error
    if network.prefixlen < SHORTEST[network.version]:
        raise PixelstatError(f"{file}: {text} is larger than any one service's network.", STAYS)
    return network


def main(folder: str, day: str) -> None:
    try:
        of = date.fromisoformat(day)
    except ValueError as error:
        raise PixelstatError(f"{day!r} is no date.", "Write the day of the download as 2026-08-31.") from error
    there = {name: (Path(folder) / file, listed) for name, (file, listed) in SOURCES.items()}
    published = {name: read(file, listed) for name, (file, listed) in there.items() if file.exists()}
    if not published:
        files = ", ".join(file for file, _ in SOURCES.values())
        raise PixelstatError(f"{folder} holds none of the lists.", f"Download one of them into it: {files}.")
    text = refreshed(SHIPPED.read_text("utf-8"), published, of)
    new = SHIPPED.with_suffix(".new")  # beside it, so that it takes its place at once and whole
    new.write_text(text, "utf-8")
    new.replace(SHIPPED)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except PixelstatError as error:
        sys.exit(str(error))
