"""Mandrill: `/track/open.php?u=&id={message}`, `/track/click/{account}/{host}?p=`, p being JSON in JSON in base64."""

import json

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.mailer import HEX, Address, mailer_table
from pixelstat.protocols.payloads import decode_json
from pixelstat.protocols.table import has_parameter, parameter_starts_with

_IDS = parameter_starts_with("u", "[0-9]+&") & parameter_starts_with("id", f"{HEX}{{32}}")


def _of_click(text: str) -> dict[str, object]:
    outer = decode_json(text)
    held = json.loads(outer["p"]) if isinstance(outer, dict) and isinstance(outer.get("p"), str) else None
    if not isinstance(held, dict):
        raise ValueError(text)  # noqa: TRY004 - it is the text that is wrong
    return {"link": held.get("url"), "message": held.get("id")}


def _messages(events: pl.LazyFrame) -> pl.LazyFrame:
    """Behind the id of the message, an address to unsubscribe has a signature."""
    return events.with_columns(message=pl.coalesce(pl.col("message").str.extract(f"^({HEX}{{32}})"), "message"))


PROTOCOL = mailer_table(
    "mandrill",
    "Mandrill",
    Address("open", r"/track/open\.php", _IDS),
    Address("click_email", "/track/click/[0-9]+/[^/]+", has_parameter("p")),
    Address("unsubscribe", r"/track/unsub\.php", _IDS),
    marker=r"/track/open\.php|/track/click|/track/unsub\.php",
    names={"message": ("id",), "data": ("p",)},
    opened=_of_click,
    fill=_messages,
    known_by=("message",),
    samples=(
        PixelSample(
            "/track/open.php?u=30123456&id=0123456789abcdef0123456789abcdef",
            {"event": "open", "message": "0123456789abcdef0123456789abcdef", "recipient": None, "visitor": "r:0123456789abcdef0123456789abcdef"},
        ),
        PixelSample(
            "/track/click/30123456/shop.example?p=eyJzIjoiWF9wd1N3RXhRWVo2eiIsInYiOjEsInAiOiJ7XCJ1XCI6MzAxMjM0NTYsXCJ2XCI6MSxcInVybFwiOlwiaHR0cHM6XFwvXFwvc2hvcC5leGFtcGxlXFwvbGF1bmNoXCIsXCJpZFwiOlwiMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWZcIn0ifQ",
            {"event": "click_email", "message": "0123456789abcdef0123456789abcdef", "link": "https://shop.example/launch",
             "visitor": "r:0123456789abcdef0123456789abcdef"},
        ),
        PixelSample(
            "/track/unsub.php?u=30123456&id=0123456789abcdef0123456789abcdef.k%2BCDVl%3D&r=https%3A%2F%2Fshop.example%2Fbye",
            {"event": "unsubscribe", "message": "0123456789abcdef0123456789abcdef"},
        ),
    ),
)  # fmt: skip
