"""The format of a log is detected from its first lines, and a file that is not a log is shown with what to type."""

from pathlib import Path

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
