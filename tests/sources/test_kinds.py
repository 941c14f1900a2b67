"""A file that is not a log is named as what it is, and its bytes are never printed."""

import gzip
import random
from pathlib import Path

import pytest

from pixelstat.sources.kinds import recognize_kind
from tests.run import run_in_process
from tests.small_logs import TWO, findings_of, write_log

NOISE = random.Random(5).randbytes(5_000)


@pytest.mark.parametrize(
    ("beginning", "description", "advice"),
    [
        (b"\x04\x22\x4d\x18", "an lz4 file", "Unpack it: lz4 -dc logs.bin | pixelstat views"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "Unpack it: 7z x -so logs.bin | pixelstat views"),
        (b"\x1f\x9d\x90", "a file of compress (.Z)", "Unpack it: gzip -dc logs.bin | pixelstat views"),
        (b"SQLite format 3\0", "a SQLite database", "Name access logs, or directories with logs."),
        (b"\x89PNG\r\n\x1a\n", "an image (PNG)", "Name access logs, or directories with logs."),
        (b"\x7fELF", "an executable (ELF)", "Name access logs, or directories with logs."),
        (b"BM\1\2\3\4\0\0\0\0", "an image (BMP)", "Name access logs, or directories with logs."),
        (b"\x91\x92", "binary, and not of a kind that pixelstat reads", "Name access logs, or directories with logs."),
    ],
)
def test_a_file_that_is_not_a_log_is_named_as_what_it_is(
    beginning: bytes, description: str, advice: str, tmp_path: Path
) -> None:
    for pack in (bytes, gzip.compress):
        write_log(tmp_path, pack(beginning + NOISE), "logs.bin")
        finished = run_in_process(tmp_path, "views", "logs.bin")
        assert finished.stderr == f"Error: logs.bin is {description}.\n\n{advice}\n"
        assert (finished.stdout, finished.exit) == ("", 2)


def test_a_file_that_stores_most_of_its_text_as_it_is_is_no_text() -> None:
    kind = recognize_kind(b"\x04\x22\x4d\x18\x64\x40\xa7\x83\xf3\x0c" + TWO)
    assert kind
    assert kind.description == "an lz4 file"


@pytest.mark.parametrize(
    "text", [b"", TWO, b"MZ and other words\n" * 9, b"BMW\n", b"070701 a day\n", b"ORC\n", bytes(9_000) + TWO, b"caf\xe9\n" * 50,
             b"one \x1b[31mred\x1b[0m line, and more of it\n" * 9]
)  # fmt: skip
def test_text_is_not_a_kind_of_its_own(text: bytes) -> None:
    assert recognize_kind(text) is None


def test_check_names_what_is_not_a_log(tmp_path: Path) -> None:
    write_log(tmp_path, b"\x89PNG\r\n\x1a\n" + NOISE)
    assert findings_of(tmp_path, "access.log")[1] == ("format", "unknown: it is an image (PNG)", None)
