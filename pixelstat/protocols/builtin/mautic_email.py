"""Mautic's emails: `/email/{message}.gif`, `/r/{link}?ct=` and `/redirect/{link}?ct=`, ct is PHP's `serialize` in base64.

All of them hold the hash of the message, which each recipient has another of; only clicks hold the contact.
"""

import re

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.mailer import HEX, Endpoint, build_mailer
from pixelstat.protocols.payloads import MAX_DEPTH, decode_base64
from pixelstat.protocols.table import has_parameter

_MESSAGE = f"(?P<message>{HEX}{{13,32}})"
_SCALAR = re.compile(rb"[idb]:([^;]{1,30});|N;")
_SIZE = re.compile(rb"([sa]):([0-9]{1,6}):[\"{]")


def _parse_php(text: bytes, start: int = 0, depth: int = 0) -> tuple[object, int]:
    """Parse the value that begins at `start`, arrays as dictionaries, and return it with its end. Raises ValueError."""
    if match := _SCALAR.match(text, start):
        return (match[1] or b"").decode(), match.end()
    match = _SIZE.match(text, start)
    if not match or depth > MAX_DEPTH:
        raise ValueError(text)
    offset, size = match.end(), int(match[2])
    if match[1] == b"s":
        return text[offset : offset + size].decode(), offset + size + 2
    pairs = {}
    for _ in range(size):
        key, offset = _parse_php(text, offset, MAX_DEPTH)
        value, offset = _parse_php(text, offset, depth + 1)
        pairs[str(key)] = value
    return pairs, offset + 1


def _decode_click(text: str) -> dict[str, object]:
    """Decode the parameter `ct` of a click. Raises ValueError."""
    content, _ = _parse_php(decode_base64(text))
    if not isinstance(content, dict):
        raise ValueError(text)  # noqa: TRY004 - it is the text that is wrong
    channel = content.get("channel")
    campaign = next(iter(channel.values()), None) if isinstance(channel, dict) else None
    return {
        "campaign": campaign or content.get("email"),
        "recipient": content.get("lead"),
        "message": content.get("stat"),
    }


def _fill_recipients(events: pl.LazyFrame) -> pl.LazyFrame:
    """Use the message, which goes to one recipient, in place of an unknown recipient."""
    return events.with_columns(recipient=pl.coalesce("recipient", "message"))


PROTOCOL = build_mailer(
    "mautic_email",
    "Mautic's emails",
    Endpoint("open", rf"/email/{_MESSAGE}\.gif"),
    Endpoint("click_email", rf"/(?:r|redirect)/(?P<link>{HEX}{{25}})", has_parameter("ct")),
    Endpoint("unsubscribe", rf"/email/(?:unsubscribe|dnc)/{_MESSAGE}(?:/(?P<recipient>[^/]+@[^/]+|[^/]+%40[^/]+)/[^/]+)?"),
    Endpoint("web_view", rf"/email/view/{_MESSAGE}"),
    marker=rf"/email/(?:unsubscribe/|dnc/|view/)?{HEX}{{13}}|/r/{HEX}{{25}}|/redirect/{HEX}{{25}}",
    names={"data": ("ct",)},
    decode_data=_decode_click,
    finish=_fill_recipients,
    identified_by=("message", "recipient"),
    samples=(
        PixelSample(
            "/email/66f0a1b2c3d4e.gif",
            {"event": "open", "message": "66f0a1b2c3d4e", "recipient": "66f0a1b2c3d4e", "visitor": "r:66f0a1b2c3d4e"},
        ),
        PixelSample(
            "/r/0123456789abcdef012345678?ct=YTo1OntzOjY6InNvdXJjZSI7YToyOntpOjA7czo1OiJlbWFpbCI7aToxO2k6MTc7fXM6NToiZW1haWwiO2k6MTc7czo0OiJzdGF0IjtzOjEzOiI2NmYwYTFiMmMzZDRlIjtzOjQ6ImxlYWQiO3M6MjoiNDIiO3M6NzoiY2hhbm5lbCI7YToxOntzOjU6ImVtYWlsIjtpOjE3O319",
            {"event": "click_email", "link": "0123456789abcdef012345678", "campaign": "17", "recipient": "42", "message": "66f0a1b2c3d4e",
             "visitor": "r:66f0a1b2c3d4e"},
        ),
        PixelSample("/mautic/redirect/0123456789abcdef012345678?ct=%00", {"event": "click_email", "link": "0123456789abcdef012345678", "campaign": None, "recipient": None}),
        PixelSample(
            "/email/unsubscribe/66f0a1b2c3d4e/ann%40shop.example/5d41402abc4b2a76b9719d911017c592",
            {"event": "unsubscribe", "message": "66f0a1b2c3d4e", "recipient": "ann@shop.example", "visitor": "r:66f0a1b2c3d4e"},
        ),
        PixelSample("/email/unsubscribe/66f0a1b2c3d4e", {"event": "unsubscribe", "message": "66f0a1b2c3d4e"}),
        PixelSample("/email/view/66f0a1b2c3d4e", {"event": "web_view", "message": "66f0a1b2c3d4e", "visitor": "r:66f0a1b2c3d4e"}),
    ),
)  # fmt: skip
