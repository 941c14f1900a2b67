"""Load JSON that strangers wrote: with control characters, and with halves of characters."""

import json
import re
from typing import Any

_HALF = re.compile(r"\\u[dD][89a-fA-F]")  # one half of a character beyond 16 bits


def load_json(text: str | bytes) -> Any:
    """Return the value that a text holds. Halves of characters become question marks.

    Raises ValueError for a text that is not JSON, and RecursionError for one that is nested too deeply.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    value = json.loads(text, strict=False)
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")) if _HALF.search(text) else value
