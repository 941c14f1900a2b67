"""Blocks of whole lines: long lines are cut at --max-line, and standard input may be larger than what is read ahead."""

from pathlib import Path

import pytest

from pixelstat.sources.lines import split_lines
from tests.builders import log, request, view
from tests.run import run_in_process
from tests.small_logs import ANN, HEADING, NO_PAGES, TWO, TWO_COUNTED, bad_lines_of, findings_of, write_log


def padded(line: str, length: int) -> str:
    """The line with an agent so long that it has that many bytes."""
    return line.removesuffix('"') + "A" * (length - len(line)) + '"'


@pytest.mark.slow
@pytest.mark.parametrize(("size", "most"), [("256", 256), ("1k", 1_024), ("4096", 4_096), ("64KiB", 65_536)])
def test_a_line_as_long_as_allowed_is_read_and_a_longer_one_is_cut(size: str, most: int, tmp_path: Path) -> None:
    write_log(
        tmp_path, log(ANN, padded(view("ben", "/fits", "10:01"), most), padded(view("cy", "/not", "10:02"), most + 1))
    )
    finished = run_in_process(tmp_path, "views", "access.log", "--max-line", size)
    assert finished.stdout == "page,views,visitors\n/,1,1\n/fits,1,1\n"
    assert finished.stderr.startswith("2 events from 3 lines; excluded: 1 unreadable\n")
    assert [row for row in findings_of(tmp_path, "access.log", "--max-line", size) if row[0] == "lines"] == [
        ("lines", "all", 3),
        ("lines", "read", 2),
        ("lines", "too_long", 1),
    ]


def test_a_cut_line_with_time_and_request_is_read(tmp_path: Path) -> None:
    line = "2026-09-07T10:00:00Z /pixel.gif?p=/&v=ann " + "A" * 10_000
    write_log(tmp_path, log(line))
    finished = run_in_process(tmp_path, "views", "access.log", "-q", "--max-line", "1k",
                   "--log-format", "$time_iso8601 $request_uri $http_user_agent")  # fmt: skip
    assert finished.stdout == "page,views,visitors\n/,1,1\n"


def test_a_line_that_is_cut_is_kept_whole_among_the_bad_ones(tmp_path: Path) -> None:
    write_log(tmp_path, log(ANN, "A" * 5_000))
    assert bad_lines_of(tmp_path, "access.log", "--max-line", "256") == (
        HEADING + b"access.log\t2\ttoo_long\t" + b"A" * 5_000 + b"\n"
    )


@pytest.mark.parametrize("size", ["255", "3M", "2049k", "1g", "0", "-1", "many", "", "1.5k"])
def test_a_line_size_out_of_bounds_is_an_error(size: str, tmp_path: Path) -> None:
    write_log(tmp_path, log(ANN))
    finished = run_in_process(tmp_path, "views", "access.log", "--max-line", size)
    assert f"{size!r} is not a size from 256 bytes to 2 MB. Try 64k or 1M." in finished.stderr
    assert finished.exit == 2


@pytest.mark.parametrize("letters", [200, 300])
def test_no_line_is_longer_in_bytes_than_allowed(letters: int) -> None:
    (length,) = split_lines(f"\n{'é' * letters}\n".encode(), 256)["line"].str.len_bytes().to_list()
    assert length <= 256


PLAIN = request("/style.css", "10:00").encode() + b"\n"


@pytest.mark.slow
def test_large_standard_input_counts_every_line_once(tmp_path: Path) -> None:
    finished = run_in_process(tmp_path, "views", stdin=PLAIN * 60_000 + TWO)
    assert finished.stdout == TWO_COUNTED.stdout
    assert finished.stderr.startswith("2 events from 60,002 lines\n")


@pytest.mark.slow
def test_large_standard_input_without_pixel_requests_ends_well(tmp_path: Path) -> None:
    finished = run_in_process(tmp_path, "views", stdin=PLAIN * 60_000)
    assert finished.stdout == NO_PAGES
    assert finished.stderr.startswith("0 events from 60,000 lines\nNo pixel requests were found.")
    assert finished.exit == 0


@pytest.mark.slow
def test_standard_input_that_begins_with_a_line_larger_than_what_is_read_ahead_is_read(tmp_path: Path) -> None:
    finished = run_in_process(tmp_path, "views", stdin=b"A" * 9_000_000 + b"\n" + TWO)
    assert finished.stdout == TWO_COUNTED.stdout
    assert finished.exit == 0
