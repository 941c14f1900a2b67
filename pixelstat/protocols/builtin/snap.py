"""Snap's pixel: `/p`, if it is proxied through your server."""

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.products import json_products, make_product
from pixelstat.protocols.table import build_pixel, has_parameter, parameter_starts_with

PROTOCOL = build_pixel(
    "snap",
    "Snap's pixel",
    marker="pid=[0-9a-f-]{36}",
    paths="/p$",
    claims=pl.col("path").str.ends_with("/p") & parameter_starts_with("pid", "[0-9a-f-]{36}") & has_parameter("ev"),
    names={
        "event": ("ev",),
        "page_address": ("pl",),
        "referrer": ("rf",),
        "value": ("e_pr",),
        "currency": ("e_cur",),
        "order_id": ("e_tid",),
    },
    items=(json_products("e_iids", id=""),),
    event=pl.coalesce("event", pl.lit("page_view")),
    samples=(
        PixelSample("/p?pid=1d2c3b4a-0000-4000-8000-000000000000&ev=PAGE_VIEW&pl=https%3A%2F%2Fshop.example%2Fa",
                    {"event": "page_view", "page": "/a", "host": "shop.example"}),
        PixelSample("/p?pid=1d2c3b4a-0000-4000-8000-000000000000&ev=PURCHASE&e_pr=89.5&e_cur=EUR&e_tid=A17",
                    {"event": "purchase", "value": 89.5, "currency": "EUR", "order_id": "A17"}),
        PixelSample("/p?pid=1d2c3b4a-0000-4000-8000-000000000000&ev=ADD_CART&e_iids=K1,C2", {"product": "K1", "products": [make_product("K1"), make_product("C2")]}),
    ),
)  # fmt: skip
