"""A file that appears whole or not at all: written beside its place, synced, and put there in one step."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pixelstat.errors import PixelstatError

UNFINISHED: set[str] = set()  # temporary files, for who has to leave at once


def remove_unfinished() -> None:
    """Remove what is not finished: the run ends here."""
    for temporary in list(UNFINISHED):
        Path(temporary).unlink(missing_ok=True)


@contextmanager
def atomic_write(path: str) -> Iterator[BinaryIO]:
    """The file to write to. It takes its place when the block ends well; devices and pipes are written to as they are.

    Raises PixelstatError where it cannot be written.
    """
    target = Path(path)
    try:
        if target.exists() and not target.is_file():
            with target.open("wb") as file:
                yield file
            return
        with _replace_when_done(target.resolve()) as file:
            yield file
    except OSError as error:
        hint = "Name a file in a folder that you may write to."
        raise PixelstatError(f"{path!r} cannot be written: {error.strerror}.", hint) from error


@contextmanager
def _replace_when_done(target: Path) -> Iterator[BinaryIO]:
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    UNFINISHED.add(temporary)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(_file_mode(target))
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    finally:
        UNFINISHED.discard(temporary)
    _sync_folder(target.parent)


def _file_mode(target: Path) -> int:
    """The mode that the file has, or that a new file gets."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
