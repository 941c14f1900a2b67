"""Decompress files, and damaged ones up to the damage.

The compression is detected from the first bytes, not from the name.
"""

import bz2
import contextlib
import lzma
import sys
import zlib
from collections.abc import Callable
from io import RawIOBase, UnsupportedOperation
from typing import Protocol

from pixelstat.sources.damage import DAMAGE_ERRORS
from pixelstat.sources.kinds import looks_like_lines

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

XZ_MEMORY_BYTES = 100 << 20  # that an xz archive may need; `xz -9` needs 65 MB
CHUNK_BYTES = 4 << 20  # of an archive that are read at a time
TEXT_BYTES = 4 << 10  # behind an archive that must look like lines of a log


def open_decompressed(packed: RawIOBase, name: str) -> RawIOBase:
    """Return a reader of the bytes inside a file or stream with this compression."""
    magic, new_decompressor = COMPRESSIONS[name]
    return DecompressingReader(packed, magic, new_decompressor)


def detect_compression(beginning: bytes) -> str | None:
    """Return the name of the compression of data with this beginning, or None."""
    return next((name for name, (magic, _) in COMPRESSIONS.items() if beginning.startswith(magic)), None)


class _Decompressor(Protocol):
    """The interface that the decompressors of zlib, zstd, bz2 and lzma have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


COMPRESSIONS: dict[str, tuple[bytes, Callable[[], _Decompressor]]] = {  # by name: first bytes, maker of a decompressor
    "gzip": (b"\x1f\x8b", lambda: zlib.decompressobj(wbits=31)),
    "zstd": (b"\x28\xb5\x2f\xfd", zstd.ZstdDecompressor),
    "bzip2": (b"BZh", bz2.BZ2Decompressor),
    "xz": (b"\xfd7zXZ\0", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY_BYTES)),
}


class _PlainText:
    """A decompressor of plain text behind an archive, which a server writes into a log that was compressed in place."""

    eof = False
    unused_data = unconsumed_tail = b""

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        self.unconsumed_tail = data[max_length:]
        return data[:max_length]


class DecompressingReader(RawIOBase):
    """A reader of the bytes inside an archive, member after member, and of lines of text behind it.

    It never decompresses more at a time than the caller's buffer can hold. If the archive is damaged, it raises one of
    DAMAGE_ERRORS after it has returned all bytes before the damage.
    """

    def __init__(self, packed: RawIOBase, magic: bytes, new_decompressor: Callable[[], _Decompressor]) -> None:
        self.packed, self.magic, self.new_decompressor = packed, magic, new_decompressor
        self.member: _Decompressor = new_decompressor()
        self.data = b""
        self.bytes_returned = 0
        self.damage: Exception | None = None  # the first error of a read
        self.recovered = b""  # bytes before the damage that have not been returned

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        try:
            piece = self._take_recovered(len(buffer)) if self.damage else self._decompress_piece(len(buffer))
        except DAMAGE_ERRORS as error:
            if self.damage or isinstance(error, EOFError):
                raise
            self.damage, self.recovered = error, self._recover_until_damage()
            piece = self._take_recovered(len(buffer))
        buffer[: len(piece)] = piece
        self.bytes_returned += len(piece)
        return len(piece)

    def _decompress_piece(self, max_length: int) -> bytes:
        """Return the next bytes, at most `max_length`, or none at the end. Raises one of DAMAGE_ERRORS."""
        while True:
            if self.member.eof and not self._start_next_member():
                return b""
            piece = self.member.decompress(self.data, max_length)
            # zlib returns its unused input, the others keep it.
            self.data = getattr(self.member, "unconsumed_tail", b"")
            if piece:
                return piece
            if not self.member.eof and not self.data and not self._read_chunk():
                if isinstance(self.member, _PlainText):
                    return b""
                raise EOFError

    def _recover_until_damage(self) -> bytes:
        """Return the bytes between the last returned byte and the damage.

        The call that raised the damage dropped these bytes. So this method reads the archive again from its start:
        first the bytes that were returned, then byte by byte up to the damage. It recovers nothing of a stream that has
        moved on, because such a stream cannot be read again.
        """
        try:
            self.packed.seek(0)
        except UnsupportedOperation:
            return b""
        self.member, self.data = self.new_decompressor(), b""
        skipped = 0
        while skipped < self.bytes_returned:
            skipped += len(self._decompress_piece(self.bytes_returned - skipped))
        recovered = bytearray()
        with contextlib.suppress(*DAMAGE_ERRORS):
            while len(recovered) < CHUNK_BYTES and (byte := self._decompress_piece(1)):
                recovered += byte
        return bytes(recovered)

    def _take_recovered(self, max_length: int) -> bytes:
        """Return the next recovered bytes. Raise the damage after the last one."""
        piece, self.recovered = self.recovered[:max_length], self.recovered[max_length:]
        if not piece and self.damage:
            raise self.damage
        return piece

    def _read_chunk(self) -> bool:
        """Read the next chunk of the archive into `data`. Return whether there was one."""
        self.data = self.packed.read(CHUNK_BYTES) or b""
        return bool(self.data)

    def _start_next_member(self) -> bool:
        """Start the next member of the archive, or the text behind it. Return whether there is one."""
        self.data = self.member.unused_data.lstrip(b"\0")  # some tools pad with zeros
        while not self.data and self._read_chunk():
            self.data = self.data.lstrip(b"\0")
        if not self.data:
            return False
        if len(self.data) < TEXT_BYTES:
            self.data += self.packed.read(TEXT_BYTES) or b""
        if self.data.startswith(self.magic):
            self.member = self.new_decompressor()
        elif looks_like_lines(self.data[:TEXT_BYTES]):
            self.member = _PlainText()
        else:
            raise OSError("other data follows the archive")
        return True
