"""Mailchimp: `/track/open.php?u=&id=&e=`, `/track/click?...`, `/unsubscribe?...`: u is the account, id the mailing or link, e the recipient."""

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.mailer import HEX, Endpoint, build_mailer
from pixelstat.protocols.table import parameter_starts_with

_IDS = (
    parameter_starts_with("u", f"{HEX}{{25}}(?:&|$)")
    & parameter_starts_with("id", f"{HEX}{{10}}(?:&|$)")
    & parameter_starts_with("e", f"{HEX}{{10}}(?:&|$)")
)


def _assign_ids(events: pl.LazyFrame) -> pl.LazyFrame:
    """Assign the parameter `id`: it is the mailing in an open, the link in a click, else a list."""
    event = pl.col("event")
    return events.with_columns(
        campaign=pl.when(event == "open").then("link").otherwise("campaign"),
        link=pl.when(event == "click_email").then("link"),
    )


PROTOCOL = build_mailer(
    "mailchimp",
    "Mailchimp",
    Endpoint("open", r"/track/open\.php", _IDS),
    Endpoint("click_email", "/track/click", _IDS),
    Endpoint("unsubscribe", "/unsubscribe", _IDS),
    marker=r"/track/open\.php|/track/click|/unsubscribe[^A-Za-z0-9/_-]",
    names={"link": ("id",), "recipient": ("e",), "campaign": ("c",)},
    finish=_assign_ids,
    samples=(
        PixelSample(
            "/track/open.php?u=0f1e2d3c4b5a69788796a5b4c&id=ab12cd34ef&e=9876543210",
            {"event": "open", "campaign": "ab12cd34ef", "recipient": "9876543210", "link": None, "visitor": "r:9876543210"},
        ),
        PixelSample(
            "/track/click?u=0f1e2d3c4b5a69788796a5b4c&id=77aa88bb99&e=9876543210",
            {"event": "click_email", "campaign": None, "link": "77aa88bb99", "recipient": "9876543210", "visitor": "r:9876543210"},
        ),
        PixelSample(
            "/unsubscribe?u=0f1e2d3c4b5a69788796a5b4c&id=11aa22bb33&e=9876543210&c=ab12cd34ef",
            {"event": "unsubscribe", "campaign": "ab12cd34ef", "link": None, "recipient": "9876543210"},
        ),
    ),
)  # fmt: skip
