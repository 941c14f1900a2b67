"""Decode payloads: turn the JSON in a parameter, plain or in base64, into more parameters.

A request that holds several events, a batch, becomes a query for each of them.
"""

import re
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote, unquote_plus, urlencode

from pixelstat.protocols.products import MAX_PRODUCTS
from pixelstat.text.json_values import load_json

PAYLOAD_MARK = "&\x1f&"  # between the query and the parameters out of its payloads
MAX_PAYLOADS = 20  # of one request
MAX_DEPTH = 8  # levels of a payload that are read
MAX_PAYLOAD_LENGTH = 100_000  # characters of a payload: a longer one is not decoded
MAX_BATCH = 100  # events of a request: a batch of more is not decoded

Pair = tuple[str, str]  # a parameter and its value, decoded


@dataclass(frozen=True)
class BatchReader:
    """A way to find the events of a batch: a pattern of the queries that may hold one, and a function of the query."""

    pattern: str
    split: Callable[[str], Sequence[str]]  # the queries of the events, in their order; never empty


def payload_batch(name: str) -> BatchReader:
    """Return a reader for a batch in a payload: a JSON list of events, alone or under the key `batch`.

    Events are objects or lists. What stands beside `batch` belongs to all of them.
    """
    return BatchReader(payload_pattern(name), partial(_split_payload, name=name))


def line_batch(key: str) -> BatchReader:
    """Return a reader for a batch of lines in the query. Each begins with `key`.

    What stands in front of the first event belongs to all of them.
    """
    return BatchReader("(?i)%0a", partial(_split_lines, key=key))


def expand_payload(query: str, names: str, convert: Callable[[object], object] = lambda document: document) -> str:
    """Append the content of the payloads in the parameters `names` to the query. Nested keys are joined with dots.

    A query whose payloads cannot be decoded stays as it is. `convert` may give a document another shape.
    """
    documents = map(decode_json, _read_values(query, names)[-MAX_PAYLOADS:])
    return _append(query, [pair for document in documents for pair in _flatten(convert(document))])


def _split_payload(query: str, name: str) -> list[str]:
    document = decode_json(_read_values(query, name)[-1])
    shared, events = {}, document
    if isinstance(document, dict) and isinstance(document.get("batch"), list):
        shared, events = {key: value for key, value in document.items() if key != "batch"}, document["batch"]
    if not isinstance(events, list) or not all(isinstance(event, dict | list) for event in events):
        return [_append(query, _flatten(document))]
    if len(events) > MAX_BATCH:
        return [query]
    return [_append(query, _flatten(shared) + pairs) for pairs in map(_flatten, events) if pairs] or [query]


def _split_lines(query: str, key: str) -> list[str]:
    shared, *first = re.split(f"(?:^|&)(?={key}=)", query, maxsplit=1)
    lines = [line for part in first for line in re.split(f"(?i)(?:%0d)?%0a(?={key}=)", part)]
    return [f"{shared}&{line}" for line in lines] if 0 < len(lines) <= MAX_BATCH else [query]


def _read_values(query: str, names: str) -> list[str]:
    """Return the decoded values of the parameters `names`."""
    return [unquote_plus(value) for value in re.findall(f"(?:^|&)(?:{names})=([^&]+)", query)]


def _append(query: str, pairs: Sequence[Pair]) -> str:
    """Append parameters out of payloads to the query."""
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
            return load_json(decode(text))
        except (ValueError, RecursionError):
            continue
    return None


def decode_base64(text: str) -> bytes:
    """Decode base64 of either alphabet, padded or not. Raises ValueError."""
    standard = text.replace("-", "+").replace("_", "/").replace(" ", "+").rstrip("=")
    return b64decode(standard + "=" * (-len(standard) % 4), validate=True)


def spell_in_payload(text: str) -> list[str]:
    """Return how a text may stand in a query that holds it: as it is, percent-encoded, or inside of base64.

    Base64 spells a text in three ways, by its place. The letters that also depend on its neighbours are left out.
    """
    spellings = [text, quote(text, safe="")]
    for before in range(3):
        letters = urlsafe_b64encode(bytes(before) + text.encode()).decode().rstrip("=")
        is_last_whole = (before + len(text)) % 3 == 0
        spellings.append(letters[-(-8 * before // 6) : None if is_last_whole else -1])
    return spellings


def _flatten(value: object, above: str = "", depth: int = 0) -> list[Pair]:
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
