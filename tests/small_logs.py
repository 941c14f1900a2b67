"""Logs of a few lines, what the program makes of them, and runs that many modules ask for."""

import json
from pathlib import Path

from tests.builders import log, request, view
from tests.run import Finished, run_in_process

ANN = view("ann", "/", "10:00")
BEN = view("ben", "/cart", "10:01")

# What `views` counts of them.
NO_PAGES = "page,views,visitors\n"
ONE_PAGE = "page,views,visitors\n/,1,1\n"
TWO_PAGES = "page,views,visitors\n/,1,1\n/cart,1,1\n"

TWO = log(ANN, BEN).encode()
TWO_COUNTED = Finished(
    TWO_PAGES,
    "2 events from 2 lines\nfrom 2026-09-07 10:00:00 to 2026-09-07 10:01:00 UTC\n",
    0,
)

# Three thousand page views of one visitor, more than a pipe holds.
MANY = log(*(view("ann", f"/{number}", f"10:{number // 60:02d}:{number % 60:02d}") for number in range(3_000))).encode()

# Eight lines: two good ones, a blank one, a comment, and four bad ones.
NO_DAY = BEN.replace("07/Sep", "31/Feb")
MESSY = log(ANN, "not a line", "", "# a comment", "neither\tis this", NO_DAY, BEN, "nor this").encode()
FOUR_OF_EIGHT = "Error: 4 of 8 lines could not be read, which is more than allowed. No report was written.\n"

HEADING = b"file\tline\treason\traw\n"  # of the file that --rejects writes
NO_FORMAT = "does not match any known log format, or the one of --log-format"


# Orders, opens and views: a repeated hit, a reloaded order, a bot, a refused request and a formula among them.
ORDER_STORY = log(
    request("/o.gif?rcpt=ann&mid=launch", "10:00"),
    request("/pixel.gif?e=pv&v=ann&p=/&x=%3D1", "10:01"),
    request("/pixel.gif?e=pv&v=ann&p=/&cb=2", "10:01"),
    request("/pixel.gif?e=pv&v=ann&p=/&cb=2", "10:01"),
    request("/pixel.gif?e=purchase&v=ann&oid=A1&value=89.5&cur=EUR", "10:02"),
    request("/pixel.gif?e=purchase&v=ann&oid=A1&value=89.5&cur=EUR&again", "10:09"),
    request("/pixel.gif?e=pv&v=bot&p=/", "10:03", agent="Googlebot/2.1"),
    request("/pixel.gif?e=pv&v=ben&p=/a%0A%22b", "10:04", status=404),
    request("/pixel.gif?e=%3DHYPERLINK(1)&v=ben&p=/a%0A%22b", "10:05"),
    request("/products/kettle", "10:05"),
)

# A site with custom pixels, goals and funnels.
PROJECT_LOG = log(
    request("/o/spring/ann%40x.gif", "10:00"),
    request("/pixel.gif?e=pv&rcpt=ann@x&p=/book&dest=Rome+1", "10:01"),
    request("/b.bin?e=bk&who=w1&amt=12.5&plan=gold&d=Oslo", "10:02"),
    request("/book/suite/done?data=eyJlIjoiYmsiLCJwbGFuIjoiZ29sZCIsImFtdCI6N30&rcpt=ann@x", "10:03"),
    request("/book/suite/done/not", "10:04"),
    request("/O/spring/ann.gif", "10:04"),
    request("/t/q1W2/e3R4", "10:05"),
)

PROJECT_TOML = """
logs = ["access.log"]
protocols = ["sendy"]

[columns]
destination = ["dest", "d"]

[[pixels]]
name = "newsletter"
path = "/o/{campaign}/{recipient}.gif"
event = "open"

[[pixels]]
name = "booking"
paths = ["/b.bin", "/book/{room_type}/done"]
payload = "data"
[pixels.parameters]
value = "amt"
visitor = "who"
plan = "plan"
[pixels.events]
bk = "purchase"
[pixels.values]
currency = "EUR"

[goals]
booked = "event = 'purchase' and plan = 'gold'"

[funnels]
trip = ["open", "/book", "booked"]
[funnels.quick]
steps = ["open", "booked"]
window = "1m"
"""


def write_log(folder: Path, content: str | bytes, name: str = "access.log") -> str:
    """Write a file with this content, and return its name."""
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return name


def count_views(folder: Path, content: str | bytes, *options: str, name: str = "access.log") -> Finished:
    """Run `views` over a log with this content. Lines that are the same all count."""
    return run_in_process(folder, "views", "--keep-duplicates", write_log(folder, content, name), *options)


def bad_lines_of(folder: Path, *arguments: str | bytes, stdin: bytes = b"") -> bytes:
    """Return what `--rejects` writes in a run of `views` that ends well."""
    assert run_in_process(folder, "views", *arguments, "--rejects", "bad.tsv", "-q", stdin=stdin).exit == 0
    return (folder / "bad.tsv").read_bytes()


def findings_of(folder: Path, *arguments: str, stdin: bytes = b"") -> list[tuple[str, str, int | None]]:
    """Return what `check` finds, without the log's name and the shares."""
    rows = json.loads(run_in_process(folder, "check", *arguments, "--format", "json", stdin=stdin).stdout)
    return [(row["check"], row["finding"], row["count"]) for row in rows]


def write_project(folder: Path) -> None:
    """Write PROJECT_LOG and PROJECT_TOML into the folder."""
    (folder / "access.log").write_text(PROJECT_LOG)
    (folder / "pixelstat.toml").write_text(PROJECT_TOML)
