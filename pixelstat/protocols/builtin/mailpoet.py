"""MailPoet: `/?mailpoet_router&endpoint=track&action=open|click&data=`, data is a list in base64 (lib/Router/Router.php)."""

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.mailer import Endpoint, build_mailer
from pixelstat.protocols.payloads import decode_json
from pixelstat.protocols.table import has_parameter, parameter_starts_with

_ROOT = r"/(?:index\.php)?"
_ROUTER = pl.col("query").str.contains("(?:^|&)mailpoet_router(?:[=&]|$)").fill_null(value=False) & has_parameter(
    "data"
)


def _decode_data(text: str) -> dict[str, object]:
    """Decode the list of subscriber, token, mailing, link and preview flag; an unsubscribe holds an email address."""
    content = decode_json(text)
    if isinstance(content, dict):
        return {"recipient": content.get("email")}
    if not isinstance(content, list) or len(content) != 5:
        raise ValueError(text)
    return {"recipient": content[0], "campaign": content[2], "link": content[3]}


PROTOCOL = build_mailer(
    "mailpoet",
    "MailPoet",
    Endpoint("open", _ROOT, _ROUTER & parameter_starts_with("endpoint", "track&") & parameter_starts_with("action", "open")),
    Endpoint("click_email", _ROOT, _ROUTER & parameter_starts_with("endpoint", "track&") & parameter_starts_with("action", "click")),
    Endpoint("web_view", _ROOT, _ROUTER & parameter_starts_with("endpoint", "view_in_browser")),
    Endpoint("unsubscribe", _ROOT, _ROUTER & parameter_starts_with("endpoint", "subscription") & parameter_starts_with("action", "(?:confirm_)?unsubscribe")),
    marker="mailpoet_router",
    names={"data": ("data",)},
    decode_data=_decode_data,
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
