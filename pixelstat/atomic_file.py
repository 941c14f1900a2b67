"""Write files that appear whole or not at all: to a temporary file beside the target, which then replaces it."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pixelstat.errors import PixelstatError

UNFINISHED: set[str] = set()  # temporary files, to be removed where the program is stopped


def remove_unfinished() -> None:
    """Remove the temporary files of all unfinished writes. For a program that is about to end."""
    for temporary in list(UNFINISHED):
        Path(temporary).unlink(missing_ok=True)


@contextmanager
def atomic_write(path: str) -> Iterator[BinaryIO]:
    """Yield a file to write to, which replaces the one at `path` if the context ends without an error.

    Devices and pipes are written to directly. Raises PixelstatError if the file cannot be written.
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
        hint = "Name a file in a folder where you can write."
        raise PixelstatError(f"{path!r} cannot be written: {error.strerror}.", hint) from error


@contextmanager
def _replace_when_done(target: Path) -> Iterator[BinaryIO]:
    """Yield a temporary file that replaces the target when it is complete and synced to the disk."""
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
    """Return the permissions of the file, or those that a new file gets."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _sync_folder(folder: Path) -> None:
    """Make sure that the new name of a file survives a crash."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
