"""Decode payloads: turn the JSON in a parameter, plain or in base64, into more parameters."""

import json
import re
from base64 import b64decode
from urllib.parse import unquote_plus, urlencode

from pixelstat.protocols.products import MAX_PRODUCTS

PAYLOAD_MARK = "&\x1f&"  # between the query and the parameters out of its payloads
MAX_PAYLOADS = 20  # of one request
MAX_DEPTH = 8  # levels of a payload that are read
MAX_PAYLOAD_LENGTH = 100_000  # characters of a payload: a longer one is not decoded


def expand_payload(query: str, names: str) -> str:
    """Append the content of the payloads in the parameters `names` to the query. Nested keys are joined with dots.

    A query whose payloads cannot be decoded stays as it is.
    """
    values = [unquote_plus(part) for part in re.findall(f"(?:^|&)(?:{names})=([^&]+)", query)]
    pairs = [pair for value in values[-MAX_PAYLOADS:] for pair in _flatten(decode_json(value))]
    return f"{query}{PAYLOAD_MARK}{urlencode(pairs, safe='$[]', errors='replace')}" if pairs else query


def payload_pattern(payload: str) -> str:
    """Return a regular expression for a query with a value in the parameter `payload`."""
    return f"(?:^|&)(?:{payload})=[^&]"


def decode_json(text: str) -> object:
    """Decode a text of JSON, plain or in base64 of either alphabet. None for anything else."""
    if len(text) > MAX_PAYLOAD_LENGTH:
        return None
    for decode in (str, decode_base64):
        try:
            return json.loads(decode(text))
        except (ValueError, RecursionError):
            continue
    return None


def decode_base64(text: str) -> bytes:
    """Decode base64 of either alphabet, padded or not. Raises ValueError."""
    standard = text.replace("-", "+").replace("_", "/").replace(" ", "+").rstrip("=")
    return b64decode(standard + "=" * (-len(standard) % 4), validate=True)


def _flatten(value: object, above: str = "", depth: int = 0) -> list[tuple[str, str]]:
    """Return (dotted key, text) for each value in a JSON document. Empty texts and nulls are left out."""
    if depth > MAX_DEPTH or value is None:
        return []
    if isinstance(value, dict):
        return [
            pair
            for key, member in value.items()
            for pair in _flatten(member, f"{above}.{key}" if above else str(key), depth + 1)
        ]
    if isinstance(value, list):
        return [
            pair
            for index, member in enumerate(value[:MAX_PRODUCTS])
            for pair in _flatten(member, f"{above}.{index}" if above else str(index), depth + 1)
        ]
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return [(above, text)] if above and text else []
