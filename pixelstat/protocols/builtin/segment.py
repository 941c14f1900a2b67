"""Segment's pixel: `/v1/pixel/...`, with flat parameters or JSON in base64."""

import polars as pl

from pixelstat.frames.numbers import parse_number
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
    "tax": (r"properties\.tax",),
    "shipping": (r"properties\.shipping",),
    "discount": (r"properties\.discount",),
    "coupon": (r"properties\.coupon",),
    "revenue": (r"properties\.revenue",),
    "total": (r"properties\.total",),
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

# Of Segment's specification: `revenue` excludes shipping and tax, `total` has both added in.
EXCLUDES_TAX = pl.col("event").is_in(["purchase", "refund"]) & parse_number(pl.col("revenue")).is_not_null()


def choose_value(events: pl.LazyFrame) -> pl.LazyFrame:
    """Take the value from `revenue`, else from `total`, in whichever order the message has them."""
    return events.with_columns(
        value=pl.coalesce(parse_number(pl.col("revenue")), parse_number(pl.col("total")), "value")
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
    excludes_tax=EXCLUDES_TAX,
    payload="data",
    finish=choose_value,
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
            "/v1/pixel/track?writeKey=k1&event=Order%20Completed&properties.revenue=70&properties.total=89.5&properties.tax=14.5&properties.shipping=5&properties.discount=10&properties.coupon=SPRING",
            {"event": "purchase", "value": 70.0, "tax": 14.5, "shipping": 5.0, "discount": 10.0, "coupon": "SPRING", "excludes_tax": True},
        ),
        PixelSample("/v1/pixel/track?writeKey=k1&event=Order%20Completed&properties.total=89.5&properties.tax=14.5", {"value": 89.5, "tax": 14.5, "excludes_tax": None}),
        PixelSample(
            "/v1/pixel/track?data=eyJ3cml0ZUtleSI6ImsxIiwiYW5vbnltb3VzSWQiOiI3ZjNhIiwiZXZlbnQiOiJPcmRlciBDb21wbGV0ZWQiLCJwcm9wZXJ0aWVzIjp7Im9yZGVyX2lkIjoiQTE3IiwicHJvZHVjdHMiOlt7InByb2R1Y3RfaWQiOiJLMSIsInNrdSI6IjciLCJuYW1lIjoiS2V0dGxlIiwiY2F0ZWdvcnkiOiJLaXRjaGVuIiwicHJpY2UiOjg5LjUsInF1YW50aXR5IjoyfSx7InNrdSI6IkMyIiwicHJpY2UiOiJmcmVlIn1dfX0%3D",
            {"event": "purchase", "product": "K1", "products": [make_product("K1", "Kettle", "Kitchen", 89.5, 2), make_product("C2")]},
        ),
        PixelSample("/v1/pixel/track?writeKey=k1&anonymousId=7f3a&event=Product%20Viewed&properties.sku=K1&properties.name=Kettle&properties.price=89.5",
                    {"event": "product_view", "product": "K1", "products": [make_product("K1", "Kettle", None, 89.5)]}),
        PixelSample("/v1/pixel/page?writeKey=k1&anonymousId=7f3a&properties.name=Home", {"event": "page_view", "products": None}),
    ),
)  # fmt: skip
