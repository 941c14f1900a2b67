"""pytracking: `open/{data}/`, `click/{data}/`, data being JSON in base64, or encrypted (pytracking/tracking.py).

Who sends says what the metadata are: those of obvious names are read.
"""

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.mailer import Address, mailer_table
from pixelstat.protocols.payloads import decode_json

_DATA = "(?P<data>(?:eyJ|gAAAAA)[A-Za-z0-9_-]{8,}=*)/?"
_METADATA = {
    "campaign": ("campaign", "campaign_id", "mailing", "mailing_id", "newsletter", "newsletter_id"),
    "recipient": ("recipient", "recipient_id", "email", "subscriber", "subscriber_id", "contact_id", "customer_id", "user_id"),
    "message": ("message", "message_id", "mail_id", "email_id"),
}  # fmt: skip


def _of_data(text: str) -> dict[str, object]:
    held = decode_json(text)
    if not isinstance(held, dict):
        raise ValueError(text)  # noqa: TRY004 - it is the text that is wrong
    metadata = held.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    found = {name: next((metadata[key] for key in keys if key in metadata), None) for name, keys in _METADATA.items()}
    return {"link": held.get("url"), **found}


PROTOCOL = mailer_table(
    "pytracking",
    "pytracking",
    Address("open", f"/open/{_DATA}"),
    Address("click_email", f"/click/{_DATA}"),
    marker="/open/(?:eyJ|gAAAAA)|/click/(?:eyJ|gAAAAA)",
    opened=_of_data,
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
