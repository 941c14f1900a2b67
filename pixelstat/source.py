"""Paths and standard input -> LINES: every line once, in order. With archives.py the only place that meets bytes.

A log is read in blocks of whole lines. What Polars cannot take is mended on the way: undecodable
bytes become U+FFFD, a byte-order mark and leading NULs (the hole that copytruncate leaves) go, a
line beyond MAX_LINE is cut. A damaged archive gives its whole lines and is remembered as damaged.
"""

import contextlib
import glob
import hashlib
import os
import re
import stat
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from io import FileIO, RawIOBase
from pathlib import Path

import polars as pl
from polars.io.plugins import register_io_source

from pixelstat.archives import DAMAGED, OTHERS, Replayed, damage, unpacked
from pixelstat.errors import PixelstatError
from pixelstat.schemas import LINES

BLOCK = 8 << 20  # bytes; half of it takes a tenth more time, twice of it much more memory
BATCH = 16_000  # rows that are passed on together, at least
CORES = os.cpu_count() or 1
MAX_LINE = 1 << 20  # bytes kept of one line
FINGERPRINT = 1 << 10  # bytes by which two logs are suspected to be one
STDIN = "-"


@dataclass
class Log:
    """One input: where it is, its first bytes decompressed, and what went wrong with it."""

    name: str  # as it was given
    size: int  # bytes on disk, 0 if unknown
    head: bytes = b""
    damage: str = ""  # why the rest of it could not be read
    stream: RawIOBase | None = None  # what cannot be opened twice
    from_folder: bool = False  # found in a directory: may well be no log

    def fingerprint(self) -> bytes:
        """Equal for logs that begin alike, whatever their compression."""
        return hashlib.sha256(self.head[:FINGERPRINT]).digest()

    def archive(self) -> str | None:
        """What it is compressed with, where that is not read."""
        return next((name for magic, name in OTHERS.items() if self.head[1:].startswith(magic)), None)

    def title(self) -> str:
        return "Standard input" if self.name == STDIN else self.name

    def first_line(self) -> str:
        return self.head[1:].partition(b"\n")[0][:300].decode("utf-8", "replace")


@dataclass
class Reading:
    """What one pass over the logs has seen so far: the ledger counts its lines, a progress bar follows its bytes."""

    lines: int = 0
    positions: dict[str, int] = field(default_factory=dict)  # bytes read from disk, by log

    def at(self, log: Log, position: int) -> None:
        self.positions[log.name] = position


# -- which logs ------------------------------------------------------------------------------------------


def find_logs(paths: Sequence[str]) -> list[Log]:
    """The logs behind paths, directories, quoted globs and `-`, opened far enough to know their heads.

    Raises PixelstatError for a path that leads to nothing, before any log is read.
    """
    found = [log for path in paths for log in _expand(path)]
    for log in found:
        _read_head(log)
    return found


def _expand(path: str) -> list[Log]:
    if path == STDIN:
        return [_standard_input()]
    place = Path(path)
    if not exists(path):  # an existing file of that very name comes first: x[1].log is a good name
        matches = sorted(glob.glob(path, recursive=True)) if len(path) < 4096 and glob.has_magic(path) else []  # noqa: PTH207 - as typed
        if not matches:
            raise PixelstatError(
                f"There is no file {path!r}.", "Name access logs, directories of them, or - for standard input."
            )
        return [log for match in matches for log in _expand(match)]
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
        return [Log(path, 0, stream=Replayed(place.open("rb", buffering=0)))]
    return [Log(path, status.st_size)]


def exists(path: str) -> bool:
    """Whether there is a file or directory of this name."""
    try:
        return bool(path) and Path(path).exists()
    except (OSError, ValueError):  # too long, or with a NUL in it: no file has such a name
        return False


def _standard_input() -> Log:
    if sys.stdin is None or sys.stdin.isatty():
        raise PixelstatError("No logs were named and nothing is piped in.", "Try: pixelstat funnel access.log*")
    return Log(STDIN, 0, stream=Replayed(sys.stdin.buffer))


def _read_head(log: Log) -> None:
    """Fill `head`: one block, decompressed."""
    try:
        with contextlib.closing(blocks(log)) as found:
            log.head = next(found, b"")
    except PermissionError as error:
        raise PixelstatError(f"{log.name!r} may not be read.", "Run pixelstat as a user who may.") from error
    if log.head:
        log.damage = ""  # whether the rest is whole is seen when it is read
    if isinstance(log.stream, Replayed):
        log.stream.seek(0)
        log.stream.beginning_only = False


# -- bytes -> blocks of whole lines --------------------------------------------------------------------------


@contextlib.contextmanager
def _opened(log: Log) -> Iterator[tuple[RawIOBase, RawIOBase]]:
    """The log's bytes as they are stored, and decompressed."""
    with contextlib.ExitStack() as stack:
        stored = log.stream or stack.enter_context(FileIO(log.name))
        yield stored, unpacked(stored)


def blocks(log: Log, on_read: Callable[[int], None] = lambda _position: None) -> Generator[bytes]:
    """The log in blocks of whole lines; where it is damaged, all lines before that.

    Each block begins with a newline of ours and ends in one of the log's. The one in front keeps Polars from
    taking a line that begins with `x^` or `x\\x01` for the magic bytes of a zlib archive. A last line without
    a newline counts, unless damage cut it. Of a line too long for a block the first MAX_LINE bytes are kept.
    `on_read` hears the position in the stored file.
    """
    buffer = bytearray(b"\n") + bytearray(BLOCK)
    view = memoryview(buffer)
    kept = 1  # bytes in the buffer: our newline and the beginning of a line
    is_cut = False  # the beginning is all that is kept of that line
    with _opened(log) as (stored, content):
        while True:
            try:
                count = content.readinto(view[kept:])
            except DAMAGED as error:
                log.damage = damage(error)
                return
            on_read(stored.tell())
            if not count:
                break
            filled = kept + count
            end = buffer.rfind(b"\n", kept, filled) + 1
            if end:
                if is_cut:
                    yield _mended(bytes(view[:kept]) + bytes(view[buffer.find(b"\n", kept, filled) : end]))
                else:
                    yield _mended(bytes(view[:end]))
                view[1 : 1 + filled - end] = bytes(view[end:filled])
                kept, is_cut = 1 + filled - end, False
            elif filled < len(buffer):
                kept = kept if is_cut else filled
            elif not is_cut:
                beginning = bytes(view[1:]).lstrip(b"\0")  # a hole may be larger than a block
                view[1 : 1 + len(beginning)] = beginning
                is_cut = len(beginning) > MAX_LINE
                kept = 1 + min(len(beginning), MAX_LINE)
    if kept > 1:
        yield _mended(bytes(view[:kept]) + b"\n")


_LEADING_NULS = re.compile(rb"^\0+", re.MULTILINE)


def _mended(block: bytes) -> bytes:
    """The block as text that Polars reads: each test is one fast pass that almost always says no."""
    if b"\xef\xbb\xbf" in block[:4]:
        block = b"\n" + block[4:]
    if b"\0" in block:
        block = _LEADING_NULS.sub(b"", block)
    if not block.isascii():
        try:
            block.decode()
        except UnicodeDecodeError:
            block = block.decode("utf-8", "replace").encode()
    return block


# -- blocks -> LINES -------------------------------------------------------------------------------------


def lines(logs: Sequence[Log], reading: Reading) -> pl.LazyFrame:
    """LINES of the logs, one after the other, read when the pipeline runs and in one pass."""

    def read(
        columns: list[str] | None, predicate: pl.Expr | None, limit: int | None, _batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        numbered = columns != ["line"]

        def parted(log: Log, block: bytes, passed: int) -> tuple[int, pl.DataFrame]:
            frame = _lines_of(log, block, passed, numbered=numbered)
            height = frame.height
            frame = frame if predicate is None else frame.filter(predicate)
            if frame.height * 4 < height:  # the few that passed would keep the text of the whole block in memory
                frame = frame.with_columns(pl.col("line") + "")
            return height, frame if columns is None else frame.select(columns)

        def parts(pool: Executor) -> Iterator[Future[tuple[int, pl.DataFrame]]]:
            for log in logs:
                passed = 0
                for block in blocks(log, partial(reading.at, log)):
                    yield pool.submit(parted, log, block, passed)
                    passed += block.count(b"\n") - 1 if numbered else 0

        with ThreadPoolExecutor(CORES) as pool:
            for batch in _gathered(_in_order(parts(pool)), reading):
                yield batch if limit is None else batch.head(limit)
                limit = None if limit is None else limit - batch.height
                if limit is not None and limit <= 0:
                    return

    return register_io_source(
        read, schema=LINES, is_pure=True, explain_name="LINES", explain_detail=f"{len(logs)} logs"
    )


def _in_order(parts: Iterator[Future[tuple[int, pl.DataFrame]]]) -> Iterator[tuple[int, pl.DataFrame]]:
    """The results one after the other, while CORES more of them are in the making."""
    waiting: deque[Future[tuple[int, pl.DataFrame]]] = deque()
    for part in parts:
        waiting.append(part)
        if len(waiting) > CORES:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _gathered(parts: Iterator[tuple[int, pl.DataFrame]], reading: Reading) -> Iterator[pl.DataFrame]:
    """Batches of BATCH rows or more: where few lines pass, a batch a block would be dearer to pass on than to read."""
    gathered: list[pl.DataFrame] = []
    for height, frame in parts:
        reading.lines += height
        gathered.append(frame)
        if sum(part.height for part in gathered) >= BATCH:
            yield pl.concat(gathered)
            gathered = []
    if gathered:
        yield pl.concat(gathered)


def frame_of(block: bytes) -> pl.DataFrame:
    """The lines of one block, without the newline in front and a byte-order mark."""
    return pl.read_lines(block).slice(1)


def _lines_of(log: Log, block: bytes, passed: int, *, numbered: bool = True) -> pl.DataFrame:
    frame = frame_of(block)
    if not numbered:
        return frame
    return frame.select(
        "line",
        pl.lit(log.name).cast(LINES["file"]).alias("file"),
        pl.int_range(passed + 1, passed + 1 + pl.len(), dtype=pl.Int64).alias("number"),
    )


def head_lines(log: Log, count: int) -> pl.DataFrame:
    """LINES of the log's beginning, `count` at most."""
    return _lines_of(log, log.head, 0).head(count)


def repeated(logs: Sequence[Log]) -> list[tuple[str, str]]:
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


def beginnings(logs: Sequence[Log]) -> Sequence[Log]:
    """The logs to be read once more: of a stream that has passed, what was kept of its beginning."""
    for log in logs:
        if isinstance(log.stream, Replayed):
            log.stream.beginning_only = True
    return logs


def line_of(log: Log, number: int) -> str:
    """Line `number` of the log, counted from 1. Raises PixelstatError if the log has fewer."""
    passed = 0
    for block in blocks(log):
        frame = frame_of(block)
        if passed < number <= passed + frame.height:
            return str(frame.item(number - passed - 1, 0))
        passed += frame.height
    raise PixelstatError(f"{log.name!r} has {passed:,} lines.", f"Try: --explain {log.name}:{max(passed, 1)}")
