"""Channels: source, medium, keyword and channel of one event."""

from itertools import product
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelstat.enrich import channels
from pixelstat.enrich.channels import ATTRIBUTION, CLICK_IDS, WEAK_CLICK_IDS, YAHOO_JAPAN, add_channels, channel_of
from pixelstat.schemas import DERIVED, EVENTS
from tests.builders import hit, log
from tests.run import export_rows, run_in_process

READ = pl.Schema({name: dtype for name, dtype in EVENTS.items() if name not in DERIVED})


def touches(*events: dict[str, str | None], own_hosts: tuple[str, ...] = ()) -> list[tuple[str | None, ...]]:
    usual: dict[str, str | None] = {"event": "page_view", "host": "shop.example"}
    rows = [usual | event for event in events]
    return add_channels(pl.LazyFrame(rows, schema=READ), own_hosts).select(ATTRIBUTION).collect().rows()


def touch(own_hosts: tuple[str, ...] = (), **event: str | None) -> tuple[str | None, ...]:
    return touches(event, own_hosts=own_hosts)[0]


# -- channels -----------------------------------------------------------------------------------------------------------

# source, medium, campaign: the channel. One block a rule of GA4's table, in its order.
TABLE: list[tuple[str | None, str | None, str | None, str | None]] = [
    ("(direct)", "(none)", None, None),
    ("(direct)", "(not set)", None, None),
    ("(direct)", "cpc", None, "Paid Other"),
    ("google", "cpc", "2026 Cross-network spring", "Cross-network"),
    ("amazon", "cpc", None, "Paid Shopping"),
    ("google", "ppc", "shopping-brand", "Paid Shopping"),
    ("google", "cpc", "eshop", "Paid Shopping"),
    ("google", "cpc", "my shop", "Paid Shopping"),
    ("google", "cpc", "workshop", "Paid Search"),
    ("google", "cpc", None, "Paid Search"),
    ("google.de", "paid-search", None, "Paid Search"),
    ("yahoo", "ppc", None, "Paid Search"),
    ("duckduckgo", "retargeting", None, "Paid Search"),
    ("facebook", "cpc", None, "Paid Social"),
    ("fb", "paidsocial", None, "Paid Social"),
    ("m.facebook.com", "cpm", None, "Paid Social"),
    ("youtube", "cpv", None, "Paid Video"),
    ("youtube.com", "cpc", None, "Paid Video"),
    ("newspaper", "display", None, "Display"),
    ("newspaper", "banner", None, "Display"),
    ("newspaper", "expandable", None, "Display"),
    ("newspaper", "interstitial", None, "Display"),
    ("newspaper", "cpm", None, "Display"),
    ("newspaper", "cpc", None, "Paid Other"),
    ("newspaper", "ppc", None, "Paid Other"),
    ("newspaper", "unpaid", None, "Unassigned"),
    ("chatgpt", "cpc", None, "Paid Other"),
    ("chatgpt.com", None, None, "AI Assistants"),
    ("perplexity", "referral", None, "AI Assistants"),
    ("anything", "ai-assistant", None, "AI Assistants"),
    ("ebay.co.uk", "referral", None, "Organic Shopping"),
    ("newspaper", "referral", "shopping", "Organic Shopping"),
    ("newspaper", "social", None, "Organic Social"),
    ("newspaper", "social-network", None, "Organic Social"),
    ("newspaper", "social-media", None, "Organic Social"),
    ("newspaper", "sm", None, "Organic Social"),
    ("newspaper", "social network", None, "Organic Social"),
    ("newspaper", "social media", None, "Organic Social"),
    ("ig", "story", None, "Organic Social"),
    ("linkedin", "email", None, "Organic Social"),
    ("vimeo", "referral", None, "Organic Video"),
    ("newspaper", "online-video", None, "Organic Video"),
    ("bing", None, None, "Organic Search"),
    ("newspaper", "organic", None, "Organic Search"),
    ("email", None, None, "Email"),
    ("newsletter", "email", None, "Email"),
    ("newsletter", "e-mail", None, "Email"),
    ("newsletter", "e_mail", None, "Email"),
    ("e mail", "spring", None, "Email"),
    ("partner", "affiliate", None, "Affiliates"),
    ("rakuten advertising", "affiliate", None, "Affiliates"),
    ("rakuten", "affiliate", None, "Organic Search"),
    ("stripe", "referral", None, "Organic Shopping"),
    ("blog.example", "referral", None, "Referral"),
    ("reader", "app", None, "Referral"),
    ("reader", "link", None, "Referral"),
    ("podcast", "audio", None, "Audio"),
    ("sms", None, None, "SMS"),
    ("twilio", "sms", None, "SMS"),
    ("app", "web-push", None, "Mobile Push"),
    ("app", "in-mobile", None, "Mobile Push"),
    ("app", "notifications", None, "Mobile Push"),
    ("firebase", None, None, "Mobile Push"),
    ("newsletter", None, None, "Unassigned"),
    (None, None, "spring", "Unassigned"),
    (None, None, None, None),
]


@pytest.mark.parametrize(("source", "medium", "campaign", "channel"), TABLE)
def test_the_first_rule_that_holds_makes_the_channel(
    source: str | None, medium: str | None, campaign: str | None, channel: str | None
) -> None:
    assert channel_of(source, medium, campaign) == channel
    assert touch(utm_source=source, utm_medium=medium, utm_campaign=campaign)[3] == channel


def test_every_channel_rule_is_in_the_table() -> None:
    assert {name for name, _ in channels.RULES} == {row[3] for row in TABLE} - {None, "Unassigned"}


# -- click ids ----------------------------------------------------------------------------------------------------------

NAMES_OF_CHANNELS = {
    "Paid Search": "gclid gbraid wbraid gad_source gad_campaignid gclsrc s_kwcid msclkid yclid bd_vid qhclickid n_ad_group "
    "n_campaign_type",
    "Paid Social": "ttclid twclid li_fat_id rdt_cid epik sccid qclid ndclid gdt_vid",
    "Display": "dclid dicbo tblci",
    "Affiliates": "irclickid irclid awc zanpid cjevent ranmid raneaid ransiteid tduid sscid admitad_uid clickref",
    "Email": "mc_cid mc_eid _hsenc _hsmi mkt_tok _kx _ke vero_id vero_conv ml_subscriber ml_subscriber_hash oly_enc_id "
    "oly_anon_id vgo_ee ck_subscriber_id dm_i bsft_eid bsft_clkid elqtrackid omnisendcontactid trk_contact trk_msg "
    "spmailingid __s",
    "Organic Social": "fbclid igshid igsh",
    "Organic Search": "srsltid ysclid",
}
CHANNELS = {name: channel for channel, names in NAMES_OF_CHANNELS.items() for name in names.split()}


@pytest.mark.parametrize("name", CHANNELS)
def test_a_click_id_decides_source_medium_and_channel(name: str) -> None:
    source, medium = {**CLICK_IDS, **WEAK_CLICK_IDS}[name]
    assert touch(page_query=f"a=1&{name}=Cj0K") == (source, medium, None, CHANNELS[name])
    assert touch(page_query=f"{name.upper()}=Cj0K")[3] == CHANNELS[name]


def test_every_click_id_has_a_channel() -> None:
    assert {*CLICK_IDS, *WEAK_CLICK_IDS} - {YAHOO_JAPAN} == CHANNELS.keys()


def test_the_manual_names_every_click_id() -> None:
    topic = (Path(channels.__file__).parents[1] / "manual" / "channels.md").read_text("utf-8")
    assert [name for name in CHANNELS if f"`{name}`" not in topic] == []


def test_two_networks_call_their_click_id_alike() -> None:
    assert touch(page_query="yclid=6841234567890")[:2] == ("yandex", "cpc")
    assert touch(page_query="yclid=YSS.1000123.EAIaIQ") == ("yahoo! japan", "cpc", None, "Paid Search")
    assert touch(page_query="yclid=YJAD.1725.abc")[:2] == ("yahoo! japan", "cpc")
    assert touch(page_query="yclid=yjad")[:2] == ("yandex", "cpc")


def test_the_network_of_an_ad_comes_before_the_tool_that_manages_it() -> None:
    assert touch(page_query="s_kwcid=AL!1!10!2&msclkid=3")[:2] == ("bing", "cpc")


@pytest.mark.parametrize("query", ["gclid=", "gclid", "xgclid=1", "gclid={gclid}", "gclid=%7Bgclid%7D", "a=gclid=1"])
def test_a_parameter_that_only_looks_like_a_click_id_is_ignored(query: str) -> None:
    assert touch(page_query=query) == (None, None, None, None)


def test_a_paid_click_id_outranks_those_that_are_on_every_link() -> None:
    assert touch(page_query="fbclid=1&srsltid=2&gclid=3")[:2] == ("google", "cpc")


def test_a_medium_of_a_campaign_is_not_mixed_with_the_site_of_a_click_id() -> None:
    assert touch(page_query="fbclid=1", utm_medium="CPC") == (None, "cpc", None, "Paid Other")
    assert touch(page_query="gclid=1", utm_medium="email")[:2] == ("google", "cpc")


def test_the_referrer_decides_which_site_of_meta_a_click_is_from() -> None:
    assert touch(page_query="fbclid=1", referrer="https://l.instagram.com/")[0] == "instagram"
    assert touch(page_query="fbclid=1", referrer="https://www.google.com/")[:2] == ("google", "organic")
    assert touch(page_query="srsltid=1", referrer="https://www.google.com/")[3] == "Organic Search"


def test_google_ads_outrank_other_click_ids_in_any_order() -> None:
    assert touch(page_query="dclid=1&gclid=2")[:2] == ("google", "cpc")
    assert touch(page_query="gclid=2&dclid=1")[:2] == ("google", "cpc")


# -- which tells first --------------------------------------------------------------------------------------------------


def test_campaign_parameters_come_before_click_ids_and_those_before_the_referrer() -> None:
    google = "https://www.google.com/search?q=kettle"
    assert touches(
        {"utm_source": "Newsletter", "utm_medium": "Email", "page_query": "gclid=1", "referrer": google},
        {"page_query": "msclkid=1", "referrer": google},
        {"referrer": google},
        {},
    ) == [
        ("newsletter", "email", "kettle", "Email"),
        ("bing", "cpc", "kettle", "Paid Search"),
        ("google", "organic", "kettle", "Organic Search"),
        (None, None, None, None),
    ]


FACEBOOK, GOOGLE = "https://l.facebook.com/", "https://www.google.com/"


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"utm_source": "newsletter", "referrer": GOOGLE}, ("newsletter", None, "Unassigned", "campaign")),
        ({"page_query": "ref=producthunt", "referrer": FACEBOOK}, ("producthunt", None, "Unassigned", "ref")),
        ({"utm_medium": "email", "referrer": GOOGLE}, (None, "email", "Email", "campaign")),
        ({"utm_campaign": "spring", "referrer": GOOGLE}, (None, None, "Unassigned", "campaign")),
        ({"utm_campaign": "spring", "page_query": "gclid=1"}, ("google", "cpc", "Paid Search", "click_id")),
        ({"utm_campaign": "spring", "page_query": "ref=b"}, (None, None, "Unassigned", "campaign")),
        ({"utm_campaign": "spring"}, (None, None, "Unassigned", "campaign")),
        ({"utm_medium": "paid", "referrer": FACEBOOK}, (None, "paid", "Paid Other", "campaign")),
        ({"utm_source": "adwords", "page_query": "gclid=1"}, ("adwords", "cpc", "Paid Search", "campaign")),
        ({"utm_source": "news", "page_query": "fbclid=1"}, ("news", None, "Unassigned", "campaign")),
        ({"utm_source": "news", "page_query": "mc_cid=1"}, ("news", None, "Unassigned", "campaign")),
        ({"page_query": "ref=friend&gclid=1"}, ("google", "cpc", "Paid Search", "click_id")),
        ({"page_query": "ref=friend&fbclid=1"}, ("facebook", "social", "Organic Social", "click_id")),
        (
            {"page_query": "ref=friend&fbclid=1", "referrer": GOOGLE},
            ("google", "organic", "Organic Search", "referrer"),
        ),
        ({"page_query": "ref=PAY-7", "referrer": "https://www.mollie.com/"}, (None, None, None, None)),
        ({"utm_source": " NL ", "utm_medium": "Email "}, ("nl", "email", "Email", "campaign")),
        ({"page_query": "ref=footer", "referrer": "https://shop.example/"}, (None, None, None, None)),
        ({"page_query": "ref=footer", "referrer": "http://www.shop.example/"}, (None, None, None, None)),
        ({"utm_source": "home", "referrer": "https://shop.example/"}, ("home", None, "Unassigned", "own_link")),
        ({"utm_source": "home", "referrer": "http://www.shop.example"}, ("home", None, "Unassigned", "own_link")),
        ({"utm_source": "home", "referrer": "https://go.shop.example/"}, ("home", None, "Unassigned", "own_campaign")),
        ({"page_query": "gclid=1", "referrer": "https://shop.example/"}, ("google", "cpc", "Paid Search", "click_id")),
        ({"referrer": FACEBOOK}, ("facebook", "social", "Organic Social", "referrer")),
        ({"referrer": "https://www.paypal.com/checkoutnow"}, (None, None, None, None)),
    ],
)
def test_source_and_medium_come_from_the_first_that_names_either(
    event: dict[str, str | None], expected: tuple[str | None, ...]
) -> None:
    row = {"event": "page_view", "host": "shop.example", **event}
    found = add_channels(pl.LazyFrame([row], schema=READ)).select("source", "medium", "channel", "source_basis")
    assert found.collect().row(0) == expected


PLACES: dict[str, list[str | None]] = {
    "utm_source": [None, "news"],
    "utm_medium": [None, "cpc", "email"],
    "utm_campaign": [None, "spring"],
    "click_id": [None, "gclid", "mc_cid", "fbclid"],
    "ref": [None, "friend"],
    "referrer": [None, "https://www.google.com/", "https://l.facebook.com/", "https://www.paypal.com/"],
}


def first_place(place: dict[str, str | None]) -> tuple[str | None, str | None, str | None]:
    """Source, medium and basis, said as a list of places from the strongest to the weakest."""
    click_id, passes = place["click_id"], place["referrer"] == "https://www.paypal.com/"
    ads = {"gclid": ("google", "cpc"), "mc_cid": ("mailchimp", "email")}
    sites = {"https://www.google.com/": ("google", "organic"), "https://l.facebook.com/": ("facebook", "social")}
    medium = place["utm_medium"] or ("cpc" if click_id == "gclid" else None)
    has_campaign = place["utm_medium"] or place["utm_campaign"]
    places = [
        (place["utm_source"], medium, "campaign") if place["utm_source"] else None,
        (*ads[click_id], "click_id") if click_id in ads else None,
        (None, place["utm_medium"], "campaign") if has_campaign else None,
        (place["ref"], None, "ref") if place["ref"] and not click_id and not passes else None,
        (*sites[place["referrer"]], "referrer") if place["referrer"] in sites else None,
        ("facebook", "social", "click_id") if click_id == "fbclid" else None,
        (None, None, None),
    ]
    return next(found for found in places if found)


def test_source_and_medium_come_from_the_first_place_of_every_combination() -> None:
    places = [dict(zip(PLACES, values, strict=True)) for values in product(*PLACES.values())]
    rows = []
    for place in places:
        query = "&".join(
            f"{name}=x" if name == place["click_id"] else f"ref={name}"
            for name in (place["click_id"], place["ref"])
            if name
        )
        rows.append({"event": "page_view", "host": "shop.example", "page_query": query, "referrer": place["referrer"]})
        rows[-1] |= {name: place[name] for name in ("utm_source", "utm_medium", "utm_campaign")}
    told = add_channels(pl.LazyFrame(rows, schema=READ)).select("source", "medium", "source_basis").collect().rows()
    assert told == [first_place(place) for place in places]


@pytest.mark.parametrize("prefix", ["mtm", "pk", "piwik", "matomo"])
def test_campaign_parameters_have_the_names_that_matomo_gives_them(prefix: str) -> None:
    query = (
        f"{prefix}_source=News%20Letter&{prefix}_medium=E-Mail&{prefix}_kwd=red+kettle&{prefix}_campaign=cross-network"
    )
    assert touch(page_query=query) == ("news letter", "e-mail", "red kettle", "Cross-network")
    assert touch(page_query=f"{prefix}_keyword=a&{prefix}_cpn=shop") == (None, None, "a", "Organic Shopping")


def test_source_and_ref_name_a_source_where_nothing_better_does() -> None:
    assert touch(page_query="ref=ProductHunt")[0] == "producthunt"
    assert touch(page_query="ref=b&mtm_source=a")[0] == "a"
    assert touch(page_query="source=bing", utm_source="news")[0] == "news"
    assert touch(page_query="href=x&resource=y") == (None, None, None, None)


def test_the_term_of_a_campaign_comes_before_what_was_searched() -> None:
    assert touch(utm_term="Booked", referrer="https://www.google.de/search?q=x")[2] == "Booked"


def test_the_page_of_an_opened_mail_has_no_source() -> None:
    assert touch(event="open", page_query="ref=inbox&gclid=1") == (None, None, None, None)
    assert touch(event="open", utm_source="news")[0] == "news"


def test_an_event_without_a_name_has_a_source_too() -> None:
    assert touch(event=None, page_query="gclid=1")[0] == "google"


# -- referrers ----------------------------------------------------------------------------------------------------------


def test_no_events_give_no_sources() -> None:
    assert touches() == []


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(st.tuples(*[st.none() | st.text(max_size=40)] * 4), max_size=5))
def test_no_text_in_an_event_breaks_the_channels(rows: list[tuple[str | None, ...]]) -> None:
    names = ("referrer", "page_query", "utm_source", "host")
    found = touches(*(dict(zip(names, row, strict=True)) for row in rows))
    assert len(found) == len(rows)
    assert all(len(told) == 4 for told in found)


# -- through the program ------------------------------------------------------------------------------------------------

LOG = log(
    hit("ann", "page_view", "10:00", p="https://shop.example/", r="https://www.google.com/"),
    hit("ann", "page_view", "10:01", p="https://shop.example/cart", r="https://shop.example/"),
    hit(
        "ben", "page_view", "10:02", p="https://shop.example/?utm_source=fb&utm_medium=cpc", r="https://l.facebook.com/"
    ),
    hit("cy", "purchase", "10:03", p="https://shop.example/", r="https://pay.example/", value="5"),
)

ALL = [
    ("google", "organic", "Organic Search"),
    (None, None, None),
    ("fb", "cpc", "Paid Social"),
    ("pay.example", "referral", "Referral"),
]


def exported_sources(folder: Path, *arguments: str) -> list[tuple[object, ...]]:
    rows = export_rows(folder, *arguments)
    return [tuple(row[name] for name in ("source", "medium", "channel")) for row in rows]


@pytest.mark.slow
def test_conditions_steps_and_explain_may_name_source_medium_and_channel(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(LOG)
    assert exported_sources(tmp_path, "a.log") == ALL
    # The condition looks at the source of the visit, so the second event of the first visit is there, too.
    assert exported_sources(tmp_path, "a.log", "--where", "channel = 'Paid Social' or source = 'google'") == ALL[:3]
    assert (
        exported_sources(tmp_path, "a.log", "--where", "visit_start is not null") == ALL
    )  # what is written is the event's own
    funnel = run_in_process(tmp_path, "funnel", "a.log", "-q", "--steps", "medium = 'organic',/cart")
    assert [line.split(",")[2] for line in funnel.stdout.splitlines()] == ["visitors", "1", "1"]
    assert "Organic Search" in run_in_process(tmp_path, "views", "a.log", "--explain", "a.log:1").stdout
    of_visit = run_in_process(tmp_path, "views", "a.log", "--explain", "a.log:1", "--where", "channel = 'Email'")
    assert (of_visit.exit, "needs whole visits" in of_visit.stderr) == (2, True)


@pytest.mark.slow
def test_the_config_may_name_the_sites_own_hosts(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(LOG)
    (tmp_path / "pixelstat.toml").write_text('own_hosts = ["www.Pay.example"]')
    assert exported_sources(tmp_path, "a.log")[3] == (None, None, None)


@pytest.mark.slow
def test_the_config_may_name_hosts_through_which_visitors_only_pass(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(LOG)
    (tmp_path / "pixelstat.toml").write_text('[sources]\nignore = ["WWW.pay.example"]')
    assert exported_sources(tmp_path, "a.log")[3] == (None, None, None)
    (tmp_path / "pixelstat.toml").write_text('[sources]\nignore = "ay.example"')
    assert exported_sources(tmp_path, "a.log") == ALL


@pytest.mark.slow
def test_custom_columns_keep_their_values(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(log(hit("ann", "page_view", "10:00", told="x", click="y", r="https://a.example/")))
    (tmp_path / "pixelstat.toml").write_text('[columns]\ntold = "told"\nclick = "click"')
    assert exported_sources(tmp_path, "a.log", "--where", "told = 'x' and click = 'y'") == [
        ("a.example", "referral", "Referral")
    ]


@pytest.mark.slow
def test_channels_of_exported_events_are_made_again(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(LOG)
    assert run_in_process(tmp_path, "events", "--reveal-ids", "a.log", "-q", "-o", "new.parquet").exit == 0
    written = pl.read_parquet(tmp_path / "new.parquet")
    assert written["channel"].to_list() == [row[2] for row in ALL]
    written.drop(DERIVED).write_parquet(tmp_path / "old.parquet")
    written.with_columns(channel=pl.lit("wrong")).write_parquet(tmp_path / "wrong.parquet")
    for name in ("new", "old", "wrong"):
        assert exported_sources(tmp_path, f"{name}.parquet") == ALL


def test_channel_columns_cost_nothing_where_no_one_uses_them() -> None:
    events = add_channels(pl.LazyFrame(schema=READ).filter(pl.col("status") == 200))
    assert "referrer query (internal)" in events.select("source").explain()
    assert "referrer query (internal)" not in events.select("event").explain()
