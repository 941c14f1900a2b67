"""PostHog by GET: `/e/`, `/i/v0/e/`, `/capture/` and `/batch/` with the event in `data`, JSON or base64."""

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.payloads import payload_batch
from pixelstat.protocols.products import cdp_products, make_product
from pixelstat.protocols.table import build_pixel, parameter_starts_with, rename_events

_AUTOMATIC = ("$pageleave", "$set", "$feature_flag_called", "$web_vitals", "$performance_event", "$$heatmap")
_EVENTS = {
    "$pageview": "page_view",
    "$bot_pageview": "page_view",
    "$autocapture": "click",
    **dict.fromkeys(_AUTOMATIC, "ping"),
}
_PATHS = "/(?:e|i/v0/e|capture|batch|engage)/?$"

PROTOCOL = build_pixel(
    "posthog",
    "PostHog",
    marker=r"data=(?:eyJ|%7B|%5B|W3si|\{|\[)",
    paths=_PATHS,
    claims=pl.col("path").str.contains(_PATHS) & parameter_starts_with("data", "(?:eyJ|%7B|%5B|W3si|\\{|\\[)"),
    names={
        "event": ("event",),
        "visitor_id": (r"properties\.distinct_id", "distinct_id"),
        "session_id": (r"properties\.\$session_id",),
        "page_address": (r"properties\.\$current_url",),
        "referrer": (r"properties\.\$referrer",),
        "value": (r"properties\.revenue", r"properties\.value"),
        "currency": (r"properties\.currency",),
        "tax": (r"properties\.tax",),
        "shipping": (r"properties\.shipping",),
        "discount": (r"properties\.discount",),
        "coupon": (r"properties\.coupon",),
        "order_id": (r"properties\.order_id",),
    },
    dedup_key=(r"uuid|properties\.\$insert_id",),
    account=r"api_key|token|properties\.token",
    items=cdp_products(),
    event=rename_events(pl.coalesce("event", pl.lit("event")), _EVENTS),
    bot=parameter_starts_with(r"[a-z0-9.]*properties\.\$browser_type", "bot"),
    payload="data",
    batch=payload_batch("data"),
    samples=(
        PixelSample(
            "/e/?data=eyJldmVudCI6IiRwYWdldmlldyIsInByb3BlcnRpZXMiOnsiZGlzdGluY3RfaWQiOiI3ZjNhIiwiJGN1cnJlbnRfdXJsIjoiaHR0cHM6Ly9zaG9wLmV4YW1wbGUvYSJ9fQ%3D%3D&ver=1",
            {"event": "page_view", "visitor": "v:7f3a", "page": "/a", "host": "shop.example"},
        ),
        PixelSample(
            "/e/?data=eyJldmVudCI6IiRib3RfcGFnZXZpZXciLCJwcm9wZXJ0aWVzIjp7ImRpc3RpbmN0X2lkIjoiN2YzYSIsIiRicm93c2VyX3R5cGUiOiJib3QifX0%3D",
            {"event": "page_view", "is_declared_bot": True},
        ),
        PixelSample(
            "/batch/?data=eyJiYXRjaCI6W3siZXZlbnQiOiJPcmRlciBDb21wbGV0ZWQiLCJwcm9wZXJ0aWVzIjp7Im9yZGVyX2lkIjoiQTE3IiwicHJvZHVjdHMiOlt7InByb2R1Y3RfaWQiOiJLMSIsInNrdSI6IjciLCJuYW1lIjoiS2V0dGxlIiwiY2F0ZWdvcnkiOiJLaXRjaGVuIiwicHJpY2UiOjg5LjUsInF1YW50aXR5IjoyfSx7InNrdSI6IkMyIiwicHJpY2UiOiJmcmVlIn1dfX1dfQ%3D%3D",
            {"event": "purchase", "product": "K1", "products": [make_product("K1", "Kettle", "Kitchen", 89.5, 2), make_product("C2")]},
        ),
        PixelSample(
            "/e/?data=W3siZXZlbnQiOiIkcGFnZXZpZXciLCJ1dWlkIjoidTEiLCJwcm9wZXJ0aWVzIjp7InRva2VuIjoidCIsImRpc3RpbmN0X2lkIjoiN2YzYSIsIiRjdXJyZW50X3VybCI6Imh0dHBzOi8vc2hvcC5leGFtcGxlL2EifX0seyJldmVudCI6IiRmZWF0dXJlX2ZsYWdfY2FsbGVkIiwidXVpZCI6InUyIiwicHJvcGVydGllcyI6eyJ0b2tlbiI6InQiLCJkaXN0aW5jdF9pZCI6IjdmM2EifX1d&ver=1",
            {"event": "page_view", "event_number": 1, "visitor": "v:7f3a", "page": "/a", "dedup_key": "t&u1&page_view"},
            others=[{"event": "ping", "event_number": 2, "visitor": "v:7f3a", "page": None, "dedup_key": "t&u2&ping"}],
        ),
        PixelSample(
            "/batch/?data=%7B%22api_key%22%3A%22t%22%2C%22batch%22%3A%5B%7B%22event%22%3A%22%24pageview%22%2C%22distinct_id%22%3A%227f3a%22%2C%22properties%22%3A%7B%22%24current_url%22%3A%22https%3A%2F%2Fshop.example%2Fa%22%7D%7D%2C%7B%22event%22%3A%22Order%20Completed%22%2C%22distinct_id%22%3A%227f3a%22%2C%22properties%22%3A%7B%22order_id%22%3A%22A17%22%2C%22revenue%22%3A89.5%7D%7D%5D%7D",
            {"event": "page_view", "event_number": 1, "visitor": "v:7f3a", "page": "/a"},
            others=[{"event": "purchase", "event_number": 2, "visitor": "v:7f3a", "page": None, "order_id": "A17", "value": 89.5}],
        ),
    ),
)  # fmt: skip
