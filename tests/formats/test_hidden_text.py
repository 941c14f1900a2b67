"""Pixels are found in lines whose format hides their text from a search: in JSON escapes, lists of bytes, colours."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from pixelstat import formats
from pixelstat.formats.detection import detect
from pixelstat.formats.hidden_text import flag_passing
from pixelstat.protocols.interpret import protocol_rules
from pixelstat.schemas import LINES
from tests.run import run_in_process

ALL = formats.load_all_formats()
RULES = protocol_rules()
RED, OFF = "\x1b[01;31m\x1b[K", "\x1b[m\x1b[K"
REQUESTS = {  # a page that is no pixel, and pixels whose markers hold a slash, a dot, an ampersand
    "/about.html?a=b&c=d": False,
    "/pixel.gif?e=page_view&v=a1": True,
    "/g/collect?v=2&tid=G-1": True,
    "/tr/?id=12345&ev=PageView": True,
}


def combined(target: str) -> str:
    """A line of the combined format."""
    return f'203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "GET {target} HTTP/1.1" 200 43 "-" "Mozilla/5.0 (X11)"'


def json_line(target: str) -> str:
    """A line in JSON."""
    return f'{{"time":"2026-09-07T10:00:00+00:00","remote_addr":"203.0.113.7","uri":"{target}","status":200}}'


def escape(text: str, characters: str, spelling: str = "\\u{:04x}") -> str:
    """The JSON of a text, in which these characters are escaped."""
    return "".join(spelling.format(ord(mark)) if mark in characters else json.dumps(mark)[1:-1] for mark in text)


def envelope(key: str, characters: str = "", spelling: str = "\\u{:04x}") -> Callable[[str], str]:
    """Put a line into an object."""
    return lambda line: f'{{"{key}":"{escape(line, characters, spelling)}","stream":"stdout"}}'


def as_bytes(line: str) -> str:
    """Put a line into an object of journald, as a list of bytes."""
    return json.dumps({"_HOSTNAME": "web1", "MESSAGE": list(line.encode())})


def highlight(line: str) -> str:
    """Colour the middle of each word, as grep does."""
    return line.replace("xe", f"{RED}xe{OFF}").replace("col", f"{RED}col{OFF}").replace("&", f"{RED}&{OFF}")


HIDING: dict[str, Callable[[str], str]] = {
    "Docker": lambda target: envelope("log", "&<>")(combined(target) + "\n"),
    "Gson": lambda target: envelope("message", "&<>='")(combined(target)),
    "PHP": lambda target: envelope("message", "/", "\\/")(combined(target)),
    ".NET": lambda target: envelope("message", "\"&<>'+`")(combined(target)),
    "all characters": lambda target: envelope("log", combined(target), "\\u{:04X}")(combined(target)),
    "hex": lambda target: envelope("log", "/&.", "\\x{:02x}")(combined(target)),
    "bytes": lambda target: as_bytes(combined(target)),
    "coloured bytes": lambda target: as_bytes(f"\x1b[32m{combined(target)}\x1b[0m"),
    "JSON of PHP": lambda target: json_line(target).replace("/", "\\/"),
    "JSON in hex": lambda target: json_line(target).replace("/", "\\x2f"),
    "JSON in Docker": lambda target: envelope("log", "&")(json_line(target).replace("/", "\\/")),
    "an envelope in another": lambda target: envelope("log", "&")(envelope("message", "/&")(combined(target))),
    "highlights": lambda target: highlight(combined(target)),
    "highlights in Docker": lambda target: envelope("log", "&\x1b")(highlight(combined(target))),
    "colours of rsyslog": lambda target: f"Sep  7 10:00:01 web1 nginx[32]: #033[32m{highlight(combined(target))}#033[0m",
    "colours with colons": lambda target: f"\x1b[38:5:12m{combined(target)}\x1b(B\x1b[m",
}  # fmt: skip


@pytest.mark.parametrize("name", HIDING)
def test_pixels_are_found_in_hidden_text(name: str) -> None:
    lines = [HIDING[name](target) for target in REQUESTS]
    log_format = detect(lines, ALL)
    assert log_format
    rows = pl.LazyFrame([{"line": line} for line in lines], LINES)
    passes = flag_passing(rows, RULES.may_contain_pixel, "passes").collect()["passes"].to_list()
    wanted = [*REQUESTS.values()] if "bytes" not in name else [True] * len(lines)  # which are not decoded to look
    assert passes == wanted
    requests = log_format.parse(rows).select("path", "query", "client", "rejected").collect()
    targets = [f"{path}?{query}" for path, query in requests.select("path", "query").iter_rows()]
    assert targets == [*REQUESTS]
    assert requests["client"].to_list() == ["203.0.113.7"] * len(lines)
    assert requests["rejected"].null_count() == len(lines)


W3C = (
    "#Fields: date time c-ip cs-method cs-uri-stem cs-uri-query sc-status\n"
    "2026-09-07 10:00:00 203.0.113.7 GET /pixel.gif e=page_view&v=a1&p=/ 200"
)


@pytest.mark.parametrize("first", [combined("/pixel.gif?e=page_view&v=a1&p=/"), W3C], ids=["combined", "W3C"])
def test_pixels_are_found_in_hidden_text_amid_plain_lines(first: str, tmp_path: Path) -> None:
    hidden = json_line("\\/pixel.gif?e=page_view\\u0026v=a2\\u0026p=\\/")
    (tmp_path / "access.log").write_text(f"{first}\n{hidden}\n")
    finished = run_in_process(tmp_path, "views", "access.log")
    assert finished.stdout == "page,views,visitors\n/,2,2\n", finished.stderr
