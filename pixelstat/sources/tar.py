"""Read the files inside a tar in one pass, without storing their names or sizes."""

import re
from collections.abc import Iterator
from io import RawIOBase
from typing import TYPE_CHECKING

from pixelstat.sources.members import Member

if TYPE_CHECKING:
    from tarfile import TarInfo

RECORD_BYTES = 512  # the size of a header; the bytes of a file are padded to a multiple of it
SKIP_BYTES = 1 << 20  # skipped at a time
MAX_PAX_BYTES = 1 << 20  # of an extended header that are searched for the size of a file
_CHECKSUM = re.compile(rb"[ \0]*[0-7]+[ \0]*")
_PAX_SIZE = re.compile(rb"(?:^|\n)\d+ size=(\d{1,18})\n")
# Types of members.
_PAX, _SPARSE = b"x", b"S"  # an extended header, and a file with holes
_NO_DATA = b"123456"  # members without data: links, devices, folders, pipes
_NO_FILES = b"KLxgXVND"  # members that describe other members
# Offsets of the flag that another header with more holes follows.
_MORE_IN_HEADER, _MORE_IN_SPARSE_HEADER = 482, 504


def is_tar(beginning: bytes) -> bool:
    """Return whether data with this beginning is a tar. The checksum of its first header must be correct."""
    return _CHECKSUM.fullmatch(beginning[148:156]) is not None and _parse_header(beginning[:RECORD_BYTES]) is not None


def iter_tar_members(packed: RawIOBase) -> Iterator[Member]:
    """Yield the files inside a tar. Read each file before you take the next one, which skips its unread bytes.

    Concatenated tars are read as one. Nothing depends on the names of members, so names that are too long for a header
    stay cut. Raises EOFError if the tar ends inside a file, and OSError for a damaged header.
    """
    pax_size: int | None = None
    for header, member in _iter_headers(packed):
        if member.type == _SPARSE:
            _skip_sparse_headers(packed, header)
        data = _MemberData(packed, _measure(member, pax_size))
        if member.type == _PAX:
            pax_size = _find_pax_size(_read_up_to(data, min(member.size, MAX_PAX_BYTES)))
        elif member.type not in _NO_FILES:
            pax_size = None
            if data.unread:
                yield Member(member.name, data)
        data.skip_rest()


def _iter_headers(packed: RawIOBase) -> "Iterator[tuple[bytes, TarInfo]]":
    """Yield the headers of a tar. Read the data behind a header before you take the next one.

    Zeros end a tar. Data behind them that is not a header is ignored.
    """
    has_ended = False
    while header := _read_up_to(packed, RECORD_BYTES):
        is_zero = not header.strip(b"\0")
        if not is_zero:
            member = _parse_header(header)
            if member and member.size >= 0:
                yield header, member
            elif has_ended:
                return
            elif len(header) < RECORD_BYTES:
                raise EOFError
            else:
                raise OSError("the header of a file in the tar makes no sense")
        has_ended = is_zero


def _measure(member: "TarInfo", pax_size: int | None) -> int:
    """Return the number of data bytes behind a header. `pax_size` comes from an extended header in front of it."""
    if member.type in _NO_DATA:
        return 0
    return member.size if pax_size is None or member.type in _NO_FILES else pax_size


def _find_pax_size(text: bytes) -> int | None:
    """Return the size of a file in its extended header, or None."""
    size = _PAX_SIZE.search(text)
    return int(size[1]) if size else None


def _parse_header(header: bytes) -> "TarInfo | None":
    """Return the member that a header describes, or None if the header is invalid."""
    import tarfile  # few logs are tars

    try:
        return tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError, OverflowError):
        return None


def _skip_sparse_headers(packed: RawIOBase, header: bytes) -> None:
    """Skip the headers that list the holes of a sparse file. The holes are NULs, which no log needs."""
    has_more = header[_MORE_IN_HEADER] != 0
    while has_more:
        further = _read_up_to(packed, RECORD_BYTES)
        if len(further) < RECORD_BYTES:
            raise EOFError
        has_more = further[_MORE_IN_SPARSE_HEADER] != 0


def _read_up_to(packed: RawIOBase, size: int) -> bytes:
    """Return `size` bytes, or fewer at the end."""
    data = b""
    while len(data) < size and (piece := packed.read(size - len(data))):
        data += piece
    return data


class _MemberData(RawIOBase):
    """A reader of the bytes of one file in a tar. Raises EOFError if the tar ends before the file."""

    def __init__(self, packed: RawIOBase, size: int) -> None:
        self.packed, self.unread = packed, size
        self.padding = -size % RECORD_BYTES

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        if not self.unread:
            return 0
        count = self.packed.readinto(memoryview(buffer)[: self.unread])
        if not count:
            raise EOFError
        self.unread -= count
        return count

    def skip_rest(self) -> None:
        """Skip to the next header."""
        self.unread, self.padding = self.unread + self.padding, 0
        while self.read(SKIP_BYTES):
            pass
