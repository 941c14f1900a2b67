"""Decode the JSON object of one line in Python, and repair errors that have only one meaning.

Without `escape=json`, nginx writes `\\x22` for a quote and nothing for a missing number. Other servers escape characters
that JSON does not allow to be escaped. An exported array has commas behind its lines.
"""

import json
import re
from functools import lru_cache

from pixelstat.text.json_values import load_json

CACHED_LINES = 256  # whose objects are cached, because detection tries many formats on the same lines
AROUND_OBJECT = " \t\r\n[],\ufeff"  # characters around the objects of an exported array


def parse_object(text: str | None) -> dict[str, object] | None:
    """Return the object in a line, repaired if necessary, or None if there is none."""
    bare = (text or "").strip(AROUND_OBJECT)
    return _parse(bare) if bare.startswith("{") else None


@lru_cache(CACHED_LINES)
def _parse(text: str) -> dict[str, object] | None:
    for prepare in (str, _repair):
        try:
            value = load_json(prepare(text))
        except (ValueError, RecursionError):
            continue
        return value if isinstance(value, dict) else None
    return None


def to_text(value: object) -> str | None:
    """Return a value as the text that Polars returns for it: None for objects, arrays and booleans."""
    if value is None or isinstance(value, str):
        return value.encode("utf-8", "replace").decode() if value else value
    return None if isinstance(value, (bool, dict, list)) else str(value)


_HEX_ESCAPES = re.compile(r"(?<!\\)((?:\\\\)*)((?:\\x[0-9a-fA-F]{2})+)")
_OTHER_ESCAPE = re.compile(r"\\(?:([\"\\/bfnrt]|u[0-9a-fA-F]{4})|(.))")
_MISSING_NUMBER = re.compile(r'("\s*:\s*)-?(?=\s*[,}])')
_STRING_OR_LAST_COMMA = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])')


def _repair(line: str) -> str:
    """Return the line as valid JSON: repair escapes, write null for missing numbers, and remove trailing commas."""
    line = _HEX_ESCAPES.sub(lambda match: match[1] + _escape_bytes(match[2]), line)
    line = _OTHER_ESCAPE.sub(lambda match: match[0] if match[1] else _escape_other(match[2]), line)
    line = _MISSING_NUMBER.sub(r"\1null", line)
    return _STRING_OR_LAST_COMMA.sub(lambda match: match[1] or "", line)


def _escape_bytes(escapes: str) -> str:
    """Return the JSON of the text that escaped bytes such as `\\xC3\\xA9` encode in UTF-8."""
    text = bytes.fromhex(escapes.replace("\\x", "")).decode("utf-8", "replace")
    return json.dumps(text)[1:-1]


def _escape_other(character: str) -> str:
    """Return the JSON of `\\'`, of Apache's `\\v`, or of a backslash that escapes nothing."""
    return {"'": "'", "v": "\\u000b"}.get(character, f"\\\\{character}")
