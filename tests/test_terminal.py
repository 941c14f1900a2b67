"""The progress bar gives way to everything else that is written to the terminal."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import TextIO
from unittest.mock import patch

import polars as pl
import pytest

from pixelstat import outputs, terminal
from pixelstat.result import Column, Result
from tests.builders import log, view
from tests.run import ENVIRONMENT

RESULT = Result("Pages", [Column("page")], pl.DataFrame({"page": ["/", "/cart"]}))
CONTROL = re.compile(r"\x1b\[([\d;?]*)([A-Za-z])|\x1b\][^\x07]*\x07|([\r\n])|([^\x1b\r\n]+)")


def screen(written: str) -> list[str]:
    """The lines of a terminal after all of this is written to it."""
    lines, row, column = [""], 0, 0
    for control in CONTROL.finditer(written):
        _, command, end, text = control.groups()
        if end == "\r":
            column = 0
        elif end == "\n":
            row, column = row + 1, 0
            lines += [""] * (row >= len(lines))
        elif command == "A":
            row -= 1
        elif command == "K":
            lines[row] = ""
        elif text:
            lines[row] = lines[row].ljust(column)[:column] + text + lines[row][column + len(text) :]
            column += len(text)
    return [line.rstrip() for line in lines if line.strip()]


class Screen:
    """The other end of a terminal: what is written to it so far."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor, self.written = descriptor, b""

    def read(self, seconds: float = 0.2) -> str:
        """Read for so many seconds, and return all that was written so far."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and select.select([self.descriptor], [], [], left)[0]:
            try:
                self.written += os.read(self.descriptor, 100_000)
            except OSError:  # how Linux says that the other end is closed
                break
        return self.written.decode()

    def wait_for(self, text: str) -> None:
        """Read until the text is there."""
        end = time.monotonic() + 20
        while text not in self.read(0.05):
            assert time.monotonic() < end, self.written


@contextlib.contextmanager
def open_screen(delay: float = 0) -> Iterator[Screen]:
    """Make a terminal stdout and stderr of this process, on which a bar appears after the delay."""
    ours, theirs = pty.openpty()
    with (
        os.fdopen(theirs, "w", buffering=1) as stream,
        patch.dict(os.environ, {"TERM": "xterm"}),
        patch.object(terminal, "PROGRESS_DELAY", delay),
        patch.multiple(sys, stdout=stream, stderr=stream),
    ):
        yield Screen(ours)
    os.close(ours)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["csv", "table", "json"])
def test_the_bar_is_gone_before_the_report_begins(name: str) -> None:
    with open_screen() as shown:
        with terminal.show_progress(1000, lambda: 500, shown=True):
            shown.wait_for("reading")
            before = len(shown.read())
            outputs.deliver([RESULT], name, None)
            time.sleep(0.3)
        written = shown.read()
    assert "0.5/1.0 kB" in written[:before]
    report = written[written.rindex("\x1b[?25h") :]  # the cursor is there again
    assert "cart" in report
    assert "reading" not in report
    assert not any("reading" in line for line in screen(written))


def test_the_bar_stays_while_a_file_is_written(tmp_path: Path) -> None:
    with open_screen() as shown:
        with terminal.show_progress(1000, lambda: 500, shown=True):
            shown.wait_for("reading")
            outputs.deliver([RESULT], "csv", str(tmp_path / "out.csv"))
            assert terminal._bars
            outputs.deliver([RESULT], "csv", "/dev/null")
            assert not terminal._bars
        assert screen(shown.read()) == []


def test_messages_take_the_place_of_the_bar_and_it_comes_back() -> None:
    with open_screen() as shown:
        with terminal.show_progress(1000, lambda: 500, shown=True):
            shown.wait_for("reading")
            terminal.say("Warning: one")
            terminal.say("Warning: two\nof two lines")
            lines = screen(shown.read(0.3))
            assert lines[:3] == ["Warning: one", "Warning: two", "of two lines"]
            assert [line.split()[0] for line in lines[3:]] == ["reading"]
        terminal.say("the end")
        assert screen(shown.read()) == ["Warning: one", "Warning: two", "of two lines", "the end"]


def test_a_bar_that_has_not_appeared_yet_never_does() -> None:
    with open_screen(delay=0.2) as shown:
        with terminal.show_progress(1000, lambda: 500, shown=True):
            terminal.say("early")
            outputs.deliver([RESULT], "csv", None)
            time.sleep(0.4)
        assert shown.read(0.1) == "early\r\npage\r\n/\r\n/cart\r\n"


def test_there_is_no_bar_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(terminal, "PROGRESS_DELAY", 0)
    with terminal.show_progress(1000, lambda: 500, shown=True):
        assert not terminal._bars
    assert capsys.readouterr() == ("", "")


def test_a_bar_that_a_signal_removes_first_is_not_removed_twice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class EmptiedList(list[terminal._ProgressBar]):
        """A list that another thread empties just after this one saw a bar in it."""

        def __bool__(self) -> bool:
            return True

    monkeypatch.setattr(terminal, "_bars", EmptiedList())
    terminal.stop_progress()
    terminal.say("the end")
    assert capsys.readouterr() == ("", "the end\n")


def test_a_closed_stderr_shows_no_bar_and_no_message() -> None:
    with patch.object(sys, "stderr", None), terminal.show_progress(1000, lambda: 500, shown=True):
        assert not terminal._bars
        terminal.say("nobody reads this")


@contextlib.contextmanager
def open_terminal(columns: int) -> Iterator[tuple[TextIO, Screen]]:
    """Open a terminal of this width."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    with os.fdopen(theirs, "w", buffering=1) as stream:
        yield stream, Screen(ours)
    os.close(ours)


@pytest.mark.parametrize(("variable", "width"), [({}, 30), ({"COLUMNS": "20"}, 20)])
def test_messages_are_as_wide_as_the_terminal_behind_stderr(
    variable: dict[str, str], width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    with (
        open_terminal(90) as (stdout, _),
        open_terminal(30) as (stderr, shown),
        patch.multiple(sys, stdout=stdout, __stdout__=stdout, stderr=stderr),
        patch.dict(os.environ, variable),
    ):
        terminal.say("word " * 30)
        lines = shown.read().splitlines()
    assert max(map(len, lines)) in range(width - 4, width + 1)


@pytest.mark.parametrize("is_terminal", [False, True])
def test_markdown_needs_no_unicode(is_terminal: bool) -> None:
    written = BytesIO()
    stdout = TextIOWrapper(written, "ascii")
    with patch.object(sys, "stdout", stdout), patch.object(stdout, "isatty", lambda: is_terminal):
        terminal.show_markdown("# Funnel\n\n- a → b\n")
        stdout.flush()
    assert written.getvalue() == b"# Funnel\n\n- a ? b\n"


# A program whose bar appears at once, and whose answer waits until it is there, and then so many seconds. Signals are
# blocked before Polars starts threads, as in a run of the program itself.
PROGRAM = """
import sys, time
from pixelstat import terminal
from pixelstat.cli import main
main._leave_on_signals()
main._leave_on_signals = lambda: None
from pixelstat.cli import run
terminal.PROGRESS_DELAY = 0
seconds = float(sys.argv.pop(1))
read = run.read_events
def read_slowly(*arguments):
    while not terminal._bars[0].drawn:
        time.sleep(0.01)
    time.sleep(seconds)
    return read(*arguments)
run.read_events = read_slowly
main.main(sys.argv[1:])
"""


@contextlib.contextmanager
def start_on_terminal(
    folder: Path, seconds: float, command: str, *options: str, is_piped: bool = False
) -> Iterator[tuple["subprocess.Popen[bytes]", Screen]]:
    """Start PROGRAM over a log of one line, on a terminal or with stdout into a pipe."""
    (folder / "access.log").write_text(log(view("ann", "/cart", "10:00")))
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(seconds), command, "access.log", *options],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if is_piped else theirs,
        stderr=theirs,
        env={**ENVIRONMENT, "TERM": "xterm", "PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    os.close(theirs)
    try:
        yield process, Screen(ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["views"], ["views", "--format", "csv"], ["events", "--count"]])
@pytest.mark.parametrize("is_piped", [False, True])
def test_a_run_leaves_its_report_and_nothing_of_the_bar(arguments: list[str], is_piped: bool, tmp_path: Path) -> None:
    with start_on_terminal(tmp_path, 0.2, *arguments, is_piped=is_piped) as (process, shown):
        stdout, _ = process.communicate(timeout=60)
        written = shown.read()
    lines = screen(written)
    assert "reading" in written
    assert not any("reading" in line for line in lines)
    assert "1 event from 1 line" in lines[-2:]
    assert ("/cart" in (stdout or b"").decode(), any("/cart" in line for line in lines)) == (
        is_piped,
        not is_piped,
    )
    if not is_piped:
        assert "reading" not in written[written.index("/cart") :]
    assert process.returncode == 0


@pytest.mark.slow
def test_an_interrupted_run_leaves_no_bar_and_a_cursor(tmp_path: Path) -> None:
    with start_on_terminal(tmp_path, 60, "views") as (process, shown):
        shown.wait_for("reading")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130
        written = shown.read()
    assert screen(written) == ["pixelstat: interrupted"]
    assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l")
