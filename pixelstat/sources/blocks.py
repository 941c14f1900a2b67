"""A log in blocks of whole lines. With archives.py the only place that meets bytes.

What Polars cannot take is mended on the way: undecodable bytes become U+FFFD, a byte-order mark and leading NULs (the
hole that copytruncate leaves) go, a line beyond MAX_LINE is cut. A damaged archive gives its whole lines and is
remembered as damaged.
"""

import contextlib
import hashlib
import mmap
import os
import re
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import FileIO, RawIOBase
from itertools import cycle
from tempfile import TemporaryFile
from typing import IO

from pixelstat.sources.decompression import (
    DAMAGE_ERRORS,
    UNSUPPORTED_ARCHIVES,
    RewindableStream,
    describe_damage,
    open_decompressed,
)

BLOCK = 8 << 20  # bytes; half of it takes a tenth more time, twice of it much more memory
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
        return next((name for magic, name in UNSUPPORTED_ARCHIVES.items() if self.head[1:].startswith(magic)), None)

    @property
    def label(self) -> str:
        """Its name as text: what of it is no UTF-8 is U+FFFD."""
        return self.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")

    def title(self) -> str:
        return "Standard input" if self.name == STDIN else self.label

    def keep_stream_content(self) -> None:
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


# -- bytes -> blocks ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def open_log(log: Log) -> Iterator[tuple[RawIOBase, RawIOBase]]:
    """The log's bytes as they are stored, and decompressed."""
    with contextlib.ExitStack() as stack:
        stored = log.stream or stack.enter_context(FileIO(log.name))
        yield stored, open_decompressed(stored)


def iter_blocks(
    log: Log, on_read: Callable[[int], None] = lambda _position: None, max_line: int = MAX_LINE, *, raw: bool = False
) -> Generator[bytes]:
    """The log in blocks of whole lines, as text that Polars reads; where the `raw` bytes are asked for, as they are."""
    for view in iter_block_views(log, on_read, max_line):
        block = bytes(view)
        yield block if raw else sanitize(block)


class _BlockBuffer:
    """Memory for a block and our newline in front of it, which is none before it is written to."""

    @cached_property
    def buffer(self) -> mmap.mmap:
        buffer = mmap.mmap(-1, 1 + BLOCK)
        buffer[0] = ord("\n")
        return buffer


def iter_block_views(
    log: Log, on_read: Callable[[int], None] = lambda _position: None, max_line: int = MAX_LINE, buffers: int = 1
) -> Generator[memoryview]:
    """The log in blocks of whole lines; where it is damaged, all lines before that.

    Each block begins with a newline of ours and ends in one of the log's. The one in front keeps Polars from
    taking a line that begins with `x^` or `x\\x01` for the magic bytes of a zlib archive. A last line without
    a newline counts, unless damage cut it. Of a line too long for a block the first `max_line` bytes are kept.
    `on_read` hears the position in the stored file. A block's memory is that of the block so many `buffers` behind it.
    """
    memory = cycle([_BlockBuffer() for _ in range(buffers)])
    buffer = next(memory).buffer
    view = memoryview(buffer)
    kept = 1  # bytes in the buffer: our newline and the beginning of a line
    is_cut = False  # the beginning is all that is kept of that line

    def known(block: memoryview) -> memoryview:
        if log.kept:
            log.kept.write(block[1:])
        return block

    with open_log(log) as (stored, content):
        while True:
            try:
                count = content.readinto(view[kept:])
            except DAMAGE_ERRORS as error:
                log.damage = describe_damage(error)
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


def sanitize(block: bytes) -> bytes:
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


# -- once more ---------------------------------------------------------------------------------------------


@contextlib.contextmanager
def keep_for_second_read(logs: Sequence[Log]) -> Iterator[None]:
    """What is read of the logs inside can be read once more behind it, also of streams."""
    for log in logs:
        log.keep_stream_content()
    yield
    for log in logs:
        log.rewind()


def rewind_to_head(logs: Sequence[Log]) -> Sequence[Log]:
    """The logs to be read once more: of a stream that has passed, what was kept of its beginning."""
    for log in logs:
        if isinstance(log.stream, RewindableStream):
            log.stream.beginning_only = True
    return logs


def iter_raw_lines(log: Log, numbers: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """These lines of the log as they stand there; `numbers` ascend. Of a stream, what was kept of it."""
    wanted = deque(numbers)
    passed = 0
    if log.kept:
        log.kept.seek(0)
        with FileIO(log.kept.fileno(), closefd=False) as stream:
            yield from iter_raw_lines(Log(log.name, 0, stream=stream), numbers)
        return
    for block in iter_blocks(log, raw=True):
        if not wanted:
            return
        count = block.count(b"\n") - 1
        if wanted[0] <= passed + count:
            texts = block.split(b"\n")
            while wanted and wanted[0] <= passed + count:
                number = wanted.popleft()
                yield number, texts[number - passed].removesuffix(b"\r")
        passed += count
