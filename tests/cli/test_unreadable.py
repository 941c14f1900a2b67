"""A log whose pixel lines cannot be read is warned of, and one without a readable line never looks like a quiet day."""

import gzip
from pathlib import Path

import pytest

from pixelstat.cli import unreadable
from pixelstat.errors import Exit
from tests.builders import log, request, view
from tests.run import run_in_process
from tests.small_logs import NO_DAY, NO_FORMAT, NO_PAGES

PAGE = request("/index.html", "09:00")
SHORT = view("ann", "/", "10:00", agent="Firefox/140.0")
BAD_TIME = "has a time that cannot be read, or that is before 2000 or in the future"
JSON = '{"time":"2026-09-07T10:00:00Z","remote_addr":"203.0.113.1","request":"GET %s HTTP/1.1","status":%s}'
NO_REQUEST = (
    '{"time":"2026-09-07T10:00:00Z","remote_addr":"203.0.113.1","uri":null,"status":200,"x":"an image: /pixel.gif"}'
)
FAULTS = [  # a line that is read, a pixel line that is not, and what is said of it
    (PAGE, SHORT.replace("07/Sep", "31/Feb"), BAD_TIME),
    (PAGE, SHORT.replace("2026", "2099"), BAD_TIME),
    (PAGE, SHORT[:70], NO_FORMAT),
    (JSON % ("/", 200), JSON % ("/pixel.gif?p=/", '"two"'), "has a status that is not a number from 0 to 999"),
    (JSON % ("/", 200), NO_REQUEST, "has no request with a path"),
]
GOOD = view("ben", "/", "10:00")
READ = f"The first one {BAD_TIME}:"
STYLE = request("/style.css", "10:00", referrer="https://shop.example/pixel.gif")  # a marker, but no pixel request


def write(folder: Path, *lines: str, name: str = "access.log") -> None:
    (folder / name).write_text(log(*lines))


@pytest.mark.parametrize(("page", "line", "fault"), FAULTS)
def test_a_log_without_a_readable_pixel_line_is_warned_of_and_has_its_exit_code(
    page: str, line: str, fault: str, tmp_path: Path
) -> None:
    write(tmp_path, page, line, line, STYLE)
    finished = run_in_process(tmp_path, "views", "access.log")
    assert finished.stderr == (
        f"Warning: none of the 2 pixel lines of access.log can be read. The first one {fault}:\n    {line}\n"
        "To see why, try: pixelstat check access.log\n"
        "0 events from 4 lines; excluded: 2 unreadable\n"
    )
    assert (finished.stdout, finished.exit) == (NO_PAGES, Exit.NOTHING_READABLE)


@pytest.mark.parametrize(
    ("bad", "good", "warning"),
    [
        (1, 0, "Warning: the only pixel line of access.log cannot be read."),
        (1, 1, ""),
        (2, 1, "Warning: 2 of 3 pixel lines of access.log cannot be read."),
        (1_200, 0, "Warning: none of the 1,200 pixel lines of access.log can be read."),
        (1_200, 1, "Warning: 1,200 of 1,201 pixel lines of access.log cannot be read."),
    ],
)
@pytest.mark.parametrize("options", [(), ("--rejects", "bad_lines.tsv")], ids=["natively", "all lines"])
def test_most_of_the_pixel_lines_must_be_unreadable(
    options: tuple[str, ...], bad: int, good: int, warning: str, tmp_path: Path
) -> None:
    write(tmp_path, PAGE, *[GOOD] * good, *[NO_DAY] * bad, "oops", "oops", STYLE)
    finished = run_in_process(tmp_path, "views", "access.log", *options)
    assert (f"{warning} {READ}\n" in finished.stderr) == bool(warning)
    assert ("Warning" in finished.stderr) == bool(warning)
    assert finished.exit == (Exit.DONE if good else Exit.NOTHING_READABLE)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("views", "--since", "2026-09-01", "--compare", "previous"), Exit.NOTHING_READABLE),
        (("views", "--stitch"), Exit.NOTHING_READABLE),
        (("summary",), Exit.NOTHING_READABLE),
        (("events",), Exit.NOTHING_READABLE),
        (("events", "--count"), Exit.NOTHING_READABLE),
        (("views", "--fail-if-empty"), Exit.CONDITION_MET),  # the user asked for this one
        (("views", "--trusted-proxy", "192.0.2.0/24"), Exit.NOTHING_READABLE),
        (("check",), Exit.DONE),  # the check itself is complete
    ],
)
def test_each_command_warns_once_and_ends_with_its_code(arguments: tuple[str, ...], code: Exit, tmp_path: Path) -> None:
    write(tmp_path, PAGE, NO_DAY, NO_DAY)
    finished = run_in_process(tmp_path, *arguments, "access.log")
    assert finished.stderr.count("none of the 2 pixel lines") == (arguments[0] != "check")
    assert finished.exit == code


def test_quiet_silences_the_warning_but_not_the_exit_code(tmp_path: Path) -> None:
    write(tmp_path, NO_DAY, PAGE)
    finished = run_in_process(tmp_path, "views", "-q", "access.log")
    assert (finished.stdout, finished.stderr, finished.exit) == (NO_PAGES, "", Exit.NOTHING_READABLE)


def test_a_damaged_log_without_a_readable_pixel_line_is_both(tmp_path: Path) -> None:
    lines = log(PAGE, *[NO_DAY] * 3).encode()
    (tmp_path / "access.log.gz").write_bytes(gzip.compress(lines)[:-6])
    finished = run_in_process(tmp_path, "views", "access.log.gz")
    assert "Warning: access.log.gz: " in finished.stderr
    assert finished.exit == Exit.NOTHING_READABLE


def test_of_several_logs_the_unreadable_one_is_named(tmp_path: Path) -> None:
    write(tmp_path, *[GOOD] * 5, name="good.log")
    write(tmp_path, PAGE, NO_DAY, name="bad one.log")
    finished = run_in_process(tmp_path, "views", "good.log", "bad one.log")
    assert finished.stderr.startswith(f"Warning: the only pixel line of bad one.log cannot be read. {READ}\n")
    assert "\nTo see why, try: pixelstat check 'bad one.log'\n" in finished.stderr
    assert "good.log cannot" not in finished.stderr
    assert finished.exit == Exit.DONE


def test_of_many_unreadable_logs_the_first_are_named(tmp_path: Path) -> None:
    names = [f"{number}.log" for number in range(unreadable.MAX_LOGS + 2)]
    for name in names:
        write(tmp_path, PAGE, NO_DAY, name=name)
    finished = run_in_process(tmp_path, "views", *names)
    assert finished.stderr.count("To see why") == unreadable.MAX_LOGS
    assert "\nWarning: most pixel lines of 2 more logs cannot be read.\n" in finished.stderr


def test_standard_input_is_named_in_words(tmp_path: Path) -> None:
    finished = run_in_process(tmp_path, "views", "-", stdin=log(PAGE, NO_DAY).encode())
    assert finished.stderr.startswith("Warning: the only pixel line of standard input cannot be read.")
    assert "\nTo see why, save the log to a file and try: pixelstat check FILE\n" in finished.stderr


def test_a_long_line_is_cut_and_its_control_characters_are_escaped(tmp_path: Path) -> None:
    write(tmp_path, PAGE, NO_DAY.replace("Mozilla", "\x07" + "x" * 500))
    finished = run_in_process(tmp_path, "views", "access.log")
    example = finished.stderr.splitlines()[1]
    assert "\\x07xxx" in example
    assert example.endswith("x...")
    assert len(example) < 180


def test_a_comment_with_a_pixel_in_it_is_no_unreadable_line(tmp_path: Path) -> None:
    write(tmp_path, "# since today: /pixel.gif?e=pv", PAGE)
    finished = run_in_process(tmp_path, "views", "access.log")
    assert "Warning" not in finished.stderr
    assert finished.exit == Exit.DONE


@pytest.mark.parametrize(
    ("lines", "verdict"),
    [
        ([PAGE] * 50 + [NO_DAY], "doubtful: the only pixel line cannot be read"),
        ([PAGE] * 50 + [GOOD, NO_DAY, NO_DAY], "doubtful: 2 of 3 pixel lines cannot be read"),
        ([PAGE] * 50 + [GOOD, NO_DAY], "good: 1 pixel request, 1 unreadable line"),
    ],
)
def test_check_says_that_pixel_lines_are_unreadable(lines: list[str], verdict: str, tmp_path: Path) -> None:
    write(tmp_path, *lines)
    finished = run_in_process(tmp_path, "check", "access.log", "--columns", "check,finding", "--format", "csv")
    assert f"verdict,{verdict}" in finished.stdout.replace('"', "")
