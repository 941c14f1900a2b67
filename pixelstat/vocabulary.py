"""The domain's words: the common events and their spellings, and what reports count, as expressions."""

import re
from collections.abc import Callable, Iterable, Sequence
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
    "video": "videoplay videoplayed playvideo videostart videostarted",
    "scroll": "scrolled scrolldepth",
    "ping": "heartbeat pageping keepalive",
    "open": "opened emailopen emailopened mailopen openemail",
    "click_email": "emailclick emailclicked clickemail mailclick",
    "web_view": "webversion viewinbrowser emailwebview",
    "unsubscribe": "unsubscribed optout emailunsubscribe",
}
REMEMBERED = 100_000  # distinct texts
FEW = 4  # texts that are quicker changed one by one
_FOLDED = {word: event for event, words in SPELLINGS.items() for word in (event.replace("_", ""), *words.split())}
_SEPARATORS = re.compile(r"[\s_.\-]+")


def fold_event(name: str) -> str:
    """The vocabulary's word for an event; an event that it does not know keeps its own name."""
    return _FOLDED.get(_SEPARATORS.sub("", name).lower(), name)


def folded(events: pl.LazyFrame) -> pl.LazyFrame:
    """EVENTS with the vocabulary's words for their `event`."""
    return changed_where(events, ["event"], lambda event: event.is_in(list(SPELLINGS)).not_(), fold_event)


def is_page_view() -> pl.Expr:
    """True for a page view. Never null."""
    return pl.col("event").eq_missing(pl.lit("page_view"))


def is_mail() -> pl.Expr:
    """True for what becomes of a mail: opened, clicked, looked at in a browser, unsubscribed. Never null."""
    return pl.col("event").is_in(["open", "click_email", "web_view", "unsubscribe"]).fill_null(value=False)


def person() -> pl.Expr:
    """Who got the mail: the recipient, else the visitor. Null where nothing at all is known."""
    return pl.coalesce("recipient", "visitor")


def hits() -> pl.Expr:
    """Distinct hits."""
    return pl.col("hit").n_unique()


def visitors() -> pl.Expr:
    """Distinct visitors; an event without a visitor counts as none."""
    return pl.col("visitor").drop_nulls().n_unique()


def top_groups(
    found: pl.LazyFrame, groups: Sequence[str], measure: str, top: int, *, over: bool = False
) -> pl.LazyFrame:
    """Rows of the groups with the highest measure, the highest first; `top` 0 means all of them.

    `over`: the groups have several rows each, which add up, and the rows need no order.
    """
    if not over:
        ordered = found.sort(measure, *groups, descending=[True, *[False] * len(groups)], nulls_last=True)
        return ordered.head(top) if top else ordered
    if not top:
        return found
    totals = found.group_by(groups).agg(pl.col(measure).sum())
    return found.join(top_groups(totals, groups, measure, top).select(groups), on=groups, how="semi", nulls_equal=True)


def looked_at(rows: pl.LazyFrame, keep: Callable[[pl.DataFrame], pl.DataFrame], columns: Iterable[str]) -> pl.LazyFrame:
    """Rows through `keep`, a function on batches that sees these columns, `rejected` and whatever the report asks for.

    Polars hands to a function only what is asked for behind it. So the columns are asked for there, at next to no
    cost: a condition that always holds. (To filter by it would copy every row.)
    """
    through = rows.map_batches(keep, projection_pushdown=True, streamable=True)
    asked = pl.any_horizontal(pl.col(name).is_null() for name in columns)
    return through.with_columns(rejected=pl.when(asked | ~asked).then("rejected"))


# Python runs on one core, and Polars computes all that stands in one `with_columns` with a Python function on the
# same. So what Polars can do is done in a `with_columns` before: finding the rows, numbering the texts.


def judged(
    rows: pl.LazyFrame, column: str, judge: Callable[[pl.Series], pl.Series], verdict: str, of_null: bool | str = False
) -> pl.LazyFrame:
    """Rows with a column `verdict`: what `judge` says of each text, never null. It sees each distinct text once.

    `of_null` is the verdict where there is no text; all others are of its type.
    """
    dtype = pl.String() if isinstance(of_null, str) else pl.Boolean()
    return told(rows, column, judge, verdict, dtype).with_columns(pl.col(verdict).fill_null(of_null))


def told(
    rows: pl.LazyFrame, column: str, tell: Callable[[pl.Series], pl.Series], name: str, dtype: pl.DataType
) -> pl.LazyFrame:
    """Rows with a column of this name and type: what `tell` says of each text. It sees each distinct one once, no null.

    What is dear for every row stays affordable this way: a log holds few distinct agents and addresses.
    Polars numbers the distinct texts; what is known of each stands at a place of its own, found by its number.
    """
    numbered = pl.Categorical(pl.Categories.random(column))
    places = pl.Series(dtype=pl.UInt32)  # by number; null: not told yet
    known = pl.Series(dtype=dtype)
    lock = Lock()

    def batch(columns: Sequence[pl.Series]) -> pl.Series:
        nonlocal places, known
        texts, numbers = columns
        highest = numbers.max()
        if not isinstance(highest, int):
            return pl.Series(texts.name, [None], dtype).new_from_index(0, len(texts))
        found = places.gather(numbers) if highest < len(places) else None
        if found is None or found.null_count() > numbers.null_count():
            with lock:  # batches run side by side: what is known only grows, and before the places that point to it
                longer = places.extend_constant(None, max(0, highest + 1 - len(places)))
                new = pl.DataFrame({"text": texts, "number": numbers}).unique("number").drop_nulls()
                new = new.filter(longer.gather(new["number"]).is_null())
                known = pl.concat([known, tell(new["text"])], rechunk=True)
                after = pl.int_range(len(known) - len(new), len(known), dtype=pl.UInt32, eager=True)
                places = longer.clone().scatter(new["number"], after)
                found = places.gather(numbers)
        return known.gather(found)

    number = f"number of {column}"
    by_number = pl.map_batches([column, number], batch, return_dtype=dtype, is_elementwise=True)
    numbers = rows.with_columns(pl.col(column).cast(numbered).to_physical().alias(number))
    return numbers.with_columns(by_number.alias(name)).drop(number)


def changed_where(
    rows: pl.LazyFrame,
    columns: Iterable[str],
    needed: Callable[[pl.Expr], pl.Expr],
    change: Callable[[str], str | None],
    *,
    remembered: int = REMEMBERED,
) -> pl.LazyFrame:
    """Rows with `change` of each text in the columns where it is `needed`; all others pass untouched, as most do."""
    changed = lru_cache(maxsize=remembered)(change)

    def batch(pair: Sequence[pl.Series]) -> pl.Series:
        values, chosen = pair
        if not chosen.any():
            return values
        old = values.filter(chosen).unique().drop_nulls()
        new = pl.Series([changed(value) for value in old.to_list()], dtype=pl.String)
        if len(old) > FEW:
            return values.replace(old, new)
        found = values
        for place, text in enumerate(old.to_list()):  # each where it was, not where another has become it
            found = found.zip_with((values != text).fill_null(value=True), new[place : place + 1])
        return found

    flags = {column: f"change {column}" for column in columns}
    return rows.with_columns(needed(pl.col(column)).alias(flag) for column, flag in flags.items()).with_columns(
        pl.map_batches(pair, batch, return_dtype=pl.String, is_elementwise=True) for pair in flags.items()
    )


def once_each(columns: Sequence[str], tell: Callable[..., object], dtype: pl.DataType) -> pl.Expr:
    """What `tell` says of the texts in these columns, of `dtype`. It sees each combination once; null where all are."""
    remembered = lru_cache(maxsize=REMEMBERED)(tell)

    def batch(texts: Sequence[pl.Series]) -> pl.Series:
        rows = pl.DataFrame(texts).with_row_index("row")
        given = rows.filter(~pl.all_horizontal(pl.col(columns).is_null()))
        distinct = given.select(columns).unique()
        told = distinct.with_columns(told=pl.Series([remembered(*row) for row in distinct.iter_rows()], dtype=dtype))
        found = given.join(told, on=columns, how="left", nulls_equal=True, maintain_order="left")
        return rows.select("row").join(found.select("row", "told"), on="row", how="left", maintain_order="left")["told"]

    return pl.map_batches(columns, batch, return_dtype=dtype, is_elementwise=True)
