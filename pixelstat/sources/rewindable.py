"""Read a stream again from its start, as long as it has not moved on from its beginning."""

from io import BufferedIOBase, RawIOBase, UnsupportedOperation

from pixelstat.sources.damage import DAMAGE_ERRORS

BEGINNING_BYTES = 4 << 20  # that are kept of a stream


class RewindableStream(RawIOBase):
    """A stream that cannot seek, but keeps its beginning in memory to read it again until the stream moves on.

    Damage in the beginning is raised behind the bytes before it, as often as they are read.
    """

    def __init__(self, stream: BufferedIOBase | RawIOBase, keep: int = BEGINNING_BYTES) -> None:
        self.stream = stream
        self.beginning = b""
        self.position = 0
        self.has_moved_on = False
        self.is_whole = False  # whether the beginning is the whole stream
        self.damage: Exception | None = None
        self.beginning_only = False  # whether the stream ends for readers where its beginning does
        self.keep(keep)

    def keep(self, size: int) -> None:
        """Keep at least so many bytes of the beginning, if the stream has as many and has not moved on."""
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
    """Return the first bytes of a file or a rewindable stream, which is at its start before and after."""
    if isinstance(source, RewindableStream):
        source.keep(size)
        return source.beginning[:size]
    beginning = source.read(size) or b""
    source.seek(0)
    return beginning
