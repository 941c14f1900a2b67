"""Which logs: those behind paths, directories, quoted globs and `-`, opened far enough to know their beginnings."""

import contextlib
import glob
import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

from pixelstat.errors import PixelstatError
from pixelstat.sources.blocks import STDIN, Log, iter_blocks, open_log
from pixelstat.sources.decompression import RewindableStream, detect_compression

LONGEST = 4096  # characters of a path


def find_logs(paths: Sequence[str]) -> list[Log]:
    """The logs behind paths, directories, quoted globs and `-`, opened far enough to know their heads.

    Raises PixelstatError for a path that leads to nothing, before any log is read.
    """
    found = [log for path in paths for log in _expand_pattern(path)]
    for log in found:
        _read_head(log)
    return found


def _expand_pattern(path: str) -> list[Log]:
    if path == STDIN:
        return [_standard_input()]
    place = Path(path)
    if not exists(path):  # an existing file of that very name comes first: x[1].log is a good name
        matches = _matches(path) if len(path) < LONGEST and glob.has_magic(path) else []
        if not matches:
            raise PixelstatError(
                f"There is no file {path!r}.", "Name access logs, directories of them, or - for standard input."
            )
        return [log for match in matches for log in _expand_pattern(match)]
    if place.is_dir():
        inside = sorted(entry for entry in place.iterdir() if entry.is_file() and not entry.name.startswith("."))
        if not inside:
            raise PixelstatError(f"The directory {path!r} holds no files.", "Name access logs or a directory of them.")
        return [Log(str(entry), entry.stat().st_size, from_folder=True) for entry in inside]
    status = place.stat()
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISFIFO(status.st_mode)):
        raise PixelstatError(
            f"{path!r} is not a regular file.", "Name access logs, directories of them, or - for standard input."
        )
    if stat.S_ISFIFO(status.st_mode):  # a named pipe or <(zcat ...): it can be read only once
        return [Log(path, 0, stream=RewindableStream(place.open("rb", buffering=0)))]
    return [Log(path, status.st_size)]


def _matches(pattern: str) -> list[str]:
    """The paths that a glob means; of those that links lead to again and again, the first."""
    found: dict[str, str] = {}
    for path in sorted(glob.glob(pattern, recursive=True), key=lambda path: (path.count(os.sep), path)):  # noqa: PTH207 - as typed
        found.setdefault(os.path.realpath(path), path)
    return sorted(found.values())


def exists(path: str) -> bool:
    """Whether there is a file or directory of this name."""
    try:
        return bool(path) and Path(path).exists()
    except (OSError, ValueError):  # too long, or with a NUL in it: no file has such a name
        return False


def all_exist(path: str) -> bool:
    """Whether a path or a glob leads to anything."""
    return exists(path) or (len(path) < LONGEST and glob.has_magic(path) and bool(_matches(path)))


def _standard_input() -> Log:
    if sys.stdin is None or sys.stdin.isatty():
        raise PixelstatError("No logs were named and nothing is piped in.", "Try: pixelstat funnel access.log*")
    return Log(STDIN, 0, stream=RewindableStream(sys.stdin.buffer))


def _read_head(log: Log) -> None:
    """Fill `head`: one block, decompressed."""
    try:
        with contextlib.closing(iter_blocks(log)) as found:
            log.head = next(found, b"")
        with open_log(log) as (stored, _):
            stored.seek(0)
            log.packing = detect_compression(stored.read(6) or b"")
    except PermissionError as error:
        raise PixelstatError(f"{log.name!r} may not be read.", "Run pixelstat as a user who may.") from error
    if log.head:
        log.damage = ""  # whether the rest is whole is seen when it is read
    if isinstance(log.stream, RewindableStream):
        log.stream.seek(0)
        log.stream.beginning_only = False


def find_repeated(logs: Sequence[Log]) -> list[tuple[str, str]]:
    """Pairs of logs that begin with the same bytes: a file and its archive, or a file named twice."""
    first: dict[bytes, str] = {}
    pairs = []
    for log in logs:
        if not log.head:
            continue
        fingerprint = log.fingerprint()
        if fingerprint in first:
            pairs.append((first[fingerprint], log.name))
        else:
            first[fingerprint] = log.name
    return pairs
