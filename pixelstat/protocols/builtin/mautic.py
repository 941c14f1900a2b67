"""Mautic's page pixel: `/mtracking.gif`."""

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.table import build_pixel

PROTOCOL = build_pixel(
    "mautic",
    "Mautic's page pixel",
    marker=r"/mtracking\.gif",
    paths=r"/mtracking\.gif$",
    claims=pl.col("path").str.ends_with("/mtracking.gif"),
    names={"visitor_id": ("mtc_id", "mautic_device_id"), "page_address": ("page_url", "url"), "referrer": ("page_referrer", "referrer")},
    event=pl.lit("page_view"),
    samples=(
        PixelSample("/mtracking.gif?page_url=https%3A%2F%2Fshop.example%2Fa&page_title=A", {"event": "page_view", "page": "/a", "host": "shop.example"}),
    ),
)  # fmt: skip
