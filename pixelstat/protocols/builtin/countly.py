"""Countly: `/pixel.png` and `/i`, with a JSON list of events.

A view is sent twice: with `visit` when it begins, and with its duration when it ends.
"""

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.payloads import payload_batch
from pixelstat.protocols.table import build_pixel, first_matching, has_parameter

PROTOCOL = build_pixel(
    "countly",
    "Countly",
    marker="app_key=",
    paths=r"/(?:pixel\.png|i)$",
    claims=pl.col("path").str.contains(r"/(?:pixel\.png|i)$") & has_parameter("app_key"),
    names={
        "event": ("key",),
        "visitor_id": ("device_id",),
        "value": ("sum",),
        "page_address": (r"segmentation\.(?:view|name|url)",),
        "visit": (r"segmentation\.visit",),
        "duration": ("dur",),
        "began": ("begin_session",),
        "ended": ("end_session", "session_duration"),
    },
    event=first_matching(
        ((pl.col("event") == "[CLY]_view") & pl.col("visit").is_null() & pl.col("duration").is_not_null(), "ping"),
        (pl.col("event") == "[CLY]_view", "page_view"),
        (pl.col("event").is_not_null(), pl.col("event")),
        (pl.col("ended").is_not_null(), "ping"),
        (pl.lit(value=True), "page_view"),
    ),
    payload="events",
    batch=payload_batch("events"),
    samples=(
        PixelSample("/pixel.png?app_key=k1&begin_session=1", {"event": "page_view"}),
        PixelSample("/i?app_key=k1&device_id=d7&session_duration=30", {"event": "ping", "visitor": "v:d7"}),
        PixelSample(
            "/i?app_key=k1&device_id=d7&events=%5B%7B%22key%22%3A%22purchase%22%2C%22count%22%3A1%2C%22sum%22%3A89.5%7D%5D",
            {"event": "purchase", "visitor": "v:d7", "value": 89.5},
        ),
        PixelSample(
            "/i?app_key=k1&device_id=d7&events=%5B%7B%22key%22%3A%22%5BCLY%5D_view%22%2C%22count%22%3A1%2C%22segmentation%22%3A%7B%22name%22%3A%22%2Fa%22%2C%22visit%22%3A1%7D%7D%2C%7B%22key%22%3A%22%5BCLY%5D_view%22%2C%22dur%22%3A7%2C%22segmentation%22%3A%7B%22name%22%3A%22%2Fa%22%7D%7D%2C%7B%22key%22%3A%22purchase%22%2C%22count%22%3A1%2C%22sum%22%3A89.5%7D%5D",
            {"event": "page_view", "event_number": 1, "visitor": "v:d7", "page": "/a", "value": None},
            others=[{"event": "ping", "event_number": 2, "page": "/a"}, {"event": "purchase", "event_number": 3, "visitor": "v:d7", "page": None, "value": 89.5}],
        ),
    ),
)  # fmt: skip
