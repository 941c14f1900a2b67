"""Amazon SES: `/I0/{message}/{signature}`, `/L0/{target}/{n}/{message}/{signature}`; on a custom domain `/CI0/`, `/CL0/`."""

from datetime import datetime, timezone

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.mailer import HEX, Endpoint, build_mailer, parse_sent_time

_MESSAGE = rf"(?P<message>{HEX}{{16}}-{HEX}{{8}}-{HEX}{{4}}-{HEX}{{4}}-{HEX}{{4}}-{HEX}{{12}}-[0-9]{{6}})"
_SIGNATURE = r"[A-Za-z0-9_-]+=[0-9]+"


def _read_sent_time(events: pl.LazyFrame) -> pl.LazyFrame:
    """Read the time of sending from the message.

    It begins with four hexadecimal digits for the region and twelve for the time in milliseconds.
    """
    milliseconds = pl.col("message").str.slice(4, 12).str.to_integer(base=16, strict=False, dtype=pl.Int64)
    return events.with_columns(sent=parse_sent_time(milliseconds / 1_000))


PROTOCOL = build_mailer(
    "ses",
    "Amazon SES",
    Endpoint("open", rf"/C?I0/{_MESSAGE}/{_SIGNATURE}"),
    Endpoint("click_email", rf"/C?L0/(?P<link>[^/]+)/[0-9]+/{_MESSAGE}/{_SIGNATURE}"),
    marker=rf"/C?[IL]0/[^ ]*{HEX}{{16}}-{HEX}{{8}}-",
    finish=_read_sent_time,
    identified_by=("message",),
    samples=(
        PixelSample(
            "/CI0/01000197645ac512-b7b8e2b2-6f0a-4a3c-8a43-0123456789ab-000000/Zm9vYmFy-x_y=409",
            {"event": "open", "message": "01000197645ac512-b7b8e2b2-6f0a-4a3c-8a43-0123456789ab-000000", "visitor": "r:01000197645ac512-b7b8e2b2-6f0a-4a3c-8a43-0123456789ab-000000", "sent": datetime(2025, 6, 12, 13, 35, 59, 762_000, timezone.utc)},
        ),
        PixelSample(
            "/L0/https:%2F%2Fshop.example%2Flaunch%3Fa=1/1/01020199d0963a8e-62776654-144f-4a67-9a8f-f79716dd53dc-000000/p_cF684x=447",
            {"event": "click_email", "link": "https://shop.example/launch?a=1", "sent": datetime(2025, 10, 11, 0, 5, 30, 382_000, timezone.utc)},
        ),
    ),
)  # fmt: skip
