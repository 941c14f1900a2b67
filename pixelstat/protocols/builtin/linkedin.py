"""LinkedIn's insight tag, if it is proxied through your server."""

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.table import build_pixel, first_matching, has_parameter, parameter_starts_with

PROTOCOL = build_pixel(
    "linkedin",
    "LinkedIn's insight tag",
    marker=r'/collect/?[? \t",|\\]',
    paths="/collect/?$",
    claims=pl.col("path").str.contains("/collect/?$") & parameter_starts_with("pid", "[0-9]+(?:&|$)") & has_parameter("fmt", "url", "conversionId"),
    names={"page_address": ("url",), "goal": ("conversionId",)},
    event=first_matching((has_parameter("conversionId"), "goal"), (pl.lit(value=True), "page_view")),
    samples=(
        PixelSample("/collect/?pid=123456&conversionId=987654&fmt=gif", {"event": "goal", "goal": "987654"}),
        PixelSample("/collect?v=2&fmt=js&pid=123456&url=https%3A%2F%2Fshop.example%2F&time=1583871950665", {"event": "page_view", "page": "/"}),
    ),
)  # fmt: skip
