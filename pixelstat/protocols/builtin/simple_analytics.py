"""Simple Analytics: `/noscript.gif` without JavaScript, `/simple.gif` of its script."""

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.table import build_pixel, has_parameter, parameter_starts_with

PROTOCOL = build_pixel(
    "simple_analytics",
    "Simple Analytics",
    marker=r"/(?:noscript|simple)\.gif",
    paths=r"/(?:noscript|simple)\.gif$",
    claims=pl.col("path").str.contains(r"/(?:noscript|simple)\.gif$") & (has_parameter("hostname", "path", "unique", "collect-dnt", "timezone") | pl.col("query").is_null()),
    names={"event": ("event",), "page_path": ("path",), "page_host": ("hostname",), "referrer": ("referrer",)},
    event=pl.coalesce("event", pl.lit("page_view")),
    bot=parameter_starts_with("bot", "true"),
    finish=lambda events: events.with_columns(
        page_address=pl.when(pl.col("page_host").is_null()).then("page_path").otherwise("//" + pl.col("page_host") + pl.col("page_path"))
    ),
    samples=(
        PixelSample("/noscript.gif?hostname=shop.example&path=%2Fa&collect-dnt=true", {"event": "page_view", "page": "/a", "host": "shop.example"}),
        PixelSample("/simple.gif?hostname=shop.example&path=%2Fa&bot=true", {"event": "page_view", "is_declared_bot": True}),
        PixelSample("/noscript.gif", {"event": "page_view", "page": "/b"}, referrer="https://shop.example/b"),
    ),
)  # fmt: skip
