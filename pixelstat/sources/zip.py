"""Read the files inside a zip archive."""

from collections.abc import Iterator
from io import BytesIO, RawIOBase
from typing import IO, TYPE_CHECKING, cast

from pixelstat.sources.damage import UnreadableArchiveError
from pixelstat.sources.members import Member
from pixelstat.sources.rewindable import RewindableStream

if TYPE_CHECKING:
    from zipfile import ZipExtFile

ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")  # of a zip archive, and of an empty one
MAX_STREAM_BYTES = 64 << 20  # of a zip archive that cannot seek, so that it is kept in memory
MAX_LIST_BYTES = 16 << 20  # of the list of files, enough for about 200,000 files
PIECE_BYTES = 64 << 10  # read at a time; if a piece is damaged, all of it is lost
_ENCRYPTED = 1  # the flag of an encrypted file


def is_zip(beginning: bytes) -> bool:
    """Return whether data with this beginning is a zip archive."""
    return beginning.startswith(ZIP_MAGICS)


def iter_zip_members(packed: RawIOBase) -> Iterator[Member]:
    """Yield the files inside a zip archive.

    The list of files is at the end of the archive, so an archive from a stream is read into memory first. Raises
    UnreadableArchiveError for an encrypted file or a rare compression, and OSError for a damaged archive.
    """
    import zipfile  # few logs are zip archives

    try:
        with zipfile.ZipFile(cast("IO[bytes]", _BoundedFile(_make_seekable(packed)))) as archive:
            for info in archive.infolist():
                if info.is_dir():
                    continue
                if info.flag_bits & _ENCRYPTED:
                    raise UnreadableArchiveError(f"its file {info.filename!r} is encrypted: unpack it first")
                if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    # zipfile does not limit the memory that other compressions use.
                    raise UnreadableArchiveError(f"its file {info.filename!r} has a rare compression: unpack it first")
                with archive.open(info) as data:
                    yield Member(info.filename, _MemberData(cast("ZipExtFile", data)))
    except (zipfile.BadZipFile, NotImplementedError) as error:
        reason = "its list of files, which is at its end, is missing" if "not a zip" in str(error) else str(error)
        raise OSError(reason) from error


def _make_seekable(packed: RawIOBase) -> RawIOBase | BytesIO:
    """Return the archive as a file that can seek. Raises UnreadableArchiveError if a stream is too large."""
    if not isinstance(packed, RewindableStream):
        return packed
    packed.keep(MAX_STREAM_BYTES + 1)
    if packed.damage:
        raise packed.damage
    if not packed.is_whole:
        limit = MAX_STREAM_BYTES >> 20
        raise UnreadableArchiveError(f"it is a zip archive of more than {limit} MB, which must be a file of its own")
    return BytesIO(packed.beginning)


class _BoundedFile(RawIOBase):
    """A file with a limit for a single read, because zipfile reads the whole list of files at once."""

    def __init__(self, file: RawIOBase | BytesIO) -> None:
        self.file = file

    def read(self, size: int = -1, /) -> bytes | None:
        if size > MAX_LIST_BYTES:
            raise UnreadableArchiveError("its list of files is too long")
        return self.file.read(size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()

    def seekable(self) -> bool:
        return True


class _MemberData(RawIOBase):
    """A reader of one file in a zip archive. Raises OSError if the file is damaged."""

    def __init__(self, data: "ZipExtFile") -> None:
        self.data = data

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        import zipfile

        try:
            piece = self.data.read1(min(len(buffer), PIECE_BYTES))
        except zipfile.BadZipFile as error:
            raise OSError(str(error)) from error
        buffer[: len(piece)] = piece
        return len(piece)
