"""Lines as people have them are read right, or counted as unreadable; none of them is read wrong."""

import random
import tomllib
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from pixelstat import formats
from pixelstat.formats.detection import detect
from pixelstat.formats.reparse import reparse_misfits
from pixelstat.sources.blocks import MAX_LINE
from tests.formats.lines import LINE_WRAPPINGS, read, wrap
from tests.marks import slow_after

ALL = formats.load_all_formats()
WILD = tomllib.loads(Path(__file__).with_name("wild_lines.toml").read_text("utf-8"))["lines"]
TEN = datetime(2026, 9, 7, 10, tzinfo=timezone.utc)


def read_alone(line: str, *heads: str) -> dict[str, Any] | None:
    """Read a line as a log of its own; None without a format."""
    detected = detect([*heads, line], ALL)
    header = next((head for head in heads if head.startswith("#Fields:")), None)
    return read(detected, line, header=header).row(0, named=True) if detected else None


@pytest.mark.parametrize("case", WILD, ids=lambda case: case["name"])
def test_a_line_is_read_as_what_it_says(case: dict[str, Any]) -> None:
    row = read_alone(case["line"], *case.get("heads", []))
    assert row
    seen = row["rejected"], row["client"] or "", row["time"].replace(microsecond=0), row["path"], row["query"]
    path = row["path"] if row["path"].endswith("/pixel.gif") else "/pixel.gif"
    assert seen == (None, case["client"], TEN, path, "e=page_view&v=a1&p=/x")


@pytest.mark.slow
@pytest.mark.parametrize("case", WILD[::3], ids=lambda case: case["name"])
def test_a_line_that_is_cut_short_is_read_right_or_not_at_all(case: dict[str, Any]) -> None:
    heads, line = case.get("heads", []), case["line"]
    header = next((head for head in heads if head.startswith("#Fields:")), None)
    detected = detect([*heads, line, line], ALL)
    assert detected
    cuts = [line[:length] for length in range(len(line) // 3, len(line), 7)]
    requests = reparse_misfits(read(detected, line, *cuts, header=header), ALL, "UTC", MAX_LINE)
    whole, *rows = requests.select("rejected", "client", "query", "status", "user_agent").iter_rows()
    for cut, (rejected, *values) in zip(cuts, rows, strict=True):
        assert rejected or values[:2] == list(whole[1:3]), cut


# -- random lines ------------------------------------------------------------------------------------------------

CLIENTS = {  # what stands in the place of the client -> the client
    "203.0.113.7": "203.0.113.7", "203.0.113.7:51234": "203.0.113.7", "2001:db8::7": "2001:db8::7",
    "[2001:db8::7]": "2001:db8::7", "[2001:db8::7]:443": "2001:db8::7", '"203.0.113.7"': "203.0.113.7",
    "203.0.113.7, 198.51.100.9": "203.0.113.7", "203.0.113.7, 10.0.0.1, 10.0.0.2": "203.0.113.7",
    "unknown, 203.0.113.7": "203.0.113.7", "host.example": "host.example",
    "10.0.0.5 [203.0.113.7]": "203.0.113.7", "shop.example 203.0.113.7": "203.0.113.7",
    "shop.example:443 203.0.113.7": "203.0.113.7", "203.0.113.7 shop.example": "203.0.113.7",
}  # fmt: skip
FRONTS = ("- -", "- ann", "- ann smith")
TAILS = (
    '"-"', '"2.31"', "0.001", '"0.001"', "HIT", '"HIT"', "-", "rt=0.001", 'uct="0.001"', '"198.51.100.9, 10.0.0.1"',
    '"_ga=GA1.2.3; sid=77"', "10.0.0.9:80", '"10.0.0.9:80"', "[shop-80]", "TLSv1.3", '"www.shop.example"', "443", ".",
)  # fmt: skip
REQUEST = '"GET /pixel.gif?e=pv&v=a1 HTTP/1.1" 200 43'


def random_line(seed: int) -> tuple[str, str | None]:
    """A line of a random server, and its client."""
    dice = random.Random(seed)
    client = dice.choice([*CLIENTS])
    more = dice.sample(TAILS, dice.choice([0, 1, 1, 2, 3]))
    tail = " ".join(["", '"https://shop.example/a" "Mozilla/5.0 (X11)"', *more])
    line = f"{client} {dice.choice(FRONTS)} [07/Sep/2026:10:00:00 +0000] {REQUEST}{tail}"
    for _ in range(dice.choice([0, 0, 1, 2])):
        line = wrap(dice.choice(LINE_WRAPPINGS), line)
    return line, CLIENTS[client]


@pytest.mark.parametrize("block", slow_after(2, range(12)))
def test_a_random_line_is_read_right_or_not_at_all(block: int) -> None:
    unreadable = 0
    for seed in range(block * 50, block * 50 + 50):
        line, client = random_line(seed)
        row = read_alone(line)
        if row is None or row["rejected"] is not None:
            unreadable += 1
            continue
        said = (row["time"], row["path"], row["query"], row["status"], row["bytes"], row["referrer"], row["user_agent"])
        expected = (TEN, "/pixel.gif", "e=pv&v=a1", 200, 43, "https://shop.example/a", "Mozilla/5.0 (X11)")
        assert said == expected, line
        assert row["client"] in {client, None}, line
    assert unreadable <= 5
