"""GoatCounter: `/count`, requested by its script or as an image."""

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.table import build_pixel, first_matching, parameter_starts_with

PROTOCOL = build_pixel(
    "goatcounter",
    "GoatCounter",
    marker=r"/count[? \t\",|\\]",
    paths="/count$",
    claims=pl.col("path").str.ends_with("/count") & (parameter_starts_with("p", "(?:/|%2[Ff])") | parameter_starts_with("e", "(?:true|1)(?:&|$)") & parameter_starts_with("p", "[^&]")),
    names={"page_address": ("p",), "referrer": ("r",), "campaign_query": ("q",), "is_event": ("e",)},
    event=first_matching((pl.col("is_event").is_in(["true", "1"]), pl.col("page_address")), (pl.lit(value=True), "page_view")),
    bot=parameter_starts_with("b", "[1-9]"),
    finish=lambda events: events.with_columns(
        page_address=pl.when(~pl.col("is_event").is_in(["true", "1"]).fill_null(value=False)).then("page_address"),
        utm_source=pl.coalesce("utm_source", pl.col("campaign_query").str.extract(r"(?:^|[?&])(?:utm_source|ref)=([^&]+)")),
        utm_campaign=pl.coalesce("utm_campaign", pl.col("campaign_query").str.extract(r"(?:^|[?&])utm_campaign=([^&]+)")),
    ),
    samples=(
        PixelSample("/count?p=%2Ffoo.html&r=https%3A%2F%2Fexample.com%3Fp%3Dx&s=40%2C50%2C1&t=XX",
                    {"event": "page_view", "page": "/foo.html", "referrer": "https://example.com?p=x"}),
        PixelSample("/count?p=/test&b=0", {"event": "page_view", "page": "/test", "is_declared_bot": None}),
        PixelSample("/count?p=/test&b=153", {"event": "page_view", "is_declared_bot": True}),
        PixelSample("/count?p=signup&e=true&rnd=a1", {"event": "signup", "page": None}),
    ),
)  # fmt: skip
