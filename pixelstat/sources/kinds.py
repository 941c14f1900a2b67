"""Recognize the kind of a file that is not a log of requests by its first bytes."""

import re
from typing import NamedTuple

from pixelstat.sources.encodings import detect_encoding


class FileKind(NamedTuple):
    """A description of a file for the end of a sentence, and advice for the user."""

    description: str
    advice: str = "Name access logs, or directories with logs."


def _unpack_with(description: str, command: str) -> FileKind:
    return FileKind(description, f"Unpack it: {command} | pixelstat views")


_BY_MAGIC = {
    b"\x04\x22\x4d\x18": _unpack_with("an lz4 file", "lz4 -dc FILE"),
    b"\x02\x21\x4c\x18": _unpack_with("an lz4 file", "lz4 -dc FILE"),
    b"7z\xbc\xaf\x27\x1c": _unpack_with("a 7z archive", "7z x -so FILE"),
    b"Rar!\x1a\x07": _unpack_with("a RAR archive", "unrar p -inul FILE"),
    b"\x1f\x9d": _unpack_with("a file of compress (.Z)", "gzip -dc FILE"),
    b"\x5d\0\0": _unpack_with("an lzma file", "xz --format=lzma -dc FILE"),
    b"LZIP": _unpack_with("an lzip file", "lzip -dc FILE"),
    b"\x89LZO\0\r\n\x1a\n": _unpack_with("an lzop file", "lzop -dc FILE"),
    b"\xff\x06\0\0sNaPpY": _unpack_with("a snappy file", "snzip -dc FILE"),
    b"070701": FileKind("a cpio archive", "Unpack it: cpio -i < FILE"),
    b"!<arch>\n": FileKind("an ar archive", "Unpack it: ar x FILE"),
    b"MSCF": FileKind("a cabinet archive", "Unpack it: cabextract FILE"),
    b"xar!": FileKind("a xar archive", "Unpack it: xar -xf FILE"),
    b"LPKSHHRH": FileKind("a systemd journal", "Export it: journalctl --file FILE -o cat | pixelstat views"),
    b"ElfFile\0": FileKind("a Windows event log"),
    b"SQLite format 3\0": FileKind("a SQLite database"),
    b"PAR1": FileKind("a Parquet file"),
    b"ORC": FileKind("an ORC file"),
    b"Obj\x01": FileKind("an Avro file"),
    b"ARROW1\0\0": FileKind("an Arrow file"),
    b"%PDF-1.": FileKind("a PDF document"),
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": FileKind("an Office document"),
    b"\x89PNG\r\n\x1a\n": FileKind("an image (PNG)"),
    b"\xff\xd8\xff": FileKind("an image (JPEG)"),
    b"GIF87a": FileKind("an image (GIF)"),
    b"GIF89a": FileKind("an image (GIF)"),
    b"II*\0": FileKind("an image (TIFF)"),
    b"MM\0*": FileKind("an image (TIFF)"),
    b"\0\0\x01\0": FileKind("an icon"),
    b"\x7fELF": FileKind("an executable (ELF)"),
    b"MZ": FileKind("an executable (Windows)"),
    b"\xcf\xfa\xed\xfe": FileKind("an executable (macOS)"),
    b"\xca\xfe\xba\xbe": FileKind("an executable (macOS or Java)"),
    b"\0asm": FileKind("an executable (WebAssembly)"),
    b"\xd4\xc3\xb2\xa1": FileKind("a network capture (pcap)"),
    b"\xa1\xb2\xc3\xd4": FileKind("a network capture (pcap)"),
    b"\x0a\x0d\x0d\x0a": FileKind("a network capture (pcapng)"),
    b"\0\x05\x16\x07": FileKind("metadata of macOS (AppleDouble)"),
}
_BY_PATTERN = {
    re.compile(rb"RIFF.{4}WEBP", re.DOTALL): FileKind("an image (WebP)"),
    re.compile(rb".{4}ftypavi[fs]", re.DOTALL): FileKind("an image (AVIF)"),
    re.compile(rb".{4}ftyp", re.DOTALL): FileKind("a video (MP4)"),
    re.compile(rb"BM.{4}\0{4}", re.DOTALL): FileKind("an image (BMP)"),
    re.compile(rb"RIFF.{4}(WAVE|AVI )", re.DOTALL): FileKind("a sound or video file"),
}
_BINARY = FileKind("binary, and not of a kind that pixelstat reads")
_TEXT = re.compile(rb"[\t\n\r -~]*")
# A line of an error log: `2026/09/07 10:00:00 [error] 29#29: *1 open() ... request: "GET /a"`, `[core:error] [pid 7]`
_ERROR_LINE = re.compile(r" \[[a-z]+\] \d+#\d+: |\[(?:[a-z_0-9]+:)?(?:emerg|alert|crit|error|warn)\] ")
ERROR_LOG = FileKind("an error log", "Name the access log of the same server.")
MAX_SEVERITY = 200  # characters of a line in which its severity is
SAMPLE_BYTES = 4 << 10
_CONTROLS = re.compile(rb"[\0-\x06\x0e-\x1a\x1c-\x1f\x7f]")  # without those that occur in text, such as tab and escape


def recognize_kind(beginning: bytes) -> FileKind | None:
    """Return the kind of a file with this beginning, or None for text.

    Text can begin with the magic of a kind if the magic is printable. So a printable magic counts only if the file is
    binary.
    """
    is_binary = looks_binary(beginning)
    for magic, kind in _BY_MAGIC.items():
        if beginning.startswith(magic) and (is_binary or not _TEXT.fullmatch(magic)):
            return kind
    if not is_binary:
        return None
    return next((kind for pattern, kind in _BY_PATTERN.items() if pattern.match(beginning)), _BINARY)


def is_error_line(line: str) -> bool:
    """Return whether a line is one of the error log of nginx or Apache, which repeats requests of the access log."""
    return _ERROR_LINE.search(line, 0, MAX_SEVERITY) is not None


def looks_binary(beginning: bytes) -> bool:
    """Return whether at least one byte in 20 is a control character, so that a log with a few such bytes stays text.

    NULs at the start, which log rotation leaves, do not count. UTF-16 and UTF-32 are text.
    """
    sample = beginning.lstrip(b"\0")[:SAMPLE_BYTES]
    return len(_CONTROLS.findall(sample)) * 20 >= max(len(sample), 1) and detect_encoding(sample) is None


def looks_like_lines(beginning: bytes) -> bool:
    """Return whether bytes contain a line end and no control characters, as lines of text do."""
    return b"\n" in beginning and not _CONTROLS.search(beginning)
