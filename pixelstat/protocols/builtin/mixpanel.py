"""Mixpanel by GET: `/track` with its event in base64; with `redirect` it is a click."""

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.payloads import payload_batch
from pixelstat.protocols.products import cdp_products, make_product
from pixelstat.protocols.table import build_pixel, first_matching, has_parameter, parameter_starts_with, rename_events

_EVENTS = {"$mp_web_page_view": "page_view", "$mp_click": "click", "$mp_scroll": "scroll",
           "$mp_page_leave": "ping", "$mp_session_record": "ping"}  # fmt: skip

PROTOCOL = build_pixel(
    "mixpanel",
    "Mixpanel",
    marker=r'/track/?[? \t",|\\]',
    paths="/track/?$",
    claims=pl.col("path").str.contains("/track/?$") & parameter_starts_with("data", "[A-Za-z0-9+/_%=-]{16}") & (has_parameter("ip", "img", "redirect", "verbose", "_") | parameter_starts_with("data", "eyJldmVudCI6")),
    names={
        "event": ("event",),
        "visitor_id": (r"properties\.distinct_id",),
        "page_address": (r"properties\.\$current_url", r"properties\.url"),
        "referrer": (r"properties\.\$referrer",),
        "value": (r"properties\.revenue", r"properties\.value", r"properties\.\$amount"),
        "tax": (r"properties\.tax",),
        "shipping": (r"properties\.shipping",),
        "discount": (r"properties\.discount",),
        "coupon": (r"properties\.coupon",),
        "order_id": (r"properties\.order_id",),
        "campaign": (r"properties\.campaign_id", r"properties\.campaign"),
        "link": ("redirect",),
    },
    dedup_key=(r"properties\.\$insert_id",),
    account=r"properties\.token",
    items=cdp_products(),
    event=first_matching((pl.col("event").is_not_null(), rename_events(pl.col("event"), _EVENTS)), (pl.col("link").is_not_null(), "click"), (pl.lit(value=True), "event")),
    payload="data",
    batch=payload_batch("data"),
    samples=(
        PixelSample(
            "/track/?data=eyJldmVudCI6Ik9wZW5lZCIsInByb3BlcnRpZXMiOnsidG9rZW4iOiJ0IiwiZGlzdGluY3RfaWQiOiI3ZjNhIiwiY2FtcGFpZ24iOiJsYXVuY2gifX0%3D&ip=1&img=1",
            {"event": "open", "visitor": "v:7f3a", "campaign": "launch"},
        ),
        PixelSample(
            "/track/?data=eyJldmVudCI6Ik9yZGVyIENvbXBsZXRlZCIsInByb3BlcnRpZXMiOnsiZGlzdGluY3RfaWQiOiI3ZjNhIiwib3JkZXJfaWQiOiJBMTciLCJwcm9kdWN0cyI6W3sicHJvZHVjdF9pZCI6IksxIiwic2t1IjoiNyIsIm5hbWUiOiJLZXR0bGUiLCJjYXRlZ29yeSI6IktpdGNoZW4iLCJwcmljZSI6ODkuNSwicXVhbnRpdHkiOjJ9LHsic2t1IjoiQzIiLCJwcmljZSI6ImZyZWUifV19fQ%3D%3D&ip=1",
            {"event": "purchase", "visitor": "v:7f3a", "product": "K1", "products": [make_product("K1", "Kettle", "Kitchen", 89.5, 2), make_product("C2")]},
        ),
        PixelSample(
            "/track/?data=W3siZXZlbnQiOiJQcm9kdWN0IFZpZXdlZCIsInByb3BlcnRpZXMiOnsidG9rZW4iOiJ0IiwiZGlzdGluY3RfaWQiOiI3ZjNhIiwiJGluc2VydF9pZCI6ImkxIiwic2t1IjoiSzEifX0seyJldmVudCI6IiRtcF9wYWdlX2xlYXZlIiwicHJvcGVydGllcyI6eyJ0b2tlbiI6InQiLCJkaXN0aW5jdF9pZCI6IjdmM2EiLCIkaW5zZXJ0X2lkIjoiaTIifX1d&ip=1",
            {"event": "product_view", "event_number": 1, "visitor": "v:7f3a", "product": "K1", "dedup_key": "t&i1&product_view"},
            others=[{"event": "ping", "event_number": 2, "product": None, "dedup_key": "t&i2&ping"}],
        ),
    ),
)  # fmt: skip
