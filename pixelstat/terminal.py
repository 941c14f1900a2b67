"""What a person sees beside the report: messages and progress on stderr, nothing in them that a terminal obeys."""

import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import click

# C0, DEL and C1 controls, what turns the direction of writing, line separators, lone surrogates.
_OBEYED = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")

PATIENCE = 0.8  # seconds without a progress bar


def harmless(text: str) -> str:
    """The text with everything that a terminal would obey spelled out: `\\x1b[2J`."""
    return _OBEYED.sub(
        lambda match: f"\\x{ord(match[0]):02x}" if ord(match[0]) < 256 else f"\\u{ord(match[0]):04x}", text
    )


def say(text: str) -> None:
    """One message on stderr, line by line harmless."""
    click.echo("\n".join(harmless(line) for line in text.split("\n")), err=True)


def let_go_of_stdout() -> None:
    """Nobody reads it any more, or its disk is full: let Python's own flush at exit find somebody to write to."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def progress(total: int, done: Callable[[], int], *, shown: bool) -> Iterator[None]:
    """A bar by bytes on stderr while the work lasts, if it lasts, and if stderr is a terminal."""
    if not shown or not total or not sys.stderr.isatty():
        yield
        return
    finished = threading.Event()

    def draw() -> None:
        if finished.wait(PATIENCE):
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
