"""Classify referrers by their host: search engine, social network, AI assistant, webmail, shop, video site or gateway.

Most sites are in referrers.ndjson, which is Matomo's list (CC0). The sites of sites.toml outrank that list. Hosts match
label by label, so that google.com.example.net is not Google. A site also matches all hosts below its own, except a
search engine: google.com is one, docs.google.com is not.

The gateways of gateways.toml are sites through which visitors pass to pay or to sign in. They are no source.
"""

import json
import re
import tomllib
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

MEDIUMS = {"search": "organic", "social": "social", "ai": "ai-assistant", "email": "email"}
GATEWAY_PAGE = "(gateway)"  # in place of the host of a page of GATEWAY_PAGES
GATEWAY_PAGES = (  # gateways on sites that are sources; {} stands for any text without a slash
    "amazon.{}/ap/", "bankmillennium.pl/osobiste2", "discord.com/oauth2/", "facebook.com/dialog/",
    "facebook.com/{}/dialog/", "facebook.com/login", "facebook.com/privacy/consent/", "github.com/login",
    "github.com/sessions/", "instagram.com/oauth/", "lhv.ee/banklink", "linkedin.com/checkpoint/", "linkedin.com/login",
    "linkedin.com/oauth/", "linkedin.com/uas/", "seb.ee/banklink", "tiktok.com/auth/", "tiktok.com/{}/auth/",
    "tiktok.com/login", "twitter.com/i/flow/", "twitter.com/i/oauth2/", "x.com/i/flow/", "x.com/i/oauth2/",
)  # fmt: skip
GATEWAY_PATHS = sorted({f"/{page.partition('/')[2].removeprefix('{}/')}" for page in GATEWAY_PAGES})  # to find them
_GATEWAY_PAGE = re.compile(
    rf"(?i)https?://(?:[^/?#]*\.)?(?:{'|'.join(map(re.escape, GATEWAY_PAGES))})".replace(re.escape("{}"), "[^/?#]+")
)
SHARED_DOMAINS = (  # above sites of many owners
    "000webhostapp.com", "altervista.org", "amazonaws.com", "appspot.com", "asso.fr", "atlassian.net", "azureedge.net",
    "azurestaticapps.net", "azurewebsites.net", "beehiiv.com", "bigcartel.com", "bitbucket.io", "blogg.no",
    "blogger.com", "blogspot.com", "bplaced.net", "bubbleapps.io", "canalblog.com", "carrd.co", "clickfunnels.com",
    "cloudfront.net",
    "company.site", "ddns.net", "deno.dev", "discourse.group", "duckdns.org", "fandom.com", "firebaseapp.com",
    "fly.dev", "force.com", "framer.app", "framer.website", "free.fr", "freshdesk.com", "ghost.io", "gitbook.io",
    "github.io", "gitlab.io", "glitch.me", "godaddysites.com", "gouv.fr", "govt.nz", "gumroad.com", "hatenablog.com",
    "hatenablog.jp", "herokuapp.com", "hostingersite.com", "hs-sites.com", "itch.io", "jimdofree.com", "jimdosite.com",
    "kajabi.com", "kinsta.cloud", "leadpages.co", "lima-city.de", "livejournal.com", "lovable.app", "medium.com",
    "mystrikingly.com", "myshopify.com", "myshopline.com", "neocities.org", "netlify.app", "ngrok.io", "ngrok-free.app",
    "notion.site", "onrender.com", "over-blog.com", "pages.dev", "parliament.uk", "podia.com", "police.uk", "r2.dev",
    "readthedocs.io", "repl.co", "replit.app", "school.nz", "sharepoint.com", "shoplazza.com", "shopware.store",
    "skyrock.com", "softr.app", "square.site", "squarespace.com", "strikingly.com", "substack.com", "surge.sh",
    "teachable.com", "thinkific.com", "tilda.ws", "tistory.com", "translate.goog", "tumblr.com", "typepad.com",
    "unbouncepages.com", "vercel.app", "web.app", "webflow.io", "webnode.page", "weebly.com", "windows.net",
    "wixsite.com", "wixstudio.com", "wordpress.com", "workers.dev", "wpengine.com", "zendesk.com",
)  # fmt: skip
MAX_LABELS = 6  # of a listed host: what is in front of them in a hostile one takes no time
SECOND_LEVEL_LABELS = ("com", "co", "org", "net", "it", "edu")  # they belong to the country after them, as in co.uk


class Site(NamedTuple):
    """A site. `keys` are the parameters that hold the keyword of a search."""

    kind: str
    name: str
    keys: tuple[str, ...] = ()
    counts_without_keyword: bool = True  # false for portals, which are search engines only with a keyword
    covers_hosts_below: bool = True


class Source(NamedTuple):
    """The source of a visitor. None means unknown."""

    source: str | None
    medium: str | None
    keyword: str | None


class Gateways(NamedTuple):
    """Sites through which visitors pass: hosts, and first labels of hosts."""

    hosts: frozenset[str]
    first_labels: frozenset[str]


def _read_toml(name: str) -> dict[str, Any]:
    return tomllib.loads(files("pixelstat.data").joinpath(name).read_text("utf-8"))


@cache
def _load_extra_sites() -> tuple[dict[str, dict[str, str]], dict[str, list[str]]]:
    """Return the hosts of sites.toml by kind and name, as they are written, and its further names by kind."""
    tables = _read_toml("sites.toml")
    names = tables.pop("names")
    return {kind: table for kind, table in tables.items() if isinstance(table, dict)}, names


@cache
def _load_gateways() -> Gateways:
    """Return the gateways, with `{}` in place of a country."""
    tables = _read_toml("gateways.toml")
    groups = [table for table in tables.values() if isinstance(table, dict)]
    hosts = frozenset(host for group in groups for names in group.values() for host in names.split())
    return Gateways(hosts, frozenset(tables["first_labels"]))


@cache
def _load_sites() -> dict[str, Site]:
    """Return the sites by host, with `{}` in place of a country."""
    lines = files("pixelstat.data").joinpath("referrers.ndjson").read_text("utf-8").splitlines()[1:]
    listed: dict[str, Site] = {}
    for entry in map(json.loads, lines):
        keys, is_engine = tuple(entry.get("keys", ())), entry["kind"] == "search"
        site = Site(entry["kind"], entry["name"], keys, entry.get("always", True), covers_hosts_below=not is_engine)
        listed = dict.fromkeys(entry["hosts"], site) | listed
    extra: dict[str, Site] = {}
    for kind, names in _load_extra_sites()[0].items():
        for name, hosts in names.items():
            for text in hosts.split():
                host = text.removeprefix("=")
                keys = listed[host].keys if host in listed else ()
                extra[host] = Site(kind, name, keys, covers_hosts_below=host == text and kind != "search")
    return listed | extra


@cache
def _map_names_to_kinds() -> dict[str, str]:
    """Return the kind of each site by the site's name. Portals that need a keyword to count as search are left out."""
    sites = {site.name: site.kind for site in _load_sites().values() if site.counts_without_keyword}
    extra, more = _load_extra_sites()
    named = {name: kind for kind in reversed(extra) for name in extra[kind]}
    return sites | named | {name: kind for kind, names in more.items() for name in names}


@lru_cache(maxsize=10_000)
def is_gateway(host: str) -> bool:
    """Return whether visitors only pass through this host, in lower case: to pay, or to sign in."""
    gateways, labels = _load_gateways(), host.split(".")
    if host == GATEWAY_PAGE or (len(labels) > 2 and labels[0] in gateways.first_labels):
        return True
    listed = labels[-MAX_LABELS:]
    return any(spelling in gateways.hosts for start in range(len(listed)) for spelling in _spellings(listed[start:]))


def mask_gateway_page(referrer: str) -> str:
    """Return the address with GATEWAY_PAGE as its host if it is a page of GATEWAY_PAGES."""
    return f"https://{GATEWAY_PAGE}/" if _GATEWAY_PAGE.match(referrer) else referrer


def classify_referrer(host: str, query: str | None) -> Source:
    """Return the source of a referrer, by its host, in lower case, and its query. An unknown host is its own source.

    A gateway is no source.
    """
    if is_gateway(host):
        return Source(None, None, None)
    site = _find_site(host)
    if site and site.kind == "search":
        keyword = _find_keyword(query or "", site.keys)
        return (
            Source(site.name, "organic", keyword) if site.counts_without_keyword or keyword else _unlisted_source(host)
        )
    return Source(site.name, MEDIUMS.get(site.kind, "referral"), None) if site else _unlisted_source(host)


def kind_of(source: str) -> str | None:
    """Return the kind of a source by its name or host, in lower case. None for an unknown source."""
    if kind := _map_names_to_kinds().get(source):
        return kind
    site = _find_site(source) if "." in source and len(source) <= 253 else None
    return site.kind if site and site.counts_without_keyword else None


def _unlisted_source(host: str) -> Source:
    return Source(host.removeprefix("www."), "referral", None)


@lru_cache(maxsize=10_000)
def _find_site(host: str) -> Site | None:
    """Return the site of the host, or of the nearest host above it that covers the hosts below. `m.` is as the host."""
    labels = re.sub(r"^www\d*\.", "", host).split(".")
    for start in range(max(0, len(labels) - MAX_LABELS), len(labels)):
        for spelling in _spellings(labels[start:]):
            site = _load_sites().get(spelling)
            if site and (site.covers_hosts_below or labels[:start] in ([], ["m"])):
                return site
    return None


def _spellings(labels: list[str]) -> Iterator[str]:
    """Yield the host as the list may spell it: as it is, or with {} for its country or for a label of two letters."""
    yield ".".join(labels)
    for end in (1, 2):
        if len(labels) > end and (end == 1 or labels[-2] in SECOND_LEVEL_LABELS):
            yield ".".join([*labels[:-end], "{}"])
    for index, label in enumerate(labels[:-1]):
        if len(label) == 2:
            yield ".".join([*labels[:index], "{}", *labels[index + 1 :]])


def _find_keyword(query: str, keys: tuple[str, ...]) -> str | None:
    """Return the value of the first of these parameters that has one."""
    parameters = dict(part.partition("=")[::2] for part in query.split("&"))
    values = (unquote_plus(parameters[key]).strip() for key in keys if key in parameters)
    return next(filter(None, values), None)
