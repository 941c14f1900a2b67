"""Show messages and progress on stderr, without control characters that a terminal would obey, and text on stdout."""

import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.progress import Progress

# C0, DEL and C1 controls, marks that change the direction of writing, line separators, lone surrogates.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")

MAX_TEXT_WIDTH = 100  # columns; longer lines are hard to read
MAX_LINE_WIDTH = 160  # characters of a log's line that are shown
PROGRESS_DELAY = 0.8  # seconds before a progress bar appears


def escape_controls(text: str) -> str:
    """Return the text with every character that a terminal would obey spelled out: `\\x1b[2J`."""
    return _CONTROLS.sub(
        lambda match: f"\\x{ord(match[0]):02x}" if ord(match[0]) < 256 else f"\\u{ord(match[0]):04x}", text
    )


def shorten_line(line: str) -> str:
    """Return the beginning of a log's line, as long as a message may show it."""
    return line if len(line) <= MAX_LINE_WIDTH else f"{line[:MAX_LINE_WIDTH]}..."


def say(text: str) -> None:
    """Write one message to stderr, with control characters escaped. A terminal gets lines that break at blanks."""
    lines = [escape_controls(line) for line in text.split("\n")]
    if sys.stderr is not None and sys.stderr.isatty():
        width = _measure_stderr()
        lines = [part for line in lines for part in wrap_line(line, width)]
    with _replace_bar():
        click.echo("\n".join(lines), err=True)


def _measure_stderr() -> int:
    """Return the width of the terminal behind stderr. COLUMNS overrides it, as it does for stdout."""
    with suppress(OSError, ValueError):
        if not os.environ.get("COLUMNS") and (width := os.get_terminal_size(sys.stderr.fileno()).columns):
            return width
    import shutil  # not for --version: it loads the libraries of three compressions

    return shutil.get_terminal_size().columns


def wrap_line(line: str, width: int) -> list[str]:
    """Break a line at blanks, unless it is indented. A word that is longer than the width stays whole."""
    if line.startswith(" ") or len(line) <= width:
        return [line]
    import textwrap

    return textwrap.wrap(line, max(width, 1), break_long_words=False, break_on_hyphens=False)


def show_markdown(text: str) -> None:
    """Write Markdown to stdout: rendered on a terminal, as it is elsewhere and on a terminal without Unicode."""
    encoding = (sys.stdout and sys.stdout.encoding) or "utf-8"
    if sys.stdout is None or not sys.stdout.isatty() or not encoding.lower().startswith("utf"):
        text = text.encode(encoding, "replace").decode(encoding)
        click.echo(text, nl=not text.endswith("\n"))
        return
    import shutil

    from rich.console import Console
    from rich.markdown import Markdown

    size = shutil.get_terminal_size()  # with TERM=dumb Rich would take any terminal for 80 columns wide
    console = Console(width=min(size.columns, MAX_TEXT_WIDTH), height=size.lines)
    console.print(Markdown(text))


def discard_stdout() -> None:
    """Send the rest of stdout nowhere, because its reader is gone or its disk is full.

    Otherwise Python would fail once more when it flushes stdout at exit.
    """
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _ProgressBar:
    """A bar on stderr, which a thread of its own draws. Messages and the report take its place on the terminal."""

    def __init__(self, total: int, done: Callable[[], int]) -> None:
        self.total, self.done = total, done
        self.finished = threading.Event()
        self.lock = threading.RLock()  # whoever holds it may write to the terminal
        self.drawn: Progress | None = None
        self.thread = threading.Thread(target=self.run, daemon=True, name="progress")
        self.thread.start()

    def run(self) -> None:
        """Draw the bar after PROGRESS_DELAY, and move it on until `finished`."""
        if self.finished.wait(PROGRESS_DELAY):
            return
        self.draw()
        while not self.finished.wait(0.1):
            with self.lock:
                if self.drawn:
                    self.drawn.update(self.drawn.task_ids[0], completed=self.done())

    def draw(self) -> None:
        """Begin to draw."""
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

        with self.lock:
            if self.finished.is_set():
                return
            columns = ("reading", BarColumn(), DownloadColumn(), TimeRemainingColumn())
            self.drawn = Progress(
                *columns,
                console=Console(stderr=True),
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self.drawn.add_task("", total=self.total, completed=self.done())
            self.drawn.start()

    def clear(self) -> bool:
        """Remove the bar from the terminal, and return whether there was one. Needs the lock."""
        drawn, self.drawn = self.drawn, None
        if drawn:
            drawn.stop()
        return drawn is not None

    def stop(self) -> None:
        """Remove the bar for good. A terminal that takes no output holds up nobody longer than a moment."""
        self.finished.set()
        if self.lock.acquire(timeout=1):
            self.clear()
            self.lock.release()
        self.thread.join(timeout=1)


_bars: list[_ProgressBar] = []  # the bar, where there is one


@contextmanager
def show_progress(total: int, done: Callable[[], int], *, shown: bool) -> Iterator[None]:
    """Show a progress bar on stderr after PROGRESS_DELAY, if stderr is a terminal.

    `total` is the size of the work in bytes, `done` returns how many of them are done. The bar is there until the
    context or `stop_progress` ends it.
    """
    if shown and total and sys.stderr is not None and sys.stderr.isatty():
        _bars.append(_ProgressBar(total, done))
    try:
        yield
    finally:
        stop_progress()


def stop_progress() -> None:
    """Remove the progress bar, where there is one, before anything else is written to the terminal."""
    with suppress(IndexError):  # on a signal, another thread may remove the bar at the same time
        while _bars:
            _bars.pop().stop()


@contextmanager
def _replace_bar() -> Iterator[None]:
    """Take the progress bar, where there is one, away while the context lasts."""
    bar = next(iter(_bars), None)  # a signal may remove it at any time
    if bar is None:
        yield
        return
    with bar.lock:
        was_drawn = bar.clear()
        yield
        if was_drawn:
            bar.draw()
