"""listmonk: `/campaign/{campaign}/{subscriber}/px.png` and `/link/{link}/{campaign}/{subscriber}` (cmd/handlers.go)."""

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.mailer import UUID, Endpoint, build_mailer

NIL_UUID = "00000000-0000-0000-0000-000000000000"  # the subscriber, if individual tracking is off


def _drop_nil_recipients(events: pl.LazyFrame) -> pl.LazyFrame:
    return events.with_columns(recipient=pl.when(pl.col("recipient") != NIL_UUID).then("recipient"))


PROTOCOL = build_mailer(
    "listmonk",
    "listmonk",
    Endpoint("open", rf"/campaign/(?P<campaign>{UUID})/(?P<recipient>{UUID})/px\.png"),
    Endpoint("click_email", rf"/link/(?P<link>{UUID})/(?P<campaign>{UUID})/(?P<recipient>{UUID})"),
    Endpoint("web_view", rf"/campaign/(?P<campaign>{UUID})/(?P<recipient>{UUID})"),
    Endpoint("unsubscribe", rf"/subscription/(?P<campaign>{UUID})/(?P<recipient>{UUID})"),
    marker=rf"/(?:campaign|subscription|link)/{UUID}/",
    finish=_drop_nil_recipients,
    samples=(
        PixelSample(
            "/campaign/5b0b4f4e-1d1a-4a0e-9f0c-0a1b2c3d4e5f/9c2f7a10-2b3c-4d5e-8f90-a1b2c3d4e5f6/px.png",
            {"event": "open", "campaign": "5b0b4f4e-1d1a-4a0e-9f0c-0a1b2c3d4e5f", "recipient": "9c2f7a10-2b3c-4d5e-8f90-a1b2c3d4e5f6",
             "visitor": "r:9c2f7a10-2b3c-4d5e-8f90-a1b2c3d4e5f6"},
        ),
        PixelSample(
            "/link/11111111-2222-3333-4444-555555555555/5b0b4f4e-1d1a-4a0e-9f0c-0a1b2c3d4e5f/00000000-0000-0000-0000-000000000000",
            {"event": "click_email", "link": "11111111-2222-3333-4444-555555555555", "campaign": "5b0b4f4e-1d1a-4a0e-9f0c-0a1b2c3d4e5f",
             "recipient": None},
        ),
    ),
)  # fmt: skip
