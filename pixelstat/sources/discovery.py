"""Find the logs that the arguments name, and read their beginnings."""

import contextlib
import glob
import os
import stat
import sys
from collections.abc import Sequence
from io import BufferedIOBase, RawIOBase
from pathlib import Path
from typing import cast

from pixelstat.errors import PixelstatError
from pixelstat.sources.blocks import STDIN, Log, iter_blocks
from pixelstat.sources.dated_lines import lacks_dates
from pixelstat.sources.json_objects import is_document
from pixelstat.sources.json_records import find_records
from pixelstat.sources.rewindable import BEGINNING_BYTES, RewindableStream
from pixelstat.sources.tables import find_table

MAX_PATH_LENGTH = 4096  # characters of a path


def find_logs(paths: Sequence[str]) -> list[Log]:
    """Return the logs that paths, directories, quoted globs and `-` name, each with its `head`.

    Raises PixelstatError for a path without a log, before any log is read.
    """
    logs = [log for path in paths for log in _expand_pattern(path)]
    for log in logs:
        _read_head(log)
    return logs


def _expand_pattern(path: str) -> list[Log]:
    """Return the logs that one argument names. Raises PixelstatError if there are none."""
    if path == STDIN:
        return [_open_standard_input()]
    location = Path(path)
    if not path_exists(path):  # the name of a file can look like a glob: x[1].log
        matches = _expand_glob(path) if len(path) < MAX_PATH_LENGTH and glob.has_magic(path) else []
        if not matches:
            sentence = f"No file matches {path!r}." if glob.has_magic(path) else f"There is no file {path!r}."
            raise PixelstatError(sentence, "Name access logs, directories with logs, or - for standard input.")
        return [log for match in matches for log in _expand_pattern(match)]
    if location.is_dir():
        inside = sorted(entry for entry in location.iterdir() if entry.is_file() and not entry.name.startswith("."))
        if not inside:
            raise PixelstatError(
                f"The directory {path!r} contains no files.", "Name access logs, or a directory with logs."
            )
        return [Log(str(entry), entry.stat().st_size, from_folder=True) for entry in inside]
    status = location.stat()
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISFIFO(status.st_mode)):
        raise PixelstatError(
            f"{path!r} is not a regular file.", "Name access logs, directories with logs, or - for standard input."
        )
    if stat.S_ISFIFO(status.st_mode):  # a named pipe or <(zcat ...): it can be read only once
        return [Log(path, 0, stream=_keep_first_line(location.open("rb", buffering=0)))]
    return [Log(path, status.st_size)]


def _expand_glob(pattern: str) -> list[str]:
    """Return the paths that match a glob. If several lead to one file, return the one with the fewest folders."""
    paths: dict[str, str] = {}  # by the path without symbolic links
    for path in sorted(glob.glob(pattern, recursive=True), key=lambda path: (path.count(os.sep), path)):  # noqa: PTH207 - as typed
        paths.setdefault(os.path.realpath(path), path)
    return sorted(paths.values())


def path_exists(path: str) -> bool:
    """Return whether there is a file or directory with this path."""
    try:
        return bool(path) and Path(path).exists()
    except (OSError, ValueError):  # the path is too long or contains a NUL, so no file can have it
        return False


def has_match(path: str) -> bool:
    """Return whether a path exists or a glob matches anything."""
    return path_exists(path) or (len(path) < MAX_PATH_LENGTH and glob.has_magic(path) and bool(_expand_glob(path)))


def _open_standard_input() -> Log:
    """Return standard input as a log. Raises PixelstatError if it is closed or a terminal."""
    if sys.stdin is None or sys.stdin.isatty():
        raise PixelstatError("No logs were named and nothing is piped in.", "Try: pixelstat funnel access.log*")
    return Log(STDIN, 0, stream=_keep_first_line(cast("BufferedIOBase", sys.stdin.buffer)))


def _keep_first_line(stream: BufferedIOBase | RawIOBase) -> RewindableStream:
    """Return a stream that keeps its beginning, including the whole first line.

    Formats are detected from whole lines, but a line much longer than those of logs is not kept whole. The stream ends
    at the end of its beginning until the head of the log has been read.
    """
    rewindable = RewindableStream(stream)
    while b"\n" not in rewindable.beginning and len(rewindable.beginning) < 16 * BEGINNING_BYTES:
        if rewindable.is_whole or rewindable.damage:
            break
        rewindable.keep(len(rewindable.beginning) + BEGINNING_BYTES)
    rewindable.beginning_only = True
    return rewindable


def _read_head(log: Log) -> None:
    """Read the first block of a log into its `head`, and detect its layers. Raises PixelstatError."""
    try:
        with contextlib.closing(iter_blocks(log)) as blocks:
            log.head = next(blocks, b"")
        log.records, log.is_json_document = find_records(log.head), is_document(log.head)
        log.lacks_dates, log.table = lacks_dates(log.head), find_table(log.head)
        if log.records or log.is_json_document or log.lacks_dates or log.table:
            with contextlib.closing(iter_blocks(log)) as blocks:
                log.head = next(blocks, b"")
    except PermissionError as error:
        raise PixelstatError(
            f"You have no permission to read {log.name!r}.", "Run pixelstat as another user."
        ) from error
    if log.head:
        log.damage = ""  # damage behind the head appears again when the log is read
    if isinstance(log.stream, RewindableStream):
        log.stream.seek(0)
        log.stream.beginning_only = False


def find_repeated(logs: Sequence[Log]) -> list[tuple[str, str]]:
    """Return pairs of logs that begin with the same bytes, such as a file and its compressed copy."""
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
