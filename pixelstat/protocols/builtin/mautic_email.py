"""Mautic's mails: `/email/{message}.gif`, `/r/{link}?ct=` and `/redirect/{link}?ct=`, ct being PHP's `serialize` in base64.

The hash of a message, one a recipient, stands in all of them; the contact in clicks only.
"""

import re

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.mailer import HEX, Address, mailer_table
from pixelstat.protocols.payloads import MAX_DEPTH, decode_base64
from pixelstat.protocols.table import has_parameter

_MESSAGE = f"(?P<message>{HEX}{{13,32}})"
_SCALAR = re.compile(rb"[idb]:([^;]{1,30});|N;")
_SIZE = re.compile(rb"([sa]):([0-9]{1,6}):[\"{]")


def _of_php(text: bytes, at: int = 0, depth: int = 0) -> tuple[object, int]:
    """The value that begins there, arrays as dictionaries, and where it ends."""
    if found := _SCALAR.match(text, at):
        return (found[1] or b"").decode(), found.end()
    found = _SIZE.match(text, at)
    if not found or depth > MAX_DEPTH:
        raise ValueError(text)
    at, size = found.end(), int(found[2])
    if found[1] == b"s":
        return text[at : at + size].decode(), at + size + 2
    pairs = {}
    for _ in range(size):
        key, at = _of_php(text, at, MAX_DEPTH)
        value, at = _of_php(text, at, depth + 1)
        pairs[str(key)] = value
    return pairs, at + 1


def _of_click(text: str) -> dict[str, object]:
    said, _ = _of_php(decode_base64(text))
    if not isinstance(said, dict):
        raise ValueError(text)  # noqa: TRY004 - it is the text that is wrong
    channel = said.get("channel")
    campaign = next(iter(channel.values()), None) if isinstance(channel, dict) else None
    return {"campaign": campaign or said.get("email"), "recipient": said.get("lead"), "message": said.get("stat")}


def _filled(events: pl.LazyFrame) -> pl.LazyFrame:
    return events.with_columns(recipient=pl.coalesce("recipient", "message"))


PROTOCOL = mailer_table(
    "mautic_email",
    "Mautic's mails",
    Address("open", rf"/email/{_MESSAGE}\.gif"),
    Address("click_email", rf"/(?:r|redirect)/(?P<link>{HEX}{{25}})", has_parameter("ct")),
    Address("unsubscribe", rf"/email/(?:unsubscribe|dnc)/{_MESSAGE}(?:/(?P<recipient>[^/]+@[^/]+|[^/]+%40[^/]+)/[^/]+)?"),
    Address("web_view", rf"/email/view/{_MESSAGE}"),
    marker=rf"/email/(?:unsubscribe/|dnc/|view/)?{HEX}{{13}}|/r/{HEX}{{25}}|/redirect/{HEX}{{25}}",
    names={"data": ("ct",)},
    opened=_of_click,
    fill=_filled,
    known_by=("message", "recipient"),
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
