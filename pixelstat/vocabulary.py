"""The domain's words: the common events and their spellings, and what reports count, as expressions."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from threading import Lock

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
FEW = 4  # texts that are quicker changed one by one
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
    Polars numbers the distinct texts, on all cores; the verdicts stand in a list by these numbers.
    """
    numbered = pl.Categorical(pl.Categories.random(column))
    verdicts = pl.Series(dtype=pl.Boolean)  # null: not judged yet
    lock = Lock()

    def batch(columns: Sequence[pl.Series]) -> pl.Series:
        nonlocal verdicts
        texts, numbers = columns
        highest = numbers.max()
        if not isinstance(highest, int):
            return pl.Series(texts.name, [False]).new_from_index(0, len(texts))
        if highest >= len(verdicts) or verdicts.gather(numbers).null_count() > numbers.null_count():
            with lock:  # batches run side by side
                known = verdicts.extend_constant(None, max(0, highest + 1 - len(verdicts)))
                new = pl.DataFrame({"text": texts, "number": numbers}).unique("number").drop_nulls()
                new = new.filter(known.gather(new["number"]).is_null())
                verdicts = known.clone().scatter(new["number"], judge(new["text"]))
        return verdicts.gather(numbers).fill_null(value=False)

    number = pl.col(column).cast(numbered).to_physical()
    return pl.map_batches([pl.col(column), number], batch, return_dtype=pl.Boolean, is_elementwise=True)


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
        new = pl.Series([remembered(value) for value in old.to_list()], dtype=pl.String)
        if len(old) > FEW:
            return values.replace(old, new)
        for place, text in enumerate(old.to_list()):
            values = values.zip_with((values != text).fill_null(value=True), new[place : place + 1])
        return values

    return pl.map_batches([pl.col(column), needed], batch, return_dtype=pl.String, is_elementwise=True)
