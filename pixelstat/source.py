"""Logs -> LINES: every line once, in order. With archives.py the only place that meets bytes.

A log is read in blocks of whole lines. What Polars cannot take is mended on the way: undecodable
bytes become U+FFFD, a byte-order mark and leading NULs (the hole that copytruncate leaves) go, a
line beyond MAX_LINE is cut. A damaged archive gives its whole lines and is remembered as damaged.
"""

import contextlib
import hashlib
import mmap
import os
import re
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from io import FileIO, RawIOBase
from itertools import cycle
from tempfile import TemporaryFile
from threading import Lock
from typing import IO, NamedTuple, Protocol, TypeVar

import polars as pl
from polars.io.plugins import register_io_source

from pixelstat.archives import DAMAGED, OTHERS, Replayed, damage, unpacked
from pixelstat.errors import PixelstatError
from pixelstat.schemas import LINES

BLOCK = 8 << 20  # bytes; half of it takes a tenth more time, twice of it much more memory
BATCH = 16_000  # rows that are passed on together, at least
CORES = os.cpu_count() or 1
AHEAD = CORES + 1  # blocks that are worked on
MAX_LINE = 2 << 20  # bytes kept of one line
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
    packing: str | None = None  # what it is compressed with, where that is read
    kept: IO[bytes] | None = None  # what was read of a stream, decompressed

    def fingerprint(self) -> bytes:
        """Equal for logs that begin alike, whatever their compression."""
        return hashlib.sha256(self.head[:FINGERPRINT]).digest()

    def archive(self) -> str | None:
        """What it is compressed with, where that is not read."""
        return next((name for magic, name in OTHERS.items() if self.head[1:].startswith(magic)), None)

    @property
    def label(self) -> str:
        """Its name as text: what of it is no UTF-8 is U+FFFD."""
        return self.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")

    def title(self) -> str:
        return "Standard input" if self.name == STDIN else self.label

    def keep_if_stream(self) -> None:
        """Keep what is read of a stream in a temporary file, so that its lines can be had again as they were."""
        if self.stream and not self.kept:
            self.kept = TemporaryFile()  # noqa: SIM115 - lives as long as the log

    def rewind(self) -> None:
        """Of a stream that was kept and has passed, what was kept is the stream from now on: it can be read again."""
        if self.kept:
            self.kept.flush()
            self.stream = FileIO(os.dup(self.kept.fileno()), closefd=False)  # of a file without a name: until the end
            self.kept.close()
            self.kept = None

    def first_line(self) -> str:
        return self.head[1:].partition(b"\n")[0][:300].decode("utf-8", "replace")

    def first_lines(self, count: int) -> list[str]:
        return [line.rstrip(b"\r").decode("utf-8", "replace") for line in self.head[1:].split(b"\n", count)[:count]]


@dataclass
class Reading:
    """What one pass over the logs has seen so far: the ledger counts its lines, a progress bar follows its bytes."""

    lines: int = 0
    positions: dict[str, int] = field(default_factory=dict)  # bytes read from disk, by log
    _lock: Lock = field(default_factory=Lock)

    def count(self, lines: int) -> None:
        with self._lock:
            self.lines += lines

    def at(self, log: Log, position: int) -> None:
        self.positions[log.name] = position


# -- bytes -> blocks of whole lines --------------------------------------------------------------------------


@contextlib.contextmanager
def opened(log: Log) -> Iterator[tuple[RawIOBase, RawIOBase]]:
    """The log's bytes as they are stored, and decompressed."""
    with contextlib.ExitStack() as stack:
        stored = log.stream or stack.enter_context(FileIO(log.name))
        yield stored, unpacked(stored)


def blocks(
    log: Log, on_read: Callable[[int], None] = lambda _position: None, max_line: int = MAX_LINE, *, raw: bool = False
) -> Generator[bytes]:
    """The log in blocks of whole lines, as text that Polars reads; where the `raw` bytes are asked for, as they are."""
    for view in views(log, on_read, max_line):
        block = bytes(view)
        yield block if raw else mended(block)


class _Memory:
    """Memory for a block and our newline in front of it, which is none before it is written to."""

    @cached_property
    def buffer(self) -> mmap.mmap:
        buffer = mmap.mmap(-1, 1 + BLOCK)
        buffer[0] = ord("\n")
        return buffer


def views(
    log: Log, on_read: Callable[[int], None] = lambda _position: None, max_line: int = MAX_LINE, buffers: int = 1
) -> Generator[memoryview]:
    """The log in blocks of whole lines; where it is damaged, all lines before that.

    Each block begins with a newline of ours and ends in one of the log's. The one in front keeps Polars from
    taking a line that begins with `x^` or `x\\x01` for the magic bytes of a zlib archive. A last line without
    a newline counts, unless damage cut it. Of a line too long for a block the first `max_line` bytes are kept.
    `on_read` hears the position in the stored file. A block's memory is that of the block so many `buffers` behind it.
    """
    memory = cycle([_Memory() for _ in range(buffers)])
    buffer = next(memory).buffer
    view = memoryview(buffer)
    kept = 1  # bytes in the buffer: our newline and the beginning of a line
    is_cut = False  # the beginning is all that is kept of that line

    def known(block: memoryview) -> memoryview:
        if log.kept:
            log.kept.write(block[1:])
        return block

    with opened(log) as (stored, content):
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
                    joined = bytes(view[:kept]) + bytes(view[buffer.find(b"\n", kept, filled) : end])
                    yield known(memoryview(joined))
                else:
                    yield known(view[:end])
                buffer, rest = next(memory).buffer, bytes(view[end:filled])
                view = memoryview(buffer)
                kept, is_cut = 1 + len(rest), False
                view[1:kept] = rest
            elif filled < len(buffer):
                kept = kept if is_cut else filled
            elif not is_cut:
                beginning = bytes(view[1:]).lstrip(b"\0")  # a hole may be larger than a block
                view[1 : 1 + len(beginning)] = beginning
                is_cut = len(beginning) > max_line
                kept = 1 + min(len(beginning), max_line)
    if kept > 1:
        yield known(memoryview(bytes(view[:kept]) + b"\n"))


_LEADING_NULS = re.compile(rb"^\0+", re.MULTILINE)


def mended(block: bytes) -> bytes:
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


class Counted(Protocol):
    """What became of one block, whatever that is."""

    @property
    def height(self) -> int:
        """Lines in it."""


AnyPart = TypeVar("AnyPart", bound=Counted)


class Part(NamedTuple):
    """The lines of one block."""

    log: Log
    height: int  # lines in it
    frame: pl.DataFrame  # those of them that are asked for
    last: str | None  # the last `#Fields:` line in it


def lines(logs: Sequence[Log], reading: Reading, max_line: int = MAX_LINE) -> pl.LazyFrame:
    """LINES of the logs, one after the other, read when the pipeline runs and in one pass."""

    def read(columns: Sequence[str], predicate: pl.Expr | None) -> Generator[pl.DataFrame]:
        numbered = "number" in columns or "file" in columns
        is_ruled = "header" in columns

        def parted(log: Log, block: bytes, passed: int) -> Part:
            frame = _lines_of(log, block, passed, max_line, numbered=numbered)
            height, last = frame.height, None
            if is_ruled and b"#" in block:  # few logs hold any: this look is a tenth of the next
                frame, last = with_headers(frame)
            elif is_ruled:
                frame = frame.with_columns(header=pl.lit(None, pl.String))
            frame = frame if predicate is None else frame.filter(predicate)
            if frame.height * 4 < height:  # the few that passed would keep the text of the whole block in memory
                frame = frame.with_columns(pl.col("line") + "")
            return Part(log, height, frame.select(columns), last)

        parts = parts_of(logs, reading, parted, max_line, numbered=numbered)
        for part in ruled(parts) if is_ruled else parts:
            yield part.frame

    return scanned(read, LINES, f"LINES of {len(logs)} logs")


def scanned(
    read: Callable[[Sequence[str], pl.Expr | None], Generator[pl.DataFrame]], schema: pl.Schema, name: str
) -> pl.LazyFrame:
    """A frame of this schema out of what `read` yields of the columns and rows that are asked for."""

    def batches(
        columns: list[str] | None, predicate: pl.Expr | None, limit: int | None, _batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        with contextlib.closing(read(columns or schema.names(), predicate)) as frames:
            for batch in _gathered(frames):
                yield batch if limit is None else batch.head(limit)
                limit = None if limit is None else limit - batch.height
                if limit is not None and limit <= 0:
                    return

    return register_io_source(batches, schema=schema, is_pure=True, explain_name=name)


def parts_of(
    logs: Sequence[Log],
    reading: Reading,
    parted: Callable[[Log, bytes, int], Part],
    max_line: int = MAX_LINE,
    *,
    numbered: bool = False,
) -> Iterator[Part]:
    """What becomes of each block, in order: made of the log, the block and, where `numbered`, the lines before it."""

    def parts(pool: Executor) -> Iterator[Future[Part]]:
        for log in logs:
            passed = 0
            for block in blocks(log, partial(reading.at, log), max_line):
                yield pool.submit(parted, log, block, passed)
                passed += block.count(b"\n") - 1 if numbered else 0

    return in_threads(parts, reading)


def in_threads(parts: Callable[[Executor], Iterator[Future[AnyPart]]], reading: Reading) -> Iterator[AnyPart]:
    """The parts that `parts` sets to work, in order and counted; at most AHEAD of them at a time."""
    pool = ThreadPoolExecutor(CORES)
    try:
        for part in _in_order(parts(pool)):
            reading.count(part.height)
            yield part
    finally:  # where the run failed, this may be called in a thread of the pool: it cannot wait for itself
        pool.shutdown(wait=False, cancel_futures=True)


def with_headers(frame: pl.DataFrame) -> tuple[pl.DataFrame, str | None]:
    """Lines of a block with the `#Fields:` line in it that rules them, and the last of these."""
    starts = frame["line"].str.starts_with("#Fields:")
    if not starts.any():
        return frame.with_columns(header=pl.lit(None, pl.String)), None
    headers = frame.select(header=pl.when(starts).then("line").forward_fill())["header"]
    return frame.with_columns(headers), headers[-1]


def ruled(parts: Iterator[Part]) -> Iterator[Part]:
    """The parts with the `#Fields:` line of an earlier block where theirs has none yet."""
    log, header = None, None
    for part in parts:
        if part.log is not log:
            log, header = part.log, None
        frame = part.frame if header is None else part.frame.with_columns(pl.col("header").fill_null(pl.lit(header)))
        header = part.last or header
        yield part._replace(frame=frame)


def _in_order(parts: Iterator[Future[AnyPart]]) -> Iterator[AnyPart]:
    """The results one after the other, while AHEAD of them are in the making."""
    waiting: deque[Future[AnyPart]] = deque()
    for part in parts:
        waiting.append(part)
        if len(waiting) == AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _gathered(frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Batches of BATCH rows or more: where few lines pass, a batch a block would be dearer to pass on than to read."""
    gathered: list[pl.DataFrame] = []
    for frame in frames:
        gathered.append(frame)
        if sum(frame.height for frame in gathered) >= BATCH:
            yield pl.concat(gathered)
            gathered = []
    if gathered:
        yield pl.concat(gathered)


def frame_of(block: bytes, max_line: int = MAX_LINE) -> pl.DataFrame:
    """The lines of one block, without the newline in front, none of them longer than `max_line`."""
    frame = pl.read_lines(block).slice(1)
    is_long = frame["line"].str.len_bytes() > max_line
    if is_long.any():
        cut = [text.encode()[:max_line].decode("utf-8", "ignore") for text in frame["line"].filter(is_long).to_list()]
        frame = frame.with_columns(frame["line"].scatter(is_long.arg_true(), cut))
    return frame


def _lines_of(log: Log, block: bytes, passed: int, max_line: int, *, numbered: bool = True) -> pl.DataFrame:
    frame = frame_of(block, max_line)
    if not numbered:
        return frame.select("line")
    return frame.select(
        "line",
        pl.lit(log.label).cast(LINES["file"]).alias("file"),
        pl.int_range(passed + 1, passed + 1 + pl.len(), dtype=pl.Int64).alias("number"),
    )


@contextlib.contextmanager
def read_again(logs: Sequence[Log]) -> Iterator[None]:
    """What is read of the logs inside can be read once more behind it, also of streams."""
    for log in logs:
        log.keep_if_stream()
    yield
    for log in logs:
        log.rewind()


def beginnings(logs: Sequence[Log]) -> Sequence[Log]:
    """The logs to be read once more: of a stream that has passed, what was kept of its beginning."""
    for log in logs:
        if isinstance(log.stream, Replayed):
            log.stream.beginning_only = True
    return logs


def raw_lines(log: Log, numbers: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """These lines of the log as they stand there; `numbers` ascend. Of a stream, what was kept of it."""
    wanted = deque(numbers)
    passed = 0
    if log.kept:
        log.kept.seek(0)
        with FileIO(log.kept.fileno(), closefd=False) as stream:
            yield from raw_lines(Log(log.name, 0, stream=stream), numbers)
        return
    for block in blocks(log, raw=True):
        if not wanted:
            return
        count = block.count(b"\n") - 1
        if wanted[0] <= passed + count:
            texts = block.split(b"\n")
            while wanted and wanted[0] <= passed + count:
                number = wanted.popleft()
                yield number, texts[number - passed].removesuffix(b"\r")
        passed += count


def line_of(log: Log, number: int) -> tuple[str, str | None]:
    """Line `number` of the log, counted from 1, and the `#Fields:` line that rules it.

    Raises PixelstatError if the log has fewer.
    """
    passed, header = 0, None
    for block in blocks(log):
        frame, last = with_headers(frame_of(block))
        if passed < number <= passed + frame.height:
            line, own = frame.row(number - passed - 1)
            return str(line), own or header
        passed += frame.height
        header = last or header
    raise PixelstatError(f"{log.name!r} has {passed:,} lines.", f"Try: --explain {log.name}:{max(passed, 1)}")
