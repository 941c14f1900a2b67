"""Microsoft's Universal Event Tracking: `/action/0`, if it is proxied through your server."""

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.products import make_product, numbered_products
from pixelstat.protocols.table import build_pixel, first_matching, has_parameter

PROTOCOL = build_pixel(
    "microsoft_uet",
    "Microsoft UET",
    marker=r'/action/0[? \t",|\\]',
    paths="/action/0$",
    claims=pl.col("path").str.ends_with("/action/0") & has_parameter("ti"),
    names={
        "event": ("ea",),
        "visitor_id": ("vid",),
        "session_id": ("sid",),
        "page_address": ("p", "page_path"),
        "referrer": ("r",),
        "value": ("gv",),
        "currency": ("gc",),
        "kind": ("evt",),
    },
    items=(numbered_products("{key}", id="prodid"),),
    event=first_matching((pl.col("kind").is_in(["pageLoad", "pageHide"]), pl.col("kind")), (pl.lit(value=True), pl.coalesce("event", pl.lit("event")))),
    samples=(
        PixelSample("/action/0?ti=123456&Ver=2&mid=m1&ec=Ecommerce&ea=Purchase&el=Sale&ev=0&gv=123.34&evt=custom&msclkid=N&rn=693067",
                    {"event": "purchase", "value": 123.34}),
        PixelSample("/action/0?ti=123456&Ver=2&evt=pageLoad&p=https%3A%2F%2Fshop.example%2Fa&vid=v7", {"event": "page_view", "page": "/a", "visitor": "v:v7"}),
        PixelSample("/action/0?ti=123456&Ver=2&evt=custom&ea=Purchase&prodid=K1", {"event": "purchase", "product": "K1", "products": [make_product("K1")]}),
        PixelSample("/action/0?ti=123456&Ver=2&evt=pageHide&vid=v7", {"event": "ping", "visitor": "v:v7"}),
    ),
)  # fmt: skip
