"""Read a stream again from its start, until it moves on from its beginning."""

from io import BufferedIOBase, RawIOBase, UnsupportedOperation

from pixelstat.sources.damage import DAMAGE_ERRORS

BEGINNING_BYTES = 4 << 20  # of a stream that are kept in memory


class RewindableStream(RawIOBase):
    """A stream that cannot seek, but keeps its beginning in memory, so that it can be read again.

    This works until the stream moves on, which means that bytes behind its beginning are read. If the beginning is
    damaged, each reading of it returns the bytes before the damage, and then raises the damage.
    """

    def __init__(self, stream: BufferedIOBase | RawIOBase, keep: int = BEGINNING_BYTES) -> None:
        self.stream = stream
        self.beginning = b""
        self.position = 0
        self.has_moved_on = False
        self.is_whole = False  # whether the beginning is the whole stream
        self.damage: Exception | None = None
        self.beginning_only = False  # whether the stream ends for readers at the end of its beginning
        self.keep(keep)

    def keep(self, size: int) -> None:
        """Keep at least `size` bytes of the beginning, if the stream has as many and has not moved on."""
        pieces, length = [self.beginning], len(self.beginning)
        try:
            while length < size and not (self.has_moved_on or self.is_whole or self.damage):
                piece = self.stream.read(size - length) or b""
                self.is_whole = not piece
                pieces.append(piece)
                length += len(piece)
        except DAMAGE_ERRORS as error:
            self.damage = error
        self.beginning = b"".join(pieces)

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        piece = self.beginning[self.position : self.position + len(buffer)]
        count = len(piece)
        buffer[:count] = piece
        if not piece and not self.beginning_only:
            if self.damage:
                raise self.damage
            self.has_moved_on = True
            count = self.stream.readinto(buffer) or 0
        self.position += count
        return count

    def seek(self, offset: int, _whence: int = 0, /) -> int:
        if self.position > len(self.beginning) and not self.beginning_only:
            raise UnsupportedOperation("the stream has moved on")
        self.position = offset
        return offset

    def tell(self) -> int:
        return self.position


def peek(source: RawIOBase, size: int) -> bytes:
    """Return the first bytes of a file or a rewindable stream at its start, and leave it there."""
    if isinstance(source, RewindableStream):
        source.keep(size)
        return source.beginning[:size]
    beginning = source.read(size) or b""
    source.seek(0)
    return beginning
