"""Damaged, hostile and missing input, and ends that break off: every line that can count counts, the rest is said in a sentence."""

import bz2
import contextlib
import gzip
import lzma
import os
import pty
import re
import signal
import stat
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from functools import partial
from io import BytesIO
from pathlib import Path
from time import monotonic, sleep

import polars as pl
import pytest

from tests.program import COMMAND, ENVIRONMENT, Ended, pixelstat, started
from tests.story import GOOGLEBOT, hit, log, request, view

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TWO = log(view("ann", "/", "10:00"), view("ben", "/cart", "10:01")).encode()
TWO_COUNTED = Ended(
    "page,views,visitors\n/,1,1\n/cart,1,1\n",
    "2 lines, 2 pixel requests\nfrom 2026-09-07 10:00:00 to 2026-09-07 10:01:00, times in UTC\n",
    0,
)
NOTHING = "page,views,visitors\n"


def views(folder: Path, content: bytes, name: str = "access.log") -> Ended:
    """The page views of a log with this content, also of lines that are the same."""
    (folder / name).write_bytes(content)
    return pixelstat(folder, "views", "--keep-duplicates", name)


# -- bytes that are no text, and lines that are none ---------------------------------------------------------------


def test_one_undecodable_byte_costs_nothing_but_itself(tmp_path: Path) -> None:
    ended = views(tmp_path, TWO.replace(b"Firefox", b"Fire\xfffox") + TWO.replace(b"p=/cart", b"p=/caf\xe9"))
    assert ended.stdout == "page,views,visitors\n/,2,1\n/caf\N{REPLACEMENT CHARACTER},1,1\n/cart,1,1\n"
    assert ended.stderr.startswith("4 lines, 4 pixel requests\n")
    assert ended.exit == 0


@pytest.mark.parametrize(
    ("before", "lines"),
    [
        pytest.param(b"\0" * 5_000, "2 lines", id="leading NULs"),
        pytest.param(b"\0" * 5_000_000, "2 lines", id="a hole larger than a block"),
        pytest.param(b"\0" * ((4 << 20) - 100), "2 lines", id="a hole that ends a line's middle before a block does"),
        pytest.param(b"junk \0 and \0\0 junk\n\0\n\n", "5 lines", id="NULs in lines of their own"),
        pytest.param(b"\xef\xbb\xbf", "2 lines", id="a byte-order mark"),
        pytest.param(b"x^ junk\n", "3 lines", id="what Polars takes for an archive"),
        pytest.param(b"x\x01 junk\n", "3 lines", id="what Polars takes for another archive"),
        pytest.param(b"\r\n\n\n", "5 lines", id="empty lines"),
        pytest.param(b"\xff\xfe\x00\x9b\x85\r\n", "3 lines", id="bytes of another encoding"),
        pytest.param(b"A" * 1_000_000 + b"\n", "3 lines", id="a line of 1 MB"),
        pytest.param(b"A" * 9_000_000 + b"\n", "3 lines", id="a line of 9 MB"),
        pytest.param(b'"' * 70_000 + b"\n" + b"\\" * 70_000 + b"\n", "4 lines", id="quotes and backslashes"),
        pytest.param("\u2028\u0085\v\f\u200b junk\n".encode(), "3 lines", id="what is a line end to others"),
    ],
)
def test_junk_in_front_leaves_the_lines_behind_it_whole(before: bytes, lines: str, tmp_path: Path) -> None:
    ended = views(tmp_path, before + TWO)
    assert ended.stdout == TWO_COUNTED.stdout
    assert ended.stderr.partition(",")[0] == lines
    assert ended.exit == 0


def test_nuls_between_two_lines_belong_to_neither(tmp_path: Path) -> None:
    first, second = TWO.splitlines(keepends=True)
    assert views(tmp_path, first + b"\0" * 70_000 + second) == TWO_COUNTED


def test_windows_line_ends_are_line_ends(tmp_path: Path) -> None:
    assert views(tmp_path, TWO.replace(b"\n", b"\r\n")) == TWO_COUNTED


def test_windows_line_ends_do_not_hide_a_bot_at_the_end_of_the_line(tmp_path: Path) -> None:
    content = log(
        view("ann", "/", "10:00"),
        view("bot", "/", "10:01", agent=GOOGLEBOT),
        view("bot", "/", "10:02", agent=GOOGLEBOT),
    )
    ended = views(tmp_path, content.replace("\n", "\r\n").encode())
    assert ended.stdout == "page,views,visitors\n/,1,1\n"
    assert ended.stderr.startswith("3 lines, 3 pixel requests; set aside: 2 bots\n")


def test_a_last_line_without_a_newline_counts(tmp_path: Path) -> None:
    assert views(tmp_path, TWO[:-1]) == TWO_COUNTED


@pytest.mark.parametrize("length", [4_095, 4_096, 65_535, 65_536, 1_000_000])
def test_a_hit_with_a_long_agent_counts(length: int, tmp_path: Path) -> None:
    ended = views(tmp_path, log(view("ann", "/", "10:00", agent="A" * length)).encode() + TWO)
    assert ended.stdout == "page,views,visitors\n/,2,1\n/cart,1,1\n"
    assert ended.exit == 0


def test_a_hit_with_two_hundred_thousand_parameters_counts(tmp_path: Path) -> None:
    long = request("/pixel.gif?" + "x=%31&" * 200_000 + "v=ann&p=/late", "10:00")
    assert views(tmp_path, TWO + log(long).encode()).stdout == "page,views,visitors\n/,1,1\n/cart,1,1\n/late,1,1\n"


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(view("cy", "/", "10:00").replace("07/Sep", "31/Feb"), id="31 February"),
        pytest.param(view("cy", "/", "10:00").replace("Sep", "Okt"), id="a month of another language"),
        pytest.param(view("cy", "/", "10:00").replace(" +0000", ""), id="no offset"),
        pytest.param(view("cy", "/", "10:00").replace("+0000", "+9999"), id="an offset beyond a day"),
        pytest.param(view("cy", "/", "10:00").replace("2026", "0000"), id="the year 0"),
        pytest.param(view("cy", "/", "10:00").replace("2026", "9999"), id="the year 9999"),
        pytest.param(view("cy", "/", "10:00").replace("2026:10", "2026:25"), id="25 o'clock"),
        pytest.param(view("cy", "/", "10:00").replace(" 200 ", " two "), id="a status in words"),
        pytest.param(
            view("cy", "/", "10:00").replace(" 200 ", " 99999999999999999999 "), id="a status beyond all numbers"
        ),
        pytest.param(view("cy", "/", "10:00").partition(" 200 ")[0], id="cut behind the request"),
        pytest.param(view("cy", "/", "10:00").partition(" HTTP")[0], id="cut within the request"),
    ],
)
def test_a_hit_that_cannot_be_read_is_set_aside_and_said(line: str, tmp_path: Path) -> None:
    ended = views(tmp_path, TWO + log(line).encode() + TWO.replace(b"ann", b"dee").replace(b"ben", b"eve"))
    assert ended.stdout == "page,views,visitors\n/,2,2\n/cart,2,2\n"
    assert ended.stderr.startswith("5 lines, 5 pixel requests; set aside: 1 unreadable\n")
    assert ended.exit == 0


@pytest.mark.parametrize("value", ["1e400", "9" * 5_000, "ten", "%00", "-0", "12,50"])
def test_a_value_that_is_no_number_does_not_stop_a_sum(value: str, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(
        log(hit("ann", "purchase", "10:00", value=value), hit("ben", "purchase", "10:01", value="50"))
    )
    ended = pixelstat(tmp_path, "funnel", "access.log", "--step", "value between 40 and 60", "-q")
    assert ended.stdout.splitlines()[1].startswith("1,value between 40 and 60,1,1.0,,")
    assert ended.exit == 0


# -- archives ------------------------------------------------------------------------------------------------------

MANY = log(*(view("ann", f"/{number}", f"10:{number // 60:02d}:{number % 60:02d}") for number in range(3_000))).encode()
FIRST_THOUSAND = b"".join(MANY.splitlines(keepends=True)[:1_000])


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
def test_an_archive_is_told_by_its_bytes(packed: bytes, tmp_path: Path) -> None:
    assert views(tmp_path, packed, "access.log") == TWO_COUNTED
    assert views(tmp_path, packed, "access.log.gz") == TWO_COUNTED
    assert pixelstat(tmp_path, "views", stdin=packed) == TWO_COUNTED


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
            "it is damaged (something else follows the archive)",
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
    ended = pixelstat(tmp_path, "views", "torn.gz", "whole.log", "--top", "0")
    pages = [row.split(",")[0] for row in ended.stdout.splitlines()[1:]]
    assert {"/", "/cart", "/0", "/500"} <= set(pages)
    assert all(page in ("/", "/cart") or 0 <= int(page[1:]) < 3_000 for page in pages)
    warning = ended.stderr.splitlines()[-1]
    assert warning.startswith(f"Warning: torn.gz: {damage}")
    assert warning.endswith("The whole lines before that are counted, the rest is missing.")
    assert ended.exit == 3


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
    ended = views(tmp_path, bytes(packed), "access.log.gz")
    assert re.search(r"^/0,1,1$", ended.stdout, re.MULTILINE)
    assert "Warning: access.log.gz: it " in ended.stderr
    assert ended.exit == 3


def test_the_line_that_the_damage_cut_is_no_line(tmp_path: Path) -> None:
    first, second = TWO.splitlines(keepends=True)
    whole = zstd.compress(first)
    ended = views(tmp_path, whole + zstd.compress(second)[:-4], "access.log.zst")
    assert ended.stdout == "page,views,visitors\n/,1,1\n"
    assert ended.exit == 3


@pytest.mark.parametrize("length", [2, 5, 14, 20])
def test_an_archive_cut_short_before_its_first_line_is_damaged_and_not_empty(length: int, tmp_path: Path) -> None:
    ended = views(tmp_path, gzip.compress(TWO)[:length], "access.log.gz")
    assert ended.stdout == NOTHING
    assert "Warning: access.log.gz: it ends in the middle of the archive." in ended.stderr
    assert "empty" not in ended.stderr
    assert ended.exit == 3


def test_a_damaged_archive_ends_in_exit_code_3_even_when_nobody_is_told(tmp_path: Path) -> None:
    (tmp_path / "torn.gz").write_bytes(gzip.compress(MANY)[:-200])
    ended = pixelstat(tmp_path, "views", "torn.gz", "--top", "1", "--quiet")
    assert ended == Ended("page,views,visitors\n/0,1,1\n", "", 3)


def test_an_archive_of_another_kind_is_called_by_its_name(tmp_path: Path) -> None:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("access.log", TWO)
    ended = views(tmp_path, packed.getvalue(), "logs.zip")
    assert ended.stdout == ""
    assert "zip archive" in ended.stderr
    assert ended.exit == 2


@pytest.mark.parametrize("compress", [bz2.compress, lzma.compress], ids=["bzip2", "xz"])
def test_bzip2_and_xz_are_read_member_after_member(compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
    first, second = TWO.splitlines(keepends=True)
    assert views(tmp_path, compress(first) + compress(second), "named.log") == TWO_COUNTED


@pytest.mark.parametrize("compress", [bz2.compress, lzma.compress], ids=["bzip2", "xz"])
def test_a_torn_bzip2_or_xz_gives_the_lines_before_the_tear(compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
    ended = views(tmp_path, compress(TWO) + compress(TWO)[:-20], "torn")
    assert ended.stdout.startswith("page,views,visitors\n/,")
    assert "Warning: torn: it " in ended.stderr
    assert ended.exit == 3


# -- files that are not there, not logs, or named like a pattern -----------------------------------------------------


def test_an_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    assert views(tmp_path, b"") == Ended(NOTHING, "access.log is empty.\n0 lines, 0 pixel requests\n", 0)


def test_an_empty_archive_is_said_to_be_empty(tmp_path: Path) -> None:
    ended = views(tmp_path, gzip.compress(b""), "access.log.gz")
    assert ended == Ended(NOTHING, "access.log.gz is empty.\n0 lines, 0 pixel requests\n", 0)


def test_empty_standard_input_is_called_so(tmp_path: Path) -> None:
    assert pixelstat(tmp_path, "views") == Ended(NOTHING, "Standard input is empty.\n0 lines, 0 pixel requests\n", 0)


def test_a_missing_file_stops_the_run_before_anything_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.log")  # whoever opens it waits for a writer
    ended = pixelstat(tmp_path, "views", "missing.log", "fifo.log")
    assert ended.stdout == ""
    assert (
        ended.stderr
        == "Error: There is no file 'missing.log'.\n\nName access logs, directories of them, or - for standard input.\n"
    )
    assert ended.exit == 2


def test_a_missing_file_named_last_stops_the_run_just_as_early(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_bytes(b"no log at all\n")
    ended = pixelstat(tmp_path, "views", "people.csv", "missing.log")
    assert ended.stderr.startswith("Error: There is no file 'missing.log'.\n")
    assert ended.exit == 2


def test_a_name_too_long_for_a_file_is_no_file(tmp_path: Path) -> None:
    name = view("ann", "/", "10:00").replace("/", "-") * 2  # a line pasted where a file belongs
    ended = pixelstat(tmp_path, "views", name)
    assert ended.stderr.startswith("Error: There is no file ")
    assert ended.exit == 2


def test_an_empty_name_is_no_file_and_not_this_directory(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(TWO)
    ended = pixelstat(tmp_path, "views", "")
    assert ended.stdout == ""
    assert ended.stderr.startswith("Error: There is no file ''.\n")
    assert ended.exit == 2


def test_a_file_that_fits_no_format_is_shown_with_what_to_type(tmp_path: Path) -> None:
    assert views(tmp_path, b"name;town\nann;\x1b[2JBerlin\n", "people.csv") == Ended(
        "",
        "Error: No line of people.csv fits any log format that pixelstat knows. Its first line:\n"
        "    name;town\n"
        "\n"
        "Name its format, as the server's configuration spells it (log_format of nginx, LogFormat of Apache):\n"
        "    --log-format '$remote_addr - $remote_user [$time_local] \"$request\" $status'\n",
        2,
    )


def test_a_log_that_does_not_fit_the_format_given_is_shown(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(TWO)
    ended = pixelstat(tmp_path, "views", "access.log", "--log-format", "$msec;$request_uri")
    assert ended.stderr.startswith(
        "Error: No line of access.log fits the log format given. Its first line:\n    198.51.100."
    )
    assert ended.exit == 2


def test_a_log_is_recognized_behind_a_page_of_junk(tmp_path: Path) -> None:
    ended = views(tmp_path, b"junk\n" * 1_000 + TWO)
    assert ended.stdout == TWO_COUNTED.stdout
    assert ended.stderr.startswith("1,002 lines, 2 pixel requests\n")


def test_a_file_named_like_a_pattern_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "x1.log").write_bytes(TWO + TWO)
    assert views(tmp_path, TWO, "x[1].log") == TWO_COUNTED


def test_a_quoted_glob_names_all_that_it_matches(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(TWO.splitlines(keepends=True)[0])
    (tmp_path / "access.log.1.gz").write_bytes(gzip.compress(TWO.splitlines(keepends=True)[1]))
    (tmp_path / "error.log").write_bytes(b"oh no\n")
    assert pixelstat(tmp_path, "views", "access.log*") == TWO_COUNTED


def test_a_glob_that_matches_nothing_is_no_file(tmp_path: Path) -> None:
    ended = pixelstat(tmp_path, "views", "access.log*")
    assert ended.stderr.startswith("Error: There is no file 'access.log*'.\n")
    assert ended.exit == 2


def test_a_directory_gives_its_logs_and_says_what_else_lay_there(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "access.log").write_bytes(TWO.splitlines(keepends=True)[1])
    (logs / "access.log.1").write_bytes(TWO.splitlines(keepends=True)[0])
    (logs / "error.log").write_bytes(b"2026/09/07 10:00:00 [error] 7#7: open() failed\n")
    (logs / ".hidden").write_bytes(TWO)
    (logs / "older").mkdir()
    ended = pixelstat(tmp_path, "views", "logs")
    assert ended == Ended(TWO_COUNTED.stdout, "Passed over, no log: logs/error.log.\n" + TWO_COUNTED.stderr, 0)


def test_a_directory_without_files_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    ended = pixelstat(tmp_path, "views", "logs")
    assert ended.stderr == "Error: The directory 'logs' holds no files.\n\nName access logs or a directory of them.\n"
    assert ended.exit == 2


def test_a_directory_without_logs_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"buy milk\n")
    ended = pixelstat(tmp_path, "views", ".")
    assert (
        ended.stderr
        == "Error: No file in the directory is a log: notes.txt.\n\nName the logs, or their format with --log-format.\n"
    )
    assert ended.exit == 2


def test_a_file_whose_name_is_no_text_is_read(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.log")).write_bytes(TWO)
    assert pixelstat(tmp_path, "views", b"caf\xe9.log") == TWO_COUNTED
    assert pixelstat(tmp_path, "views", b"caf\xe9.log", b"caf\xe9.log").stderr.startswith(
        "Warning: caf\\udce9.log and caf\\udce9.log begin alike."
    )


def test_a_named_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo.log"
    os.mkfifo(fifo)
    writer = threading.Thread(target=fifo.write_bytes, args=(gzip.compress(TWO),), daemon=True)
    writer.start()
    assert pixelstat(tmp_path, "views", "fifo.log") == TWO_COUNTED


def test_a_device_is_no_log(tmp_path: Path) -> None:
    ended = pixelstat(tmp_path, "views", "/dev/zero")
    assert ended.stderr.startswith("Error: '/dev/zero' is not a regular file.\n")
    assert ended.exit == 2


def test_a_log_with_a_name_of_one_letter_given_twice_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(TWO)
    assert pixelstat(tmp_path, "views", "a", "a").stderr.startswith("Warning: a and a begin alike.")


def test_standard_input_named_twice_is_read_once(tmp_path: Path) -> None:
    ended = pixelstat(tmp_path, "views", "-", "-", stdin=TWO)
    assert ended.stdout == TWO_COUNTED.stdout


# -- standard input larger than what is read ahead -------------------------------------------------------------------

PLAIN = request("/style.css", "10:00").encode() + b"\n"


def test_large_standard_input_counts_every_line_once(tmp_path: Path) -> None:
    ended = pixelstat(tmp_path, "views", stdin=PLAIN * 60_000 + TWO)
    assert ended.stdout == TWO_COUNTED.stdout
    assert ended.stderr.startswith("60,002 lines, 2 pixel requests\n")


def test_large_standard_input_without_pixel_requests_ends_well(tmp_path: Path) -> None:
    ended = pixelstat(tmp_path, "views", stdin=PLAIN * 60_000)
    assert ended.stdout == NOTHING
    assert ended.stderr.startswith("60,000 lines, 0 pixel requests\nNo pixel requests were found.")
    assert ended.exit == 0


def test_standard_input_that_begins_with_a_line_larger_than_what_is_read_ahead_is_read(tmp_path: Path) -> None:
    ended = pixelstat(tmp_path, "views", stdin=b"A" * 9_000_000 + b"\n" + TWO)
    assert ended.stdout == TWO_COUNTED.stdout
    assert ended.exit == 0


# -- command lines that are wrong ------------------------------------------------------------------------------------


def test_without_a_command_the_help_is_shown_and_not_called_an_error(tmp_path: Path) -> None:
    ended = pixelstat(tmp_path)
    assert "Error" not in ended.stdout + ended.stderr
    assert (ended.stdout + ended.stderr).startswith("Usage: pixelstat [OPTIONS] COMMAND [ARGS]...")


def test_a_misspelled_command_is_told_what_was_meant(tmp_path: Path) -> None:
    ended = pixelstat(tmp_path, "veiws")
    assert ended.stderr.startswith("Error: There is no command 'veiws'. Did you mean views?\n")
    assert ended.exit == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("funnel", "--step", "evnt = 'purchase'"),
        ("funnel", "--step", "big: value >"),
        ("funnel", "--steps", "page_view,value > 'much'"),
        ("funnel", "--step", ""),
        ("funnel", "--steps", ","),
        ("views", "--where", "page = '\udcff'"),
        ("views", "--where", "regexp_like(page, '(')"),
        ("views", "--where", "cast(page as integer) = 1"),
        ("views", "--where", "max(value) > 1"),
        ("views", "--where", "value"),
        ("views", "--where", ""),
        ("views", "--host", ""),
    ],
    ids=" ".join,
)
def test_a_condition_that_cannot_hold_is_a_sentence_with_a_hint(arguments: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(TWO)
    ended = pixelstat(tmp_path, *arguments, "access.log")
    sentence, _, hint = ended.stderr.partition("\n\n")
    assert sentence.startswith("Error: ")
    assert hint
    assert "bug" not in hint
    assert ended.stdout == ""
    assert ended.exit == 2


@pytest.mark.parametrize("pixel", ["", "?x=1"])
def test_a_pixel_without_a_name_would_be_every_page_and_is_refused(pixel: str, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(request("/", "10:00"), request("/cart/", "10:01")))
    ended = pixelstat(tmp_path, "views", "access.log", "--pixel", pixel)
    assert ended.stdout == ""
    assert ended.exit == 2


def test_a_series_says_that_it_has_no_top(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(TWO)
    ended = pixelstat(tmp_path, "views", "access.log", "--every", "day", "--top", "3")
    assert "--top" in ended.stderr


def test_a_line_to_explain_that_is_no_text_is_unreadable(tmp_path: Path) -> None:
    ended = pixelstat(tmp_path, "views", "--explain", b"\xff\xfe")
    assert "verdict  set aside: unreadable\n" in ended.stdout
    assert ended.exit == 0


# -- what a log may do to a terminal ---------------------------------------------------------------------------------

EVIL = (
    log(
        view("ann", "/\x1b[2J\x1b]0;owned\x07", "10:00"),
        view("ben", "/[red]bold[/nope][link=https://evil.example]", "10:01"),
        view("cy", "/\x9b31m\u202egnp.exe", "10:02"),
        view("dee", "/:smile:", "10:03"),
    ).encode()
    + log(request("/pixel.gif?v=eve", "10:04", referrer="https://shop.example/raw\x1b[31m")).encode()
)
OBEYED = ["\x1b", "\x07", "\x9b", "\u202e"]


def read_to_the_end(terminal: int) -> bytes:
    content = b""
    with contextlib.suppress(OSError):  # how Linux says that the other end is closed
        while piece := os.read(terminal, 100_000):
            content += piece
    os.close(terminal)
    return content


def test_escapes_and_markup_out_of_a_log_are_harmless_in_a_table(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(EVIL)
    ended = pixelstat(tmp_path, "views", "access.log", "--format", "table")
    for shown in (
        r"/\x1b[2J\x1b]0;owned\x07",
        "/[red]bold[/nope][link=https://evil.example]",
        r"/\x9b31m\u202egnp.exe",
        "/:smile:",
        r"/raw\x1b[31m",
    ):
        assert shown in ended.stdout
    assert not any(control in ended.stdout for control in OBEYED)
    assert ended.exit == 0


def test_a_terminal_gets_a_table_and_nothing_of_the_log_to_obey(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(EVIL)
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [*COMMAND, "views", "access.log"],
        cwd=tmp_path,
        stdout=theirs,
        stderr=subprocess.PIPE,
        env={"TERM": "xterm"},
        check=False,
    )
    os.close(theirs)
    shown = read_to_the_end(ours).decode()
    assert shown.startswith("\x1b[1mPage views")
    assert r"/\x1b[2J\x1b]0;owned\x07" in shown
    assert "\x1b[2J" not in shown
    assert "\x1b]0" not in shown
    assert "\x9b" not in shown
    assert done.returncode == 0


def test_escapes_out_of_a_log_are_harmless_in_messages(tmp_path: Path) -> None:
    evil = "\x1b[2J\x9b\u202e.log"
    (tmp_path / evil).write_text("\x1b]0;owned\x07\n")
    (tmp_path / "access.log").write_text(log(request("/a\x1b[2J.gif", "10:00")))
    first, second = pixelstat(tmp_path, "views", evil), pixelstat(tmp_path, "views", "access.log")
    assert r"No line of \x1b[2J\x9b\u202e.log fits" in first.stderr
    assert r"    \x1b]0;owned\x07" in first.stderr
    assert r"--pixel /a\x1b[2J.gif" in second.stderr
    assert not any(control in first.stderr + second.stderr for control in OBEYED)


def test_escapes_out_of_a_log_are_harmless_in_an_explanation(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(EVIL)
    ended = pixelstat(tmp_path, "views", "--explain", "access.log:5")
    assert r"event: page" in ended.stdout
    assert not any(control in ended.stdout for control in OBEYED)


# -- the other end of the pipe ---------------------------------------------------------------------------------------


def test_a_reader_that_has_gone_ends_the_run_silently(tmp_path: Path) -> None:
    running = started(tmp_path, ["views", "--top", "0"])
    assert running.stdout is not None
    running.stdout.close()
    running.stdout = None
    _, said = running.communicate(MANY, timeout=120)
    assert said == b""
    assert running.returncode == 0


def test_head_ends_the_run_silently(tmp_path: Path) -> None:
    pages = log(*(view("ann", f"/{number:05d}", "10:00") for number in range(20_000)))  # more than a pipe holds
    (tmp_path / "access.log").write_text(pages)
    script = '"$0" -m pixelstat views access.log --top 0 -q | head -n 2; echo "${PIPESTATUS[0]}"'
    done = subprocess.run(
        ["/bin/bash", "-c", script, sys.executable],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PATH": os.defpath},
        check=False,
    )
    assert done.stdout == "page,views,visitors\n/00000,1,1\n0\n"
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(TWO)
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, "views", "access.log"],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
            check=False,
        )
    assert "No space left on device" in done.stderr
    assert "bug" not in done.stderr
    assert done.returncode == 2


def test_a_file_is_written_where_there_is_no_stdout(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(TWO)
    script = '"$0" -m pixelstat views access.log -o pages.csv >&-'
    done = subprocess.run(
        ["/bin/sh", "-c", script, sys.executable],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        check=False,
    )
    assert (done.stderr, done.returncode) == (TWO_COUNTED.stderr, 0)
    assert (tmp_path / "pages.csv").read_text() == TWO_COUNTED.stdout


@pytest.mark.parametrize(
    ("sent", "said", "code"),
    [(signal.SIGINT, b"pixelstat: interrupted\n", 130), (signal.SIGTERM, b"pixelstat: terminated\n", 143)],
)
def test_a_signal_ends_the_run_at_once_with_its_code_and_no_output(
    sent: signal.Signals, said: bytes, code: int, tmp_path: Path
) -> None:
    (tmp_path / "pages.csv").write_text("yesterday's\n")
    running = started(tmp_path, ["views", "-o", "pages.csv"])
    assert running.stdin is not None
    running.stdin.write(MANY)  # more than a pipe holds: when it is written, the program is reading
    running.stdin.flush()
    running.send_signal(sent)
    assert running.wait(timeout=10) == code
    assert running.stderr is not None
    assert running.stderr.read() == said
    assert (tmp_path / "pages.csv").read_text() == "yesterday's\n"
    assert [path.name for path in tmp_path.iterdir()] == ["pages.csv"]
    running.communicate()


@pytest.mark.parametrize("name", ["events.csv", "events.parquet"])
def test_a_signal_leaves_nothing_of_an_export_that_has_begun(name: str, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    running = started(tmp_path, ["events", "-o", name], TMPDIR=str(scratch))
    assert running.stdin is not None
    running.stdin.write(MANY)
    running.stdin.flush()
    until = monotonic() + 10
    while not list(tmp_path.glob(f".{name}.*.part")) and monotonic() < until:
        sleep(0.01)
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=10) == 143
    assert [path.name for path in tmp_path.iterdir()] == ["scratch"]
    assert not list(scratch.iterdir())
    running.communicate()


# -- output files ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pages.csv", "page,views,visitors\n/,1,1\n/cart,1,1\n"),
        ("pages.CSV", "page,views,visitors\n/,1,1\n/cart,1,1\n"),
        ("pages.tsv", "page\tviews\tvisitors\n/\t1\t1\n/cart\t1\t1\n"),
        ("pages.json", '[{"page":"/","views":1,"visitors":1},{"page":"/cart","views":1,"visitors":1}]\n'),
        ("pages.jsonl", '{"page":"/","views":1,"visitors":1}\n{"page":"/cart","views":1,"visitors":1}\n'),
        ("pages.ndjson", '{"page":"/","views":1,"visitors":1}\n{"page":"/cart","views":1,"visitors":1}\n'),
    ],
)
def test_a_file_gets_the_format_of_its_ending_and_nothing_lies_beside_it(
    name: str, content: str, tmp_path: Path
) -> None:
    (tmp_path / "access.log").write_bytes(TWO)
    ended = pixelstat(tmp_path, "views", "access.log", "-o", name)
    assert ended == Ended("", TWO_COUNTED.stderr, 0)
    assert (tmp_path / name).read_text() == content
    assert {path.name for path in tmp_path.iterdir()} == {"access.log", name}


def test_people_get_tables_by_ending_too(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(TWO)
    for name in ("pages.md", "pages.txt"):
        assert pixelstat(tmp_path, "views", "access.log", "-q", "-o", name) == Ended("", "", 0)
    assert (tmp_path / "pages.md").read_text().startswith("**Page views**\n\n| page | views | visitors |\n")
    assert (tmp_path / "pages.txt").read_text().startswith("Page views")
    assert "/cart" in (tmp_path / "pages.txt").read_text()


def test_parquet_keeps_the_declared_types(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(TWO)
    assert (
        pixelstat(
            tmp_path, "views", "access.log", "-q", "--every", "day", "--tz", "Europe/Berlin", "-o", "days.parquet"
        ).exit
        == 0
    )
    days = pl.read_parquet(tmp_path / "days.parquet")
    assert days.schema == {"time": pl.Datetime("us", "Europe/Berlin"), "views": pl.Int64, "visitors": pl.Int64}
    assert days["time"].dt.to_string("iso:strict").to_list() == ["2026-09-07T00:00:00.000000+02:00"]
    assert pixelstat(tmp_path, "funnel", "access.log", "-q", "--steps", "/,/cart", "-o", "steps.parquet").exit == 0
    steps = pl.read_parquet(tmp_path / "steps.parquet")
    assert steps.schema == {
        "step": pl.Int64, "name": pl.String, "visitors": pl.Int64, "from_first": pl.Float64, "from_previous": pl.Float64,
        "lost": pl.Int64, "median_seconds": pl.Float64, "pending": pl.Int64, "from_first_low": pl.Float64,
        "from_first_high": pl.Float64, "from_previous_low": pl.Float64, "from_previous_high": pl.Float64,
        "mean_seconds": pl.Float64, "p90_seconds": pl.Float64, "total_median_seconds": pl.Float64,
        "total_mean_seconds": pl.Float64, "total_p90_seconds": pl.Float64,
    }  # fmt: skip
    assert steps.rows()[0][:8] == (1, "/", 1, 1.0, None, None, None, None)
    assert steps.rows()[1][:8] == (2, "/cart", 0, 0.0, 0.0, 1, None, 1)


def test_an_empty_report_has_the_same_types(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(PLAIN)
    for arguments in (["views"], ["views", "--every", "day"], ["funnel"]):
        assert pixelstat(tmp_path, *arguments, "access.log", "-q", "-o", "empty.parquet").exit == 0
        (tmp_path / "full.log").write_bytes(TWO)
        assert pixelstat(tmp_path, *arguments, "full.log", "-q", "-o", "full.parquet").exit == 0
        empty, full = pl.read_parquet(tmp_path / "empty.parquet"), pl.read_parquet(tmp_path / "full.parquet")
        assert empty.height == 0
        assert empty.schema == full.schema


def test_parquet_goes_through_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(TWO)
    done = subprocess.run(
        [*COMMAND, "views", "access.log", "-q", "--format", "parquet"],
        cwd=tmp_path,
        capture_output=True,
        env=ENVIRONMENT,
        check=True,
    )
    assert pl.read_parquet(done.stdout).rows() == [("/", 1, 1), ("/cart", 1, 1)]


def test_an_ending_that_names_no_format_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(TWO)
    ended = pixelstat(tmp_path, "views", "access.log", "-o", "pages.xlsx")
    assert (
        ended.stderr
        == "Error: The ending of 'pages.xlsx' names no format.\n\nAdd --format: table, csv, tsv, json, ndjson, markdown, parquet.\n"
    )
    assert ended.exit == 2


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("missing/pages.csv", "No such file or directory"),
        ("folder.csv", "Is a directory"),
        ("access.log/pages.csv", "Not a directory"),
    ],
)
def test_a_file_that_cannot_be_written_is_a_sentence_and_leaves_nothing(
    output: str, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "access.log").write_bytes(TWO)
    (tmp_path / "folder.csv").mkdir()
    ended = pixelstat(tmp_path, "views", "access.log", "-o", output)
    assert ended == Ended(
        "", f"Error: '{output}' cannot be written: {reason}.\n\nName a file in a folder that you may write to.\n", 2
    )
    assert {path.name for path in tmp_path.iterdir()} == {"access.log", "folder.csv"}


def test_a_file_that_is_replaced_keeps_its_mode_and_the_links_to_it(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(TWO)
    (tmp_path / "pages.csv").write_text("yesterday's\n")
    (tmp_path / "pages.csv").chmod(0o640)
    (tmp_path / "latest.csv").symlink_to("pages.csv")
    assert pixelstat(tmp_path, "views", "access.log", "-q", "-o", "latest.csv").exit == 0
    assert (tmp_path / "latest.csv").is_symlink()
    assert (tmp_path / "pages.csv").read_text() == TWO_COUNTED.stdout
    assert stat.S_IMODE((tmp_path / "pages.csv").stat().st_mode) == 0o640


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(TWO)
    (tmp_path / "pages.csv").write_text("yesterday's\n")
    assert pixelstat(tmp_path, "views", "access.log", "--where", "regexp_like(page, '(')", "-o", "pages.csv").exit == 2
    assert (tmp_path / "pages.csv").read_text() == "yesterday's\n"


def test_a_pipe_or_device_named_as_output_is_never_replaced_by_a_file(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(TWO)
    os.mkfifo(tmp_path / "pages.csv")
    reader = os.open(tmp_path / "pages.csv", os.O_RDONLY | os.O_NONBLOCK)
    ended = pixelstat(tmp_path, "views", "access.log", "-o", "pages.csv")
    received = os.read(reader, 1_000).decode()
    os.close(reader)
    assert stat.S_ISFIFO((tmp_path / "pages.csv").stat().st_mode)
    assert (received, ended.exit) in [(TWO_COUNTED.stdout, 0), ("", 2)]  # written through or refused


def test_a_log_is_never_overwritten_by_its_own_report(tmp_path: Path) -> None:
    (tmp_path / "access.csv").write_bytes(TWO)
    ended = pixelstat(tmp_path, "views", "access.csv", "-o", "access.csv")
    assert (tmp_path / "access.csv").read_bytes() == TWO
    assert ended.stderr.startswith("Error: ")
    assert ended.exit == 2


def test_help_is_an_answer_and_no_arguments_are_a_mistake_that_shows_it(tmp_path: Path) -> None:
    asked, mistaken = pixelstat(tmp_path, "--help"), pixelstat(tmp_path)
    assert (asked.exit, mistaken.exit) == (0, 2)
    assert asked.stdout == mistaken.stdout
    assert "funnel" in asked.stdout
