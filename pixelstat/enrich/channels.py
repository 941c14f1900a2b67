"""Add source, medium, keyword and channel to events: where the visitor came from, as the event itself shows it.

The first of these that names a source or a medium names both: the campaign parameters of the page's address, the click
id that an ad network left there, the referrer. `source_basis` says which it was. An event that names nothing from
outside has null in all columns. It never gets "direct", because a single event cannot know that a visit was direct.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import polars as pl

from pixelstat.enrich.referrers import SHARED_DOMAINS, Source, classify_referrer, kind_of
from pixelstat.frames.columns import internal
from pixelstat.frames.lookup import map_distinct_rows
from pixelstat.frames.query_string import parameter, percent_decode
from pixelstat.vocabulary import is_email_event

ATTRIBUTION = ("source", "medium", "keyword", "channel")  # the columns that say where a visitor came from
MAX_QUERY_LENGTH = 2_048  # characters of a referrer's query that are read: hostile ones are megabytes long

MATOMO = "(?:mtm|pk|piwik|matomo)_"
PLAIN_NAMES = ("source", "ref")
ALIASES = {  # parameters of the page's address beside utm_*; the first group with a value counts
    "source": ((f"{MATOMO}source",), PLAIN_NAMES),
    "medium": ((f"{MATOMO}medium",),),
    "campaign": ((f"{MATOMO}(?:campaign|cpn)",),),
    "keyword": ((f"{MATOMO}(?:keyword|kwd)",),),
}

# What `source_basis` can be. A link of the site's own pages has no source of its own once a visit has begun.
CAMPAIGN, OWN_CAMPAIGN, CLICK_ID, REFERRER = "campaign", "own_campaign", "click_id", "referrer"

GOOGLE_ADS = ("gclid", "gbraid", "wbraid", "gad_source", "s_kwcid", "gclsrc")
# Click id, in lower case -> the source and medium that it means. Those of Google Ads come first.
CLICK_IDS = {
    **dict.fromkeys(GOOGLE_ADS, ("google", "cpc")),
    "msclkid": ("bing", "cpc"),
    "yclid": ("yandex", "cpc"),
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
    **dict.fromkeys(("irclickid", "irclid"), ("impact", "affiliate")),
    "awc": ("awin", "affiliate"),
    "cjevent": ("cj", "affiliate"),
    "ranmid": ("rakuten", "affiliate"),
    **dict.fromkeys(("mc_cid", "mc_eid"), ("mailchimp", "email")),
    **dict.fromkeys(("_hsenc", "_hsmi"), ("hubspot", "email")),
    "mkt_tok": ("marketo", "email"),
    "_kx": ("klaviyo", "email"),
    **dict.fromkeys(("vero_id", "vero_conv"), ("vero", "email")),
}
WEAK_CLICK_IDS = {  # Meta adds them to every link, Google and Yandex to results of searches; people pass them on
    "fbclid": ("facebook", "social"),
    **dict.fromkeys(("igshid", "igsh"), ("instagram", "social")),
    "srsltid": ("google", "organic"),
    "ysclid": ("yandex", "organic"),
}
_NAMES = [name for groups in ALIASES.values() for group in groups for name in group]
_MARKED = rf"(?:^|&)(?:(?:{'|'.join(_NAMES)})=|(?i:{'|'.join([*CLICK_IDS, *WEAK_CLICK_IDS])})=)"
_HOST = (  # for browsers a backslash ends a host like a slash
    r"(?i)^(?:(?:https?|android-app|ios-app):)?//(?:[^/?#\\]*@)?([^/?#\\:@\[\]%\s]+|\[[0-9a-f:.]+\])(?:[:/?#\\]|$)"
)
_ATTRIBUTION_TYPE = pl.Struct(dict.fromkeys(("source", "medium", "keyword", "channel", "source_basis"), pl.String))
_ATTRIBUTION = internal("attribution")
_NAMED_SOURCE, _NAMED_MEDIUM, _NAMED_CAMPAIGN = map(internal, ("named source", "named medium", "named campaign"))
_CLICK_ID = internal("click id")
_IS_FROM_OWN_SITE = internal("referrer is an own page")
_LANDING_QUERY = internal("landing query")
_OTHER_REFERRER = internal("referrer of another site")
_REFERRER_HOST = internal("referrer host")
_REFERRER_QUERY = internal("referrer query")


def _landing(name: str) -> str:
    """Return the internal column of a landing parameter."""
    return internal(f"landing {name}")


def add_channels(events: pl.LazyFrame, own_hosts: Sequence[str] = ()) -> pl.LazyFrame:
    """Add ATTRIBUTION and `source_basis` to EVENTS; null where the event names nothing from outside.

    Source and medium are in lower case. `own_hosts` are sites of the user, in lower case: they and the hosts below them
    do not count as outside.
    """
    named = {
        _NAMED_SOURCE: pl.coalesce("utm_source", _landing("source")),
        _NAMED_MEDIUM: pl.coalesce("utm_medium", _landing("medium")),
        _NAMED_CAMPAIGN: pl.coalesce("utm_campaign", _landing("campaign")),
    }
    columns = [*named, _CLICK_ID, _REFERRER_HOST, _REFERRER_QUERY]
    attribution = pl.col(_ATTRIBUTION).struct
    is_own = (attribution.field("source_basis") == CAMPAIGN) & pl.col(_IS_FROM_OWN_SITE)
    return (
        add_landing_parameters(add_external_referrer(events, own_hosts))
        .with_columns(_clean(text).alias(name) for name, text in named.items())
        .with_columns(map_distinct_rows(columns, determine_source, _ATTRIBUTION_TYPE).alias(_ATTRIBUTION))
        .with_columns(
            attribution.field("source", "medium", "channel"),
            keyword=pl.coalesce("utm_term", _landing("keyword"), attribution.field("keyword")),
            source_basis=pl.when(is_own).then(pl.lit(OWN_CAMPAIGN)).otherwise(attribution.field("source_basis")),
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
    click_id = pl.coalesce(
        landing.str.extract(rf"(?i)(?:^|&)({'|'.join(names)})=[^&{{%]")
        for names in (GOOGLE_ADS, CLICK_IDS, WEAK_CLICK_IDS)
    )
    aliases = {_landing(name): groups for name, groups in ALIASES.items()}
    # A page of the site itself is no source: `?ref=footer` on its own link names none.
    outer = pl.when(~pl.col(_IS_FROM_OWN_SITE)).then(landing)
    marked = events.with_columns(pl.when(is_marked).then(query).alias(_LANDING_QUERY)).with_columns(
        click_id.str.to_lowercase().alias(_CLICK_ID),
        *(
            pl.coalesce(parameter(outer if group == PLAIN_NAMES else landing, group) for group in groups).alias(name)
            for name, groups in aliases.items()
        ),
    )
    return percent_decode(marked, aliases)


def add_external_referrer(events: pl.LazyFrame, own_hosts: Sequence[str] = ()) -> pl.LazyFrame:
    """Add the host and the query of the referrer, as internal columns, where the referrer lies outside.

    Both are null without a referrer, and for a referrer that is not an address of a site or an app. They are null, too,
    for the user's sites: the event's host with all hosts below and above it, and `own_hosts` with all hosts below them.
    A third column says whether the referrer is one of those. A domain that many owners share is above nobody's site.
    """
    referrer, referrer_host = pl.col("referrer"), pl.col(_REFERRER_HOST)
    # Most referrers are pages of the same site. A cheap comparison spares them the expensive expressions.
    is_same_site = referrer.str.starts_with("https://" + pl.col("host") + "/").fill_null(value=False)
    host = pl.col(_OTHER_REFERRER).str.extract(_HOST).str.to_lowercase().str.strip_chars_end(".")
    event_host, bare_host = pl.col("host").str.strip_prefix("www."), referrer_host.str.strip_prefix("www.")
    is_above = event_host.str.ends_with("." + bare_host) & ~bare_host.is_in(SHARED_DOMAINS)
    is_own = (bare_host == event_host) | bare_host.str.ends_with("." + event_host) | is_above
    if own_hosts:
        is_own |= bare_host.str.contains(rf"^(?:.*\.)?(?:{'|'.join(map(re.escape, own_hosts))})$")
    is_outside = referrer_host.str.len_bytes().is_between(1, 253) & ~is_own.fill_null(value=False)
    return (
        events.with_columns(pl.when(~is_same_site).then(referrer).alias(_OTHER_REFERRER))
        .with_columns(host.alias(_REFERRER_HOST))
        .with_columns(
            pl.when(is_outside).then(referrer_host),
            (is_same_site | is_own.fill_null(value=False)).alias(_IS_FROM_OWN_SITE),
        )
        .with_columns(
            pl.when(referrer_host.is_not_null()).then(referrer.str.extract(r"^[^?#]*\?([^#]*)")).alias(_REFERRER_QUERY)
        )
        .with_columns(pl.col(_REFERRER_QUERY).str.head(MAX_QUERY_LENGTH))
    )


def determine_source(*values: str | None) -> dict[str, str | None]:
    """Determine source, medium, keyword, channel and source basis from the parameters and the referrer of an event.

    `values` are source, medium and campaign of the parameters, in lower case, the click id, and host and query of the
    referrer. The keyword comes from the referrer alone.
    """
    source, medium, campaign, click_id, host, query = values
    referrer = classify_referrer(host, query) if host else Source(None, None, None)
    strong = CLICK_IDS.get(click_id or "", (None, None))
    origin, basis = referrer[:2], REFERRER if referrer.medium else None
    if strong[0] or (click_id and not basis):
        origin, basis = (strong if strong[0] else WEAK_CLICK_IDS[click_id or ""]), CLICK_ID
    if source or medium or (campaign and not basis):
        basis = CAMPAIGN
    if source:
        origin = source, medium or strong[1]
    elif medium:
        origin = origin[0] if is_paid(medium) else None, medium
    return {
        "source": origin[0],
        "medium": origin[1],
        "keyword": referrer.keyword,
        "channel": channel_of(*origin, campaign),
        "source_basis": basis,
    }


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
