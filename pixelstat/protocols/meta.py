"""Meta's pixel `/tr`, where it passes through one's own server."""

import polars as pl

from pixelstat.protocols import PixelSample
from pixelstat.protocols.vendors import has, holds, vendor


def _data(name: str) -> str:
    return rf"cd(?:\[|%5B){name}(?:\]|%5D)"


PROTOCOL = vendor(
    "meta",
    "Meta's pixel",
    marker=r'/tr/?[? \t"]',
    paths="/tr/?$",
    claims=pl.col("path").str.contains("/tr/?$") & holds("id", "[0-9]{5}") & has("ev"),
    names={
        "event": ("ev",),
        "visitor_id": ("fbp",),
        "page_address": ("dl",),
        "referrer": ("rl",),
        "value": (_data("value"),),
        "currency": (_data("currency"),),
        "order_id": (_data("order_id"),),
        "product": (_data("content_ids"),),
    },
    key=("ev", "eid"),
    event=pl.coalesce("event", pl.lit("page_view")),
    fill=lambda events: events.with_columns(product=pl.col("product").str.extract(r'^\[?"?([^",\]]+)')),
    samples=(
        PixelSample(
            "/tr/?id=255813999377376&ev=ViewContent&dl=https%3A%2F%2Fshop.example%2Fkettle&rl=&if=false&ts=1677713150564&cd%5Bcontent_ids%5D=%5B%228905745446750%22%5D",
            {"event": "product_view", "product": "8905745446750", "page": "/kettle", "host": "shop.example"},
        ),
        PixelSample("/tr?id=255813999377376&ev=Purchase&cd[value]=89.5&cd[currency]=EUR&fbp=fb.1.2.3&noscript=1",
                    {"event": "purchase", "value": 89.5, "currency": "EUR", "visitor": "v:fb.1.2.3"}),
    ),
)  # fmt: skip
