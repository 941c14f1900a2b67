"""Notifuse: `/opens?mid=&wid=&ts=`, `/visit?...&url=`; today `/t/{token}`, `/r/{token}`, encrypted (email_handler.go)."""

from datetime import datetime, timezone

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.mailer import Endpoint, build_mailer, parse_sent_time
from pixelstat.protocols.table import has_parameter

_TOKEN = "[A-Za-z0-9_-]{32,}=*"  # noqa: S105 - a pattern, not a secret


def _parse_sent(events: pl.LazyFrame) -> pl.LazyFrame:
    return events.with_columns(sent=parse_sent_time(pl.col("sent")))


PROTOCOLS = (
    build_mailer(
        "notifuse",
        "Notifuse",
        Endpoint("open", "/opens", has_parameter("mid") & has_parameter("wid")),
        Endpoint("click_email", "/visit", has_parameter("mid") & has_parameter("wid")),
        marker=r"/opens[^A-Za-z0-9/_-]|/visit[^A-Za-z0-9/_-]",
        names={"message": ("mid",), "link": ("url",), "sent": ("ts",)},
        finish=_parse_sent,
        identified_by=("message",),
        samples=(
            PixelSample(
                "/opens?mid=shop_66f0a1b2&wid=shop&ts=1789293900",
                {"event": "open", "message": "shop_66f0a1b2", "sent": datetime(2026, 9, 13, 10, 5, tzinfo=timezone.utc), "visitor": "r:shop_66f0a1b2"},
            ),
            PixelSample(
                "/visit?mid=shop_66f0a1b2&wid=shop&ts=soon&url=https%3A%2F%2Fshop.example%2Flaunch",
                {"event": "click_email", "message": "shop_66f0a1b2", "link": "https://shop.example/launch", "sent": None, "visitor": "r:shop_66f0a1b2"},
            ),
        ),
    ),
    build_mailer(
        "notifuse_token",
        "Notifuse's encrypted addresses; only with --protocol notifuse_token",
        Endpoint("open", f"^/t/{_TOKEN}"),
        Endpoint("click_email", f"^/r/{_TOKEN}"),
        marker="/[tr]/[A-Za-z0-9_-]{32}",
        is_opt_in=True,
        samples=(
            PixelSample("/t/q1W2e3R4t5Y6u7I8o9P0a1S2d3F4g5H6j7K8", {"event": "open", "recipient": None}),
            PixelSample("/r/q1W2e3R4t5Y6u7I8o9P0a1S2d3F4g5H6j7K8", {"event": "click_email", "recipient": None}),
        ),
    ),
)  # fmt: skip
