"""Add source, medium, keyword and channel to events: where the visitor came from, as the event itself shows it.

Source and medium come from one place, the first of these that names any: the campaign parameters of the page's address,
the click id that an ad network left there, a parameter such as `ref`, the referrer. `source_basis` says which it was.
An event that names nothing from outside has null in all columns. It never gets "direct", because a single event cannot
know that a visit was direct.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import polars as pl

from pixelstat.enrich.referrers import (
    GATEWAY_PATHS,
    SECOND_LEVEL_LABELS,
    SHARED_DOMAINS,
    Source,
    classify_referrer,
    is_gateway,
    kind_of,
    mask_gateway_page,
)
from pixelstat.frames.columns import internal
from pixelstat.frames.lookup import map_distinct_rows, replace_where
from pixelstat.frames.query_string import parameter, percent_decode_all
from pixelstat.vocabulary import is_email_event

ATTRIBUTION = ("source", "medium", "keyword", "channel")  # the columns that say where a visitor came from
MAX_QUERY_LENGTH = 2_048  # characters of a referrer's query that are read: hostile ones are megabytes long

MATOMO = "(?:mtm|pk|piwik|matomo)_"
ALIASES = {  # parameters of the page's address beside utm_*
    "source": (f"{MATOMO}source",),
    "medium": (f"{MATOMO}medium",),
    "campaign": (f"{MATOMO}(?:campaign|cpn)",),
    "keyword": (f"{MATOMO}(?:keyword|kwd)",),
    "ref": ("source", "ref"),  # weaker than a campaign: sites use these names for much else
}

# What `source_basis` can be. A campaign on a link of one's own pages is no way to the site: one on a link from another
# host of the site counts only where a visit begins, and one on a link between pages of one host never does.
CAMPAIGN, OWN_CAMPAIGN, OWN_LINK = "campaign", "own_campaign", "own_link"
CLICK_ID, REF, REFERRER = "click_id", "ref", "referrer"

GOOGLE_ADS = ("gclid", "gbraid", "wbraid", "gad_source", "gad_campaignid", "gclsrc")
ADOBE_ADS = "s_kwcid"  # in links of any network, beside its own click id
YAHOO_JAPAN = "yclid of yahoo! japan"  # which has the parameter's name in common with Yandex
# Click id, in lower case -> the source and medium that it means. Those of Google Ads come first, that of Adobe last.
CLICK_IDS = {
    **dict.fromkeys((*GOOGLE_ADS, ADOBE_ADS), ("google", "cpc")),
    "msclkid": ("bing", "cpc"),
    "yclid": ("yandex", "cpc"),
    YAHOO_JAPAN: ("yahoo! japan", "cpc"),
    "bd_vid": ("baidu", "cpc"),
    "qhclickid": ("360search", "cpc"),
    **dict.fromkeys(("n_ad_group", "n_campaign_type"), ("naver", "cpc")),
    "dclid": ("google", "display"),
    "dicbo": ("outbrain", "display"),
    "tblci": ("taboola", "display"),
    "ttclid": ("tiktok", "cpc"),
    "twclid": ("twitter", "cpc"),
    "li_fat_id": ("linkedin", "cpc"),
    "rdt_cid": ("reddit", "cpc"),
    "epik": ("pinterest", "cpc"),
    "sccid": ("snapchat", "cpc"),
    "qclid": ("quora", "cpc"),
    "ndclid": ("nextdoor", "cpc"),
    "gdt_vid": ("tencent", "cpc"),
    **dict.fromkeys(("irclickid", "irclid"), ("impact", "affiliate")),
    **dict.fromkeys(("awc", "zanpid"), ("awin", "affiliate")),
    "cjevent": ("cj", "affiliate"),
    **dict.fromkeys(("ranmid", "raneaid", "ransiteid"), ("rakuten advertising", "affiliate")),
    "tduid": ("tradedoubler", "affiliate"),
    "sscid": ("shareasale", "affiliate"),
    "admitad_uid": ("admitad", "affiliate"),
    "clickref": ("partnerize", "affiliate"),
    **dict.fromkeys(("mc_cid", "mc_eid"), ("mailchimp", "email")),
    **dict.fromkeys(("_hsenc", "_hsmi"), ("hubspot", "email")),
    "mkt_tok": ("marketo", "email"),
    **dict.fromkeys(("_kx", "_ke"), ("klaviyo", "email")),
    **dict.fromkeys(("vero_id", "vero_conv"), ("vero", "email")),
    **dict.fromkeys(("ml_subscriber", "ml_subscriber_hash"), ("mailerlite", "email")),
    **dict.fromkeys(("oly_enc_id", "oly_anon_id"), ("omeda", "email")),
    "vgo_ee": ("activecampaign", "email"),
    "ck_subscriber_id": ("kit", "email"),
    "dm_i": ("dotdigital", "email"),
    **dict.fromkeys(("bsft_eid", "bsft_clkid"), ("blueshift", "email")),
    "elqtrackid": ("eloqua", "email"),
    "omnisendcontactid": ("omnisend", "email"),
    **dict.fromkeys(("trk_contact", "trk_msg"), ("listrak", "email")),
    "spmailingid": ("acoustic", "email"),
    "__s": ("drip", "email"),
}
WEAK_CLICK_IDS = {  # Meta adds them to every link, Google and Yandex to results of searches; people pass them on
    "fbclid": ("facebook", "social"),
    **dict.fromkeys(("igshid", "igsh"), ("instagram", "social")),
    "srsltid": ("google", "organic"),
    "ysclid": ("yandex", "organic"),
}
_NAMES = [name for names in ALIASES.values() for name in names]
_MARKED = rf"(?:^|&)(?:(?:{'|'.join(_NAMES)})=|(?i:{'|'.join([*CLICK_IDS, *WEAK_CLICK_IDS])})=)"
_HOST = (  # for browsers a backslash ends a host like a slash
    r"(?i)^(?:(?:https?|android-app|ios-app):)?//(?:[^/?#\\]*@)?([^/?#\\:@\[\]%\s]+|\[[0-9a-f:.]+\])(?:[:/?#\\]|$)"
)
# The domain that its owner registered, of a host below it. A label of three letters may be like `com` in `com.br`.
_REGISTERED_DOMAIN = rf"\.((?:[^.]{{4,}}|[^.]+\.(?:{'|'.join(SECOND_LEVEL_LABELS)}|ac|gov|ne|or))\.[^.]+)$"
_ATTRIBUTION_TYPE = pl.Struct(dict.fromkeys(("source", "medium", "keyword", "channel", "source_basis"), pl.String))
_ATTRIBUTION = internal("attribution")
_NAMED_SOURCE, _NAMED_MEDIUM, _NAMED_CAMPAIGN = map(internal, ("named source", "named medium", "named campaign"))
_REF = internal("ref")
_CLICK_ID = internal("click id")
_IS_FROM_OWN_SITE, _IS_FROM_OWN_HOST = internal("referrer is an own page"), internal("referrer is of the same host")
_LANDING_QUERY = internal("landing query")
_OTHER_REFERRER = internal("referrer of another site")
_REFERRER_HOST = internal("referrer host")
_REFERRER_QUERY = internal("referrer query")


def _landing(name: str) -> str:
    """Return the internal column of a landing parameter."""
    return internal(f"landing {name}")


def add_channels(
    events: pl.LazyFrame, own_hosts: Sequence[str] = (), ignored_hosts: Sequence[str] = ()
) -> pl.LazyFrame:
    """Add ATTRIBUTION and `source_basis` to EVENTS; null where the event names nothing from outside.

    Source and medium are in lower case. `own_hosts` are sites of the user, in lower case: they and the hosts below them
    do not count as outside. Visitors only pass through `ignored_hosts` and the hosts below them, as through a gateway.
    """
    named = {
        _NAMED_SOURCE: pl.coalesce("utm_source", _landing("source")),
        _NAMED_MEDIUM: pl.coalesce("utm_medium", _landing("medium")),
        _NAMED_CAMPAIGN: pl.coalesce("utm_campaign", _landing("campaign")),
        _REF: pl.col(_landing("ref")),
    }
    columns = [*named, _CLICK_ID, _REFERRER_HOST, _REFERRER_QUERY]
    attribution = pl.col(_ATTRIBUTION).struct
    basis, is_campaign = attribution.field("source_basis"), attribution.field("source_basis") == CAMPAIGN
    determine = partial(determine_source, ignored_hosts=frozenset(ignored_hosts))
    return (
        add_landing_parameters(add_external_referrer(events, own_hosts))
        .with_columns(_clean(text).alias(name) for name, text in named.items())
        .with_columns(map_distinct_rows(columns, determine, _ATTRIBUTION_TYPE).alias(_ATTRIBUTION))
        .with_columns(
            attribution.field("source", "medium", "channel"),
            keyword=pl.coalesce("utm_term", _landing("keyword"), attribution.field("keyword")),
            source_basis=pl.when(is_campaign & pl.col(_IS_FROM_OWN_HOST))
            .then(pl.lit(OWN_LINK))
            .when(is_campaign & pl.col(_IS_FROM_OWN_SITE))
            .then(pl.lit(OWN_CAMPAIGN))
            .otherwise(basis),
        )
    )


def _clean(text: pl.Expr) -> pl.Expr:
    """Return the text in lower case without blanks around it; null for nothing else."""
    bare = text.str.to_lowercase().str.strip_chars()
    return pl.when(bare != "").then(bare)


def add_landing_parameters(events: pl.LazyFrame) -> pl.LazyFrame:
    """Add what the query of the page's address says about the source of the visitor, beside utm_*.

    The internal columns are a decoded one for each of ALIASES, and the click id in lower case. They are null for events
    of mails: the page that a mail is read on is the page of a webmail.
    """
    query, landing = pl.col("page_query"), pl.col(_LANDING_QUERY)
    is_marked = query.str.contains(_MARKED) & ~is_email_event()
    own_names = CLICK_IDS.keys() - {*GOOGLE_ADS, ADOBE_ADS, YAHOO_JAPAN}
    click_id = pl.coalesce(
        landing.str.extract(rf"(?i)(?:^|&)({'|'.join(names)})=[^&{{%]").str.to_lowercase()
        for names in (GOOGLE_ADS, sorted(own_names), [ADOBE_ADS], WEAK_CLICK_IDS)
    )
    is_japanese = (click_id == "yclid") & landing.str.contains(r"(?i)(?:^|&)yclid=y(?:ss|jad)\.")
    # A page of the site itself is no source: `?ref=footer` on its own link names none.
    outer = pl.when(~pl.col(_IS_FROM_OWN_SITE)).then(landing)
    marked = events.with_columns(pl.when(is_marked).then(query).alias(_LANDING_QUERY)).with_columns(
        pl.when(is_japanese).then(pl.lit(YAHOO_JAPAN)).otherwise(click_id).alias(_CLICK_ID),
        *(
            parameter(outer if name == "ref" else landing, names).alias(_landing(name))
            for name, names in ALIASES.items()
        ),
    )
    return percent_decode_all(marked, map(_landing, ALIASES))


def add_external_referrer(events: pl.LazyFrame, own_hosts: Sequence[str] = ()) -> pl.LazyFrame:
    """Add the host and the query of the referrer, as internal columns, where the referrer lies outside.

    Both are null without a referrer, and for a referrer that is not an address of a site or an app. They are null, too,
    for the user's sites: all hosts of the registered domain of the event's host, the hosts above it, and `own_hosts`
    with all hosts below them. A domain that many owners share is nobody's registered domain. For a page that is a
    gateway the host is GATEWAY_PAGE. Two further columns say whether the referrer is one of the user's sites, and
    whether it has the host of the event.
    """
    referrer, referrer_host = pl.col("referrer"), pl.col(_REFERRER_HOST)
    # Most referrers are pages of the same site. A cheap comparison spares them the expensive expressions.
    is_same_site = referrer.str.starts_with("https://" + pl.col("host") + "/").fill_null(value=False)
    host = pl.col(_OTHER_REFERRER).str.extract(_HOST).str.to_lowercase().str.strip_chars_end(".")
    other_host = pl.when(referrer_host.is_not_null()).then(pl.col("host"))
    event_host, bare_host = other_host.str.strip_prefix("www."), referrer_host.str.strip_prefix("www.")
    is_same_host = (bare_host == event_host).fill_null(value=False)
    is_above = event_host.str.ends_with("." + bare_host) & ~bare_host.is_in(SHARED_DOMAINS)
    domain = event_host.str.extract(_REGISTERED_DOMAIN)
    is_beside = bare_host.str.ends_with("." + domain) & ~domain.is_in(SHARED_DOMAINS)
    is_own = bare_host.str.ends_with("." + event_host) | is_above
    if own_hosts:
        is_own |= bare_host.str.contains(rf"^(?:.*\.)?(?:{'|'.join(map(re.escape, own_hosts))})$")
    is_own = is_same_host | is_own.fill_null(value=False) | is_beside.fill_null(value=False)
    is_outside = referrer_host.str.len_bytes().is_between(1, 253) & ~is_own
    return (
        events.with_columns(pl.when(~is_same_site).then(referrer).alias(_OTHER_REFERRER))
        .pipe(replace_where, [_OTHER_REFERRER], lambda text: text.str.contains_any(GATEWAY_PATHS), mask_gateway_page)
        .with_columns(host.alias(_REFERRER_HOST))
        .with_columns(
            pl.when(is_outside).then(referrer_host),
            (is_same_site | is_own).alias(_IS_FROM_OWN_SITE),
            (is_same_site | is_same_host).alias(_IS_FROM_OWN_HOST),
        )
        .with_columns(
            pl.when(referrer_host.is_not_null()).then(referrer.str.extract(r"^[^?#]*\?([^#]*)")).alias(_REFERRER_QUERY)
        )
        .with_columns(pl.col(_REFERRER_QUERY).str.head(MAX_QUERY_LENGTH))
    )


def determine_source(*values: str | None, ignored_hosts: frozenset[str] = frozenset()) -> dict[str, str | None]:
    """Determine source, medium, keyword, channel and source basis from the parameters and the referrer of an event.

    `values` are source, medium and campaign of the parameters, the source that a parameter such as `ref` names, all in
    lower case, the click id, and host and query of the referrer. The keyword comes from the referrer alone.
    """
    source, medium, campaign, ref, click_id, host, query = values
    is_passage = host is not None and (is_gateway(host) or _is_covered(host, ignored_hosts))
    referrer = classify_referrer(host, query) if host and not is_passage else Source(None, None, None)
    ad, link = CLICK_IDS.get(click_id or ""), WEAK_CLICK_IDS.get(click_id or "")
    origin: tuple[str | None, str | None] = (None, None)
    basis = None
    if source:
        # The one mixture: whoever tags ads by hand often leaves the medium to the network.
        origin, basis = (source, medium or (ad[1] if ad and is_paid(ad[1]) else None)), CAMPAIGN
    elif ad:
        origin, basis = ad, CLICK_ID
    elif medium or campaign:
        origin, basis = (None, medium), CAMPAIGN
    elif ref and not link and not is_passage:  # behind a gateway it is the number of a payment
        origin, basis = (ref, None), REF
    elif referrer.medium:
        origin, basis = referrer[:2], REFERRER
    elif link:
        origin, basis = link, CLICK_ID
    return {
        "source": origin[0],
        "medium": origin[1],
        "keyword": referrer.keyword,
        "channel": channel_of(*origin, campaign),
        "source_basis": basis,
    }


def _is_covered(host: str, hosts: frozenset[str]) -> bool:
    """Return whether the host is one of these hosts, or below one."""
    labels = host.split(".")
    return any(".".join(labels[start:]) in hosts for start in range(len(labels)))


def is_paid(medium: str) -> bool:
    """Return whether the medium, in lower case, is a paid one."""
    return bool(re.fullmatch(r"(?s).*cp.*|ppc|retargeting|paid.*", medium))


class Touch(NamedTuple):
    """The columns that the channel rules read, in lower case. An empty text means no value."""

    source: str
    medium: str
    campaign: str
    kind: str | None  # of the source: search, social, ...; None for an unknown source

    @property
    def is_paid(self) -> bool:
        """Return whether the medium is a paid one."""
        return is_paid(self.medium)

    @property
    def is_shopping(self) -> bool:
        """Return whether source or campaign is about shopping."""
        return self.kind == "shopping" or bool(re.search(r"(?:[^a-df-z]|^)shop|shopping", self.campaign))


DISPLAY = ("display", "banner", "expandable", "interstitial", "cpm")
SOCIAL = ("social", "social-network", "social-media", "sm", "social network", "social media")
EMAIL = ("email", "e-mail", "e_mail", "e mail")
RULES: Sequence[tuple[str, Callable[[Touch], bool]]] = (
    ("Cross-network", lambda touch: "cross-network" in touch.campaign),
    ("Paid Shopping", lambda touch: touch.is_paid and touch.is_shopping),
    ("Paid Search", lambda touch: touch.is_paid and touch.kind == "search"),
    ("Paid Social", lambda touch: touch.is_paid and touch.kind == "social"),
    ("Paid Video", lambda touch: touch.is_paid and touch.kind == "video"),
    ("Display", lambda touch: touch.medium in DISPLAY),
    ("Paid Other", lambda touch: touch.is_paid),
    ("AI Assistants", lambda touch: touch.kind == "ai" or touch.medium == "ai-assistant"),
    ("Organic Shopping", lambda touch: touch.is_shopping),
    ("Organic Social", lambda touch: touch.kind == "social" or touch.medium in SOCIAL),
    ("Organic Video", lambda touch: touch.kind == "video" or "video" in touch.medium),
    ("Organic Search", lambda touch: touch.kind == "search" or touch.medium == "organic"),
    ("Email", lambda touch: touch.source in EMAIL or touch.medium in EMAIL),
    ("Affiliates", lambda touch: touch.medium == "affiliate"),
    ("Referral", lambda touch: touch.medium in ("referral", "app", "link")),
    ("Audio", lambda touch: touch.medium == "audio"),
    ("SMS", lambda touch: "sms" in (touch.source, touch.medium)),
    (
        "Mobile Push",
        lambda touch: (
            touch.medium.endswith("push")
            or "mobile" in touch.medium
            or "notification" in touch.medium
            or touch.source == "firebase"
        ),
    ),
)


def channel_of(source: str | None, medium: str | None, campaign: str | None) -> str | None:
    """Return the channel of a source and a medium, in lower case, and a campaign: the first rule that holds.

    Returns Unassigned if no rule holds, and None without any value or for a direct visit. The rules are the default
    channel groups of Google Analytics 4 (support.google.com/analytics/answer/9756891). They differ in AI Assistants, an
    additional group after the paid ones, and in the lists of sources, which are those of `referrers`.
    """
    if not (source or medium or campaign) or (source == "(direct)" and medium in ("(none)", "(not set)")):
        return None
    touch = Touch(source or "", medium or "", (campaign or "").lower(), kind_of(source or ""))
    return next((channel for channel, matches in RULES if matches(touch)), "Unassigned")
