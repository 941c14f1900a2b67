"""Countly: `/pixel.png` and `/i`. Only the first event of a request is read."""

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.table import build_pixel, first_matching, has_parameter

PROTOCOL = build_pixel(
    "countly",
    "Countly",
    marker="app_key=",
    paths=r"/(?:pixel\.png|i)$",
    claims=pl.col("path").str.contains(r"/(?:pixel\.png|i)$") & has_parameter("app_key"),
    names={
        "event": (r"0\.key",),
        "visitor_id": ("device_id",),
        "value": (r"0\.sum",),
        "page_address": (r"0\.segmentation\.(?:view|name|url)",),
        "began": ("begin_session",),
        "ended": ("end_session", "session_duration"),
    },
    event=first_matching(
        (pl.col("event") == "[CLY]_view", "page_view"),
        (pl.col("event").is_not_null(), pl.col("event")),
        (pl.col("ended").is_not_null(), "ping"),
        (pl.lit(value=True), "page_view"),
    ),
    payload="events",
    samples=(
        PixelSample("/pixel.png?app_key=k1&begin_session=1", {"event": "page_view"}),
        PixelSample("/i?app_key=k1&device_id=d7&session_duration=30", {"event": "ping", "visitor": "v:d7"}),
        PixelSample(
            "/i?app_key=k1&device_id=d7&events=%5B%7B%22key%22%3A%22purchase%22%2C%22count%22%3A1%2C%22sum%22%3A89.5%7D%5D",
            {"event": "purchase", "visitor": "v:d7", "value": 89.5},
        ),
    ),
)  # fmt: skip
