"""The format of a log is detected from its first lines, and a file that is not a log is shown with what to type."""

from pathlib import Path

import pytest

from pixelstat import formats
from pixelstat.formats.detection import detect
from tests.run import Finished, run_in_process
from tests.small_logs import TWO, TWO_COUNTED, count_views


def test_a_file_that_fits_no_format_is_shown_with_what_to_type(tmp_path: Path) -> None:
    assert count_views(tmp_path, b"name;town\nann;\x1b[2JBerlin\n", name="people.csv") == Finished(
        "",
        "Error: No line of people.csv matches any log format that pixelstat knows. Its first line:\n"
        "    name;town\n"
        "\n"
        "Copy its format from the server's configuration (log_format of nginx, LogFormat of Apache):\n"
        "    --log-format '$remote_addr - $remote_user [$time_local] \"$request\" $status'\n",
        2,
    )


def test_a_log_that_does_not_fit_the_format_given_is_shown(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(TWO)
    finished = run_in_process(tmp_path, "views", "access.log", "--log-format", "$msec;$request_uri")
    assert finished.stderr.startswith(
        "Error: No line of access.log matches the given log format. Its first line:\n    198.51.100."
    )
    assert finished.exit == 2


def test_a_log_is_recognized_behind_a_page_of_junk(tmp_path: Path) -> None:
    finished = count_views(tmp_path, b"junk\n" * 1_000 + TWO)
    assert finished.stdout == TWO_COUNTED.stdout
    assert finished.stderr.startswith("2 events from 1,002 lines\n")


ALL = formats.load_all_formats()

(COMBINED,) = formats.load_formats("combined")

SAMPLE = COMBINED.samples[0].line


def test_lines_of_no_log_have_no_format() -> None:
    assert detect(["hello world", "a,b,c", '{"x": 1}'], ALL) is None


def test_a_format_is_detected_behind_two_hundred_other_lines() -> None:
    noise = [f"nginx: warning {n}" for n in range(200)]
    assert detect([*noise, SAMPLE], ALL) == COMBINED


def test_a_few_lines_of_a_named_format_do_not_decide_for_most_lines_of_another() -> None:
    other = (
        '10.0.0.9 - 203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "GET /a HTTP/1.1" 200 43 "-" "Mozilla/5.0 (X11)" 0.01'
    )
    combined = '203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "GET /a HTTP/1.1" 200 43 "-" "Mozilla/5.0 (X11)"'
    for lines, name in (([other, other, combined], "text"), ([other, combined, combined], "combined")):
        detected = detect(lines, formats.load_all_formats())
        assert detected
        assert detected.name == name


ERROR_LINES = (
    '2026/09/07 10:00:01 [error] 29#29: *1 open() "/srv/pixel.gif" failed, request: "GET /pixel.gif?e=pv HTTP/1.1"',
    '2026/09/07 10:00:01 [info] 29#29: *1 client 203.0.113.7 closed keepalive connection, request: "GET /a HTTP/1.1"',
    "[Mon Sep 07 10:00:01.123456 2026] [core:error] [pid 7:tid 8] [client 203.0.113.7:5] GET /pixel.gif?e=pv denied",
    "[Mon Sep 07 10:00:01 2026] [error] [client 203.0.113.7] File does not exist: /srv/pixel.gif",
)


@pytest.mark.parametrize("line", ERROR_LINES)
def test_an_error_log_is_named_and_not_read(line: str, tmp_path: Path) -> None:
    (tmp_path / "error.log").write_text(f"{line}\n")
    (tmp_path / "access.log").write_text(
        '203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "GET /pixel.gif?e=pv&p=/ HTTP/1.1" 200 43 "-" "Mozilla/5.0 (X11)"\n'
    )
    refused = run_in_process(tmp_path, "views", "error.log")
    assert refused.exit == 2
    assert "error.log is an error log." in refused.stderr
    both = run_in_process(tmp_path, "views", ".")
    assert both.stdout == "page,views,visitors\n/,1,1\n"
    assert "Skipped files that are not logs: error.log." in both.stderr.replace("./", "")
