"""Where a visitor came from, as one event itself shows it: source, medium and keyword, and the channel they make.

Of each column the first that tells it counts: the campaign parameters of the page's address, the click id that an ad
network left there, the referrer. An event that shows nothing from outside has null in all four: no event knows that
a visit was direct.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import polars as pl

from pixelstat.enrich.referrers import Source, came_from, kind_of
from pixelstat.frames.lookup import map_distinct_rows
from pixelstat.frames.query_string import parameter, percent_decode
from pixelstat.vocabulary import is_email_event

TOUCH = ("source", "medium", "keyword", "channel")  # the columns that tell where a visitor came from
LONGEST = 2_048  # characters of a referrer's query that are looked at: hostile ones run to megabytes

MATOMO = "(?:mtm|pk|piwik|matomo)_"
ALIASES = {  # what the page's address calls them beside utm_*; the first group that has a value counts
    "source": ((f"{MATOMO}source",), ("source", "ref")),
    "medium": ((f"{MATOMO}medium",),),
    "campaign": ((f"{MATOMO}(?:campaign|cpn)",),),
    "keyword": ((f"{MATOMO}(?:keyword|kwd)",),),
}

# Click id, in lower case: the source and medium that it stands for. Paid ones first: a page that an ad led to has
# others beside them.
CLICK_IDS = {
    **dict.fromkeys(("gclid", "gbraid", "wbraid", "gad_source", "s_kwcid"), ("google", "cpc")),
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
    **dict.fromkeys(("irclickid", "irclid"), ("impact", "affiliate")),
    "awc": ("awin", "affiliate"),
    "cjevent": ("cj", "affiliate"),
    "ranmid": ("rakuten", "affiliate"),
    **dict.fromkeys(("mc_cid", "mc_eid"), ("mailchimp", "email")),
    "mkt_tok": ("marketo", "email"),
    "_kx": ("klaviyo", "email"),
    **dict.fromkeys(("vero_id", "vero_conv"), ("vero", "email")),
}
WEAK_CLICK_IDS = {  # Meta adds its own to every link, Google srsltid to unpaid listings of goods
    "fbclid": ("facebook", "social"),
    "igshid": ("instagram", "social"),
    "srsltid": ("google shopping", "organic"),
}
_NAMES = [name for groups in ALIASES.values() for group in groups for name in group]
_MARKED = rf"(?:^|&)(?:(?:{'|'.join(_NAMES)})=|(?i:{'|'.join([*CLICK_IDS, *WEAK_CLICK_IDS])})=)"
_HOST = (  # a backslash ends a host as a slash does, for browsers
    r"(?i)^(?:(?:https?|android-app|ios-app):)?//(?:[^/?#\\]*@)?([^/?#\\:@\[\]%\s]+|\[[0-9a-f:.]+\])(?:[:/?#\\]|$)"
)
_TOLD = pl.Struct({"source": pl.String, "medium": pl.String, "keyword": pl.String})


def with_channels(events: pl.LazyFrame, own_hosts: Sequence[str] = ()) -> pl.LazyFrame:
    """EVENTS with `source`, `medium`, `keyword` and `channel`; null where the event shows nothing from outside.

    Source and medium are in lower case. `own_hosts` are sites of one's own, in lower case: they and what is below them
    are not outside.
    """
    told = pl.col("touch told").struct  # columns on the way have a space in their names, as no column of one's own can
    found = with_outside(with_landing(events), own_hosts)
    return (
        found.with_columns(
            map_distinct_rows(["click id", "host before", "query before"], told_by, _TOLD).alias("touch told")
        )
        .with_columns(
            pl.coalesce("utm_campaign", "landing campaign").alias("any campaign"),
            source=pl.coalesce("utm_source", "landing source", told.field("source")).str.to_lowercase(),
            medium=pl.coalesce("utm_medium", "landing medium", told.field("medium")).str.to_lowercase(),
            keyword=pl.coalesce("utm_term", "landing keyword", told.field("keyword")),
        )
        .with_columns(channel=map_distinct_rows(["source", "medium", "any campaign"], channel_of, pl.String()))
    )


def with_landing(events: pl.LazyFrame) -> pl.LazyFrame:
    """EVENTS with what the page's address tells beside utm_*: `landing source` and so on, decoded, and the `click id`.

    The page that a mail is read on is its webmail's, and tells nothing.
    """
    query, landing = pl.col("page_query"), pl.col("landing query")
    is_marked = query.str.contains(_MARKED) & ~is_email_event()
    click = pl.coalesce(
        landing.str.extract(rf"(?i)(?:^|&)({'|'.join(names)})=[^&{{%]") for names in (CLICK_IDS, WEAK_CLICK_IDS)
    )
    aliases = {f"landing {name}": groups for name, groups in ALIASES.items()}
    marked = events.with_columns(pl.when(is_marked).then(query).alias("landing query")).with_columns(
        click.str.to_lowercase().alias("click id"),
        *(pl.coalesce(parameter(landing, group) for group in groups).alias(name) for name, groups in aliases.items()),
    )
    return percent_decode(marked, aliases)


def with_outside(events: pl.LazyFrame, own_hosts: Sequence[str] = ()) -> pl.LazyFrame:
    """EVENTS with the host of their referrer as `host before` and its query as `query before`, where it lies outside.

    Null where there is none, where it is no address of a site or an app, and for one's own sites: the event's host,
    what is below and what is above it, and the `own_hosts` with what is below them.
    """
    referrer, before = pl.col("referrer"), pl.col("host before")
    # Most pages before are the site's own: they are spared what is dear.
    is_same = referrer.str.starts_with("https://" + pl.col("host") + "/").fill_null(value=False)
    host = pl.col("other referrer").str.extract(_HOST).str.to_lowercase().str.strip_chars_end(".")
    own, bare = pl.col("host").str.strip_prefix("www."), before.str.strip_prefix("www.")
    is_own = (bare == own) | bare.str.ends_with("." + own) | own.str.ends_with("." + bare)
    if own_hosts:
        is_own |= bare.str.contains(rf"^(?:.*\.)?(?:{'|'.join(map(re.escape, own_hosts))})$")
    is_outside = before.str.len_bytes().is_between(1, 253) & ~is_own.fill_null(value=False)
    return (
        events.with_columns(pl.when(~is_same).then(referrer).alias("other referrer"))
        .with_columns(host.alias("host before"))
        .with_columns(pl.when(is_outside).then(before))
        .with_columns(
            pl.when(before.is_not_null()).then(referrer.str.extract(r"^[^?#]*\?([^#]*)")).alias("query before")
        )
        .with_columns(pl.col("query before").str.head(LONGEST))
    )


def told_by(click: str | None, host: str | None, query: str | None) -> dict[str, str | None]:
    """Source, medium and keyword by a click id, else by the host and query of the referrer; the keyword by that alone.

    Meta's click id tells not which of its sites it is from: a referrer that is a social network does.
    """
    found = came_from(host, query) if host else Source(None, None, None)
    if click and not (click == "fbclid" and found.medium == "social"):
        source, medium = {**CLICK_IDS, **WEAK_CLICK_IDS}[click]
        found = found._replace(source=source, medium=medium)
    return found._asdict()


class Touch(NamedTuple):
    """What the rules look at, in lower case; an empty text is none."""

    source: str
    medium: str
    campaign: str
    kind: str | None  # of the source

    @property
    def is_paid(self) -> bool:
        return bool(re.fullmatch(r"(?s).*cp.*|ppc|retargeting|paid.*", self.medium))

    @property
    def is_shopping(self) -> bool:
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
    """The channel of a source and medium, in lower case, and a campaign: the first rule that holds, else Unassigned.

    None where nothing is given, or that the visit was direct. The rules are the default channel groups of Google
    Analytics 4 (support.google.com/analytics/answer/9756891), but for AI Assistants, a group of our own behind the
    paid ones; the sources of each kind are our list's.
    """
    if not (source or medium or campaign) or (source == "(direct)" and medium in ("(none)", "(not set)")):
        return None
    touch = Touch(source or "", medium or "", (campaign or "").lower(), kind_of(source or ""))
    return next((channel for channel, holds in RULES if holds(touch)), "Unassigned")
