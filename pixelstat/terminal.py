"""Show messages and progress on stderr, without control characters that a terminal would obey, and text on stdout."""

import os
import re
import shutil
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import click

# C0, DEL and C1 controls, marks that change the direction of writing, line separators, lone surrogates.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")

MAX_TEXT_WIDTH = 100  # columns; longer lines are hard to read
PROGRESS_DELAY = 0.8  # seconds before a progress bar appears


def escape_controls(text: str) -> str:
    """Return the text with every character that a terminal would obey spelled out: `\\x1b[2J`."""
    return _CONTROLS.sub(
        lambda match: f"\\x{ord(match[0]):02x}" if ord(match[0]) < 256 else f"\\u{ord(match[0]):04x}", text
    )


def say(text: str) -> None:
    """Write one message to stderr, with control characters escaped. A terminal gets lines that break at blanks."""
    lines = [escape_controls(line) for line in text.split("\n")]
    if sys.stderr is not None and sys.stderr.isatty():
        width = shutil.get_terminal_size().columns
        lines = [part for line in lines for part in wrap_line(line, width)]
    click.echo("\n".join(lines), err=True)


def wrap_line(line: str, width: int) -> list[str]:
    """Break a line at blanks, unless it is indented. A word that is longer than the width stays whole."""
    if line.startswith(" ") or len(line) <= width:
        return [line]
    return textwrap.wrap(line, max(width, 1), break_long_words=False, break_on_hyphens=False)


def show_markdown(text: str) -> None:
    """Write Markdown to stdout: rendered on a terminal, as it is elsewhere."""
    if sys.stdout is None or not sys.stdout.isatty():
        click.echo(text, nl=not text.endswith("\n"))
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    console.print(Markdown(text), width=min(console.width, MAX_TEXT_WIDTH))


def discard_stdout() -> None:
    """Send the rest of stdout nowhere, because its reader is gone or its disk is full.

    Otherwise Python would fail once more when it flushes stdout at exit.
    """
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def show_progress(total: int, done: Callable[[], int], *, shown: bool) -> Iterator[None]:
    """Show a progress bar on stderr while the context lasts, after PROGRESS_DELAY and if stderr is a terminal.

    `total` is the size of the work in bytes, `done` returns how many of them are done.
    """
    if not shown or not total or not sys.stderr.isatty():
        yield
        return
    finished = threading.Event()

    def draw() -> None:
        if finished.wait(PROGRESS_DELAY):
            return
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

        columns = ("reading", BarColumn(), DownloadColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=total)
            while not finished.wait(0.1):
                bar.update(task, completed=done())

    drawing = threading.Thread(target=draw, daemon=True)
    drawing.start()
    try:
        yield
    finally:
        finished.set()
        drawing.join()
