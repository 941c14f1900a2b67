"""Recognize values of a log by their form: a time, an IP address, the target of a request.

`normalize` must be able to parse each time that is recognized here.
"""

import re
import time

from pixelstat.formats.unusual_times import spell_iso
from pixelstat.text.addresses import parse_address

_CLOCK = r"\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
_ZONE = r"(?: ?(?:Z|[+-]\d\d:?\d\d))?(?: ?(?:UTC|GMT))?"
_ISO = rf"\d{{4}}(?:-\d\d-\d\d|/\d\d/\d\d)[T ]{_CLOCK}{_ZONE}"
_CLF = rf"\d\d/[A-Z][a-z]{{2}}/\d{{4}}[: ]{_CLOCK}(?: ?[+-]\d\d:?\d\d)?"
_HTTP_DATE = rf"[A-Z][a-z]{{2}}, \d\d [A-Z][a-z]{{2}} \d{{4}} {_CLOCK} GMT"
_TIME = re.compile(rf"\[?(?:{_ISO}|{_CLF}|{_HTTP_DATE})\]?")
_USUAL_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?|\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}"
)
_DATE = re.compile(r"\d{4}[-/]\d\d[-/]\d\d|\d\d/[A-Z][a-z]{2}/\d{4}")
_ONLY_CLOCK = re.compile(rf"{_CLOCK}{_ZONE}")
_EARLIEST_SECOND = 946_684_800  # 2000-01-01
_UNITS_PER_SECOND = (1, 1_000, 1_000_000, 1_000_000_000)
_MAX_AHEAD = 172_800  # seconds; clocks of servers are wrong by hours, not by years
_METHOD = re.compile(r"[A-Z][A-Z_-]{1,19}")
_TARGET = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*://[^\s/]|/)[^\r\n]*")
_SCHEMELESS = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}(?::\d+)?/\S*")
_REQUEST = re.compile(r"[A-Z][A-Z_-]{1,19} (?:/|[A-Za-z][A-Za-z0-9+.-]*://)\S.*|[A-Z]{3,7} [/*](?: HTTP/.*)?")
_STATUS = re.compile(r"(?:[1-9]\d\d(?:\.0*|\s.*)?|0{1,3}|-1?)")
_NUMBER = re.compile(r"\d+(?:\.\d+)?|-")
_HOST = re.compile(r"(?:[A-Za-z0-9_*](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\])(?::\d+)?")
_QUERY = re.compile(r"\s*\??[^\s=&/?#;:,{}\"]+=[^\s&;]*(?:&[^\s=&]+(?:=[^\s&]*)?)*\s*")
ABSENT = (None, "", "-")


def is_time(text: str | None) -> bool:
    """Return whether the text is a date with a clock, or a plausible number of seconds to nanoseconds since 1970."""
    if not text:
        return False
    try:
        number = float(text)
    except ValueError:
        return is_time_text(text)
    return any(_EARLIEST_SECOND <= number / units <= time.time() + _MAX_AHEAD for units in _UNITS_PER_SECOND)


def is_usual_time(text: str | None) -> bool:
    """Return whether the text is a time of the usual layouts, which `time_any` parses faster than `time_unusual`."""
    return is_time(text) and (_USUAL_TIME.fullmatch(text or "") is not None or not is_time_text(text or ""))


def is_time_text(text: str) -> bool:
    """Return whether the text is a date with a clock."""
    return _TIME.fullmatch(text) is not None or spell_iso(text) is not None


def is_date(text: str) -> bool:
    """Return whether the text is a date without a clock."""
    return _DATE.fullmatch(text) is not None


def is_clock(text: str) -> bool:
    """Return whether the text is a time of day, with or without an offset."""
    return _ONLY_CLOCK.fullmatch(text) is not None


def is_address(text: str) -> bool:
    """Return whether the text is an IP address, with or without a port."""
    return text[:1] in "0123456789abcdefABCDEF:[" and parse_address(text) is not None


def is_host_name(text: str) -> bool:
    """Return whether the text is a host name or an IP address, with or without a port."""
    return _HOST.fullmatch(text) is not None


def is_method(text: str) -> bool:
    """Return whether the text can be an HTTP method."""
    return _METHOD.fullmatch(text) is not None


def is_target(text: str) -> bool:
    """Return whether the text is a path or a URL, with or without a query."""
    return _TARGET.fullmatch(text) is not None


def is_schemeless(text: str) -> bool:
    """Return whether the text is a URL without its scheme, such as `shop.example/pixel.gif`."""
    return _SCHEMELESS.fullmatch(text) is not None


def is_request(text: str) -> bool:
    """Return whether the text is a request line: `GET /pixel.gif?e=pv HTTP/1.1`."""
    return _REQUEST.fullmatch(text) is not None


def is_status(text: str) -> bool:
    """Return whether the text is an HTTP status: `200`, `200 OK`, or `0`, `-` and -1 for a request without an answer."""
    return _STATUS.fullmatch(text) is not None


def is_number(text: str) -> bool:
    """Return whether the text is a number, or `-`."""
    return _NUMBER.fullmatch(text) is not None


def is_query(text: str) -> bool:
    """Return whether the text is a query: `e=pv&p=/x`, with or without a question mark."""
    return _QUERY.fullmatch(text) is not None
