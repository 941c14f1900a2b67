"""Refresh referrers.ndjson from Matomo's list of search engines, social networks and AI assistants (CC0).

    python -m pixelstat.data.refresh_referrers FOLDER VERSION

FOLDER holds SearchEngines.yml, Socials.yml and AIAssistants.yml of matomo-org/searchengine-and-social-list, and VERSION
is their version. For maintainers: the script needs PyYAML, which is among the `dev` extras.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

ABOUT = {
    "about": "where visitors come from: hosts without www., {} for a country; an engine's keys hold what was searched",
    "source": "https://github.com/matomo-org/searchengine-and-social-list",
    "licence": "CC0-1.0",
}
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


def main(folder: str, version: str) -> None:
    """Rewrite referrers.ndjson from the files in the folder."""
    import yaml

    lists = [
        yaml.safe_load((Path(folder) / f"{name}.yml").read_text("utf-8"))
        for name in ("AIAssistants", "Socials", "SearchEngines")
    ]
    lines = [ABOUT | {"version": version}, *build_entries(*lists)]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    Path(__file__).with_name("referrers.ndjson").write_text(text, "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
