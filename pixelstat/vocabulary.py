"""The domain's words: the common events and their spellings, and what reports count, as expressions."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

import polars as pl

SHOP_FUNNEL = ("page_view", "product_view", "add_to_cart", "checkout", "purchase")

SPELLINGS = {  # canonical event: how people write it, in lower case without separators
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
    "ping": "heartbeat pageping keepalive",
    "open": "opened emailopen emailopened mailopen openemail",
    "click_email": "emailclick emailclicked clickemail mailclick",
    "unsubscribe": "unsubscribed optout emailunsubscribe",
}
REMEMBERED = 100_000  # distinct texts
_FOLDED = {word: event for event, words in SPELLINGS.items() for word in (event.replace("_", ""), *words.split())}
_SEPARATORS = re.compile(r"[\s_.\-]+")


def fold_event(name: str) -> str:
    """The vocabulary's word for an event; an event that it does not know keeps its own name."""
    return _FOLDED.get(_SEPARATORS.sub("", name).lower(), name)


def folded(column: str) -> pl.Expr:
    """The vocabulary's words for the events in a column."""
    return changed_where(column, pl.col(column).is_in(list(SPELLINGS)).not_(), fold_event)


def is_page_view() -> pl.Expr:
    """True for a page view. Never null."""
    return pl.col("event").eq_missing(pl.lit("page_view"))


def visitors() -> pl.Expr:
    """Distinct visitors; an event without a visitor counts as none."""
    return pl.col("visitor").drop_nulls().n_unique()


def holds_for(column: str, judge: Callable[[pl.Series], pl.Series]) -> pl.Expr:
    """Whether `judge` says true of each text in the column; it sees each distinct text once. False for null.

    What is dear for every row stays affordable this way: a log holds few distinct agents and addresses.
    What was judged is remembered, up to a bound that no ordinary log reaches.
    """
    judged, true = pl.Series(dtype=pl.String), pl.Series(dtype=pl.String)

    def batch(values: pl.Series) -> pl.Series:
        nonlocal judged, true
        mine, mine_true = judged, true  # other threads judge too
        new = values.filter(~values.is_in(mine.implode())).unique().drop_nulls()
        if len(new):
            mine, mine_true = pl.concat([mine, new]), pl.concat([mine_true, new.filter(judge(new))])
            if len(mine) <= REMEMBERED:
                judged, true = mine, mine_true
        return values.is_in(mine_true.implode()).fill_null(value=False)

    return pl.col(column).map_batches(batch, return_dtype=pl.Boolean, is_elementwise=True)


def changed_where(column: str, needed: pl.Expr, change: Callable[[str], str]) -> pl.Expr:
    """`change` of each text in the column where `needed` holds; all others pass untouched, which is what most do.

    Only Python can make some changes. Polars finds the rows that need one, on all cores, and Python, on one,
    sees nothing else. It takes a column and no expression, because Polars would compute that once for each
    place it occurs in: common subexpressions end at a Python function.
    """
    remembered = lru_cache(maxsize=REMEMBERED)(change)

    def batch(columns: Sequence[pl.Series]) -> pl.Series:
        values, chosen = columns
        if not chosen.any():
            return values
        old = values.filter(chosen).unique().drop_nulls()
        return values.replace(old, pl.Series([remembered(value) for value in old.to_list()], dtype=pl.String))

    return pl.map_batches([pl.col(column), needed], batch, return_dtype=pl.String, is_elementwise=True)
