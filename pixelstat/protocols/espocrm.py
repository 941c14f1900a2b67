"""EspoCRM: `?entryPoint=campaignTrackOpened&id=`, `?entryPoint=campaignUrl&id=&queueItemId=` (Crm/Tools/MassEmail)."""

import polars as pl

from pixelstat.protocols import PixelSample
from pixelstat.protocols.mailers import Address, mailer
from pixelstat.protocols.vendors import has, holds

_ROOT = r"/(?:index\.php)?"


def _recipients(events: pl.LazyFrame) -> pl.LazyFrame:
    """The id is the recipient's, but in a click, where it is the link's."""
    is_click = pl.col("event") == "click_email"
    return events.with_columns(
        recipient=pl.coalesce("recipient", pl.when(~is_click).then("link")), link=pl.when(is_click).then("link")
    )


PROTOCOL = mailer(
    "espocrm",
    "EspoCRM",
    Address("open", _ROOT, holds("entryPoint", "campaignTrackOpened(?:&|$)") & has("id")),
    Address("click_email", _ROOT, holds("entryPoint", "campaignUrl(?:&|$)") & has("id")),
    Address("unsubscribe", _ROOT, holds("entryPoint", "unsubscribe(?:&|$)") & (has("id") | has("emailAddress") & has("hash"))),
    marker="entryPoint=campaignTrackOpened|entryPoint=campaignUrl|entryPoint=unsubscribe",
    names={"link": ("id",), "recipient": ("queueItemId", "emailAddress", "uid")},
    fill=_recipients,
    samples=(
        PixelSample("/?entryPoint=campaignTrackOpened&id=66f0a1b2c3d4e5f60", {"event": "open", "recipient": "66f0a1b2c3d4e5f60", "link": None, "visitor": "r:66f0a1b2c3d4e5f60"}),
        PixelSample(
            "/crm/?entryPoint=campaignUrl&id=5e0a&queueItemId=66f0a1b2c3d4e5f60",
            {"event": "click_email", "link": "5e0a", "recipient": "66f0a1b2c3d4e5f60", "visitor": "r:66f0a1b2c3d4e5f60"},
        ),
        PixelSample(
            "/?entryPoint=campaignUrl&id=5e0a&emailAddress=ann%40shop.example&hash=9f86d081",
            {"event": "click_email", "link": "5e0a", "recipient": "ann@shop.example"},
        ),
        PixelSample("/?entryPoint=unsubscribe&id=66f0a1b2c3d4e5f60", {"event": "unsubscribe", "recipient": "66f0a1b2c3d4e5f60"}),
    ),
)  # fmt: skip
