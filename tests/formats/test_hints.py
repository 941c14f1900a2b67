"""A line of an unknown format is described by the parts of a request that it shows."""

from pathlib import Path

import pytest

from pixelstat.formats.hints import MAX_KEYS, describe_line
from tests.run import run_in_process

LINES = {
    "name;town": [],
    "": [],
    "10:20:30": ["a time (10:20:30)"],
    "12/Sep/2026:10:00:00 +0200 | GET /pixel.gif?e=pv": [
        "a time (12/Sep/2026:10:00:00 +0200)",
        "a request (GET /pixel.gif?e=pv)",
    ],
    "2026-09-07T10:00:00.123Z ;203.0.113.7; /pixel.gif?e=pv;200": [
        "a time (2026-09-07T10:00:00.123Z)",
        "an address (203.0.113.7)",
        "a request (/pixel.gif?e=pv)",
    ],
    "Sep  7 10:00:00 2001:db8::7 POST https://shop.example/collect": [
        "a time (Sep  7 10:00:00)",
        "an address (2001:db8::7)",
        "a request (POST https://shop.example/collect)",
    ],
    "1788775200.123 999.1.1.1 5.6.7": ["a time (1788775200.123)"],
    "1788775200123|::1|ok": ["a time (1788775200123)", "an address (::1)"],
    f"GET /{'x' * 100} 200": [f"a request (GET /{'x' * 55}...)"],
    '{"ts": "yesterday", "http": {"method": "GET", "extra": {}}, "tags": [1]}': [
        "JSON with the keys ts, http.method, http.extra, tags"
    ],
    '{"a": {"b": {"c": {"d": 1}}}}': ["JSON with the keys a.b.c"],
    "{" + ", ".join(f'"k{n}": 1' for n in range(MAX_KEYS + 2)) + "}": [
        f"JSON with the keys {', '.join(f'k{n}' for n in range(MAX_KEYS))} and 2 more"
    ],
    "{}": [],
    "[1, 2]": [],
}


@pytest.mark.parametrize(("line", "parts"), LINES.items())
def test_a_line_is_described_by_what_it_shows(line: str, parts: list[str]) -> None:
    assert describe_line(line) == parts


@pytest.mark.parametrize(
    ("line", "description", "advice"),
    [
        ("10:00:00;GET /a 198.51.100.7", "\nIt contains a time (10:00:00), an address (198.51.100.7) and a request (GET /a).\n",
         "--log-format '$remote_addr"),
        ('{"msg": "\\u001b[2J", "\\u001bkey": 1}', "\nIt is JSON with the keys msg, \\x1bkey.\n",
         "--log-format '{\"KEY\":\"$time_iso8601\""),
        ("hello", "hello\n\nCopy its format", "--log-format '$remote_addr"),
    ],
)  # fmt: skip
def test_the_error_of_an_unknown_format_describes_the_first_line(
    line: str, description: str, advice: str, tmp_path: Path
) -> None:
    (tmp_path / "access.log").write_text(f"{line}\n")
    finished = run_in_process(tmp_path, "views", "access.log")
    assert description in finished.stderr
    assert advice in finished.stderr
    assert finished.exit == 2
