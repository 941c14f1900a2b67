"""Fathom Lite: `/collect`. Hosted Fathom: the root, with page and host in the query."""

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.table import build_pixel, first_matching, has_parameter

PROTOCOL = build_pixel(
    "fathom",
    "Fathom",
    marker=r"[?& \t]h=http",
    paths="/(?:collect)?$",
    claims=pl.col("path").str.contains("/(?:collect)?$") & has_parameter("h") & has_parameter("p") & has_parameter("sid"),
    names={
        "event": ("name",),
        "visitor_id": ("cid",),
        "session_id": ("sid",),
        "page_path": ("p",),
        "page_host": ("h",),
        "referrer": ("r",),
    },
    event=first_matching((pl.col("event").is_not_null(), pl.col("event")), (pl.lit(value=True), "page_view")),
    finish=lambda events: events.with_columns(page_address=pl.col("page_host") + pl.col("page_path")),
    samples=(
        PixelSample("/?h=https%3A%2F%2Fshop.example&p=%2Fdocs%2Fa&r=&sid=PMFMDJGK&qs=%7B%7D&cid=62743028",
                    {"event": "page_view", "page": "/docs/a", "host": "shop.example", "visitor": "v:62743028"}),
        PixelSample("/collect?pid=p1&p=%2F&h=https%3A%2F%2Fshop.example&r=&u=1&nv=1&ns=1&sid=s1",
                    {"event": "page_view", "page": "/", "host": "shop.example"}),
    ),
)  # fmt: skip
