"""pytracking: `open/{data}/`, `click/{data}/`, data is JSON in base64, or encrypted (pytracking/tracking.py).

The sender chooses the names of the metadata. Those with obvious names are read.
"""

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.mailer import Endpoint, build_mailer
from pixelstat.protocols.payloads import decode_json

_DATA = "(?P<data>(?:eyJ|gAAAAA)[A-Za-z0-9_-]{8,}=*)/?"
_METADATA = {
    "campaign": ("campaign", "campaign_id", "mailing", "mailing_id", "newsletter", "newsletter_id"),
    "recipient": ("recipient", "recipient_id", "email", "subscriber", "subscriber_id", "contact_id", "customer_id", "user_id"),
    "message": ("message", "message_id", "mail_id", "email_id"),
}  # fmt: skip


def _decode_data(text: str) -> dict[str, object]:
    """Decode the data of an address. Raises ValueError."""
    content = decode_json(text)
    if not isinstance(content, dict):
        raise ValueError(text)  # noqa: TRY004 - it is the text that is wrong
    metadata = content.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    columns = {name: next((metadata[key] for key in keys if key in metadata), None) for name, keys in _METADATA.items()}
    return {"link": content.get("url"), **columns}


PROTOCOL = build_mailer(
    "pytracking",
    "pytracking",
    Endpoint("open", f"/open/{_DATA}"),
    Endpoint("click_email", f"/click/{_DATA}"),
    marker="/open/(?:eyJ|gAAAAA)|/click/(?:eyJ|gAAAAA)",
    decode_data=_decode_data,
    samples=(
        PixelSample(
            "/tracking/open/eyJtZXRhZGF0YSI6IHsiY2FtcGFpZ24iOiAibGF1bmNoIiwgImVtYWlsIjogImFubkBzaG9wLmV4YW1wbGUifX0=/",
            {"event": "open", "campaign": "launch", "recipient": "ann@shop.example", "link": None, "visitor": "r:ann@shop.example"},
        ),
        PixelSample(
            "/click/eyJ1cmwiOiAiaHR0cHM6Ly9zaG9wLmV4YW1wbGUvbGF1bmNoIiwgIm1ldGFkYXRhIjogeyJjYW1wYWlnbiI6ICJsYXVuY2giLCAiY3VzdG9tZXJfaWQiOiAxN319",
            {"event": "click_email", "link": "https://shop.example/launch", "campaign": "launch", "recipient": "17", "visitor": "r:17"},
        ),
        PixelSample("/open/gAAAAABm8J3kq1W2e3R4t5Y6u7I8o9P0==/", {"event": "open", "recipient": None, "link": None}),
    ),
)  # fmt: skip
