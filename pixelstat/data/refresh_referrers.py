"""Refresh referrers.ndjson from Matomo's list of search engines, social networks and AI assistants (CC0).

    python -m pixelstat.data.refresh_referrers SOURCE DATE

SOURCE is a folder that holds SearchEngines.yml, Socials.yml and AIAssistants.yml of
https://github.com/matomo-org/searchengine-and-social-list, or the archive (.zip) of a release of it, such as the one
that the package matomo/searchengine-and-social-list of https://packagist.org names. DATE (2026-07-15) is the day of
their last change. For maintainers: the script needs PyYAML, which is among the `dev` extras. If a file is not what its
source publishes, referrers.ndjson stays as it was.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from zipfile import BadZipFile, ZipFile

from pixelstat.errors import PixelstatError, unreadable_file

ABOUT = {
    "about": "where visitors come from: hosts without www., {} for a country; an engine's keys hold what was searched",
    "source": "https://github.com/matomo-org/searchengine-and-social-list",
    "licence": "CC0-1.0",
}
LISTS = ("AIAssistants.yml", "Socials.yml", "SearchEngines.yml")
SHIPPED_FILE = Path(__file__).with_name("referrers.ndjson")
UNCHANGED_HINT = "referrers.ndjson is unchanged. Name a folder or a .zip with the three lists."
EXCLUDED_HOSTS = {"login.live.com"}  # once a social network, now the page on which everybody signs in


def build_entries(
    assistants: Mapping[str, Sequence[str]],
    socials: Mapping[str, Sequence[str]],
    engines: Mapping[str, Sequence[Mapping[str, Any]]],
) -> Iterator[dict[str, Any]]:
    """Yield an entry per name, and for search engines one per way to search them.

    Addresses that are only a part of a host are left out, and so are names without any other address. `always` marks
    engines that may hide the search terms. Others count only with search terms, because many are portals.
    """
    for kind, names in (("ai", assistants), ("social", socials)):
        for name, hosts in names.items():
            if whole_hosts := _select_hosts(hosts):
                yield {"kind": kind, "name": _normalize_name(name), "hosts": whole_hosts}
    for name, ways in engines.items():
        for way in ways:
            keys = [key for key in way.get("params", ()) if key.strip() and not key.startswith("/")]
            whole_hosts = _select_hosts(way["urls"])
            if whole_hosts and (keys or "hiddenkeyword" in way):
                yield {
                    "kind": "search",
                    "name": _normalize_name(name),
                    "hosts": whole_hosts,
                    "keys": keys,
                    "always": "hiddenkeyword" in way,
                }


def _normalize_name(name: str) -> str:
    return unquote(str(name)).lower()


def _select_hosts(urls: Iterable[str]) -> list[str]:
    """Return the distinct hosts of these addresses, without those that have a path. An app begins with android-app."""
    addresses = (re.sub(r"^android-app:?//([^/]*).*", r"\1", url.strip().lower()) for url in urls)
    hosts = (re.sub(r"^www\d*\.", "", url) for url in addresses if "/" not in url)
    return [host for host in dict.fromkeys(hosts) if host not in EXCLUDED_HOSTS]


def read_lists(source: Path) -> list[str]:
    """Return the texts of LISTS in a folder or in a .zip. Raises PixelstatError if one is missing or unreadable."""
    try:
        if source.is_dir():
            return [(source / name).read_text("utf-8") for name in LISTS]
        with ZipFile(source) as archive:
            # An archive of a release holds one folder, whose name has the version.
            places = {Path(place).name: place for place in reversed(archive.namelist())}
            return [archive.read(places[name]).decode() for name in LISTS]
    except KeyError as error:
        raise PixelstatError(f"{source} does not contain {error.args[0]}.", UNCHANGED_HINT) from error
    except (OSError, BadZipFile, UnicodeDecodeError) as error:
        raise unreadable_file(source, error, UNCHANGED_HINT) from error


def build_file(texts: Sequence[str], day: date) -> str:
    """Return the text of referrers.ndjson for the texts of LISTS as of that day.

    Raises PixelstatError if one of them does not have the structure of its source, or is empty.
    """
    import yaml

    try:
        entries = list(build_entries(*map(yaml.safe_load, texts)))
    except (yaml.YAMLError, AttributeError, LookupError, TypeError) as error:
        raise PixelstatError("A list does not have the structure of its source.", UNCHANGED_HINT) from error
    if {entry["kind"] for entry in entries} != {"ai", "social", "search"}:
        raise PixelstatError("A list is empty.", UNCHANGED_HINT)
    lines = [ABOUT | {"date": day.isoformat()}, *entries]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def main(source: str, day: str) -> None:
    """Rewrite referrers.ndjson. Raises PixelstatError, and leaves the file as it was, if anything is wrong."""
    try:
        last_change = date.fromisoformat(day)
    except ValueError as error:
        raise PixelstatError(f"{day!r} is not a date.", "Write the day of the last change like 2026-07-15.") from error
    text = build_file(read_lists(Path(source)), last_change)
    new = SHIPPED_FILE.with_suffix(".new")  # beside it, so that it replaces it whole and in one step
    new.write_text(text, "utf-8")
    new.replace(SHIPPED_FILE)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except PixelstatError as error:
        sys.exit(str(error))
