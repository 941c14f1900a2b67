"""The house pixel: an image or beacon of one's own, its parameters by their usual names.

    GET /pixel.gif?e=add_to_cart&v=7f3a&p=/products/kettle&product=kettle

No configuration: who made a pixel themselves named its parameters like everybody else.
"""

import re
from collections.abc import Sequence

import polars as pl

from pixelstat.errors import PixelstatError
from pixelstat.protocols.base import PixelProtocol, PixelSample
from pixelstat.protocols.extract import (
    TEXTS,
    add_utm_names,
    extract_parameters,
    normalize_currency,
    parse_number,
    split_page_url,
)
from pixelstat.protocols.products import product
from pixelstat.schemas import EVENTS, ID_KEY, Reason

IMAGES = (  # the names of images that people track with
    "pixel", "p", "px", "t", "1x1", "track", "tracking", "tracker", "beacon", "b", "o", "open", "email-open",
    "pix", "pxl", "trk", "hit", "collect", "blank", "spacer", "clear",
)  # fmt: skip
METHODS = ("GET", "HEAD", "POST")
ENDINGS = ("gif", "png", "webp")
ENDPOINTS = ("pixel", "beacon", "track")  # without an ending they are a pixel's only with a query
OPEN_IMAGES = ("o", "open", "email-open")

PARAMETERS = {  # column: the names it goes by
    "user_id": ("user", "user_id", "uid"),
    "referrer": ("r", "ref", "referrer", "dr"),
    "order_id": ("oid", "order", "order_id", "transaction_id"),
    "value": ("rev", "revenue", "value", "amount", "total"),
    "currency": ("cur", "cu", "currency"),
    "product": ("product", "product_id", "sku", "item", "pid"),
    "message": ("mid", "message_id", "email_id"),
    "recipient": ("rcpt", "recipient", "subscriber"),
    "variant": ("variant", "var", "ab"),
}
PRICE, QUANTITY = ("price",), ("qty", "quantity")
EVENT = ("e", "ev", "event", "en", "action")
VISITOR = ("v", "vid", "visitor", "visitor_id", "cid", "client_id", "anonymous_id")
PAGE = ("p", "page", "path", "url", "u", "dl")


def protocol(pixels: Sequence[str] = ()) -> PixelProtocol:
    """The house pixel, and one's own `pixels`: a path that begins with `/` is that path, else a file's name anywhere."""
    images = f"/(?:{'|'.join(map(re.escape, IMAGES))})\\.(?:{'|'.join(ENDINGS)})"
    endpoints = f"/(?:{'|'.join(ENDPOINTS)})"
    own = [re.escape(path.partition("?")[0]) for path in pixels]
    if not all(own):
        raise PixelstatError("--pixel names no path.", "Try: --pixel /img/s.gif")
    path, query = pl.col("path"), pl.col("query")
    claims = path.str.contains(f"{images}$") | path.str.contains(f"{endpoints}$") & query.is_not_null()
    pinned = pl.lit(value=False)
    for pixel in own:
        pinned |= path.str.contains(f"^{pixel}$" if pixel.startswith("/") else f"/{pixel}$")
    claims |= pinned
    # Behind an endpoint stands its query, or what ends the path where a format has the query in a field of its own.
    marker = "|".join([images, rf'{endpoints}[? \t"]', *own])
    claims &= pl.col("method").is_in(METHODS) | pl.col("method").is_null()  # OPTIONS only asks whether POST may follow
    about = "a pixel of one's own, its parameters by their usual names"
    return PixelProtocol(
        "house",
        about,
        marker,
        claims.fill_null(value=False),
        _events,
        samples=SAMPLES,
        pinned=pinned.fill_null(value=False),
    )


def names() -> dict[str, Sequence[str]]:
    """The columns that the house pixel's parameters feed: the names each goes by."""
    given = {"event": EVENT, "visitor_id": VISITOR, "page_address": PAGE, "price": PRICE, "quantity": QUANTITY}
    return add_utm_names({**given, **PARAMETERS})


def is_open(path: pl.Expr) -> pl.Expr:
    """Whether an image of this path, asked for without the name of an event, says that a mail was opened."""
    return path.str.contains(f"/(?:{'|'.join(OPEN_IMAGES)})\\.[a-z]+$")


def _events(requests: pl.LazyFrame) -> pl.LazyFrame:
    unnamed = pl.when(pl.col("event").is_null()).then("path")
    default = pl.when(is_open(unnamed)).then(pl.lit("open")).when(unnamed.is_not_null()).then(pl.lit("page_view"))
    return _described(extract_parameters(requests, names(), pl.coalesce("event", default)))


def of_plain(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Rows with the parameters of `names` as decoded text, the visitor's id as a key, and what else was logged -> events.

    Plain rows have the vocabulary's word for their `event`, and neither macros nor values that are no numbers.
    """
    column = pl.col
    nobody = column(ID_KEY).is_null()
    lacking = {name for name in (*TEXTS, "sent", "key") if name not in names()}
    return _described(
        rows.with_columns(
            *(pl.lit(None, EVENTS[name]).alias(name) for name in lacking),
            anonymous_user=pl.when(nobody).then("user_id"),
            anonymous_recipient=pl.when(nobody).then("recipient"),
            order=pl.when(column("event") == "purchase").then("order_id"),
            value=parse_number(column("value")),
            currency=normalize_currency(column("currency")),
            flaw=pl.lit(None, pl.String),
            rejected=pl.lit(None, Reason),
        )
    )


def _described(rows: pl.LazyFrame) -> pl.LazyFrame:
    return split_page_url(rows).with_columns(products=_product(), protocol=pl.lit("house"))


def _product() -> pl.Expr:
    """The one product: people write several in too many ways to tell them from an id with a comma in it."""
    product = pl.struct(
        id="product",
        name=pl.lit(None, pl.String),
        category=pl.lit(None, pl.String),
        price=parse_number(pl.col("price")),
        quantity=parse_number(pl.col("quantity")),
    )
    return pl.when(pl.col("product").is_not_null()).then(pl.concat_list(product))


SAMPLES = (
    PixelSample("/pixel.gif?e=pv&v=7f3a&p=/cart", {"event": "page_view", "visitor": "v:7f3a", "page": "/cart"}),
    PixelSample(
        "/t.png?value=89.50&cur=EUR&oid=A1&en=Order&visitor_id=x%2By+z",
        {"event": "purchase", "visitor": "v:x+y z", "order_id": "A1", "value": 89.5, "currency": "EUR", "page": None},
    ),
    PixelSample("/o.gif?mid=launch&rcpt=r17", {"event": "open", "visitor": "r:r17", "message": "launch", "recipient": "r17"}),
    PixelSample(
        "/img/1x1.gif",
        {"event": "page_view", "page": "/café", "page_query": "utm_source=mail", "host": "shop.example", "utm_source": "mail"},
        referrer="https://Shop.example:8443/caf%C3%A9?utm_source=mail#top",
    ),
    PixelSample(
        "/beacon?ev=quiz_done&uid=ann&url=https%3A%2F%2Fshop.example%2Fa%252Bb%3Futm_medium%3Dsocial&utm_source=x&ab=b",
        {"event": "quiz_done", "visitor": "u:ann", "user_id": "ann", "page": "/a+b", "host": "shop.example",
         "utm_source": "x", "utm_medium": "social", "variant": "b"},
    ),
    PixelSample("/p.gif?e=atc&sku=K1&price=89.5&qty=2", {"event": "add_to_cart", "product": "K1", "products": [product("K1", None, None, 89.5, 2)]}),
    PixelSample("/p.gif?e=order&item=K1&quantity=many&item=C2,D3", {"product": "C2,D3", "products": [product("C2,D3")]}),
    PixelSample("/pixel.gif?p=%2Fa%2520b%3Fx%3D1%23y", {"event": "page_view", "page": "/a%20b"}),
)  # fmt: skip
