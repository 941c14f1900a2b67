"""Logs of a few lines, what the program makes of them, and runs that many modules ask for."""

import json
from pathlib import Path

from tests.builders import log, view
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
    "2 lines, 2 pixel requests\nfrom 2026-09-07 10:00:00 to 2026-09-07 10:01:00, times in UTC\n",
    0,
)

# Three thousand page views of one visitor, more than a pipe holds.
MANY = log(*(view("ann", f"/{number}", f"10:{number // 60:02d}:{number % 60:02d}") for number in range(3_000))).encode()

# Eight lines: two good ones, a blank one, a comment, and four bad ones.
NO_DAY = BEN.replace("07/Sep", "31/Feb")
MESSY = log(ANN, "not a line", "", "# a comment", "neither\tis this", NO_DAY, BEN, "nor this").encode()
FOUR_OF_EIGHT = "Error: 4 of 8 lines could not be read, which is more than allowed. No report was written.\n"

HEADING = b"file\tline\treason\traw\n"  # of the file that --rejects writes
NO_FORMAT = "fits no log format that pixelstat knows, or not the one given"


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
