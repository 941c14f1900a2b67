"""Describe which parts of a request a line of an unknown format contains, for an error message."""

import re
from collections.abc import Iterator

from pixelstat.formats.json_text import parse_object
from pixelstat.formats.unusual_times import read_month
from pixelstat.text.addresses import parse_address

MAX_KEYS = 12  # keys of a JSON object that are listed
MAX_DEPTH = 3  # of objects in objects
MAX_SEARCHED = 2_000  # characters of a line that are searched
MAX_LENGTH = 60  # characters of a part that are shown
_CLOCK = r"\d\d?:\d\d:\d\d(?:[.,]\d{1,9})?(?:\s?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?"
_DATE = r"(?:\d{4}[-/.]\d\d?[-/.]\d\d?|\d\d?[-/. ](?:[A-Z][a-z]{2}|\d\d?)[-/. ]\d{4}|[A-Z][a-z]{2} {1,2}\d\d?)"
_TIME = re.compile(rf"\b{_DATE}[T :,]{{1,2}}{_CLOCK}|\b{_CLOCK}")
_SECONDS = re.compile(r"(?<![\w.])[12]\d{9}(?:\.\d{1,9}|\d{3}|\d{6})?(?![\w.])")  # since 1970, or parts of them
_ADDRESS = re.compile(r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})(?![\w.])")
_REQUEST = re.compile(
    r"\b(?:GET|HEAD|POST|PUT|OPTIONS) (?:https?://|/)[^\s\"]*|(?<![\w./:])/[^\s\"<>,;|]*\?[^\s\"<>,;|]+"
)


def describe_line(line: str) -> list[str]:
    """List what a line contains: the keys of its JSON, or a time, an IP address and a request."""
    if value := parse_object(line):
        return [f"JSON with the keys {_list_keys(value)}"]
    line = line[:MAX_SEARCHED]
    parts = {"a time": _find_time(line), "an address": _find_address(line), "a request": _find(_REQUEST, line)}
    return [f"{name} ({_shorten(text)})" for name, text in parts.items() if text]


_MONTH = re.compile(r"(?<!\w)\d{1,2}[/. -]{1,2}([^\W\d_]{3,9})\.?[/. -]\d{4}[: ]\d\d:\d\d")


def describe_month(line: str) -> str:
    """Say that the name of the month in a line is unknown, or return nothing."""
    month = _MONTH.search(line[:MAX_SEARCHED])
    if not month or read_month(month[1]):
        return ""
    return f"The name of its month, {month[1]}, is unknown: let the server write its times in English or as numbers."


def is_json(line: str) -> bool:
    """Return whether the line holds a JSON object."""
    return parse_object(line) is not None


def _list_keys(value: dict[str, object]) -> str:
    """Return the first keys of an object. A dot leads to the keys of an object in it."""
    keys = [*_iter_keys(value, "", MAX_DEPTH)]
    more = f" and {len(keys) - MAX_KEYS:,} more" if len(keys) > MAX_KEYS else ""
    return ", ".join(map(_shorten, keys[:MAX_KEYS])) + more


def _iter_keys(value: dict[str, object], above: str, depth: int) -> Iterator[str]:
    for name, member in value.items():
        if isinstance(member, dict) and member and depth > 1:
            yield from _iter_keys(member, f"{above}{name}.", depth - 1)
        else:
            yield f"{above}{name}"


def _find_time(line: str) -> str:
    return _find(_TIME, line) or _find(_SECONDS, line)


def _find_address(line: str) -> str:
    """Return the first IP address in a line, or an empty text."""
    # A clock matches the regular expression too, so each match is parsed.
    return next((match[0] for match in _ADDRESS.finditer(line) if parse_address(match[0])), "")


def _find(pattern: re.Pattern[str], line: str) -> str:
    match = pattern.search(line)
    return match[0] if match else ""


def _shorten(text: str) -> str:
    return text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]}..."
