"""Mandrill: `/track/open.php?u=&id={message}`, `/track/click/{account}/{host}?p=`, p being JSON in JSON in base64."""

import json

import polars as pl

from pixelstat.protocols import PixelSample
from pixelstat.protocols.mailers import HEX, Address, mailer
from pixelstat.protocols.vendors import has, holds, json_of

_IDS = holds("u", "[0-9]+&") & holds("id", f"{HEX}{{32}}")


def _of_click(text: str) -> dict[str, object]:
    outer = json_of(text)
    held = json.loads(outer["p"]) if isinstance(outer, dict) and isinstance(outer.get("p"), str) else None
    if not isinstance(held, dict):
        raise ValueError(text)  # noqa: TRY004 - it is the text that is wrong
    return {"link": held.get("url"), "message": held.get("id")}


def _messages(events: pl.LazyFrame) -> pl.LazyFrame:
    """Behind the id of the message, an address to unsubscribe has a signature."""
    return events.with_columns(message=pl.coalesce(pl.col("message").str.extract(f"^({HEX}{{32}})"), "message"))


PROTOCOL = mailer(
    "mandrill",
    "Mandrill",
    Address("open", r"/track/open\.php", _IDS),
    Address("click_email", "/track/click/[0-9]+/[^/]+", has("p")),
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
