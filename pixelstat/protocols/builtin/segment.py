"""Segment's pixel: `/v1/pixel/...`, with flat parameters or JSON in base64."""

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.products import cdp_products, make_product
from pixelstat.protocols.table import build_pixel, first_matching, has_parameter

_KIND = pl.col("path").str.extract("/([a-z]+)$")
KEYS = {  # dotted keys of the message of a customer data platform
    "event": ("event",),
    "visitor_id": ("anonymousId",),
    "user_id": ("userId",),
    "page_address": (r"context\.page\.url", r"properties\.url", r"context\.page\.path", r"properties\.path"),
    "referrer": (r"context\.page\.referrer", r"properties\.referrer"),
    "order_id": (r"properties\.order_id",),
    "value": (r"properties\.revenue", r"properties\.total", r"properties\.value"),
    "currency": (r"properties\.currency",),
    "campaign": (r"context\.campaign\.name", r"properties\.campaign"),
    "utm_campaign": (r"context\.campaign\.name",),
    "utm_source": (r"context\.campaign\.source",),
    "utm_medium": (r"context\.campaign\.medium",),
}
EVENT = first_matching(
    (_KIND.is_in(["page", "screen"]), "page_view"),
    (_KIND == "track", pl.coalesce("event", pl.lit("event"))),
    (pl.lit(value=True), _KIND),
)

PROTOCOL = build_pixel(
    "segment",
    "Segment's pixel",
    marker="/v1/pixel/",
    paths="/v1/pixel/[a-z]+$",
    claims=pl.col("path").str.contains("/v1/pixel/(?:identify|group|alias|page|screen|track)$") & has_parameter("data", "writeKey"),
    names=KEYS,
    dedup_key=("messageId",),
    account="writeKey",
    items=cdp_products(),
    event=EVENT,
    payload="data",
    samples=(
        PixelSample(
            "/v1/pixel/track?userId=user_123&event=Email%20Opened&properties.subject=The%20Daily&writeKey=k1",
            {"event": "open", "visitor": "u:user_123", "user_id": "user_123"},
        ),
        PixelSample(
            "/v1/pixel/track?data=eyJ3cml0ZUtleSI6ImsxIiwiYW5vbnltb3VzSWQiOiI3ZjNhIiwiZXZlbnQiOiJPcmRlciBDb21wbGV0ZWQiLCJwcm9wZXJ0aWVzIjp7Im9yZGVyX2lkIjoiQTE3IiwicmV2ZW51ZSI6ODkuNX19",
            {"event": "purchase", "visitor": "v:7f3a", "order_id": "A17", "value": 89.5},
        ),
        PixelSample("/v1/pixel/page?anonymousId=7f3a&writeKey=k1&properties.path=%2Fcart", {"event": "page_view", "page": "/cart"}),
        PixelSample(
            "/v1/pixel/track?data=eyJ3cml0ZUtleSI6ImsxIiwiYW5vbnltb3VzSWQiOiI3ZjNhIiwiZXZlbnQiOiJPcmRlciBDb21wbGV0ZWQiLCJwcm9wZXJ0aWVzIjp7Im9yZGVyX2lkIjoiQTE3IiwicHJvZHVjdHMiOlt7InByb2R1Y3RfaWQiOiJLMSIsInNrdSI6IjciLCJuYW1lIjoiS2V0dGxlIiwiY2F0ZWdvcnkiOiJLaXRjaGVuIiwicHJpY2UiOjg5LjUsInF1YW50aXR5IjoyfSx7InNrdSI6IkMyIiwicHJpY2UiOiJmcmVlIn1dfX0%3D",
            {"event": "purchase", "product": "K1", "products": [make_product("K1", "Kettle", "Kitchen", 89.5, 2), make_product("C2")]},
        ),
        PixelSample("/v1/pixel/track?writeKey=k1&anonymousId=7f3a&event=Product%20Viewed&properties.sku=K1&properties.name=Kettle&properties.price=89.5",
                    {"event": "product_view", "product": "K1", "products": [make_product("K1", "Kettle", None, 89.5)]}),
        PixelSample("/v1/pixel/page?writeKey=k1&anonymousId=7f3a&properties.name=Home", {"event": "page_view", "products": None}),
    ),
)  # fmt: skip
