"""The outputs: one a file, named here once in the order of preference, with the endings that mean it.

An output is a function `write(result, file)` of a Result and a binary file. It does no arithmetic.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

from pixelstat.errors import PixelstatError
from pixelstat.report import Result

NAMES = {  # output: the endings of a file that mean it
    "table": (".txt",),
    "csv": (".csv",),
    "tsv": (".tsv",),
    "json": (".json",),
    "ndjson": (".ndjson", ".jsonl"),
    "markdown": (".md", ".markdown"),
    "parquet": (".parquet",),
}

Write = Callable[[Result, BinaryIO], None]


def output_named(name: str) -> Write:
    found: Write = import_module(f"pixelstat.outputs.{name}").write
    return found


def chosen(name: str | None, path: str | None) -> str:
    """The output for these options. Raises PixelstatError for a file whose ending means none."""
    if name:
        return name
    if path in (None, "-"):
        return "table" if sys.stdout.isatty() else "csv"
    ending = Path(str(path)).suffix.lower()
    for output, endings in NAMES.items():
        if ending in endings:
            return output
    raise PixelstatError(f"The ending of {path!r} names no format.", f"Add --format: {', '.join(NAMES)}.")


def deliver(result: Result, name: str, path: str | None) -> None:
    """Write the result to the file, whole or not at all, or to stdout."""
    write = output_named(name)
    if path in (None, "-"):
        write(result, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    target = Path(str(path))
    folder = target.resolve().parent
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=folder)
        try:
            with os.fdopen(handle, "wb") as file:
                write(result, file)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(_mode(target))
            Path(temporary).replace(target.resolve())
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        _sync(folder)
    except OSError as error:
        raise PixelstatError(
            f"{str(path)!r} cannot be written: {error.strerror}.", "Name a file in a folder that you may write to."
        ) from error


def _mode(target: Path) -> int:
    """The mode that the file has, or that a new file gets."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
