"""The house pixel: a homemade image or beacon whose parameters have their usual names.

    GET /pixel.gif?e=add_to_cart&v=7f3a&p=/products/kettle&product=kettle

It needs no configuration, because people who build a pixel themselves name its parameters like everybody else.
"""

import re
from collections.abc import Sequence

import polars as pl

from pixelstat.errors import PixelstatError
from pixelstat.frames.lookup import replace_where
from pixelstat.frames.numbers import parse_number
from pixelstat.frames.query_string import unquote_again
from pixelstat.protocols.base import PixelProtocol, PixelSample
from pixelstat.protocols.extract import (
    AMOUNT_COLUMNS,
    TEXT_COLUMNS,
    UTM_COLUMNS,
    VENDOR_COLUMNS,
    add_utm_names,
    extract_parameters,
    normalize_currency,
    split_page_url,
)
from pixelstat.protocols.products import make_product
from pixelstat.schemas import EVENTS, ID_KEY, Reason

IMAGES = (  # the usual names of tracking images
    "pixel", "p", "px", "t", "1x1", "track", "tracking", "tracker", "beacon", "b", "o", "open", "email-open",
    "pix", "pxl", "trk", "hit", "collect", "blank", "spacer", "clear",
)  # fmt: skip
METHODS = ("GET", "HEAD", "POST")
IMAGE_ENDINGS = ("gif", "png", "webp")
ENDPOINTS = ("pixel", "beacon", "track")  # without an ending; they are a pixel only with a query
OPEN_IMAGES = ("o", "open", "email-open")

PARAMETERS = {  # column -> names of its parameters
    "user_id": ("user", "user_id", "uid"),
    "referrer": ("r", "ref", "referrer", "dr"),
    "order_id": ("oid", "order", "order_id", "transaction_id"),
    "value": ("rev", "revenue", "value", "amount", "total"),
    "currency": ("cur", "cu", "currency"),
    "tax": ("tax", "vat"),
    "shipping": ("shipping", "shipping_cost"),
    "discount": ("discount",),
    "coupon": ("coupon", "coupon_code", "promo_code", "voucher"),
    "product": ("product", "product_id", "sku", "item", "pid"),
    "message": ("mid", "message_id", "email_id"),
    "recipient": ("rcpt", "recipient", "subscriber"),
    "variant": ("variant", "var", "ab"),
}
PRICE, QUANTITY = ("price",), ("qty", "quantity")
EVENT = ("e", "ev", "event", "en", "action")
VISITOR = ("v", "vid", "visitor", "visitor_id", "cid", "client_id", "anonymous_id")
PAGE = ("p", "page", "path", "url", "u", "dl")


def house_protocol(pixels: Sequence[str] = ()) -> PixelProtocol:
    """Build the protocol of the house pixel.

    `pixels` are the custom ones of --pixel: a complete path if it begins with `/`, else the end of a path.
    Raises PixelstatError for an empty path.
    """
    images = f"/(?:{'|'.join(map(re.escape, IMAGES))})\\.(?:{'|'.join(IMAGE_ENDINGS)})"
    endpoints = f"/(?:{'|'.join(ENDPOINTS)})"
    custom = [re.escape(path.partition("?")[0]) for path in pixels]
    if not all(custom):
        raise PixelstatError("--pixel is empty.", "Try: --pixel /img/s.gif")
    path, query = pl.col("path"), pl.col("query")
    claims = path.str.contains(f"{images}$") | path.str.contains(f"{endpoints}$") & query.is_not_null()
    always_claims = pl.lit(value=False)
    for pixel in custom:
        always_claims |= path.str.contains(f"^{pixel}$" if pixel.startswith("/") else f"/{pixel}$")
    claims |= always_claims
    # An endpoint is followed by its query, or by the end of the path in formats with a separate field for the query.
    marker = "|".join([images, rf'{endpoints}[? \t",|\\]', *custom])
    claims &= pl.col("method").is_in(METHODS) | pl.col("method").is_null()  # OPTIONS only precedes a POST
    about = "your own pixel, with the usual names of parameters"
    return PixelProtocol(
        "house",
        about,
        marker,
        claims.fill_null(value=False),
        _events,
        samples=SAMPLES,
        always_claims=always_claims.fill_null(value=False),
    )


def parameter_names() -> dict[str, Sequence[str]]:
    """Return the columns that the parameters of the house pixel feed, each with the names of its parameters."""
    names: dict[str, Sequence[str]] = {
        "event": EVENT,
        "visitor_id": VISITOR,
        "page_address": PAGE,
        "price": PRICE,
        "quantity": QUANTITY,
    }
    return add_utm_names({**names, **PARAMETERS})


def is_open(path: pl.Expr) -> pl.Expr:
    """Return whether an image with this path means the open of an email, if the request does not name an event."""
    return path.str.contains(f"/(?:{'|'.join(OPEN_IMAGES)})\\.[a-z]+$")


def _events(requests: pl.LazyFrame) -> pl.LazyFrame:
    unnamed = pl.when(pl.col("event").is_null()).then("path")
    default = pl.when(is_open(unnamed)).then(pl.lit("open")).when(unnamed.is_not_null()).then(pl.lit("page_view"))
    return _complete(extract_parameters(requests, parameter_names(), pl.coalesce("event", default)))


def complete_plain_events(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Complete the rows of the fast path to events of the house pixel.

    Rows in: the columns of `parameter_names` as decoded text, ID_KEY, and what the line holds. Their `event` is a word
    of the vocabulary already. They hold no macros, and each value is a number.
    """
    has_no_id = pl.col(ID_KEY).is_null()
    missing = {name for name in (*TEXT_COLUMNS, *VENDOR_COLUMNS) if name not in parameter_names()}
    decoded = replace_where(rows, UTM_COLUMNS, lambda text: text.str.contains("%", literal=True), unquote_again)
    return _complete(
        decoded.with_columns(
            *(pl.lit(None, EVENTS[name]).alias(name) for name in missing),
            anonymous_user=pl.when(has_no_id).then("user_id"),
            anonymous_recipient=pl.when(has_no_id).then("recipient"),
            order=pl.when(pl.col("event") == "purchase").then("order_id"),
            **{name: pl.col(name).cast(pl.Float64, strict=False) for name in AMOUNT_COLUMNS},
            currency=normalize_currency(pl.col("currency")),
            parse_issue=pl.lit(None, pl.String),
            rejected=pl.lit(None, Reason),
        )
    )


def _complete(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Add the page, the products and the protocol."""
    return split_page_url(rows).with_columns(products=_product(), protocol=pl.lit("house"))


def _product() -> pl.Expr:
    """Return the one product as a list. People write several in too many ways to tell them from an id with a comma."""
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
    PixelSample(
        "/p.gif?e=order&oid=A1&value=119&cur=EUR&tax=19&shipping=4.95&discount=10,00&voucher=SPRING+10",
        {"event": "purchase", "value": 119.0, "tax": 19.0, "shipping": 4.95, "discount": 10.0, "coupon": "SPRING 10"},
    ),
    PixelSample("/p.gif?e=order&tax=free&shipping=0", {"tax": None, "shipping": 0.0, "excludes_tax": None}),
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
    PixelSample("/p.gif?e=atc&sku=K1&price=89.5&qty=2", {"event": "add_to_cart", "product": "K1", "products": [make_product("K1", None, None, 89.5, 2)]}),
    PixelSample("/p.gif?e=order&item=K1&quantity=many&item=C2,D3", {"product": "C2,D3", "products": [make_product("C2,D3")]}),
    PixelSample("/pixel.gif?p=%2Fa%2520b%3Fx%3D1%23y", {"event": "page_view", "page": "/a%20b"}),
)  # fmt: skip
