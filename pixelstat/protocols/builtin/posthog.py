"""PostHog by GET: `/e/`, `/i/v0/e/`, `/capture/` and `/batch/` with the event in `data`, JSON or base64."""

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.products import cdp_products, make_product
from pixelstat.protocols.table import build_pixel, parameter_starts_with, rename_events

_PATHS = "/(?:e|i/v0/e|capture|batch|engage)/?$"

PROTOCOL = build_pixel(
    "posthog",
    "PostHog",
    marker=r"data=(?:eyJ|%7B|%5B|W3si|\{|\[)",
    paths=_PATHS,
    claims=pl.col("path").str.contains(_PATHS) & parameter_starts_with("data", "(?:eyJ|%7B|%5B|W3si|\\{|\\[)"),
    names={
        "event": ("event", r"0\.event", r"batch\.0\.event"),
        "visitor_id": (r"properties\.distinct_id", "distinct_id", r"0\.properties\.distinct_id"),
        "session_id": (r"properties\.\$session_id",),
        "page_address": (r"properties\.\$current_url", r"0\.properties\.\$current_url"),
        "referrer": (r"properties\.\$referrer",),
        "value": (r"properties\.revenue", r"properties\.value"),
        "currency": (r"properties\.currency",),
        "order_id": (r"properties\.order_id",),
    },
    items=cdp_products(r"(?:(?:batch\.)?0\.)?"),
    event=rename_events(pl.coalesce("event", pl.lit("event")), {"$pageview": "page_view", "$autocapture": "click", "$pageleave": "ping"}),
    payload="data",
    samples=(
        PixelSample(
            "/e/?data=eyJldmVudCI6IiRwYWdldmlldyIsInByb3BlcnRpZXMiOnsiZGlzdGluY3RfaWQiOiI3ZjNhIiwiJGN1cnJlbnRfdXJsIjoiaHR0cHM6Ly9zaG9wLmV4YW1wbGUvYSJ9fQ%3D%3D&ver=1",
            {"event": "page_view", "visitor": "v:7f3a", "page": "/a", "host": "shop.example"},
        ),
        PixelSample(
            "/batch/?data=eyJiYXRjaCI6W3siZXZlbnQiOiJPcmRlciBDb21wbGV0ZWQiLCJwcm9wZXJ0aWVzIjp7Im9yZGVyX2lkIjoiQTE3IiwicHJvZHVjdHMiOlt7InByb2R1Y3RfaWQiOiJLMSIsInNrdSI6IjciLCJuYW1lIjoiS2V0dGxlIiwiY2F0ZWdvcnkiOiJLaXRjaGVuIiwicHJpY2UiOjg5LjUsInF1YW50aXR5IjoyfSx7InNrdSI6IkMyIiwicHJpY2UiOiJmcmVlIn1dfX1dfQ%3D%3D",
            {"event": "purchase", "product": "K1", "products": [make_product("K1", "Kettle", "Kitchen", 89.5, 2), make_product("C2")]},
        ),
    ),
)  # fmt: skip
