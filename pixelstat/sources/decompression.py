"""What is stored -> its bytes: archives told by their first bytes, damaged ones as far as they go, streams."""

import bz2
import contextlib
import lzma
import sys
import zlib
from collections.abc import Callable
from io import RawIOBase, UnsupportedOperation
from typing import BinaryIO, Protocol

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MEMORY = 100 << 20  # bytes that an xz archive may ask for: `xz -9` asks for 65 MB
CHUNK = 4 << 20  # bytes read of an archive at a time, and kept of a stream's beginning
UNSUPPORTED_ARCHIVES = {b"PK\x03\x04": "zip", b"7z\xbc\xaf": "7z"}  # archives that are told, not read
# What reading raises where an archive makes no sense.
DAMAGE_ERRORS = (EOFError, OSError, zlib.error, zstd.ZstdError, lzma.LZMAError)


def open_decompressed(stored: RawIOBase) -> RawIOBase:
    """The bytes inside, if it is an archive, else the bytes themselves; from the start."""
    stored.seek(0)
    beginning = stored.read(6) or b""
    stored.seek(0)
    name = detect_compression(beginning)
    if name is None:
        return stored
    magic, new = COMPRESSIONS[name]
    return DecompressingReader(stored, magic, new)


def detect_compression(beginning: bytes) -> str | None:
    """The name of what the bytes are compressed with, by the first of them; None if they are not."""
    return next((name for name, (magic, _) in COMPRESSIONS.items() if beginning.startswith(magic)), None)


def describe_damage(error: BaseException) -> str:
    """What one of DAMAGED says about the archive."""
    if isinstance(error, EOFError):
        return "it ends in the middle of the archive"
    return f"it is damaged ({error})" if str(error) else "it is damaged"


class _Decompressor(Protocol):
    """What zlib's and zstd's decompressors have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...


COMPRESSIONS: dict[str, tuple[bytes, Callable[[], _Decompressor]]] = {  # name: its first bytes, and who reads it
    "gzip": (b"\x1f\x8b", lambda: zlib.decompressobj(wbits=31)),
    "zstd": (b"\x28\xb5\x2f\xfd", zstd.ZstdDecompressor),
    "bzip2": (b"BZh", bz2.BZ2Decompressor),
    "xz": (b"\xfd7zXZ\0", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY)),
}


class DecompressingReader(RawIOBase):
    """The bytes inside an archive, member after member, never more at a time than there is room for.

    Raises one of DAMAGED where the archive ends too early or makes no sense; all before that was given.
    """

    def __init__(self, packed: RawIOBase, magic: bytes, new: Callable[[], _Decompressor]) -> None:
        self.packed, self.magic, self.new = packed, magic, new
        self.member, self.data = new(), b""
        self.given = 0
        self.fault: Exception | None = None  # met, and all that came before it is in `saved`
        self.saved = b""

    def readinto(self, room: memoryview, /) -> int:  # type: ignore[override]
        try:
            piece = self._recover_piece(len(room)) if self.fault else self._decompress_piece(len(room))
        except DAMAGE_ERRORS as error:
            if self.fault or isinstance(error, EOFError):
                raise
            self.fault, self.saved = error, self._recover_until_damage()
            piece = self._recover_piece(len(room))
        room[: len(piece)] = piece
        self.given += len(piece)
        return len(piece)

    def _decompress_piece(self, most: int) -> bytes:
        while True:
            if self.member.eof and not self._start_next_member():
                return b""
            piece = self.member.decompress(self.data, most)
            self.data = getattr(self.member, "unconsumed_tail", b"")  # zlib hands back what it left, zstd keeps it
            if piece:
                return piece
            if not self.member.eof and not self.data and not self._take():
                raise EOFError

    def _recover_until_damage(self) -> bytes:
        """What the call that failed would have given: it drops all it had when it meets the fault.

        The archive is read again from its start, and by single bytes from where the call began; nothing is
        saved of a stream that has moved on.
        """
        try:
            self.packed.seek(0)
        except UnsupportedOperation:
            return b""
        self.member, self.data = self.new(), b""
        passed = 0
        while passed < self.given:
            passed += len(self._decompress_piece(self.given - passed))
        found = bytearray()
        with contextlib.suppress(*DAMAGE_ERRORS):
            while len(found) < CHUNK and (byte := self._decompress_piece(1)):
                found += byte
        return bytes(found)

    def _recover_piece(self, most: int) -> bytes:
        piece, self.saved = self.saved[:most], self.saved[most:]
        if not piece and self.fault:
            raise self.fault
        return piece

    def _take(self) -> bool:
        self.data = self.packed.read(CHUNK) or b""
        return bool(self.data)

    def _start_next_member(self) -> bool:
        self.data = self.member.unused_data.lstrip(b"\0")  # some tools pad with zeros
        while not self.data and self._take():
            self.data = self.data.lstrip(b"\0")
        if not self.data:
            return False
        self.data += self.packed.read(len(self.magic)) or b""
        if not self.data.startswith(self.magic):
            raise OSError("something else follows the archive")
        self.member = self.new()
        return True


class RewindableStream(RawIOBase):
    """A stream that cannot seek, with its beginning kept so that this much can be read again."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.beginning = b""
        # A format is told from whole lines, so the first line's end must be in it, unless that is out of all measure.
        while len(self.beginning) < CHUNK or (b"\n" not in self.beginning and len(self.beginning) < 16 * CHUNK):
            piece = stream.read(CHUNK)
            if not piece:
                break
            self.beginning += piece
        self.at = 0
        self.beginning_only = True  # until the head has been read

    def readinto(self, room: memoryview, /) -> int:  # type: ignore[override]
        piece = self.beginning[self.at : self.at + len(room)]
        if not piece and not self.beginning_only:
            piece = self.stream.read(len(room)) or b""
        self.at += len(piece)
        room[: len(piece)] = piece
        return len(piece)

    def seek(self, offset: int, _whence: int = 0, /) -> int:
        if self.at > len(self.beginning) and not self.beginning_only:
            raise UnsupportedOperation("the stream has moved on")
        self.at = offset
        return offset

    def tell(self) -> int:
        return self.at
