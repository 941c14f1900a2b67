"""Mandrill: `/track/open.php?u=&id={message}`, `/track/click/{account}/{host}?p=`, p is JSON in JSON in base64."""

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.mailer import HEX, Endpoint, build_mailer
from pixelstat.protocols.payloads import decode_json
from pixelstat.protocols.table import has_parameter, parameter_starts_with
from pixelstat.text.json_values import load_json

_IDS = parameter_starts_with("u", "[0-9]+&") & parameter_starts_with("id", f"{HEX}{{32}}")


def _decode_click(text: str) -> dict[str, object]:
    """Decode the parameter `p` of a click. Raises ValueError."""
    outer = decode_json(text)
    content = load_json(outer["p"]) if isinstance(outer, dict) and isinstance(outer.get("p"), str) else None
    if not isinstance(content, dict):
        raise ValueError(text)  # noqa: TRY004 - it is the text that is wrong
    return {"link": content.get("url"), "message": content.get("id")}


def _strip_signatures(events: pl.LazyFrame) -> pl.LazyFrame:
    """Remove the signature that follows the message in the address of an unsubscribe."""
    return events.with_columns(message=pl.coalesce(pl.col("message").str.extract(f"^({HEX}{{32}})"), "message"))


PROTOCOL = build_mailer(
    "mandrill",
    "Mandrill",
    Endpoint("open", r"/track/open\.php", _IDS),
    Endpoint("click_email", "/track/click/[0-9]+/[^/]+", has_parameter("p")),
    Endpoint("unsubscribe", r"/track/unsub\.php", _IDS),
    marker=r"/track/open\.php|/track/click|/track/unsub\.php",
    names={"message": ("id",), "data": ("p",)},
    decode_data=_decode_click,
    finish=_strip_signatures,
    identified_by=("message",),
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
