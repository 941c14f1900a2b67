"""MailPoet: `/?mailpoet_router&endpoint=track&action=open|click&data=`, data being a list in base64 (lib/Router/Router.php)."""

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.mailer import Address, mailer_table
from pixelstat.protocols.payloads import decode_json
from pixelstat.protocols.table import has_parameter, parameter_starts_with

_ROOT = r"/(?:index\.php)?"
_ROUTER = pl.col("query").str.contains("(?:^|&)mailpoet_router(?:[=&]|$)").fill_null(value=False) & has_parameter(
    "data"
)


def _of_data(text: str) -> dict[str, object]:
    """Subscriber, token, mailing, link and whether it is a preview; who unsubscribes is named by the address."""
    held = decode_json(text)
    if isinstance(held, dict):
        return {"recipient": held.get("email")}
    if not isinstance(held, list) or len(held) != 5:
        raise ValueError(text)
    return {"recipient": held[0], "campaign": held[2], "link": held[3]}


PROTOCOL = mailer_table(
    "mailpoet",
    "MailPoet",
    Address("open", _ROOT, _ROUTER & parameter_starts_with("endpoint", "track&") & parameter_starts_with("action", "open")),
    Address("click_email", _ROOT, _ROUTER & parameter_starts_with("endpoint", "track&") & parameter_starts_with("action", "click")),
    Address("web_view", _ROOT, _ROUTER & parameter_starts_with("endpoint", "view_in_browser")),
    Address("unsubscribe", _ROOT, _ROUTER & parameter_starts_with("endpoint", "subscription") & parameter_starts_with("action", "(?:confirm_)?unsubscribe")),
    marker="mailpoet_router",
    names={"data": ("data",)},
    opened=_of_data,
    samples=(
        PixelSample(
            "/?mailpoet_router&endpoint=track&action=open&data=WzE0MywibjNiNDQwY2NnazQiLCI3NSIsIiIsZmFsc2Vd",
            {"event": "open", "recipient": "143", "campaign": "75", "link": None, "visitor": "r:143"},
        ),
        PixelSample(
            "/blog/?mailpoet_router&endpoint=track&action=click&data=WzE0MywibjNiNDQwY2NnazQiLCI3NSIsIjU3OGE2MjlkNzJmMSIsZmFsc2Vd",
            {"event": "click_email", "recipient": "143", "campaign": "75", "link": "578a629d72f1", "visitor": "r:143"},
        ),
        PixelSample("/?mailpoet_router&endpoint=view_in_browser&action=view&data=WzE3LCJhMWIyIiwxNDMsIm4zYjQiLDc1LDBd", {"event": "web_view"}),
        PixelSample(
            "/?mailpoet_page=subscriptions&mailpoet_router&endpoint=subscription&action=unsubscribe&data=eyJ0b2tlbiI6Im4zYjQ0MGNjZ2s0IiwiZW1haWwiOiJhbm5Ac2hvcC5leGFtcGxlIn0",
            {"event": "unsubscribe", "recipient": "ann@shop.example"},
        ),
    ),
)  # fmt: skip
