"""Rewrite a stream of text piece by piece, to change the layout of the lines of a log."""

from abc import abstractmethod
from io import RawIOBase

CHUNK = 1 << 20  # bytes that are read at a time


class RewritingReader(RawIOBase):
    """A reader that rewrites the text of another reader. Subclasses define `rewrite`."""

    def __init__(self, source: RawIOBase) -> None:
        self.source = source
        self.has_ended = False
        self.pending = b""  # read, but not yet rewritten
        self.ready = b""  # rewritten

    @abstractmethod
    def rewrite(self, text: bytes, *, is_last: bool) -> tuple[bytes, bytes]:
        """Return the rewritten beginning of a text, and the rest of the text as it is.

        The next call gets the rest in front of its text. With `is_last`, there is no rest.
        """

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        while not (self.ready or self.has_ended):
            piece = self.source.read(CHUNK) or b""
            self.has_ended = not piece
            self.ready, self.pending = self.rewrite(self.pending + piece, is_last=self.has_ended)
        piece, self.ready = self.ready[: len(buffer)], self.ready[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)
