"""Decode the JSON object of one line in Python, after repairing what can only mean one thing.

Without `escape=json` nginx writes `\\x22` into it, and nothing at all for a number that it does not know. Other servers
escape characters that JSON does not let them escape. An exported array has commas behind its lines.
"""

import json
import re
from functools import lru_cache

REMEMBERED = 256  # lines; formats are tried one after the other on the same first lines
AROUND_OBJECT = " \t\r\n[],\ufeff"  # what an exported array has around its objects


def parse_object(text: str | None) -> dict[str, object] | None:
    """Return the object in a line, which is repaired if need be, or None if there is none."""
    bare = (text or "").strip(AROUND_OBJECT)
    return _parse(bare) if bare.startswith("{") else None


@lru_cache(REMEMBERED)
def _parse(text: str) -> dict[str, object] | None:
    for prepare in (str, _repair):
        try:
            value = json.loads(prepare(text), strict=False)
        except (ValueError, RecursionError):
            continue
        return value if isinstance(value, dict) else None
    return None


def to_text(value: object) -> str | None:
    """Return a value as the text that Polars gives of it: null for objects, arrays and truth values."""
    if value is None or isinstance(value, str):
        return value.encode("utf-8", "replace").decode() if value else value
    return None if isinstance(value, (bool, dict, list)) else str(value)


_HEX_ESCAPES = re.compile(r"(?<!\\)((?:\\\\)*)((?:\\x[0-9a-fA-F]{2})+)")
_OTHER_ESCAPE = re.compile(r"\\(?:([\"\\/bfnrt]|u[0-9a-fA-F]{4})|(.))")
_MISSING_NUMBER = re.compile(r'("\s*:\s*)-?(?=\s*[,}])')
_STRING_OR_LAST_COMMA = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])')


def _repair(line: str) -> str:
    """Return the line as JSON: its escapes and missing numbers as JSON has them, without a comma behind a last item."""
    line = _HEX_ESCAPES.sub(lambda match: match[1] + _escape_bytes(match[2]), line)
    line = _OTHER_ESCAPE.sub(lambda match: match[0] if match[1] else _escape_other(match[2]), line)
    line = _MISSING_NUMBER.sub(r"\1null", line)
    return _STRING_OR_LAST_COMMA.sub(lambda match: match[1] or "", line)


def _escape_bytes(escapes: str) -> str:
    """Return bytes such as `\\xC3\\xA9` as JSON writes their text."""
    text = bytes.fromhex(escapes.replace("\\x", "")).decode("utf-8", "replace")
    return json.dumps(text)[1:-1]


def _escape_other(character: str) -> str:
    """Return the JSON of `\\'`, of Apache's `\\v`, or of a backslash that stands for itself."""
    return {"'": "'", "v": "\\u000b"}.get(character, f"\\\\{character}")
