"""Classify referrers by their host: search engine, social network, AI assistant, webmail, shop or video site.

Most sites are in referrers.ndjson, which is Matomo's list (CC0). This file adds the sites that the list lacks; they
outrank the list. Hosts match label by label, so that google.com.example.net is not Google. A site also matches all
hosts below its own, except a search engine: google.com is one, docs.google.com is not.
"""

import json
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple
from urllib.parse import unquote_plus

MEDIUMS = {"search": "organic", "social": "social", "ai": "ai-assistant", "email": "email"}
PASSAGE = "passage"  # the kind of a site through which visitors pass: it is no source
SHARED_DOMAINS = (  # above sites of many owners
    "appspot.com", "azurewebsites.net", "blogspot.com", "cloudfront.net", "firebaseapp.com", "fly.dev",
    "github.io", "gitlab.io", "herokuapp.com", "myshopify.com", "neocities.org", "netlify.app", "notion.site",
    "onrender.com", "pages.dev", "r2.dev", "shopware.store", "squarespace.com", "substack.com", "surge.sh",
    "tumblr.com", "vercel.app", "web.app", "webflow.io", "weebly.com", "wixsite.com", "wordpress.com", "workers.dev",
)  # fmt: skip
SECOND_LEVEL_LABELS = (
    "com",
    "co",
    "org",
    "net",
    "it",
    "edu",
)  # labels that belong to the country after them, as in co.uk

EXTRA_SITES = {  # kind -> name -> hosts; {} stands for any country
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
    PASSAGE: {  # payment and sign-in
        "paypal": "paypal.com",
        "stripe": "checkout.stripe.com hooks.stripe.com pay.stripe.com js.stripe.com",
        "klarna": "pay.klarna.com payments.klarna.com js.klarna.com app.klarna.com login.klarna.com",
        "adyen": "checkoutshopper-live.adyen.com live.adyen.com",
        "mollie": "pay.mollie.com checkout.mollie.com",
        "amazon pay": "pay.amazon.com pay.amazon.co.uk pay.amazon.de pay.amazon.co.jp payments.amazon.com "
        "payments.amazon.co.uk payments.amazon.de apac.account.amazon.com",
        "google sign-in": "accounts.google.com accounts.youtube.com",
        "google pay": "pay.google.com",
        "apple": "appleid.apple.com idmsa.apple.com",
        "microsoft": "login.microsoftonline.com login.live.com login.microsoft.com",
        "shop pay": "pay.shopify.com checkout.shopify.com",
        "sofort": "sofort.com",
        "giropay": "giropay.de",
        "przelewy24": "secure.przelewy24.pl go.przelewy24.pl",
        "payu": "secure.payu.com",
        "worldpay": "secure.worldpay.com hpp.worldpay.com",
        "sagepay": "live.opayo.eu.elavon.com live.sagepay.com",
        "datatrans": "pay.datatrans.com",
        "saferpay": "saferpay.com",
        "alipay": "cashier.alipay.com intlmapi.alipay.com",
        "mercado pago": "mercadopago.{} mercadopago.com.br",
        "razorpay": "api.razorpay.com",
        "cardinal commerce": "centinelapistag.cardinalcommerce.com centinelapi.cardinalcommerce.com",
        "okta": "okta.com",
        "auth0": "auth0.com",
    },
    "ai": {
        "copilot": "copilot.com copilot.cloud.microsoft edgeservices.bing.com",
        "grok": "x.ai",
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
        "telegram": "t.me telegram.me org.thunderdog.challegram",
        "threads": "threads.net threads.com com.instagram.barcelona",
        "tiktok": "tiktok.com com.zhiliaoapp.musically",
        "twitter": "x.com com.twitter.android",
        "vkontakte": "vk.ru",
        "weibo": "weibo.cn",
        "whatsapp": "whatsapp.com wa.me l.wl.co com.whatsapp",
        "zhihu": "zhihu.com",
    },
    "search": {  # engines that the list counts only with a keyword, and that hide the keyword today
        "aol": "search.aol.com",
        "ask": "ask.com",
        "brave": "search.brave.com",
        "cốc cốc": "coccoc.com",
        "daum": "search.daum.net",
        "duckduckgo": "html.duckduckgo.com lite.duckduckgo.com start.duckduckgo.com noai.duckduckgo.com",
        "google": "lens.google.com lens.google syndicatedsearch.goog com.google.android.apps.searchlite",
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
        "yandex": "ya.ru",
        "yep": "yep.com",
    },
}
EXTRA_NAMES = {  # other names that campaigns use for a site -> its kind
    "yahoo": "search", "fb": "social", "ig": "social", "insta": "social", "meta": "social", "x": "social",
    "adwords": "search", "googleads": "search", "google ads": "search", "google-ads": "search",
    "hackernews": "social", "mastodon": "social", "vk": "social", "yt": "video", "openai": "ai",
}  # fmt: skip


class Site(NamedTuple):
    """A site. `keys` are the parameters that hold the keyword of a search."""

    kind: str
    name: str
    keys: tuple[str, ...] = ()
    counts_without_keyword: bool = True  # false for portals, which are search engines only with a keyword


class Source(NamedTuple):
    """The source of a visitor. None means unknown."""

    source: str | None
    medium: str | None
    keyword: str | None


@cache
def _load_sites() -> dict[str, Site]:
    """Return the sites by host, with `{}` in place of a country."""
    lines = files("pixelstat.data").joinpath("referrers.ndjson").read_text("utf-8").splitlines()[1:]
    listed: dict[str, Site] = {}
    for entry in map(json.loads, lines):
        site = Site(entry["kind"], entry["name"], tuple(entry.get("keys", ())), entry.get("always", True))
        listed = dict.fromkeys(entry["hosts"], site) | listed
    extra: dict[str, Site] = {}
    for kind, names in EXTRA_SITES.items():
        for name, hosts in names.items():
            extra |= {host: Site(kind, name, listed[host].keys if host in listed else ()) for host in hosts.split()}
    return listed | extra


@cache
def _map_names_to_kinds() -> dict[str, str]:
    """Return the kind of each site by the site's name. Portals that need a keyword to count as search are left out."""
    sites = {site.name: site.kind for site in _load_sites().values() if site.counts_without_keyword}
    return sites | {name: kind for kind in reversed(EXTRA_SITES) for name in EXTRA_SITES[kind]} | EXTRA_NAMES


def classify_referrer(host: str, query: str | None) -> Source:
    """Return the source of a referrer, by its host, in lower case, and its query. An unknown host is its own source."""
    site = _find_site(host)
    if site and site.kind == "search":
        keyword = _find_keyword(query or "", site.keys)
        return (
            Source(site.name, "organic", keyword) if site.counts_without_keyword or keyword else _unlisted_source(host)
        )
    if site and site.kind == PASSAGE:
        return Source(None, None, None)
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
    """Return the site of the host or of the nearest host above it. A search engine matches its host and m. only."""
    labels = re.sub(r"^www\d*\.", "", host).split(".")
    for start in range(len(labels)):
        for spelling in _spellings(labels[start:]):
            site = _load_sites().get(spelling)
            if site and (site.kind != "search" or labels[:start] in ([], ["m"])):
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
