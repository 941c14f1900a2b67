"""Makes referrers.ndjson of the list of search engines, social networks and AI assistants that Matomo keeps (CC0).

    python -m pixelstat.people.refresh_referrers FOLDER VERSION

FOLDER holds SearchEngines.yml, Socials.yml and AIAssistants.yml of matomo-org/searchengine-and-social-list; VERSION
says which they are. For maintainers: it needs PyYAML, which is among the `dev` extras.
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
LEFT_OUT = {"login.live.com"}  # a network once, now the page that everybody signs in on


def entries(
    assistants: Mapping[str, Sequence[str]],
    socials: Mapping[str, Sequence[str]],
    engines: Mapping[str, Sequence[Mapping[str, Any]]],
) -> Iterator[dict[str, Any]]:
    """One entry a name, of an engine one a way to search it; without what names no whole host.

    `always` are engines that also hide what was searched; others count only with it, for many are portals.
    """
    for kind, names in (("ai", assistants), ("social", socials)):
        for name, hosts in names.items():
            if found := _hosts(hosts):
                yield {"kind": kind, "name": _name(name), "hosts": found}
    for name, ways in engines.items():
        for way in ways:
            keys = [key for key in way.get("params", ()) if key.strip() and not key.startswith("/")]
            found = _hosts(way["urls"])
            if found and (keys or "hiddenkeyword" in way):
                yield {
                    "kind": "search",
                    "name": _name(name),
                    "hosts": found,
                    "keys": keys,
                    "always": "hiddenkeyword" in way,
                }


def _name(name: str) -> str:
    return unquote(str(name)).lower()


def _hosts(urls: Iterable[str]) -> list[str]:
    """The hosts, each once; an address with a path names only a part of one. An app's begins with android-app."""
    apps = (re.sub(r"^android-app:?//([^/]*).*", r"\1", url.strip().lower()) for url in urls)
    hosts = (re.sub(r"^www\d*\.", "", url) for url in apps if "/" not in url)
    return [host for host in dict.fromkeys(hosts) if host not in LEFT_OUT]


def main(folder: str, version: str) -> None:
    import yaml

    lists = [
        yaml.safe_load((Path(folder) / f"{name}.yml").read_text("utf-8"))
        for name in ("AIAssistants", "Socials", "SearchEngines")
    ]
    lines = [ABOUT | {"version": version}, *entries(*lists)]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    Path(__file__).with_name("referrers.ndjson").write_text(text, "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
