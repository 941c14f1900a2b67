"""Read a log in blocks of whole lines.

Blocks are sanitized so that Polars can read them. Undecodable bytes become U+FFFD. Byte-order marks and NULs at the
start of a line are removed, because copytruncate leaves a hole of NULs. A line longer than a block is cut. If an
archive is damaged, the whole lines before the damage are read, and the log is marked as damaged.
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
from itertools import cycle, islice
from tempfile import TemporaryFile
from typing import IO

from pixelstat.sources.content import HEAD_BYTES, Content, open_content
from pixelstat.sources.damage import DAMAGE_ERRORS, describe_damage
from pixelstat.sources.dated_lines import DatedLines
from pixelstat.sources.json_objects import ObjectLines
from pixelstat.sources.json_records import Keys, RecordLines
from pixelstat.sources.kinds import ERROR_LOG, SAMPLE_BYTES, FileKind, is_error_line, recognize_kind
from pixelstat.sources.rewindable import RewindableStream
from pixelstat.sources.tables import Table, TableRows

BLOCK = 8 << 20  # bytes; half as many take a tenth more time, twice as many take much more memory
MAX_LINE = 2 << 20  # bytes; the rest of a longer line is dropped
FINGERPRINT = 1 << 10  # bytes; two logs that begin with the same bytes are suspected to be copies
MAX_MEMBER_HEADS = 100  # files in an archive whose first lines are read to detect its format
STDIN = "-"


@dataclass
class Log:
    """An input: its name, its decompressed beginning, and how to read the rest."""

    name: str  # as the user wrote it
    size: int  # bytes on disk, 0 if unknown
    head: bytes = b""  # its first block, sanitized, behind an added newline
    damage: str = ""  # why its rest is unreadable
    stream: RawIOBase | None = None  # an input that cannot be opened twice
    from_folder: bool = False  # whether it was found in a directory, so it might not be a log
    layers: tuple[str, ...] = ()  # the compressions and archives that hold its text, the outermost first
    encoding: str | None = None  # the codec of text that is not UTF-8
    is_json_document: bool = False  # whether its objects span lines, or lines hold several objects
    records: Keys = ()  # keys that lead to the records of a JSON document that wraps them
    table: Table | None = None  # the table whose rows its lines are, if its first line names the columns
    lacks_dates: bool = False  # whether it is a W3C log whose lines have a clock, but no date
    beginning: bytes = b""  # its first decompressed bytes, neither decoded nor sanitized
    skipped: Sequence[str] = ()  # names of files in an archive that are not text, among those read so far
    recording: IO[bytes] | None = None  # all text that was read of a stream

    def fingerprint(self) -> bytes:
        """Return a digest of the first decompressed bytes, to find logs that begin with the same lines."""
        return hashlib.sha256(self.head[:FINGERPRINT]).digest()

    def kind(self) -> FileKind | None:
        """Return the kind of the input if it is not text, or begins like an error log, else None."""
        return recognize_kind(self.beginning) or (ERROR_LOG if is_error_line(self.first_line()) else None)

    @property
    def compression(self) -> str | None:
        """The compressions and archives around its text, such as `tar in gzip`, or None."""
        return " in ".join(reversed(self.layers)) or None

    @property
    def is_archive(self) -> bool:
        """Whether its text comes from files inside an archive."""
        return self.layers[-1:] in (("tar",), ("zip",))

    @property
    def label(self) -> str:
        """The name as text, with U+FFFD for bytes that are not valid UTF-8."""
        return self.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")

    def title(self) -> str:
        """Return the name for the beginning of a sentence."""
        return "Standard input" if self.name == STDIN else self.label

    def label_in_sentence(self) -> str:
        """Return the name for the middle of a sentence."""
        return "standard input" if self.name == STDIN else self.label

    def record_stream(self) -> None:
        """Copy the text that is read of a stream to a temporary file, so that its lines can be read again."""
        if self.stream and not self.recording:
            self.recording = TemporaryFile()  # noqa: SIM115 - lives as long as the log

    def rewind(self) -> None:
        """Replace a recorded stream by its recording, so that it can be read again."""
        if self.recording:
            self.recording.flush()
            # The temporary file has no name, so its descriptor stays open until the program ends.
            self.stream = FileIO(os.dup(self.recording.fileno()), closefd=False)
            self.recording.close()
            self.recording = None

    def first_line(self) -> str:
        """Return the beginning of the first line, for messages."""
        return self.head[1:].partition(b"\n")[0][:300].decode("utf-8", "replace")

    def first_lines(self, count: int) -> list[str]:
        """Return the first lines of `head`."""
        return _split_text(self.head[1:], count)


def _split_text(text: bytes, count: int) -> list[str]:
    """Return the first lines of a text."""
    return [line.rstrip(b"\r").decode("utf-8", "replace") for line in text.split(b"\n", count)[:count]]


# -- bytes -> blocks ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def open_log(log: Log) -> Iterator[tuple[RawIOBase, Content]]:
    """Open a log, and yield its stored bytes and its content. Set `layers` and `encoding` of the log."""
    with contextlib.ExitStack() as stack:
        stored = log.stream or stack.enter_context(FileIO(log.name))
        content = open_content(stored)
        if not log.beginning:  # keep the values of the first reading: a recording is plain text
            log.layers, log.encoding = content.layers, content.encoding
            log.beginning = content.beginning[:SAMPLE_BYTES]
        if content.members:
            log.skipped = content.members.skipped
        if log.records:
            content = content._replace(text=RecordLines(content.text, log.records))
        elif log.is_json_document:
            content = content._replace(text=ObjectLines(content.text))
        elif log.lacks_dates:
            content = content._replace(text=DatedLines(content.text))
        elif log.table:
            content = content._replace(text=TableRows(content.text, log.table))
        yield stored, content


def iter_blocks(
    log: Log, on_read: Callable[[int], None] = lambda _position: None, max_line: int = MAX_LINE, *, raw: bool = False
) -> Generator[bytes]:
    """Yield a log in sanitized blocks of whole lines, or with `raw` in blocks as they are.

    `iter_block_views` describes `on_read` and `max_line`.
    """
    for view in iter_block_views(log, on_read, max_line):
        block = bytes(view)
        yield block if raw else sanitize(block)


class _BlockBuffer:
    """Memory for a block and a newline in front of it. It is allocated at its first use."""

    @cached_property
    def buffer(self) -> mmap.mmap:
        buffer = mmap.mmap(-1, 1 + BLOCK)
        buffer[0] = ord("\n")
        return buffer


def iter_block_views(
    log: Log, on_read: Callable[[int], None] = lambda _position: None, max_line: int = MAX_LINE, buffers: int = 1
) -> Generator[memoryview]:
    """Yield a log in blocks of whole lines. If the log is damaged, stop there and set `log.damage`.

    Each block begins with an added newline and ends with a newline of the log. Without the added newline, Polars would
    mistake a line that begins with `x^` or `x\\x01` for a zlib archive. A last line without a newline counts, unless
    damage cut it. If a line is longer than a block, its first `max_line` bytes are kept.

    `on_read` is called with the position in the stored file. The iterator reuses the memory of a block after `buffers`
    more blocks.
    """
    memory = cycle([_BlockBuffer() for _ in range(buffers)])
    buffer = next(memory).buffer
    view = memoryview(buffer)
    used = 1  # bytes in the buffer: the added newline and the beginning of a line
    is_cut = False  # whether the rest of this line is dropped

    def record(block: memoryview) -> memoryview:
        if log.recording:
            log.recording.write(block[1:])
        return block

    with open_log(log) as (stored, content):
        while True:
            try:
                count = content.text.readinto(view[used:])
            except DAMAGE_ERRORS as error:
                log.damage = describe_damage(error)
                return
            on_read(stored.tell())
            if not count:
                break
            filled = used + count
            end = buffer.rfind(b"\n", used, filled) + 1
            if end:
                if is_cut:
                    joined = bytes(view[:used]) + bytes(view[buffer.find(b"\n", used, filled) : end])
                    yield record(memoryview(joined))
                else:
                    yield record(view[:end])
                buffer, rest = next(memory).buffer, bytes(view[end:filled])
                view = memoryview(buffer)
                used, is_cut = 1 + len(rest), False
                view[1:used] = rest
            elif filled < len(buffer):
                used = used if is_cut else filled
            elif not is_cut:
                # The hole that copytruncate leaves can be larger than a block.
                beginning = bytes(view[1:]).lstrip(b"\0")
                view[1 : 1 + len(beginning)] = beginning
                is_cut = len(beginning) > max_line
                used = 1 + min(len(beginning), max_line)
    if used > 1:
        yield record(memoryview(bytes(view[:used]) + b"\n"))


_LEADING_NULS = re.compile(rb"^\0+", re.MULTILINE)
_LEADING_MARKS = re.compile(rb"^(?:\xef\xbb\xbf)+", re.MULTILINE)


def sanitize(block: bytes) -> bytes:
    """Return a block as text that Polars can read: valid UTF-8, without byte-order marks and NULs before its lines.

    Concatenated logs have a byte-order mark at the start of each. Every test here is one fast pass over the block, and
    nearly always false.
    """
    if b"\0" in block:
        block = _LEADING_NULS.sub(b"", block)
    if not block.isascii():
        if b"\xef" in block and b"\n\xef\xbb\xbf" in block:  # a search for one byte takes a tenth of the time
            block = _LEADING_MARKS.sub(b"", block)
        try:
            block.decode()
        except UnicodeDecodeError:
            block = block.decode("utf-8", "replace").encode()
    return block


# -- second reads -------------------------------------------------------------------------------------------


@contextlib.contextmanager
def keep_for_second_read(logs: Sequence[Log]) -> Iterator[None]:
    """Let logs that are read inside this context be read again after it, including streams."""
    for log in logs:
        log.record_stream()
    yield
    for log in logs:
        log.rewind()


def limit_streams_to_beginning(logs: Sequence[Log]) -> Sequence[Log]:
    """Let streams end at the end of their beginnings, which can be read again. Return the logs."""
    for log in logs:
        if isinstance(log.stream, RewindableStream):
            log.stream.beginning_only = True
    return logs


def iter_member_heads(log: Log, count: int) -> Generator[list[str]]:
    """Yield the first lines of each file inside an archive that has not been read yet.

    Only the beginning of a stream is used. Damage ends the iteration, and appears again when the log is read.
    """
    if not log.is_archive:
        return
    with contextlib.suppress(*DAMAGE_ERRORS), _read_beginning_only(log), open_log(log) as (_, content):
        for head in islice(content.members.iter_heads(HEAD_BYTES) if content.members else (), MAX_MEMBER_HEADS):
            yield _split_text(sanitize(b"\n" + head)[1:], count)


@contextlib.contextmanager
def _read_beginning_only(log: Log) -> Iterator[None]:
    """Let a stream end at the end of its beginning inside this context."""
    if isinstance(log.stream, RewindableStream):
        log.stream.beginning_only = True
    try:
        yield
    finally:  # the caller can stop before the end
        if isinstance(log.stream, RewindableStream):
            log.stream.seek(0)
            log.stream.beginning_only = False


def iter_raw_lines(log: Log, numbers: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """Yield the line number and the raw bytes of these lines. `numbers` must be in ascending order.

    The lines of a recorded stream come from its recording.
    """
    wanted = deque(numbers)
    lines_before = 0
    if log.recording:
        log.recording.seek(0)
        with FileIO(log.recording.fileno(), closefd=False) as stream:
            yield from iter_raw_lines(Log(log.name, 0, stream=stream), numbers)
        return
    for block in iter_blocks(log, raw=True):
        if not wanted:
            return
        count = block.count(b"\n") - 1
        if wanted[0] <= lines_before + count:
            texts = block.split(b"\n")
            while wanted and wanted[0] <= lines_before + count:
                number = wanted.popleft()
                yield number, texts[number - lines_before].removesuffix(b"\r")
        lines_before += count
