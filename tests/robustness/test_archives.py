"""Damaged archives give their whole lines, and small archives with huge contents take no more memory than others."""

import bz2
import gzip
import lzma
import random
import re
import subprocess
import sys
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.builders import hit, log, view
from tests.run import COMMAND, ENVIRONMENT, Finished, run_in_process
from tests.small_logs import ANN, BEN, MANY, NO_PAGES, TWO, TWO_PAGES, count_views, write_log

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


MEASURED = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE)
sys.stdout.buffer.write(done.stdout)
print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
"""


def measured(folder: Path, *arguments: str) -> tuple[str, int, int]:
    """What the program writes to stdout, its exit code, and the most memory it had, in MB.

    A small process stands between: a child's memory begins with that of the process that it was forked from.
    """
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *COMMAND, *arguments],
        cwd=folder, capture_output=True, text=True, env=ENVIRONMENT, timeout=120, check=True,
    )  # fmt: skip
    report, _, last = done.stdout.rstrip("\n").rpartition("\n")
    exit_code, megabytes = map(int, last.split())
    return f"{report}\n", exit_code, megabytes


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
@pytest.mark.parametrize("options", [[], ["--rejects", "bad.tsv"]], ids=["parsed if a pixel's", "parsed and kept"])
def test_a_small_archive_with_one_line_of_400_mb_in_it_takes_no_more_memory_than_others(
    options: list[str], tmp_path: Path
) -> None:
    large = gzip.compress(b"A" * (4 << 20)) * 100
    write_log(tmp_path, gzip.compress(log(ANN).encode()) + large + gzip.compress(b"\n" + log(BEN).encode()), "bomb.gz")
    assert (tmp_path / "bomb.gz").stat().st_size < 500_000
    report, exit_code, megabytes = measured(tmp_path, "views", "bomb.gz", "-q", *options)
    assert (report, exit_code) == (TWO_PAGES, 0)
    assert megabytes < 400  # the line alone would fill them; a log of one line takes about 110


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
def test_an_archive_with_a_dictionary_of_4_gb_takes_no_such_memory(tmp_path: Path) -> None:
    packer = lzma.LZMACompressor(lzma.FORMAT_XZ, lzma.CHECK_NONE, preset=0)
    packed = b"".join(packer.compress(b"A" * (4 << 20)) for _ in range(50)) + packer.flush()
    header = bytearray(packed[12:24])  # of the block: its size, flags, filter, size of properties, dictionary, ..., CRC
    header[4] = 40  # a dictionary of 4 GB
    header[8:] = zlib.crc32(bytes(header[:8])).to_bytes(4, "little")
    write_log(tmp_path, packed[:12] + bytes(header) + packed[24:], "bomb.xz")
    _, exit_code, megabytes = measured(tmp_path, "check", "bomb.xz", "-q")
    assert exit_code in (0, 3)
    assert megabytes < 250  # there are 200 MB in it


FIRST_THOUSAND = b"".join(MANY.splitlines(keepends=True)[:1_000])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pack", "damage"),
    [
        pytest.param(
            lambda data: gzip.compress(data)[:-200], "it ends in the middle of the archive", id="gzip cut short"
        ),
        pytest.param(
            lambda data: gzip.compress(FIRST_THOUSAND) + gzip.compress(data)[:15],
            "it ends in the middle of the archive",
            id="gzip cut short in a later member",
        ),
        pytest.param(
            lambda data: gzip.compress(data) + b"and so on",
            "it is damaged (other data follows the archive)",
            id="gzip with garbage behind",
        ),
        pytest.param(
            lambda data: gzip.compress(data)[:-8] + bytes(8), "it is damaged", id="gzip with a wrong checksum"
        ),
    ],
)
def test_a_damaged_archive_gives_its_whole_lines_a_warning_and_exit_code_3(
    pack: Callable[[bytes], bytes], damage: str, tmp_path: Path
) -> None:
    (tmp_path / "whole.log").write_bytes(TWO)
    (tmp_path / "torn.gz").write_bytes(pack(MANY))
    finished = run_in_process(tmp_path, "views", "torn.gz", "whole.log", "--top", "0")
    pages = [row.split(",")[0] for row in finished.stdout.splitlines()[1:]]
    assert {"/", "/cart", "/0", "/500"} <= set(pages)
    assert all(page in ("/", "/cart") or 0 <= int(page[1:]) < 3_000 for page in pages)
    warning = finished.stderr.splitlines()[-1]
    assert warning.startswith(f"Warning: torn.gz: {damage}")
    assert warning.endswith("The complete lines before that point count. The rest is missing.")
    assert finished.exit == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    "pack",
    [
        pytest.param(gzip.compress, id="gzip"),
        pytest.param(partial(zstd.compress, options={zstd.CompressionParameter.checksum_flag: 1}), id="zstd"),
    ],
)
def test_an_archive_with_one_wrong_byte_gives_the_lines_before_it(
    pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    packed = bytearray(pack(MANY))
    packed[len(packed) * 3 // 4] ^= 0xFF
    finished = count_views(tmp_path, bytes(packed), name="access.log.gz")
    assert re.search(r"^/0,1,1$", finished.stdout, re.MULTILINE)
    assert "Warning: access.log.gz: it " in finished.stderr
    assert finished.exit == 3


def test_a_line_that_the_damage_cut_does_not_count(tmp_path: Path) -> None:
    first, second = TWO.splitlines(keepends=True)
    whole = zstd.compress(first)
    finished = count_views(tmp_path, whole + zstd.compress(second)[:-4], name="access.log.zst")
    assert finished.stdout == "page,views,visitors\n/,1,1\n"
    assert finished.exit == 3


@pytest.mark.parametrize("length", [2, 5, 14, 20])
def test_an_archive_cut_short_before_its_first_line_is_damaged_and_not_empty(length: int, tmp_path: Path) -> None:
    finished = count_views(tmp_path, gzip.compress(TWO)[:length], name="access.log.gz")
    assert finished.stdout == NO_PAGES
    assert "Warning: access.log.gz: it ends in the middle of the archive." in finished.stderr
    assert "empty" not in finished.stderr
    assert finished.exit == 3


def test_a_damaged_archive_ends_in_exit_code_3_and_says_so_with_quiet_too(tmp_path: Path) -> None:
    (tmp_path / "torn.gz").write_bytes(gzip.compress(MANY)[:-200])
    finished = run_in_process(tmp_path, "views", "torn.gz", "--top", "1", "--quiet")
    warning = (
        "Warning: torn.gz: it ends in the middle of the archive. "
        "The complete lines before that point count. The rest is missing.\n"
    )
    assert finished == Finished("page,views,visitors\n/0,1,1\n", warning, 3)


@pytest.mark.parametrize("compress", [bz2.compress, lzma.compress], ids=["bzip2", "xz"])
def test_a_torn_bzip2_or_xz_gives_the_lines_before_the_tear(compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
    finished = count_views(tmp_path, compress(TWO) + compress(TWO)[:-20], name="torn")
    assert finished.stdout.startswith("page,views,visitors\n/,")
    assert "Warning: torn: it " in finished.stderr
    assert finished.exit == 3


FOUR_LINES = log(ANN, view("ben", "/cart", "10:01"), "oops", hit("cy", "purchase", "10:02")).encode()


@pytest.mark.slow
@pytest.mark.parametrize("magic", [b"\x1f\x8b", b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd", b"BZh9", b"\xfd7zXZ\0\0"])
def test_random_bytes_that_begin_like_an_archive_are_a_damaged_one(magic: bytes, tmp_path: Path) -> None:
    content = magic + random.Random(7).randbytes(50_000)
    (tmp_path / "access.log").write_bytes(content)
    for command in ("views", "check"):
        for finished in (
            run_in_process(tmp_path, command, "access.log"),
            run_in_process(tmp_path, command, stdin=content),
        ):
            assert ": it " in finished.stderr
            assert "The complete lines before that point count. The rest is missing.\n" in finished.stderr
            assert finished.exit == 3


def test_garbage_behind_an_archive_is_damage_to_check_too(tmp_path: Path) -> None:
    (tmp_path / "access.gz").write_bytes(gzip.compress(FOUR_LINES) + b"and so on")
    finished = run_in_process(tmp_path, "check", "access.gz")
    assert "access.gz,damage,it is damaged (other data follows the archive),,\n" in finished.stdout
    assert "access.gz,lines,all,4,\n" in finished.stdout
    assert finished.exit == 3
