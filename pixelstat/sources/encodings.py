"""Convert text with another encoding or other line ends to UTF-8 with line feeds, piece by piece."""

import codecs
import re
from collections.abc import Callable
from io import RawIOBase

PIECE_BYTES = 1 << 20  # decoded at a time
# Byte-order mark at the start of a file -> codec. A longer mark can begin with a shorter one, so it comes first.
BYTE_ORDER_MARKS = {
    b"\xff\xfe\0\0": "utf-32-le",
    b"\0\0\xfe\xff": "utf-32-be",
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
}
MIN_UNMARKED = 16  # bytes that are necessary to detect an encoding without a mark
MAX_SAMPLE = 512  # bytes that are checked; the first line of a log is nearly all ASCII, other lines can differ


def detect_encoding(beginning: bytes) -> str | None:
    """Return the codec of text with this beginning, or None if it needs no decoding.

    A mark alone is not enough, because binary data can begin with the same bytes. Text without a mark is UTF-16 if
    nearly every second byte is NUL and no other byte is, because ASCII characters have such bytes.
    """
    sample = beginning[:MAX_SAMPLE]
    for mark, codec in BYTE_ORDER_MARKS.items():
        if sample.startswith(mark) and sample.count(0) * 8 >= len(sample) - len(mark):
            return codec
    if len(sample) >= MIN_UNMARKED:
        for codec, high, low in (("utf-16-le", sample[1::2], sample[::2]), ("utf-16-be", sample[::2], sample[1::2])):
            if b"\0" not in low and high.count(0) * 4 >= len(high) * 3:
                return codec
    return None


def has_only_carriage_returns(beginning: bytes) -> bool:
    """Return whether text with this beginning ends its lines with carriage returns only."""
    return b"\r" in beginning and b"\n" not in beginning


class RecodingReader(RawIOBase):
    """A reader that applies a function to each piece of a stream. The last piece is empty and marked as final."""

    def __init__(self, source: RawIOBase, recode: Callable[[bytes, bool], bytes]) -> None:
        self.source, self.recode = source, recode
        self.pending = memoryview(b"")
        self.is_final = False

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        while not self.pending and not self.is_final:
            piece = self.source.read(PIECE_BYTES) or b""
            self.is_final = not piece
            self.pending = memoryview(self.recode(piece, self.is_final))
        count = min(len(buffer), len(self.pending))
        buffer[:count] = self.pending[:count]
        self.pending = self.pending[count:]
        return count


def decode_to_utf8(source: RawIOBase, codec: str) -> RawIOBase:
    """Return a reader of the text as UTF-8, with U+FFFD for what the codec cannot decode."""
    decoder = codecs.getincrementaldecoder(codec)("replace")
    return RecodingReader(source, lambda piece, is_final: decoder.decode(piece, is_final).encode())


_LINE_END = re.compile(rb"\r\n?")


def convert_carriage_returns(source: RawIOBase) -> RawIOBase:
    """Return a reader of the text with a line feed in place of CR and of CRLF."""
    withheld = b""  # a carriage return at the end of a piece, because the next piece can begin with a line feed

    def recode(piece: bytes, is_final: bool) -> bytes:
        nonlocal withheld
        text = withheld + piece
        withheld = b"\r" if text.endswith(b"\r") and not is_final else b""
        return _LINE_END.sub(b"\n", text.removesuffix(b"\r") if withheld else text)

    return RecodingReader(source, recode)
