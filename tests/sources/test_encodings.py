"""Text that is not UTF-8, has other line ends, or byte-order marks inside, is read like any other text."""

import codecs
import gzip
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from pixelstat.sources.content import open_content
from pixelstat.sources.encodings import PIECE_BYTES, detect_encoding
from pixelstat.sources.rewindable import RewindableStream
from tests.builders import log, view
from tests.run import export_rows, run_in_process
from tests.small_logs import ANN, BEN, HEADING, TWO, TWO_COUNTED, bad_lines_of, count_views, findings_of, write_log

MARKS = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE, "utf-32-le": codecs.BOM_UTF32_LE, "utf-32-be": codecs.BOM_UTF32_BE}  # fmt: skip
BOM = b"\xef\xbb\xbf"
TEXT = TWO.decode()


def read_text(data: bytes) -> bytes:
    """Return the text that a file holds."""
    return open_content(RewindableStream(BytesIO(data))).text.readall()


@pytest.mark.parametrize("codec", MARKS)
def test_text_in_another_encoding_becomes_utf8(codec: str) -> None:
    text = "GET /café?q=€&r=😀 HTTP\r\n" * (PIECE_BYTES // 60)  # so that a piece ends within characters
    assert read_text(MARKS[codec] + text.encode(codec)) == BOM + text.encode()


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_told_from_its_nuls(codec: str) -> None:
    text = "203.0.113.7 GET /café\n" * 12 + "日本語\n" * 500
    assert read_text(text.encode(codec)) == text.encode()


@pytest.mark.parametrize(
    ("codec", "data", "text"),
    [
        ("utf-16-le", b"a\0b", "a\N{REPLACEMENT CHARACTER}"),
        ("utf-16-le", b"\x00\xd8a\0", "\N{REPLACEMENT CHARACTER}a"),
        ("utf-16-be", b"\xdc\0\0a", "\N{REPLACEMENT CHARACTER}a"),
    ],
)
def test_what_cannot_be_decoded_is_replaced(codec: str, data: bytes, text: str) -> None:
    assert read_text(MARKS[codec] + data) == BOM + text.encode()


@pytest.mark.parametrize(
    "beginning",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(TWO, id="ASCII"),
        pytest.param(bytes(500) + TWO, id="NULs in front"),
        pytest.param(bytes(500), id="only NULs"),
        pytest.param(b"a\0" * 4, id="too short to tell"),
        pytest.param(b"a\0b" * 50, id="a NUL after two letters"),
        pytest.param(b"\xff\xfe\0 junk\n" + TWO, id="a mark in front of ASCII"),
        pytest.param("日本語日本語日本語".encode("utf-16-le"), id="no NULs"),
    ],
)
def test_what_needs_no_decoding_is_not_decoded(beginning: bytes) -> None:
    assert detect_encoding(beginning) is None


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param(b"one\rtwo\r", b"one\ntwo\n", id="alone"),
        pytest.param(b"one\rtwo", b"one\ntwo", id="alone, without a last one"),
        pytest.param(b"one\r\rtwo\r", b"one\n\ntwo\n", id="with a blank line"),
        pytest.param(b"one\r\ntwo\rthree\n", b"one\r\ntwo\rthree\n", id="with line feeds"),
        pytest.param(b"one\rand two\n", b"one\rand two\n", id="inside a line"),
        pytest.param(b"o" * 70_000 + b"\r" + b"e" * 70_000 + b"\n", b"o" * 70_000 + b"\r" + b"e" * 70_000 + b"\n", id="inside a long line"),
        pytest.param("\ufeffone\rtwo\r".encode("utf-16-le"), BOM + b"one\ntwo\n", id="in UTF-16"),
        pytest.param(b"a\r" * 2_100_000 + b"\r\nb\n", b"a\n" * 2_100_000 + b"\nb\n", id="and line feeds much later"),
        pytest.param(b"\r" + b"a" * (PIECE_BYTES - 2) + b"\r\r", b"\n" + b"a" * (PIECE_BYTES - 2) + b"\n\n", id="at the end of a piece"),
    ],
)  # fmt: skip
def test_a_carriage_return_ends_a_line_only_where_there_are_no_line_feeds(data: bytes, text: bytes) -> None:
    assert read_text(data) == text


# -- reports ------------------------------------------------------------------------------------------------------------


def write_carriage_returns(text: str) -> bytes:
    return text.replace("\n", "\r").encode()


@pytest.mark.parametrize(
    "encode",
    [
        pytest.param(lambda text: ("\ufeff" + text).encode("utf-16-le"), id="UTF-16 LE"),
        pytest.param(lambda text: text.encode("utf-16-be"), id="UTF-16 BE without a mark"),
        pytest.param(lambda text: gzip.compress(("\ufeff" + text.replace("\n", "\r\n")).encode("utf-16-le")), id="UTF-16 in gzip"),
        pytest.param(write_carriage_returns, id="CR"),
    ],
)  # fmt: skip
def test_a_recoded_log_is_counted_checked_and_explained_like_any_other(
    encode: Callable[[str], bytes], tmp_path: Path
) -> None:
    data = encode(log(ANN, "oops", BEN))
    write_log(tmp_path, data)
    assert run_in_process(tmp_path, "views", "access.log").stdout == TWO_COUNTED.stdout
    assert ("lines", "all", 3) in findings_of(tmp_path, stdin=data)
    assert (
        "it does not match any known log format"
        in run_in_process(tmp_path, "views", "--explain", "access.log:2").stdout
    )
    assert bad_lines_of(tmp_path, stdin=data) == HEADING + b"-\t2\tno_format\toops\n"


@pytest.mark.slow
def test_a_recoded_stream_is_read_twice_for_events(tmp_path: Path) -> None:
    write_log(tmp_path, TWO)
    expected = run_in_process(tmp_path, "events", "-q", "--reveal-ids", "--format", "csv", "access.log")
    for data in (TEXT.encode("utf-16"), write_carriage_returns(TEXT)):
        assert run_in_process(tmp_path, "events", "-q", "--reveal-ids", "--format", "csv", stdin=data) == expected


def test_check_names_an_encoding_that_is_not_utf8(tmp_path: Path) -> None:
    write_log(tmp_path, gzip.compress(TEXT.encode("utf-16")))
    assert findings_of(tmp_path, "access.log")[:2] == [("compression", "gzip", None), ("encoding", "UTF-16-LE", None)]
    write_log(tmp_path, TWO)
    assert "encoding" not in [check for check, _, _ in findings_of(tmp_path, "access.log")]


@pytest.mark.parametrize("log_format", [None, '$server_name $remote_addr - - [$time_local] "$request" $status'])
def test_a_mark_in_front_of_any_line_is_no_part_of_it(log_format: str | None, tmp_path: Path) -> None:
    """Logs that were joined with cat have one in the middle. Lines without one are read natively, if they are plain."""
    name = "" if log_format is None else "shop.example "
    lines = [
        f"{name}{view(visitor, page, time)}"
        for visitor, page, time in [("ann", "/", "10:00"), ("ben", "/", "10:01"), ("cy", "/", "10:02")]
    ]
    plain, marked = log(*lines), log(lines[0], f"\ufeff{lines[1]}", f"\ufeff\ufeff{lines[2]}")
    options = [] if log_format is None else ["--log-format", log_format]
    write_log(tmp_path, plain, "plain.log")
    write_log(tmp_path, marked, "marked.log")
    assert export_rows(tmp_path, "marked.log", *options) == export_rows(tmp_path, "plain.log", *options)


def test_a_mark_in_front_of_a_later_header_is_no_part_of_it(tmp_path: Path) -> None:
    header = "#Fields: date time c-ip cs-method cs-uri-stem cs-uri-query sc-status\n"
    line = "2026-09-07 10:00:00 203.0.113.7 GET /pixel.gif p=/x&v=ann 200\n"
    other = "#Fields: date time cs-method cs-uri-stem cs-uri-query sc-status c-ip\n"
    moved = "2026-09-07 10:01:00 GET /pixel.gif p=/y&v=ben 200 203.0.113.8\n"
    finished = count_views(tmp_path, header + line + "\ufeff" + other + moved)
    assert finished.stdout == "page,views,visitors\n/x,1,1\n/y,1,1\n"
