"""Archives are recognised by their bytes, and read member after member."""

import bz2
import gzip
import lzma
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.builders import hit, log, view
from tests.marks import slow_after
from tests.run import Finished, run_in_process
from tests.small_logs import ANN, TWO, TWO_COUNTED, count_views

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


@pytest.mark.slow
@pytest.mark.parametrize(
    "packed",
    [
        pytest.param(gzip.compress(TWO), id="gzip"),
        pytest.param(gzip.compress(TWO[:100]) + gzip.compress(TWO[100:]), id="gzip in two members"),
        pytest.param(gzip.compress(TWO) + b"\0" * 9_000, id="gzip padded with zeros"),
        pytest.param(
            gzip.compress(TWO[:100]) + b"\0" * 512 + gzip.compress(TWO[100:]), id="gzip padded between members"
        ),
        pytest.param(gzip.compress(b"") + gzip.compress(TWO), id="gzip with an empty member"),
        pytest.param(zstd.compress(TWO), id="zstd"),
        pytest.param(zstd.compress(TWO[:100]) + zstd.compress(TWO[100:]), id="zstd in two frames"),
        pytest.param(TWO, id="plain"),
    ],
)
def test_an_archive_is_recognised_by_its_bytes(packed: bytes, tmp_path: Path) -> None:
    assert count_views(tmp_path, packed, name="access.log") == TWO_COUNTED
    assert count_views(tmp_path, packed, name="access.log.gz") == TWO_COUNTED
    assert run_in_process(tmp_path, "views", stdin=packed) == TWO_COUNTED


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress, bz2.compress, lzma.compress])
def test_lines_that_follow_an_archive_are_read(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    first, second = TWO.splitlines(keepends=True)
    assert count_views(tmp_path, pack(first) + second, name="access.log.gz") == TWO_COUNTED


def test_lines_that_follow_an_archive_are_read_from_a_stream_and_beyond_a_chunk(tmp_path: Path) -> None:
    first, second = TWO.splitlines(keepends=True)
    comments = b"# a comment\n" * 400_000
    finished = run_in_process(tmp_path, "views", stdin=gzip.compress(first) + comments + second)
    assert (finished.stdout, finished.exit) == (TWO_COUNTED.stdout, 0)


@pytest.mark.parametrize("compress", [bz2.compress, lzma.compress], ids=["bzip2", "xz"])
def test_bzip2_and_xz_are_read_member_after_member(compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
    first, second = TWO.splitlines(keepends=True)
    assert count_views(tmp_path, compress(first) + compress(second), name="named.log") == TWO_COUNTED


FOUR_LINES = log(ANN, view("ben", "/cart", "10:01"), "oops", hit("cy", "purchase", "10:02")).encode()


@pytest.mark.slow
@pytest.mark.parametrize(
    "pack",
    slow_after(
        3,
        [
            pytest.param(bytes, id="plain"),
            pytest.param(gzip.compress, id="gzip"),
            pytest.param(lambda data: gzip.compress(data) + b"\0" * 700, id="gzip with padding"),
            pytest.param(lambda data: gzip.compress(data[:90]) + gzip.compress(data[90:]), id="gzip in members"),
            pytest.param(
                lambda data: b"".join(gzip.compress(data[n : n + 1]) for n in range(len(data))), id="gzip by bytes"
            ),
            pytest.param(lambda data: gzip.compress(data, 0), id="gzip that stores"),
            pytest.param(zstd.compress, id="zstd"),
            pytest.param(bz2.compress, id="bzip2"),
            pytest.param(lzma.compress, id="xz"),
        ],
    ),
)
def test_a_log_gives_the_same_report_plain_packed_misnamed_and_piped(
    pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    packed = pack(FOUR_LINES)
    expected = Finished(
        "page,views,visitors\n/,1,1\n/cart,1,1\n",
        "3 events from 4 lines\nfrom 2026-09-07 10:00:00 to 2026-09-07 10:02:00 UTC\n",
        0,
    )
    for name in ("access.log", "access.log.gz", "access.log.zst", "access.zip"):
        (tmp_path / name).write_bytes(packed)
        assert run_in_process(tmp_path, "views", name) == expected
    assert run_in_process(tmp_path, "views", stdin=packed) == expected
    named = run_in_process(tmp_path, "check", "access.log").stdout
    assert run_in_process(tmp_path, "check", stdin=packed).stdout.replace("Standard input", "access.log") == named
