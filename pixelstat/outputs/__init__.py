"""Register the outputs: one per file, in the order of preference, with the file endings that select it.

An output is a function `write(parts, file)`. `parts` are one or more Results with the same columns, which together are
one table. `file` is a binary file. An output does no arithmetic.
"""

import os
import stat
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

from pixelstat.atomic_file import atomic_write
from pixelstat.errors import PixelstatError, ReaderGoneError
from pixelstat.result import Result
from pixelstat.terminal import discard_stdout, stop_progress

NAMES = {  # output: file endings
    "table": (".txt",),
    "csv": (".csv",),
    "tsv": (".tsv",),
    "json": (".json",),
    "ndjson": (".ndjson", ".jsonl"),
    "markdown": (".md", ".markdown"),
    "parquet": (".parquet",),
}

Write = Callable[[Iterable[Result], BinaryIO], None]


def load_output(name: str) -> Write:
    """Import the output of this name."""
    write: Write = import_module(f"pixelstat.outputs.{name}").write
    return write


def choose_output(name: str | None, path: str | None) -> str:
    """Return the output for --format and --output. Raises PixelstatError for a file ending without an output."""
    if name:
        return name
    if path in (None, "-"):
        return "table" if sys.stdout is not None and sys.stdout.isatty() else "csv"
    ending = Path(str(path)).suffix.lower()
    for output, endings in NAMES.items():
        if ending in endings:
            return output
    raise PixelstatError(f"The ending of {path!r} matches no format.", f"Add --format: {', '.join(NAMES)}.")


def deliver(parts: Iterable[Result], name: str, path: str | None) -> None:
    """Write the parts to stdout, or to the file `path`, which appears whole or not at all.

    The progress bar is gone before the first byte, unless that goes to a file.
    """
    write = load_output(name)
    if not _is_file(path):
        stop_progress()
    if path in (None, "-"):
        _write_stdout(write, parts)
        return
    with atomic_write(str(path)) as file:
        write(parts, file)


def _is_file(path: str | None) -> bool:
    """Return whether an output goes to a file, and not to a terminal, a device or a pipe."""
    if path not in (None, "-"):
        return Path(str(path)).is_file() or not Path(str(path)).exists()
    try:
        return stat.S_ISREG(os.fstat(sys.stdout.fileno()).st_mode)
    except (AttributeError, OSError, ValueError):  # stdout is closed, or is not of the operating system
        return False


def _write_stdout(write: Write, parts: Iterable[Result]) -> None:
    if sys.stdout is None:
        raise PixelstatError("stdout is closed, so the report cannot be written.", "Name a file: -o report.csv")
    try:
        write(parts, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except BrokenPipeError as error:
        raise ReaderGoneError from error
    except OSError as error:
        discard_stdout()
        raise PixelstatError(f"stdout cannot be written: {error.strerror}.", "Name a file: -o report.csv") from error
