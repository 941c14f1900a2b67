"""Define the words of the domain: the common events with their spellings, and what reports count, as expressions."""

import re
from collections.abc import Mapping

import polars as pl

from pixelstat.frames.lookup import replace_where
from pixelstat.schemas import Reason

# The touch of a visitor that an event is attributed to, see `sessions.touches`.
SINGLE_TOUCH_MODELS = ("last_non_direct", "last", "first", "visit")
SHOP_FUNNEL = ("page_view", "product_view", "add_to_cart", "checkout", "purchase")

EVENT_SYNONYMS = {  # canonical event -> its other spellings, in lower case and without separators
    "page_view": "pageview pageviews pageload pagevisit pv view page screenview",
    "product_view": "productview viewproduct productviewed viewitem itemview viewcontent productdetail pdp",
    "add_to_cart": "addtocart addedtocart cartadd addcart atc productadded addtobasket basketadd",
    "remove_from_cart": "removefromcart removedfromcart cartremove removecart productremoved removefrombasket",
    "checkout": "begincheckout initiatecheckout startcheckout checkoutstarted checkoutstart beginorder",
    "payment": "addpaymentinfo paymentinfo pay paymentinfoentered",
    "purchase": "buy bought order ordered orderplaced ordercompleted transaction sale sold purchased thankyou",
    "refund": "refunded orderrefunded",
    "lead": "generatelead leadgenerated",
    "signup": "signedup register registered registration completeregistration createaccount",
    "login": "signin signedin loggedin",
    "search": "sitesearch viewsearchresults searched",
    "click": "clicked linkclick outboundclick",
    "download": "filedownload downloaded",
    "video": "videoplay videoplayed playvideo videostart videostarted",
    "scroll": "scrolled scrolldepth",
    "ping": "heartbeat pageping keepalive userengagement pageleave pagehide",
    "open": "opened emailopen emailopened mailopen openemail",
    "click_email": "emailclick emailclicked clickemail mailclick",
    "web_view": "webversion viewinbrowser emailwebview",
    "unsubscribe": "unsubscribed optout emailunsubscribe",
}
_CANONICAL = {
    word: event for event, words in EVENT_SYNONYMS.items() for word in (event.replace("_", ""), *words.split())
}
_SEPARATORS = re.compile(r"[\s_.\-]+")


def canonical_event(name: str) -> str:
    """Return the canonical name of an event. An event that is not in the vocabulary keeps its name."""
    return _CANONICAL.get(_SEPARATORS.sub("", name).lower(), name)


def means_order(name: pl.Expr) -> pl.Expr:
    """Return whether a name is a spelling of `purchase` or `refund`. Null for null."""
    spellings = [word for word, event in _CANONICAL.items() if event in ("purchase", "refund")]
    return name.str.replace_all(_SEPARATORS.pattern, "").str.to_lowercase().is_in(spellings)


def normalize_events(events: pl.LazyFrame) -> pl.LazyFrame:
    """Replace each `event` of EVENTS with its canonical name."""
    return replace_where(events, ["event"], lambda event: event.is_in(list(EVENT_SYNONYMS)).not_(), canonical_event)


def reject(rows: pl.LazyFrame, reasons: Mapping[str, pl.Expr]) -> pl.LazyFrame:
    """Fill `rejected` by the first of these reasons that holds. A row that was rejected before keeps its reason."""
    if not reasons:
        return rows
    holding = [pl.when(holds).then(pl.lit(reason, Reason)) for reason, holds in reasons.items()]
    return rows.with_columns(rejected=pl.coalesce("rejected", *holding))


def is_page_view() -> pl.Expr:
    """Return whether an event is a page view. Never null."""
    return pl.col("event").eq_missing(pl.lit("page_view"))


def is_purchase() -> pl.Expr:
    """Return whether an event is a purchase. Never null."""
    return pl.col("event").eq_missing(pl.lit("purchase"))


def is_refund() -> pl.Expr:
    """Return whether an event is a refund. Never null."""
    return pl.col("event").eq_missing(pl.lit("refund"))


def is_order_event() -> pl.Expr:
    """Return whether the event belongs to an order: a purchase, a refund, or an `item`. Never null."""
    return is_purchase() | is_refund() | pl.col("event").eq_missing(pl.lit("item"))


def is_email_event() -> pl.Expr:
    """Return whether an event belongs to an email: open, click, web view or unsubscribe. Never null."""
    return pl.col("event").is_in(["open", "click_email", "web_view", "unsubscribe"]).fill_null(value=False)


def is_email_click() -> pl.Expr:
    """Return whether an event is a click in an email. Never null."""
    return pl.col("event").eq_missing(pl.lit("click_email"))


def is_head_request() -> pl.Expr:
    """Return whether a request asks for no content, so that it shows nobody a pixel. Never null."""
    return pl.col("method").eq_missing(pl.lit("HEAD"))


def recipient_or_visitor() -> pl.Expr:
    """Return the recipient of the email, else the visitor. Null if both are unknown."""
    return pl.coalesce("recipient", "visitor")


def hits() -> pl.Expr:
    """Count distinct hits."""
    return pl.col("hit").n_unique()


def visitors() -> pl.Expr:
    """Count distinct visitors. Events without a visitor are not counted."""
    return pl.col("visitor").drop_nulls().n_unique()
