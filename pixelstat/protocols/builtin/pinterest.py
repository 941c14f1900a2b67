"""Pinterest's tag, if it is proxied through your server."""

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.products import make_product, numbered_products
from pixelstat.protocols.table import build_pixel, has_parameter, rename_events

PROTOCOL = build_pixel(
    "pinterest",
    "Pinterest's tag",
    marker=r'/v3/[? \t",|\\]',
    paths="/v3/$",
    claims=pl.col("path").str.ends_with("/v3/") & has_parameter("tid") & has_parameter("event"),
    names={
        "event": ("event",),
        "page_address": ("loc",),
        "referrer": ("ref",),
        "value": ("value",),
        "currency": ("currency",),
        "coupon": ("promo_code",),
        "order_id": ("order_id", "transaction_id"),
    },
    items=(
        numbered_products(
            r"line_items\.(?:{n}\.)?product_{key}",
            id="id", name="name", category="category", price="price", quantity="quantity",
        ),
    ),
    event=rename_events(pl.col("event"), {"init": "page_view", "pagevisit": "page_view", "checkout": "purchase", "viewcategory": "category_view"}),
    payload="ad|ed",
    samples=(
        PixelSample("/v3/?tid=abc123&event=pagevisit&ad=%7B%22loc%22%3A%22https%3A%2F%2Fshop.example%2Fa%22%7D&cb=1583868536108",
                    {"event": "page_view", "page": "/a", "host": "shop.example"}),
        PixelSample("/v3/?tid=abc123&event=checkout&ed=%7B%22value%22%3A89.5%2C%22currency%22%3A%22EUR%22%2C%22order_id%22%3A%22A17%22%2C%22promo_code%22%3A%22SPRING%22%7D&noscript=1",
                    {"event": "purchase", "value": 89.5, "currency": "EUR", "order_id": "A17", "coupon": "SPRING"}),
        PixelSample("/v3/?tid=abc123&event=checkout&ed=%7B%22line_items%22%3A%5B%7B%22product_id%22%3A%22K1%22%2C%22product_name%22%3A%22Kettle%22%2C%22product_category%22%3A%22Kitchen%22%2C%22product_price%22%3A89.5%2C%22product_quantity%22%3A2%7D%2C%7B%22product_id%22%3A%22C2%22%7D%5D%7D",
                    {"event": "purchase", "product": "K1", "products": [make_product("K1", "Kettle", "Kitchen", 89.5, 2), make_product("C2")]}),
    ),
)  # fmt: skip
