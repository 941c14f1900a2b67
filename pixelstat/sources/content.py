"""Open the text in a file: remove its compressions, archives and encodings, which its first bytes show.

Also join the parts of long lines that a collector of container logs has cut.
"""

from io import RawIOBase
from typing import NamedTuple

from pixelstat.sources.damage import DAMAGE_ERRORS, UnreadableArchiveError
from pixelstat.sources.decompression import detect_compression, open_decompressed
from pixelstat.sources.encodings import (
    convert_carriage_returns,
    decode_to_utf8,
    detect_encoding,
    has_only_carriage_returns,
)
from pixelstat.sources.kinds import recognize_kind
from pixelstat.sources.members import Member, MembersReader
from pixelstat.sources.partial_lines import PartialLines, detect_collector
from pixelstat.sources.rewindable import BEGINNING_BYTES, RewindableStream, peek
from pixelstat.sources.tar import is_tar, iter_tar_members
from pixelstat.sources.zip import is_zip, iter_zip_members

HEAD_BYTES = 64 << 10  # from which the kind of a file is detected
READ_AHEAD_BYTES = 1 << 20
MAX_LAYERS = 4  # compressions and archives inside each other, because an archive can contain itself endlessly


class Content(NamedTuple):
    """The text in a file, and the layers that were removed around it."""

    text: RawIOBase
    layers: tuple[str, ...] = ()  # compressions and archives, the outermost first
    encoding: str | None = None  # the codec of text that is not UTF-8
    beginning: bytes = b""  # the first bytes inside the layers, before decoding
    members: MembersReader | None = None  # the files inside the archive; either they or `text` can be read, once


def open_content(source: RawIOBase, outer_layers: int = 0) -> Content:
    """Return the text in a file or a rewindable stream, from its start.

    The text of a plain file is the file itself. Damage is not raised here, but when the text is read.
    """
    content = _peel_layers(source, outer_layers)
    is_plain = content.text is source
    return content if is_plain else content._replace(text=_FillingReader(content.text))


def _peel_layers(source: RawIOBase, outer_layers: int) -> Content:
    """Return the text in a file or a rewindable stream that `outer_layers` other layers contain."""
    layers: list[str] = []
    source.seek(0)
    while True:
        head = peek(source, HEAD_BYTES)
        compression = detect_compression(head)
        archive = None if compression else _detect_archive(head)
        if not (compression or archive):
            return _open_text(source, tuple(layers), head)
        if outer_layers + len(layers) == MAX_LAYERS:
            return Content(_UnreadableReader(f"it is packed more than {MAX_LAYERS} times"), tuple(layers))
        layers.append(compression or str(archive))
        if isinstance(source, RewindableStream):
            source.keep(BEGINNING_BYTES)  # so that data before damage in the beginning can be read again
        if archive:
            members = _open_archive(source, archive, outer_layers + len(layers))
            return Content(members, tuple(layers), members=members)
        assert compression
        source = RewindableStream(open_decompressed(source, compression), HEAD_BYTES)


def _detect_archive(head: bytes) -> str | None:
    """Return the kind of archive that has this head, or None."""
    return "zip" if is_zip(head) else "tar" if is_tar(head) else None


def _open_archive(source: RawIOBase, archive: str, layers: int) -> MembersReader:
    """Return a reader of the lines in all files inside an archive. `layers` includes the archive itself."""

    def open_member(member: Member) -> RawIOBase | None:
        content = open_content(RewindableStream(member.data, HEAD_BYTES), layers)
        return None if recognize_kind(content.beginning) else content.text

    members = iter_zip_members(source) if archive == "zip" else iter_tar_members(_ReadAheadReader(source))
    return MembersReader(members, open_member)


def _open_text(source: RawIOBase, layers: tuple[str, ...], head: bytes) -> Content:
    """Return the text of a file that is neither compressed nor an archive."""
    beginning, encoding = head, detect_encoding(head)
    if encoding:
        source = RewindableStream(decode_to_utf8(source, encoding), HEAD_BYTES)
        head = peek(source, HEAD_BYTES)
    # The first line can be longer than the head and contain a carriage return.
    if has_only_carriage_returns(head) and has_only_carriage_returns(peek(source, BEGINNING_BYTES)):
        source = convert_carriage_returns(source)
    if collector := detect_collector(head):
        source = PartialLines(source, collector)
    return Content(source, layers, encoding, beginning)


class _FillingReader(RawIOBase):
    """A reader that fills the whole buffer, so that blocks are large even if a stream returns small pieces.

    It returns all bytes before damage, and then raises the damage at every further read.
    """

    def __init__(self, source: RawIOBase) -> None:
        self.source = source
        self.damage: Exception | None = None

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        view, filled = memoryview(buffer), 0
        try:
            while not self.damage and filled < len(view) and (count := self.source.readinto(view[filled:])):
                filled += count
        except DAMAGE_ERRORS as error:
            self.damage = error
        if self.damage and not filled:
            raise self.damage
        return filled


class _ReadAheadReader(RawIOBase):
    """A reader that reads large pieces of a stream, and returns them in pieces of any size.

    A decompressor copies all its unused input at every call. So the many small reads of a tar would be slow.
    """

    def __init__(self, source: RawIOBase) -> None:
        self.source = source
        self.memory = memoryview(bytearray(READ_AHEAD_BYTES))
        self.ahead = self.memory[:0]

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        if not self.ahead:
            self.ahead = self.memory[: self.source.readinto(self.memory) or 0]
        count = min(len(buffer), len(self.ahead))
        buffer[:count] = self.ahead[:count]
        self.ahead = self.ahead[count:]
        return count


class _UnreadableReader(RawIOBase):
    """A reader that raises UnreadableArchiveError with a message."""

    def __init__(self, message: str) -> None:
        self.message = message

    def readinto(self, _buffer: memoryview, /) -> int:  # type: ignore[override]
        raise UnreadableArchiveError(self.message)
