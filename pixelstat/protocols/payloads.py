"""Decode payloads: JSON in a parameter, plain or in base64, becomes further parameters."""

import json
import re
from base64 import b64decode
from urllib.parse import unquote_plus, urlencode

from pixelstat.protocols.products import MOST

PAYLOAD_MARK = "&\x1f&"  # stands in front of what a payload held
MAX_PAYLOADS = 20  # of one request, at most


MAX_DEPTH, MAX_PAYLOAD_LENGTH = (
    8,
    100_000,
)  # levels of a payload that are looked into, characters of one that are decoded


def expand_payload(query: str, names: str) -> str:
    """The query with what its payloads hold behind it, keys of objects in objects parted by dots. One that cannot be read stays."""
    values = [unquote_plus(part) for part in re.findall(f"(?:^|&)(?:{names})=([^&]+)", query)]
    found = [pair for value in values[-MAX_PAYLOADS:] for pair in _flatten(decode_json(value))]
    return f"{query}{PAYLOAD_MARK}{urlencode(found, safe='$[]', errors='replace')}" if found else query


def has_payload(payload: str) -> str:
    return f"(?:^|&)(?:{payload})=[^&]"


def decode_json(text: str) -> object:
    """What a text holds as JSON, by itself or in base64 of either alphabet; None if nothing."""
    if len(text) > MAX_PAYLOAD_LENGTH:
        return None
    for read in (str, decode_base64):
        try:
            return json.loads(read(text))
        except (ValueError, RecursionError):
            continue
    return None


def decode_base64(text: str) -> bytes:
    """What a text holds in base64 of either alphabet, padded or not. Raises ValueError."""
    plain = text.replace("-", "+").replace("_", "/").replace(" ", "+").rstrip("=")
    return b64decode(plain + "=" * (-len(plain) % 4), validate=True)


def _flatten(value: object, above: str = "", depth: int = 0) -> list[tuple[str, str]]:
    if depth > MAX_DEPTH or value is None:
        return []
    if isinstance(value, dict):
        return [
            pair
            for key, held in value.items()
            for pair in _flatten(held, f"{above}.{key}" if above else str(key), depth + 1)
        ]
    if isinstance(value, list):
        return [
            pair
            for place, held in enumerate(value[:MOST])
            for pair in _flatten(held, f"{above}.{place}" if above else str(place), depth + 1)
        ]
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return [(above, text)] if above and text else []
