"""EspoCRM: `?entryPoint=campaignTrackOpened&id=`, `?entryPoint=campaignUrl&id=&queueItemId=` (Crm/Tools/MassEmail)."""

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.mailer import Endpoint, build_mailer
from pixelstat.protocols.table import has_parameter, parameter_starts_with

_ROOT = r"/(?:index\.php)?"


def _assign_ids(events: pl.LazyFrame) -> pl.LazyFrame:
    """Assign the parameter `id`: it is the link in a click, else the recipient."""
    is_click = pl.col("event") == "click_email"
    return events.with_columns(
        recipient=pl.coalesce("recipient", pl.when(~is_click).then("link")), link=pl.when(is_click).then("link")
    )


PROTOCOL = build_mailer(
    "espocrm",
    "EspoCRM",
    Endpoint("open", _ROOT, parameter_starts_with("entryPoint", "campaignTrackOpened(?:&|$)") & has_parameter("id")),
    Endpoint("click_email", _ROOT, parameter_starts_with("entryPoint", "campaignUrl(?:&|$)") & has_parameter("id")),
    Endpoint("unsubscribe", _ROOT, parameter_starts_with("entryPoint", "unsubscribe(?:&|$)") & (has_parameter("id") | has_parameter("emailAddress") & has_parameter("hash"))),
    marker="entryPoint=campaignTrackOpened|entryPoint=campaignUrl|entryPoint=unsubscribe",
    names={"link": ("id",), "recipient": ("queueItemId", "emailAddress", "uid")},
    finish=_assign_ids,
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
