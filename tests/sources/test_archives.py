"""Tar and zip archives are read as one log: all files in them, each with lines of its own."""

import bz2
import gzip
import lzma
import random
import sys
import tarfile
import zipfile
from collections.abc import Callable
from io import BytesIO, FileIO
from pathlib import Path
from zlib import crc32

import pytest

from pixelstat.sources.content import open_content
from pixelstat.sources.damage import DAMAGE_ERRORS, describe_damage
from pixelstat.sources.rewindable import RewindableStream
from pixelstat.sources.zip import MAX_STREAM_BYTES
from tests.builders import log
from tests.run import export_rows, run_in_process
from tests.small_logs import ANN, BEN, HEADING, NO_PAGES, TWO, TWO_COUNTED, bad_lines_of, findings_of, write_log
from tests.sources.archives import make_tar, make_zip

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LINES = b"one\ntwo\nthree\n"
TWO_FILES = {"logs/a.log": b"one\ntwo", "logs/b.log": b"three\n"}
LONG_NAME = "/".join(["a long name of a folder"] * 12) + "/access.log"


def read_text(packed: bytes, folder: Path | None = None) -> tuple[bytes, str]:
    """Return the text in an archive, as far as it can be read, and what is wrong with it: from a file or a stream."""
    if folder:
        (folder / "packed").write_bytes(packed)
    source = FileIO(folder / "packed") if folder else RewindableStream(BytesIO(packed))
    text, damage = b"", ""
    with source:
        content = open_content(source).text
        try:
            while piece := content.read(1 << 16):
                text += piece
        except DAMAGE_ERRORS as error:
            damage = describe_damage(error)
    return text, damage


def append(tar: bytes, member: tarfile.TarInfo, data: bytes = b"") -> bytes:
    """Return a tar with a further member in front of the others."""
    return member.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % 512) + tar


def link(kind: bytes) -> tarfile.TarInfo:
    member = tarfile.TarInfo("current.log")
    member.type, member.linkname = kind, "logs/a.log"
    return member


def without_magic(tar: bytes) -> bytes:
    """Return a tar as it was before POSIX: the first header without `ustar`."""
    header = bytearray(tar[:512])
    header[257:512] = bytes(255)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + tar[512:]


def sparse(content: bytes) -> bytes:
    """Return a tar in the format of GNU with a file that begins with a hole, listed in two headers."""
    member = tarfile.TarInfo("access.log")
    member.type, member.size = tarfile.GNUTYPE_SPARSE, len(content)
    header = bytearray(member.tobuf(tarfile.GNU_FORMAT))
    header[482] = 1
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + bytes(512) + content + bytes(-len(content) % 512)


READABLE = {
    "tar": make_tar(TWO_FILES),
    "tar of GNU": make_tar(TWO_FILES, tarfile.GNU_FORMAT),
    "tar of POSIX": make_tar(TWO_FILES, tarfile.USTAR_FORMAT),
    "tar without a magic": without_magic(make_tar(TWO_FILES, tarfile.USTAR_FORMAT)),
    "tar with long names": make_tar({LONG_NAME: LINES}),
    "tar of GNU with long names": make_tar({LONG_NAME: LINES}, tarfile.GNU_FORMAT),
    "tar with a folder and links": append(
        append(append(make_tar(TWO_FILES), link(tarfile.SYMTYPE)), link(tarfile.LNKTYPE)), link(tarfile.DIRTYPE)
    ),
    "tar with a sparse file": sparse(LINES),
    "tar without an end": make_tar(TWO_FILES).rstrip(b"\0") + bytes(506),
    "tar with garbage behind": make_tar(TWO_FILES) + b"garbage" * 100,
    "two tars": make_tar({"a.log": b"one\ntwo"}) + make_tar({"b.log": b"three"}),
    "tar with an empty file": make_tar({"empty.log": b"", **TWO_FILES}),
    "tar with hidden and binary files": make_tar(
        {"logs/._a.log": b"\0\5\x16\7\0\2", ".state": b"x\n", "logo.png": b"\x89PNG\r\n\x1a\n" + bytes(90), **TWO_FILES}
    ),
    "tar.gz": gzip.compress(make_tar(TWO_FILES)),
    "tar.zst": zstd.compress(make_tar(TWO_FILES)),
    "tar.bz2": bz2.compress(make_tar(TWO_FILES)),
    "tar.xz": lzma.compress(make_tar(TWO_FILES)),
    "tar with gzip in it": make_tar({"a.log.1.gz": gzip.compress(b"one\ntwo"), "b.log.gz": gzip.compress(b"three")}),
    "tar.gz with gzip in it": gzip.compress(make_tar({"a.log.1.gz": gzip.compress(LINES)})),
    "tar with a tar in it": make_tar({"a.tar": make_tar(TWO_FILES)}),
    "tar with a zip archive in it": make_tar({"a.zip": make_zip(TWO_FILES)}),
    "tar with UTF-16 in it": make_tar({"a.log": "\ufeffone\r\ntwo".encode("utf-16-le"), "b.log": b"three"}),
    "zip": make_zip(TWO_FILES),
    "zip that stores": make_zip(TWO_FILES, zipfile.ZIP_STORED),
    "zip with a folder": make_zip({"logs/": b"", **TWO_FILES}),
    "zip with gzip in it": make_zip({"a.log.1.gz": gzip.compress(b"one\ntwo"), "b.log": b"three"}),
    "zip in gzip": gzip.compress(make_zip(TWO_FILES)),
    "gzip in gzip": gzip.compress(gzip.compress(LINES)),
    "gzip in zstd in xz": lzma.compress(zstd.compress(gzip.compress(LINES))),
}


@pytest.mark.parametrize("name", READABLE)
def test_all_files_in_an_archive_are_read_each_with_lines_of_its_own(name: str, tmp_path: Path) -> None:
    for folder in (tmp_path, None):
        text, damage = read_text(READABLE[name], folder)
        assert text.replace(b"\xef\xbb\xbf", b"").replace(b"\r", b"").rstrip(b"\n") == LINES.rstrip(b"\n")
        assert damage == ""


LONG_LINES = b"".join(b"%d\n" % number for number in random.Random(3).choices(range(1 << 60), k=6_000))
HALF = LONG_LINES.index(b"\n", 60_000) + 1
LONG_FILES = {"a.log": LONG_LINES[:HALF], "b.log": LONG_LINES[HALF:]}


def change(data: bytes, at: int) -> bytes:
    """Return data with one byte changed."""
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


def encrypt(packed: bytes) -> bytes:
    """Return a zip archive that says that its files are encrypted."""
    data = bytearray(packed)
    data[data.index(b"PK\1\2") + 8] |= 1
    return bytes(data)


def nest(pack: Callable[[bytes], bytes], data: bytes, times: int) -> bytes:
    """Return data that is packed so many times."""
    for _ in range(times):
        data = pack(data)
    return data


SHORT = "it ends in the middle of the archive"
TAR_HEADER = "it is damaged (the header of a file in the tar makes no sense)"
NESTED = "it is packed more than 4 times"
DAMAGED = {  # by name: the archive, the text that is read at least, the damage
    "tar cut short in a file": (make_tar(LONG_FILES)[:90_000], LONG_LINES[:88_000], SHORT),
    "tar cut short in a header": (make_tar({"a.log": LINES}, tarfile.USTAR_FORMAT)[:1024] + b"b.log", LINES, SHORT),
    "tar with a wrong header": (
        make_tar({"a.log": LINES}, tarfile.USTAR_FORMAT)[:1024] + b"x" * 9_000, LINES, TAR_HEADER,
    ),
    "tar.gz cut short": (gzip.compress(make_tar(LONG_FILES))[:-9_000], LONG_LINES[:90_000], SHORT),
    "tar.gz with a wrong byte": (change(gzip.compress(make_tar(LONG_FILES)), 30_000), LONG_LINES[:50_000], "it is damaged"),
    "tar with damaged gzip in it": (
        make_tar({"a.log": LINES, "b.gz": change(gzip.compress(LONG_LINES), 30_000)}), LINES + LONG_LINES[:50_000], "it is damaged",
    ),
    "gzip in gzip, cut short": (gzip.compress(gzip.compress(LONG_LINES)[:-9_000]), LONG_LINES[:90_000], SHORT),
    "zip without its end": (
        make_zip(LONG_FILES)[:-30], b"", "it is damaged (its list of files, which is at its end, is missing)",
    ),
    "zip with a wrong byte": (change(make_zip({"a.log": LINES, "b.log": LONG_LINES}), 9_000), LINES, "it is damaged"),
    "zip with a wrong checksum": (
        make_zip({"a.log": LINES}).replace(crc32(LINES).to_bytes(4, "little"), b"oops"), b"", "it is damaged (Bad CRC-32",
    ),
    "zip with a password": (encrypt(make_zip({"a.log": LINES})), b"", "its file 'a.log' is encrypted: unpack it first"),
    "zip with a rare method": (
        make_zip({"a.log": LINES}, zipfile.ZIP_LZMA), b"", "its file 'a.log' has a rare compression: unpack it first",
    ),
    "gzip without an end to its nesting": (nest(gzip.compress, LINES, 9), b"", NESTED),
    "tars without an end to their nesting": (
        nest(lambda data: make_tar({"a.log": LINES, "b.tar": data}), LINES, 9), LINES * 4, NESTED,
    ),
    "zips without an end to their nesting": (
        nest(lambda data: make_zip({"a.log": LINES, "b.zip": data}), LINES, 9), LINES * 4, NESTED,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_archive_is_read_up_to_its_damage(name: str, tmp_path: Path) -> None:
    packed, least, expected = DAMAGED[name]
    for folder in (tmp_path, None):
        text, damage = read_text(packed, folder)
        assert text.startswith(least)
        assert damage.startswith(expected)


def test_headers_that_say_absurd_sizes_take_no_memory_and_end_in_damage() -> None:
    for kind in (tarfile.REGTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE):
        member = tarfile.TarInfo("huge")
        member.type, member.size = kind, 1 << 62
        header = member.tobuf(tarfile.GNU_FORMAT)
        assert read_text(make_tar({"a.log": LINES})[: 2 * 512] + header + bytes(1 << 20))[1] == SHORT


def test_a_file_larger_than_its_header_can_say_is_read() -> None:
    packed = make_tar({"a.log": LINES, "b.log": LINES}, tarfile.USTAR_FORMAT)
    record = b"11 size=14\n"
    extended = tarfile.TarInfo("PaxHeaders/a.log")
    extended.type, extended.size = tarfile.XHDTYPE, len(record)
    member = tarfile.TarInfo("a.log")  # of no size, as far as the header says
    front = append(member.tobuf(tarfile.USTAR_FORMAT) + packed[512:], extended, record)
    assert read_text(front) == (LINES * 2, "")


def test_a_zip_archive_in_a_stream_is_kept_in_memory_up_to_a_limit() -> None:
    packed = make_zip({"a.log": bytes(MAX_STREAM_BYTES)}, zipfile.ZIP_STORED)
    assert read_text(packed) == (b"", "it is a zip archive of more than 64 MB, which must be a file of its own")


# -- reports of archives ------------------------------------------------------------------------------------------------

BOTH = {"logs/access.log.1": ANN.encode(), "logs/access.log": BEN.encode()}
PACKED = {
    "tar.gz": (gzip.compress(make_tar(BOTH)), "tar in gzip"),
    "zip": (make_zip(BOTH), "zip"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PACKED)
def test_an_archive_is_counted_checked_explained_and_exported_like_a_log(name: str, tmp_path: Path) -> None:
    packed, layers = PACKED[name]
    write_log(tmp_path, packed, "access.log")
    write_log(tmp_path, TWO, "plain.log")
    assert run_in_process(tmp_path, "views", "access.log") == TWO_COUNTED
    assert run_in_process(tmp_path, "views", stdin=packed) == TWO_COUNTED
    assert findings_of(tmp_path, "access.log")[0] == ("compression", layers, None)
    assert ("lines", "all", 2) in findings_of(tmp_path, stdin=packed)
    assert BEN in run_in_process(tmp_path, "views", "--explain", "access.log:2").stdout
    assert export_rows(tmp_path, "access.log") == export_rows(tmp_path, "plain.log")
    events = run_in_process(tmp_path, "events", "-q", "--reveal-ids", "--format", "csv", stdin=packed)
    assert events == run_in_process(tmp_path, "events", "-q", "--reveal-ids", "--format", "csv", "plain.log")


def test_bad_lines_in_an_archive_are_numbered_through_its_files(tmp_path: Path) -> None:
    packed = make_tar({"a.log": log(ANN, "oops").encode()[:-1], "b.log": log(BEN, "no\0pe").encode()})
    expected = HEADING + b"access.log\t2\tno_format\toops\naccess.log\t4\tno_format\tno\0pe\n"
    write_log(tmp_path, packed)
    assert bad_lines_of(tmp_path, "access.log") == expected
    assert bad_lines_of(tmp_path, stdin=packed) == expected.replace(b"access.log", b"-")


def test_a_damaged_archive_ends_in_exit_code_3_after_the_lines_before_the_damage(tmp_path: Path) -> None:
    write_log(tmp_path, make_tar({"a.log": TWO, "b.log": TWO}, tarfile.USTAR_FORMAT)[:1_700])
    for finished in (
        run_in_process(tmp_path, "views", "access.log"),
        run_in_process(tmp_path, "views", stdin=(tmp_path / "access.log").read_bytes()),
    ):
        assert finished.stdout == TWO_COUNTED.stdout
        assert f": {SHORT}. The complete lines before that point count. The rest is missing.\n" in finished.stderr
        assert finished.exit == 3


def test_an_encrypted_zip_archive_is_said_to_be_one(tmp_path: Path) -> None:
    write_log(tmp_path, encrypt(make_zip({"a.log": TWO})), "logs.zip")
    finished = run_in_process(tmp_path, "views", "logs.zip")
    assert finished.stdout == NO_PAGES
    assert finished.stderr.startswith("0 events from 0 lines\nWarning: logs.zip: its file 'a.log' is encrypted: unpack it first.")  # fmt: skip
    assert finished.exit == 3


@pytest.mark.parametrize("pack", [make_tar, make_zip])
def test_the_format_is_that_of_the_first_file_that_is_a_log(
    pack: Callable[[dict[str, bytes]], bytes], tmp_path: Path
) -> None:
    packed = pack({"error.log": b"2026/09/07 [error] open() failed\n" * 6_000, "a.log": TWO})
    write_log(tmp_path, packed)
    for finished in (run_in_process(tmp_path, "views", "access.log"), run_in_process(tmp_path, "views", stdin=packed)):
        assert (finished.stdout, finished.exit) == (TWO_COUNTED.stdout, 0)
    assert "counted" in run_in_process(tmp_path, "views", "--explain", "access.log:6001").stdout


def test_an_archive_without_a_log_shows_the_first_line_in_it(tmp_path: Path) -> None:
    write_log(tmp_path, make_tar({"notes.txt": b"buy milk\n", "more.txt": b"and bread\n"}))
    assert "No line of access.log matches any log format that pixelstat knows. Its first line:\n    buy milk\n" in (
        run_in_process(tmp_path, "views", "access.log").stderr
    )


def test_files_in_an_archive_that_are_not_text_are_named(tmp_path: Path) -> None:
    image = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9
    packed = make_tar({"logo.png": image, "a.log": TWO, ".state": image, **{f"{n}.png": image for n in range(9)}})
    write_log(tmp_path, packed)
    for command in ("views", "check"):
        assert "Skipped files in access.log that are not text: logo.png, 0.png, 1.png, 2.png, 3.png ...\n" in (
            run_in_process(tmp_path, command, "access.log").stderr
        )
    assert "Skipped" not in run_in_process(tmp_path, "views", "access.log", "-q").stderr
    assert "Skipped files in - that are not text: logo.png" in run_in_process(tmp_path, "events", stdin=packed).stderr
