"""Read the files inside an archive as one stream of lines."""

from collections.abc import Callable, Iterator
from io import RawIOBase
from pathlib import PurePosixPath
from typing import NamedTuple

MAX_SKIPPED = 100  # names of skipped files that are stored


class Member(NamedTuple):
    """A file inside an archive: its name, and a reader of its bytes."""

    name: str
    data: RawIOBase


def is_hidden(member: Member) -> bool:
    """Return whether a file inside an archive is hidden, such as `._access.log`, the metadata that macOS adds."""
    return PurePosixPath(member.name).name.startswith(".")


class MembersReader(RawIOBase):
    """A reader of the lines of all files inside an archive, one after the other.

    If a file does not end with a line end, the reader adds one, so that the next file begins a new line. `open_member`
    returns the text of a file, or None if the file is not text.
    """

    def __init__(self, members: Iterator[Member], open_member: Callable[[Member], RawIOBase | None]) -> None:
        self.members, self.open_member = members, open_member
        self.text: RawIOBase | None = None
        self.ends_line = True  # whether the last byte that was read is a line end
        self.skipped: list[str] = []  # names of the first files that are not text

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        while self._take_next_member() and self.text:
            count = self.text.readinto(buffer) or 0
            if count:
                self.ends_line = buffer[count - 1] == ord("\n")
                return count
            self.text = None
            if not self.ends_line:
                self.ends_line = True
                buffer[:1] = b"\n"
                return 1
        return 0

    def iter_heads(self, size: int) -> Iterator[bytes]:
        """Yield the first `size` bytes of the text in each file."""
        while self._take_next_member() and self.text:
            yield self.text.read(size) or b""
            self.text = None

    def _take_next_member(self) -> bool:
        """Open the next file that is text, unless one is open. Return whether a file is open."""
        while self.text is None:
            member = next(self.members, None)
            if member is None:
                return False
            if is_hidden(member):
                continue
            self.text = self.open_member(member)
            if self.text is None and len(self.skipped) < MAX_SKIPPED:
                self.skipped.append(member.name)
        return True
