"""A referrer says where the visitor came from, by a list of search engines, social networks and assistants."""

import json
from datetime import date
from pathlib import Path
from zipfile import ZipFile

import polars as pl
import pytest

from pixelstat.data import refresh_referrers
from pixelstat.data.refresh_referrers import LISTS, build_entries
from pixelstat.enrich.channels import ATTRIBUTION, add_channels
from pixelstat.enrich.referrers import classify_referrer, kind_of
from pixelstat.errors import PixelstatError
from pixelstat.schemas import DERIVED, EVENTS

READ = pl.Schema({name: dtype for name, dtype in EVENTS.items() if name not in DERIVED})


def touches(*events: dict[str, str | None], own_hosts: tuple[str, ...] = ()) -> list[tuple[str | None, ...]]:
    usual: dict[str, str | None] = {"event": "page_view", "host": "shop.example"}
    rows = [usual | event for event in events]
    return add_channels(pl.LazyFrame(rows, schema=READ), own_hosts).select(ATTRIBUTION).collect().rows()


def touch(own_hosts: tuple[str, ...] = (), **event: str | None) -> tuple[str | None, ...]:
    return touches(event, own_hosts=own_hosts)[0]


REFERRERS = {
    "https://www.google.com/": ("google", "organic", None, "Organic Search"),
    "https://google.co.uk/url?q=": ("google", "organic", None, "Organic Search"),
    "https://www.google.de/search?hl=de&q=roter+Kessel%21#top": ("google", "organic", "roter Kessel!", "Organic Search"),
    "http://www.google.com.br/search?q=caf%C3%A9": ("google", "organic", "café", "Organic Search"),
    "https://www.google.cat/": ("google", "organic", None, "Organic Search"),
    "https://de.search.yahoo.com/search?p=kettle": ("yahoo!", "organic", "kettle", "Organic Search"),
    "https://cn.bing.com/search?Q=x": ("bing", "organic", "x", "Organic Search"),
    "https://duckduckgo.com/": ("duckduckgo", "organic", None, "Organic Search"),
    "https://search.brave.com/": ("brave", "organic", None, "Organic Search"),
    "https://yandex.ru/search/?text=%D1%87%D0%B0%D0%B9": ("yandex", "organic", "чай", "Organic Search"),
    "https://www.baidu.com/link?wd=a%FFb": ("baidu", "organic", "a\ufffdb", "Organic Search"),
    "https://www.google.com/search?q=%zz%": ("google", "organic", "%zz%", "Organic Search"),
    "https://news.google.com/": ("google news", "organic", None, "Organic Search"),
    "https://finance.yahoo.com/": ("finance.yahoo.com", "referral", None, "Referral"),
    "https://m.blog.naver.com/": ("naver blog", "social", None, "Organic Social"),
    "https://ann.blogspot.com/": ("ann.blogspot.com", "referral", None, "Referral"),
    "https://apps.shopify.com/": ("shopify", "referral", None, "Organic Shopping"),
    "https://email.seznam.cz/": ("seznam mail", "email", None, "Email"),
    "https://www.cnn.com/": ("cnn.com", "referral", None, "Referral"),
    "https://docs.google.com/document": ("docs.google.com", "referral", None, "Referral"),
    "https://l.facebook.com/l.php?u=x": ("facebook", "social", None, "Organic Social"),
    "https://t.co/abc": ("twitter", "social", None, "Organic Social"),
    "https://old.reddit.com/r/x": ("reddit", "social", None, "Organic Social"),
    "https://bsky.app/": ("bluesky", "social", None, "Organic Social"),
    "https://chatgpt.com/": ("chatgpt", "ai-assistant", None, "AI Assistants"),
    "https://www.perplexity.ai/search": ("perplexity", "ai-assistant", None, "AI Assistants"),
    "https://gemini.google.com/": ("gemini", "ai-assistant", None, "AI Assistants"),
    "https://copilot.microsoft.com/": ("copilot", "ai-assistant", None, "AI Assistants"),
    "https://mail.google.com/mail/u/0/": ("gmail", "email", None, "Email"),
    "https://outlook.live.com/": ("outlook", "email", None, "Email"),
    "https://us-mg5.mail.yahoo.com/": ("yahoo! mail", "email", None, "Email"),
    "android-app://com.google.android.gm/": ("gmail", "email", None, "Email"),
    "android-app://com.google.android.googlequicksearchbox/https/www.google.com": ("google", "organic", None, "Organic Search"),
    "android-app://com.example.reader": ("com.example.reader", "referral", None, "Referral"),
    "https://m.youtube.com/watch": ("youtube", "referral", None, "Organic Video"),
    "https://www.amazon.co.uk/dp/1": ("amazon", "referral", None, "Organic Shopping"),
    "https://ya.ru/": ("yandex", "organic", None, "Organic Search"),
    "https://lens.google.com/": ("google", "organic", None, "Organic Search"),
    "https://edgeservices.bing.com/": ("copilot", "ai-assistant", None, "AI Assistants"),
    "https://copilot.cloud.microsoft/": ("copilot", "ai-assistant", None, "AI Assistants"),
    "android-app://com.instagram.barcelona/": ("threads", "social", None, "Organic Social"),
    **dict.fromkeys(  # ways through a payment or a sign-in
        (
            "https://login.live.com/", "https://www.paypal.com/", "https://hooks.stripe.com/3d", "https://accounts.google.com/",
            "https://pay.klarna.com/", "https://shop.eu.auth0.com/",
        ),
        (None, None, None, None),
    ),
    "HTTPS://WWW.Blog.Example.:8443/a": ("blog.example", "referral", None, "Referral"),
    "//blog.example": ("blog.example", "referral", None, "Referral"),
    "https://ann:secret@blog.example/": ("blog.example", "referral", None, "Referral"),
    "https://google.com@evil.example/": ("evil.example", "referral", None, "Referral"),
    "https://evil.example\\@google.com/": ("evil.example", "referral", None, "Referral"),
    "https://notgoogle.com.evil.example/": ("notgoogle.com.evil.example", "referral", None, "Referral"),
    "https://google.com.evil.example/": ("google.com.evil.example", "referral", None, "Referral"),
    "https://notfacebook.com/": ("notfacebook.com", "referral", None, "Referral"),
    "http://[2001:DB8::1]:80/x": ("[2001:db8::1]", "referral", None, "Referral"),
    "http://192.0.2.7/": ("192.0.2.7", "referral", None, "Referral"),
    "https://bücher.example/": ("bücher.example", "referral", None, "Referral"),
    **dict.fromkeys(
        [
            "", "-", "google.com", "/cart", "javascript:alert(1)", "javascript://google.com/%0aalert(1)", "data:text/html,x",
            "about:blank", "https://", "https:///x", "https://user@", "https://a b.example/", "https://%67oogle.com/",
            "https://[google.com]/", "https://./", "\ufffd\ufffd", "https://" + "a" * 1_000_000, "https://" + "a." * 127 + "com",
        ],
        (None, None, None, None),
    ),
}  # fmt: skip


@pytest.mark.parametrize("referrer", REFERRERS, ids=lambda referrer: referrer[:60])
def test_a_referrer_decides_source_medium_and_channel(referrer: str) -> None:
    assert touch(referrer=referrer) == REFERRERS[referrer]


def test_an_engine_among_portals_counts_with_what_was_searched_only() -> None:
    assert touch(referrer="https://www.cnn.com/search?query=kettle")[:3] == ("google", "organic", "kettle")


def test_only_the_beginning_of_a_huge_referrer_query_is_read() -> None:
    huge = "x=1&" * 250_000
    assert touch(referrer=f"https://www.google.com/?q=tea&{huge}")[2] == "tea"
    assert touch(referrer=f"https://www.google.com/?{huge}q=tea")[:3] == ("google", "organic", None)


@pytest.mark.parametrize(
    ("host", "referrer"),
    [
        ("shop.example", "https://shop.example/cart"),
        ("shop.example", "http://www.SHOP.example:8080"),
        ("www.shop.example", "https://shop.example/"),
        ("shop.example", "https://blog.shop.example/"),
        ("blog.shop.example", "https://www2.shop.example/"),
        ("shop.acme.co.uk", "https://blog.acme.co.uk/"),
        ("a.b.acme.com.br", "https://c.acme.com.br/"),
        ("blog.shop.example", "https://www.shop.example/"),
        ("google.com", "https://www.google.com/search?q=x"),
        (None, "https://a.own.example/"),
        ("shop.example", "https://own.example/"),
    ],
)
def test_the_sites_own_pages_are_not_a_source(host: str | None, referrer: str) -> None:
    assert touch(host=host, referrer=referrer, own_hosts=("other.example", "own.example")) == (None, None, None, None)


@pytest.mark.parametrize(
    ("host", "referrer", "source"),
    [
        ("shop.example", "https://myshop.example/", "myshop.example"),
        ("shop.example", "https://shop.example.net/", "shop.example.net"),
        ("shop.acme.co.uk", "https://other.co.uk/", "other.co.uk"),
        ("shop.acme.co.uk", "https://shop.other.co.uk/", "shop.other.co.uk"),
        ("ann.sci.br", "https://ben.sci.br/", "ben.sci.br"),
        ("10.1.2.3", "https://10.9.2.3/", "10.9.2.3"),
        ("ann.gouv.fr", "https://ben.gouv.fr/", "ben.gouv.fr"),
        ("ann.github.io", "https://ben.github.io/", "ben.github.io"),
        ("ann.blogspot.com", "https://www.blogspot.com/", "blogspot"),
        ("ann.wordpress.com", "https://wordpress.com/read", "wordpress"),
        ("shop.example", "https://notown.example/", "notown.example"),
        ("shop.example", "https://ownXexample/", "ownxexample"),
        (None, "https://shop.example/", "shop.example"),
    ],
)
def test_a_host_that_only_looks_like_the_sites_own_is_a_source(host: str | None, referrer: str, source: str) -> None:
    assert touch(host=host, referrer=referrer, own_hosts=("own.example",))[0] == source


def test_the_list_of_referrers_is_complete_and_of_a_day() -> None:
    lines = refresh_referrers.SHIPPED_FILE.read_text("utf-8").splitlines()
    about, *sites = map(json.loads, lines)
    assert about["licence"] == "CC0-1.0"
    assert date.fromisoformat(about["date"]) >= date(2026, 7, 15)
    assert {kind: sum(site["kind"] == kind for site in sites) for kind in ("ai", "social", "search")} == {
        "ai": 19,
        "social": 90,
        "search": 348,
    }


YAML = {
    "AIAssistants.yml": "ChatGPT:\n  - chatgpt.com\n",
    "Socials.yml": "Bebo:\n  - bebo.com\n",
    "SearchEngines.yml": "Ask:\n  -\n    urls:\n      - ask.com\n    params:\n      - q\n",
}


@pytest.fixture
def shipped_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "referrers.ndjson"
    file.write_text("as it was")
    monkeypatch.setattr(refresh_referrers, "SHIPPED_FILE", file)
    return file


@pytest.mark.parametrize("packed", [False, True])
def test_the_list_of_referrers_is_refreshed_from_a_folder_or_an_archive(
    packed: bool, shipped_file: Path, tmp_path: Path
) -> None:
    source = tmp_path / ("release.zip" if packed else ".")
    if packed:
        with ZipFile(source, "w") as archive:
            for name, text in YAML.items():
                archive.writestr(f"searchengine-and-social-list-3.9/{name}", text)
    else:
        for name, text in YAML.items():
            (source / name).write_text(text)
    refresh_referrers.main(str(source), "2026-09-30")
    about, *sites = map(json.loads, shipped_file.read_text("utf-8").splitlines())
    assert about["date"] == "2026-09-30"
    assert [site["hosts"] for site in sites] == [["chatgpt.com"], ["bebo.com"], ["ask.com"]]


@pytest.mark.parametrize(
    ("broken", "day", "sentence"),
    [
        ({}, "yesterday", "'yesterday' is not a date."),
        ({"Socials.yml": None}, "2026-09-30", "cannot be read"),
        ({"Socials.yml": "- a"}, "2026-09-30", "does not have the structure"),
        ({"Socials.yml": "a: ["}, "2026-09-30", "does not have the structure"),
        ({"Socials.yml": "{}"}, "2026-09-30", "A list is empty."),
        ({"SearchEngines.yml": "Ask:\n  - ask.com"}, "2026-09-30", "does not have the structure"),
    ],
)
def test_a_list_that_is_not_what_its_source_publishes_changes_nothing(
    broken: dict[str, str | None], day: str, sentence: str, shipped_file: Path, tmp_path: Path
) -> None:
    for name in LISTS:
        text = {**YAML, **broken}[name]
        if text is not None:
            (tmp_path / name).write_text(text)
    with pytest.raises(PixelstatError) as error:
        refresh_referrers.main(str(tmp_path), day)
    assert sentence in error.value.sentence
    assert shipped_file.read_text() == "as it was"


def test_an_archive_without_the_lists_changes_nothing(shipped_file: Path, tmp_path: Path) -> None:
    with ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("a/README.md", "x")
    (tmp_path / "torn.zip").write_bytes(b"PK")
    for name, sentence in (("other.zip", "does not contain AIAssistants.yml"), ("torn.zip", "cannot be read")):
        with pytest.raises(PixelstatError) as error:
            refresh_referrers.main(str(tmp_path / name), "2026-09-30")
        assert sentence in error.value.sentence
    assert shipped_file.read_text() == "as it was"


def test_the_list_of_referrers_is_made_from_three_lists_of_matomo() -> None:
    assistants = {"ChatGPT": ["chatgpt.com"], "Grok": ["grok.com", "x.com/i/grok"]}
    socials = {"Google%2B": ["plus.google.com ", "plus.google.com"], "Windows Live Spaces": ["login.live.com"]}
    engines = {
        "Google": [
            {"urls": ["www.Google.com", "google.{}"], "params": ["q", "/s\\/(.*)/"], "hiddenkeyword": ["/"]},
            {"urls": ["android-app//com.google.app/https/www.google.com"], "params": ["q"]},
        ],
        "Paths": [{"urls": ["paths.example/search"], "params": ["q"]}],
        "Patterns": [{"urls": ["patterns.example"], "params": ["/s\\/(.*)/"]}],
        "Hidden": [{"urls": ["hidden.example"], "params": [], "hiddenkeyword": ["/.*/"]}],
    }
    assert list(build_entries(assistants, socials, engines)) == [
        {"kind": "ai", "name": "chatgpt", "hosts": ["chatgpt.com"]},
        {"kind": "ai", "name": "grok", "hosts": ["grok.com"]},
        {"kind": "social", "name": "google+", "hosts": ["plus.google.com"]},
        {"kind": "search", "name": "google", "hosts": ["google.com", "google.{}"], "keys": ["q"], "always": True},
        {"kind": "search", "name": "google", "hosts": ["com.google.app"], "keys": ["q"], "always": False},
        {"kind": "search", "name": "hidden", "hosts": ["hidden.example"], "keys": [], "always": True},
    ]


def test_a_source_is_known_by_its_name_and_by_its_host() -> None:
    assert [kind_of(name) for name in ("google", "www.google.fr", "yahoo!", "x.com", "le chat", "youtu.be", "who")] == [
        "search",
        "search",
        "search",
        "social",
        "ai",
        "video",
        None,
    ]


# Source categories as Google Analytics 4 documents them, of sites that Matomo's list lacks or puts elsewhere.
CATEGORIES = {
    "search": ["yahoo.co.jp", "msn.com", "news.google.com", "play.google.com", "rakuten", "cnn", "onet.pl", "seznam.cz", "naver"],
    "social": ["bit.ly", "medium.com", "getpocket.com", "tripadvisor", "yelp.com", "stackexchange", "wordpress", "t.co", "wechat"],
    "video": ["hulu", "disneyplus.com", "crunchyroll.com", "fast.wistia.net", "player.vimeo.com", "twitch", "ted.com", "youku"],
    "shopping": ["stripe.com", "checkout.stripe.com", "shopify", "igshopping", "google_shopping", "amazon.co.uk", "shop.app"],
    "email": ["mail.google.com", "outlook.live.com", "email.seznam.cz"],  # kinds that Google Analytics 4 does not have
    "ai": ["chatgpt.com", "perplexity", "copilot.microsoft.com", "claude.ai"],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "source"), [(kind, source) for kind, names in CATEGORIES.items() for source in names])
def test_the_source_categories_of_google_analytics_decide(kind: str, source: str) -> None:
    assert kind_of(source) == kind


def test_a_listed_site_with_its_own_keys_keeps_them() -> None:
    assert classify_referrer("search.naver.com", "query=tea").keyword == "tea"
