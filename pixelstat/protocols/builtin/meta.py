"""Meta's pixel: `/tr`, if it is proxied through your server."""

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.products import json_products, make_product
from pixelstat.protocols.table import build_pixel, has_parameter, parameter_starts_with, rename_events


def _data(name: str) -> str:
    """Return the pattern of a parameter `cd[name]`."""
    return rf"cd(?:\[|%5B){name}(?:\]|%5D)"


_SINGLE_PRODUCT = {"name": _data("content_name"), "category": _data("content_category")}

PROTOCOL = build_pixel(
    "meta",
    "Meta's pixel",
    marker="&ev=|&id=[0-9]{5}",  # a request has both, so one of them follows an ampersand
    paths="/tr/?$",
    claims=pl.col("path").str.contains("/tr/?$") & parameter_starts_with("id", "[0-9]{5}") & has_parameter("ev"),
    names={
        "event": ("ev",),
        "visitor_id": ("fbp",),
        "page_address": ("dl",),
        "referrer": ("rl",),
        "value": (_data("value"),),
        "currency": (_data("currency"),),
        "order_id": (_data("order_id"),),
    },
    dedup_key=("eid",),
    account="id",
    items=(
        json_products(_data("contents"), _SINGLE_PRODUCT, id="id", price="item_price", quantity="quantity"),
        json_products(_data("content_ids"), _SINGLE_PRODUCT, id=""),
    ),
    event=rename_events(pl.coalesce("event", pl.lit("page_view")), {"Microdata": "ping"}),
    samples=(
        PixelSample(
            "/tr/?id=255813999377376&ev=ViewContent&dl=https%3A%2F%2Fshop.example%2Fkettle&rl=&if=false&ts=1677713150564&cd%5Bcontent_ids%5D=%5B%228905745446750%22%5D",
            {"event": "product_view", "product": "8905745446750", "products": [make_product("8905745446750")], "page": "/kettle", "host": "shop.example"},
        ),
        PixelSample("/tr?id=255813999377376&ev=Purchase&cd[value]=89.5&cd[currency]=EUR&fbp=fb.1.2.3&noscript=1",
                    {"event": "purchase", "value": 89.5, "currency": "EUR", "visitor": "v:fb.1.2.3"}),
        PixelSample("/tr?id=255813999377376&ev=Purchase&cd[contents]=%5B%7B%22id%22%3A%22K1%22%2C%22quantity%22%3A2%2C%22item_price%22%3A89.5%7D%2C%7B%22id%22%3A%22C2%22%7D%5D&cd[content_ids]=%5B%22K1%22%2C%22C2%22%5D&cd[content_name]=Order",
                    {"event": "purchase", "product": "K1", "products": [make_product("K1", None, None, 89.5, 2), make_product("C2")]}),
        PixelSample("/tr?id=255813999377376&ev=AddToCart&cd[content_ids]=%5B'K1'%5D&cd[content_name]=Kettle&cd%5Bcontent_category%5D=Kitchen",
                    {"event": "add_to_cart", "product": "K1", "products": [make_product("K1", "Kettle", "Kitchen")]}),
        PixelSample("/tr?id=255813999377376&ev=Microdata&cd[DataLayer]=%5B%5D&fbp=fb.1.2.3", {"event": "ping"}),
        PixelSample("/tr?id=255813999377376&ev=Purchase&cd[value]=89.5&fbp=fb.1.2.3&eid=50e6", {"dedup_key": "255813999377376&50e6&purchase"}),
    ),
)  # fmt: skip
