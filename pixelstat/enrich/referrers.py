"""Which site a host is: a search engine, a social network, an assistant, a webmail, a shop or a site for videos.

Most stand in referrers.ndjson, Matomo's list (CC0); what it lacks stands here and comes first. Hosts match label by
label, so that google.com.example.net is no Google. All but search engines match with all hosts below them: where
google.com is searched, docs.google.com is not.
"""

import json
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple
from urllib.parse import unquote_plus

MEDIUMS = {"search": "organic", "social": "social", "ai": "ai-assistant", "email": "email"}
SECOND = ("com", "co", "org", "net", "it", "edu")  # labels that belong to the country behind them

MORE = {  # kind: name: hosts
    "email": {
        "gmail": "mail.google.com inbox.google.com com.google.android.gm",
        "outlook": "outlook.live.com mail.live.com outlook.office.com outlook.office365.com outlook.com hotmail.com "
        "outlook.cloud.microsoft com.microsoft.office.outlook",
        "yahoo! mail": "mail.yahoo.{} com.yahoo.mobile.client.android.mail",
        "aol mail": "mail.aol.com",
        "icloud mail": "icloud.com",
        "proton mail": "mail.proton.me mail.protonmail.com ch.protonmail.android",
        "tuta": "app.tuta.com mail.tutanota.com",
        "fastmail": "fastmail.com",
        "zoho mail": "mail.zoho.{}",
        "gmx": "deref-gmx.net deref-gmx.com navigator.gmx.net navigator.gmx.com 3c.gmx.net",
        "web.de": "deref-web.de navigator.web.de 3c.web.de",
        "t-online": "email.t-online.de",
        "orange": "messagerie.orange.fr",
        "mail.ru": "e.mail.ru",
        "yandex mail": "mail.yandex.{}",
        "qq mail": "mail.qq.com",
        "163 mail": "mail.163.com",
        "naver mail": "mail.naver.com",
        "daum mail": "mail.daum.net",
    },
    "video": {
        "youtube": "youtube.com youtu.be com.google.android.youtube",
        "vimeo": "vimeo.com",
        "dailymotion": "dailymotion.com dai.ly",
        "twitch": "twitch.tv",
        "netflix": "netflix.com",
        "ted": "ted.com",
        "rumble": "rumble.com",
        "odysee": "odysee.com",
        "rutube": "rutube.ru",
        "bilibili": "bilibili.com",
        "youku": "youku.com",
        "iqiyi": "iqiyi.com iq.com",
        "niconico": "nicovideo.jp",
    },
    "shopping": {
        "google shopping": "shopping.google.{}",
        "amazon": "amazon.{}",
        "ebay": "ebay.{}",
        "etsy": "etsy.com",
        "walmart": "walmart.com",
        "shop app": "shop.app",
        "aliexpress": "aliexpress.{}",
        "alibaba": "alibaba.com",
        "taobao": "taobao.com",
        "tmall": "tmall.com",
        "jd": "jd.com",
        "temu": "temu.com",
        "mercado libre": "mercadolibre.{} mercadolivre.com.br",
        "allegro": "allegro.pl",
        "bol": "bol.com",
        "cdiscount": "cdiscount.com",
        "otto": "otto.de",
        "idealo": "idealo.{}",
        "geizhals": "geizhals.{}",
        "billiger": "billiger.de",
        "ceneo": "ceneo.pl",
        "kelkoo": "kelkoo.{}",
        "pricerunner": "pricerunner.{}",
    },
    "ai": {
        "deepseek": "deepseek.com",
        "doubao": "doubao.com",
        "duck.ai": "duck.ai",
        "kimi": "kimi.com kimi.moonshot.cn",
        "phind": "phind.com",
        "poe": "poe.com",
        "chatgpt": "com.openai.chatgpt",
    },
    "social": {
        "bluesky": "bsky.app go.bsky.app",
        "discord": "discord.com discord.gg",
        "facebook": "fb.com fb.watch com.facebook.katana",
        "messenger": "messenger.com com.facebook.orca",
        "instagram": "com.instagram.android",
        "lemmy": "lemmy.world lemmy.ml",
        "line": "line.me",
        "linkedin": "com.linkedin.android",
        "mastodon": "mastodon.social mastodon.online mstdn.social mas.to fosstodon.org hachyderm.io",
        "nextdoor": "nextdoor.com",
        "odnoklassniki": "ok.ru",
        "pinterest": "pinterest.{} pin.it com.pinterest",
        "quora": "quora.com",
        "reddit": "com.reddit.frontpage",
        "snapchat": "snapchat.com",
        "telegram": "t.me telegram.me",
        "threads": "threads.net threads.com",
        "tiktok": "tiktok.com com.zhiliaoapp.musically",
        "twitter": "x.com com.twitter.android",
        "vkontakte": "vk.ru",
        "weibo": "weibo.cn",
        "whatsapp": "whatsapp.com wa.me com.whatsapp",
        "zhihu": "zhihu.com",
    },
    "search": {  # of those that the list counts with what was searched only, the ones that hide it today
        "aol": "search.aol.com",
        "ask": "ask.com",
        "brave": "search.brave.com",
        "cốc cốc": "coccoc.com",
        "daum": "search.daum.net",
        "duckduckgo": "html.duckduckgo.com lite.duckduckgo.com start.duckduckgo.com noai.duckduckgo.com",
        "haosou": "haosou.com",
        "infospace": "dogpile.com webcrawler.com metacrawler.com",
        "kagi": "kagi.com",
        "karma": "karmasearch.org",
        "lilo": "search.lilo.org",
        "metager": "metager.org metager.de",
        "mojeek": "mojeek.com",
        "naver": "search.naver.com",
        "360search": "so.com m.so.com so.360.cn",
        "petal": "petalsearch.com",
        "presearch": "presearch.com",
        "rambler": "nova.rambler.ru",
        "seznam": "search.seznam.cz",
        "sm.cn": "m.sm.cn quark.sm.cn",
        "swisscows": "swisscows.com",
        "yep": "yep.com",
    },
}
CALLED = {  # what campaigns call them beside their names
    "yahoo": "search", "fb": "social", "ig": "social", "insta": "social", "meta": "social", "x": "social",
    "hackernews": "social", "mastodon": "social", "vk": "social", "yt": "video", "openai": "ai",
}  # fmt: skip


class Site(NamedTuple):
    """What a host is. `keys` are the parameters that hold what was searched there."""

    kind: str
    name: str
    keys: tuple[str, ...] = ()
    always: bool = True  # whether it counts where nothing is known of what was searched


class Source(NamedTuple):
    """Where a visitor came from; None for what is not known."""

    source: str | None
    medium: str | None
    keyword: str | None


@cache
def _sites() -> dict[str, Site]:
    """The sites by host, `{}` in place of a country."""
    lines = files("pixelstat.data").joinpath("referrers.ndjson").read_text("utf-8").splitlines()[1:]
    listed: dict[str, Site] = {}
    for each in map(json.loads, lines):
        site = Site(each["kind"], each["name"], tuple(each.get("keys", ())), each.get("always", True))
        listed = dict.fromkeys(each["hosts"], site) | listed
    more: dict[str, Site] = {}
    for kind, names in MORE.items():
        for name, hosts in names.items():
            more |= {host: Site(kind, name, listed[host].keys if host in listed else ()) for host in hosts.split()}
    return listed | more


@cache
def _kinds() -> dict[str, str]:
    """The kinds by name. Portals that are engines only with what was searched are known by their hosts alone."""
    sites = {site.name: site.kind for site in _sites().values() if site.always}
    return sites | {name: kind for kind in reversed(MORE) for name in MORE[kind]} | CALLED


def came_from(host: str, query: str | None) -> Source:
    """The source that a page's host, in lower case, and the query of its address tell of. An unknown host is one."""
    site = _site(host)
    if site and site.kind == "search":
        keyword = _keyword(query or "", site.keys)
        return Source(site.name, "organic", keyword) if site.always or keyword else _unknown(host)
    return Source(site.name, MEDIUMS.get(site.kind, "referral"), None) if site else _unknown(host)


def kind_of(source: str) -> str | None:
    """The kind of a source by its name or host, in lower case. None for an unknown one."""
    if kind := _kinds().get(source):
        return kind
    site = _site(source) if "." in source and len(source) <= 253 else None
    return site.kind if site and site.always else None


def _unknown(host: str) -> Source:
    return Source(host.removeprefix("www."), "referral", None)


@lru_cache(maxsize=10_000)
def _site(host: str) -> Site | None:
    """The site of the host, or of the nearest host above it. An engine's own host alone, or its m. one."""
    labels = re.sub(r"^www\d*\.", "", host).split(".")
    for start in range(len(labels)):
        for spelling in _spellings(labels[start:]):
            site = _sites().get(spelling)
            if site and (site.kind != "search" or labels[:start] in ([], ["m"])):
                return site
    return None


def _spellings(labels: list[str]) -> Iterator[str]:
    """The host as the list may spell it: as it is, its country or a label of two letters as {}."""
    yield ".".join(labels)
    for end in (1, 2):
        if len(labels) > end and (end == 1 or labels[-2] in SECOND):
            yield ".".join([*labels[:-end], "{}"])
    for at, label in enumerate(labels[:-1]):
        if len(label) == 2:
            yield ".".join([*labels[:at], "{}", *labels[at + 1 :]])


def _keyword(query: str, keys: tuple[str, ...]) -> str | None:
    given = dict(part.partition("=")[::2] for part in query.split("&"))
    found = (unquote_plus(given[key]).strip() for key in keys if key in given)
    return next(filter(None, found), None)
