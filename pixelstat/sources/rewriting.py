"""Rewrite a stream of text piece by piece, as stages do that change how the lines of a log are laid out."""

from abc import abstractmethod
from io import RawIOBase

CHUNK = 1 << 20  # bytes that are read at a time


class RewritingReader(RawIOBase):
    """A reader of a text that a method rewrites."""

    def __init__(self, source: RawIOBase) -> None:
        self.source = source
        self.has_ended = False
        self.pending = b""  # read, but not yet rewritten
        self.ready = b""  # rewritten

    @abstractmethod
    def rewrite(self, text: bytes, *, is_last: bool) -> tuple[bytes, bytes]:
        """Return the beginning of a text rewritten, and the rest as it is. With `is_last` there is no rest.

        The rest comes again, in front of the text that follows.
        """

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        while not (self.ready or self.has_ended):
            piece = self.source.read(CHUNK) or b""
            self.has_ended = not piece
            self.ready, self.pending = self.rewrite(self.pending + piece, is_last=self.has_ended)
        piece, self.ready = self.ready[: len(buffer)], self.ready[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)
