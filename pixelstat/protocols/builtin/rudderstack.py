"""RudderStack's pixel: `/pixel/v1/page` and `/pixel/v1/track`, with flat and dotted keys."""

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.builtin.segment import EVENT, EXCLUDES_TAX, KEYS, choose_value
from pixelstat.protocols.products import cdp_products, make_product
from pixelstat.protocols.table import build_pixel, has_parameter

PROTOCOL = build_pixel(
    "rudderstack",
    "RudderStack's pixel",
    marker="/pixel/v1/",
    paths="/pixel/v1/[a-z]+$",
    claims=pl.col("path").str.contains("/pixel/v1/(?:page|track)$") & has_parameter("writeKey"),
    names=KEYS,
    dedup_key=("messageId",),
    account="writeKey",
    items=cdp_products(),
    event=EVENT,
    excludes_tax=EXCLUDES_TAX,
    finish=choose_value,
    samples=(
        PixelSample("/pixel/v1/track?writeKey=k1&anonymousId=7f3a&event=product_viewed", {"event": "product_view", "visitor": "v:7f3a"}),
        PixelSample("/pixel/v1/track?writeKey=k1&event=Order%20Completed&properties.total=89.5&properties.revenue=70", {"value": 70.0, "excludes_tax": True}),
        PixelSample("/pixel/v1/page?writeKey=k1&anonymousId=7f3a&name=Cart&context.page.url=https%3A%2F%2Fshop.example%2Fcart",
                    {"event": "page_view", "page": "/cart", "host": "shop.example"}),
        PixelSample("/pixel/v1/track?writeKey=k1&anonymousId=7f3a&event=Order%20Completed&properties.products.0.product_id=K1&properties.products.0.quantity=2&properties.products.1.sku=C2",
                    {"event": "purchase", "product": "K1", "products": [make_product("K1", None, None, None, 2), make_product("C2")]}),
    ),
)  # fmt: skip
