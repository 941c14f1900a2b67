"""A terminal gets nothing from a log that it would obey."""

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.builders import log, request, view
from tests.run import COMMAND, ENVIRONMENT, run_in_process
from tests.small_logs import ANN, count_views

EVIL = (
    log(
        view("ann", "/\x1b[2J\x1b]0;owned\x07", "10:00"),
        view("ben", "/[red]bold[/nope][link=https://evil.example]", "10:01"),
        view("cy", "/\x9b31m\u202egnp.exe", "10:02"),
        view("dee", "/:smile:", "10:03"),
    ).encode()
    + log(request("/pixel.gif?v=eve", "10:04", referrer="https://shop.example/raw\x1b[31m")).encode()
)

OBEYED = ["\x1b", "\x07", "\x9b", "\u202e"]


def read_to_the_end(terminal: int) -> bytes:
    content = b""
    with contextlib.suppress(OSError):  # how Linux says that the other end is closed
        while piece := os.read(terminal, 100_000):
            content += piece
    os.close(terminal)
    return content


def test_escapes_and_markup_from_a_log_are_harmless_in_a_table(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(EVIL)
    finished = run_in_process(tmp_path, "views", "access.log", "--format", "table")
    for shown in (
        r"/\x1b[2J\x1b]0;owned\x07",
        "/[red]bold[/nope][link=https://evil.example]",
        r"/\x9b31m\u202egnp.exe",
        "/:smile:",
        r"/raw\x1b[31m",
    ):
        assert shown in finished.stdout
    assert not any(control in finished.stdout for control in OBEYED)
    assert finished.exit == 0


@pytest.mark.slow
def test_a_terminal_gets_a_table_and_nothing_of_the_log_to_obey(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(EVIL)
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [*COMMAND, "views", "access.log"],
        cwd=tmp_path,
        stdout=theirs,
        stderr=subprocess.PIPE,
        env={"TERM": "xterm"},
        check=False,
    )
    os.close(theirs)
    shown = read_to_the_end(ours).decode()
    assert shown.startswith("\x1b[1mPage views")
    assert r"/\x1b[2J\x1b]0;owned\x07" in shown
    assert "\x1b[2J" not in shown
    assert "\x1b]0" not in shown
    assert "\x9b" not in shown
    assert done.returncode == 0


def test_escapes_from_a_log_are_harmless_in_messages(tmp_path: Path) -> None:
    evil = "\x1b[2J\x9b\u202e.log"
    (tmp_path / evil).write_text("\x1b]0;owned\x07\n")
    (tmp_path / "access.log").write_text(log(*[request("/style.css", "10:00")] * 3, request("/a\x1b[2J.gif", "10:00")))
    first, second = run_in_process(tmp_path, "views", evil), run_in_process(tmp_path, "views", "access.log")
    assert r"No line of \x1b[2J\x9b\u202e.log matches" in first.stderr
    assert r"    \x1b]0;owned\x07" in first.stderr
    assert r"--pixel /a\x1b[2J.gif" in second.stderr
    assert not any(control in first.stderr + second.stderr for control in OBEYED)


def test_escapes_from_a_log_are_harmless_in_an_explanation(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(EVIL)
    finished = run_in_process(tmp_path, "views", "--explain", "access.log:5")
    assert r"event: page" in finished.stdout
    assert not any(control in finished.stdout for control in OBEYED)


EVIL_TEXT = "\x1b[2J\x1b]0;owned\x07[red]x[/nope][link=https://evil.example]\x9b31m\u202e:smile:"

HARMLESS = r"\x1b[2J\x1b]0;owned\x07[red]x[/nope][link=https://evil.example]\x9b31m\u202e:smile:"


def test_escapes_and_markup_in_bad_lines_pixels_and_names_are_harmless_where_check_shows_them(tmp_path: Path) -> None:
    (tmp_path / "[red]x[").mkdir()  # the slash of the markup parts the name
    name = "[red]x[/nope]\x1b[2J.log"
    (tmp_path / name).write_text(log(*[ANN] * 3, EVIL_TEXT, request("/\x1b[2J[/b]/pixel.gif?v=ann", "10:00")))
    finished = run_in_process(tmp_path, "check", name, "--format", "table")
    shown = "".join(finished.stdout.split())
    assert r"[red]x[/nope]\x1b[2J.log:4" in shown
    assert r"/\x1b[2J[/b]/pixel.gif" in shown
    assert HARMLESS in shown
    assert not any(control in finished.stdout for control in ("\x1b", "\x07", "\x9b", "\u202e"))


@pytest.mark.slow
def test_check_writes_nothing_that_a_terminal_obeys(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(ANN, EVIL_TEXT))
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [*COMMAND, "check", "access.log"],
        cwd=tmp_path,
        stdout=theirs,
        stderr=theirs,
        env={"TERM": "xterm"},
        check=False,
    )
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # how Linux says that the other end is closed
        while piece := os.read(ours, 100_000):
            shown += piece
    os.close(ours)
    assert rb"\x1b[2J" in shown
    assert b"\x1b[2J" not in shown
    assert b"\x1b]" not in shown
    assert b"\x07" not in shown
    assert "\x9b" not in shown.decode()
    assert done.returncode == 0


def test_escapes_of_a_server_are_shown_once_and_not_obeyed(tmp_path: Path) -> None:
    finished = count_views(tmp_path, log(request(r"/pixel.gif?v=ann&p=/\x1b[2J", "10:00")), "-q", "--format", "table")
    assert r"/\x1b[2J " in finished.stdout
    assert "\x1b" not in finished.stdout


def read_from_terminal(folder: Path, columns: int, *arguments: str, **environment: str) -> list[str]:
    """The lines that the program writes to a terminal of this width, stdout and stderr."""
    (folder / "access.log").write_text(log(view("ann", "/日本語/" * 9, "10:00"), view("ben", "/café", "10:01")))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    done = subprocess.run(
        [*COMMAND, *arguments, "access.log"], cwd=folder, stdout=theirs, stderr=theirs, check=False,
        env={**ENVIRONMENT, **environment},
    )  # fmt: skip
    os.close(theirs)
    assert done.returncode == 0
    return read_to_the_end(ours).decode().splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("columns", [24, 40, 60, 80, 200])
@pytest.mark.parametrize("term", ["xterm-256color", "dumb"])
def test_no_line_is_wider_than_the_terminal(columns: int, term: str, tmp_path: Path) -> None:
    for report in ("views", "summary", "funnel", "visits"):
        lines = read_from_terminal(tmp_path, columns, report, TERM=term, NO_COLOR="1")
        text = [re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", line).rpartition("\r")[2] for line in lines]
        assert [line for line in text if cell_len(line) > columns] == []
        assert len(text) > 5


@pytest.mark.slow
def test_a_terminal_without_unicode_gets_ascii(tmp_path: Path) -> None:
    lines = read_from_terminal(tmp_path, 200, "views", TERM="dumb", PYTHONIOENCODING="ascii")
    assert "\n".join(lines).isascii()
    assert any("####" in line for line in lines)


@pytest.mark.slow
@pytest.mark.parametrize("columns", [40, 60, 80])
@pytest.mark.parametrize(
    ("report", "figure"),
    [
        ("summary", "2"),
        ("views", "1"),
        ("visits", "2"),
        ("visitors", "2"),
        ("sources", "2"),
        ("devices", "2"),
        ("paths", "2"),
    ],
)
def test_a_narrow_table_has_its_main_figure(report: str, figure: str, columns: int, tmp_path: Path) -> None:
    lines = read_from_terminal(tmp_path, columns, report, "-q", TERM="dumb", NO_COLOR="1")
    rule = next(place for place, line in enumerate(lines) if "──" in line)
    assert any(re.search(rf"\s{figure}(\s|$)", line) for line in lines[rule + 1 :]), lines


@pytest.mark.slow
def test_a_topic_is_shown_on_a_terminal_without_unicode(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    environment = {**ENVIRONMENT, "TERM": "xterm", "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [*COMMAND, "help", "funnel"], cwd=tmp_path, stdout=theirs, stderr=theirs, env=environment, check=False
    )
    os.close(theirs)
    shown = read_to_the_end(ours)
    assert (done.returncode, shown.isascii(), shown.startswith(b"# ")) == (0, True, True)


@pytest.mark.slow
@pytest.mark.parametrize("term", ["xterm-256color", "dumb"])
def test_a_topic_fits_a_narrow_terminal(term: str, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 50, 0, 0))
    environment = {**ENVIRONMENT, "TERM": term, "NO_COLOR": "1"}
    done = subprocess.run([*COMMAND, "help", "privacy"], cwd=tmp_path, stdout=theirs, env=environment, check=True)
    os.close(theirs)
    lines = re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", read_to_the_end(ours).decode()).splitlines()
    assert done.returncode == 0
    assert [line for line in lines if cell_len(line) > 50] == []
