"""Every bad line can be kept, counted and refused, every log checked, and a log is read as the options say it is.

What is wrong with a line is one of five reasons, the same in `--rejects`, in `check` and in the exit code.
"""

import bz2
import gzip
import ipaddress
import json
import lzma
import os
import stat
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from pixelstat import formats
from pixelstat.identity.proxies import with_clients
from pixelstat.sources.lines import split_lines
from tests.inside import inside
from tests.program import COMMAND, ENVIRONMENT, Ended, pixelstat
from tests.story import hit, log, request, view

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ANN = view("ann", "/", "10:00")
BEN = view("ben", "/cart", "10:01")
NO_DAY = BEN.replace("07/Sep", "31/Feb")
TWO_PAGES = "page,views,visitors\n/,1,1\n/cart,1,1\n"
HEADING = b"file\tline\treason\traw\n"

# Eight lines: two good ones, a blank one, a comment, and four bad ones.
MESSY = log(ANN, "not a line", "", "# a comment", "neither\tis this", NO_DAY, BEN, "nor this").encode()
FOUR_OF_EIGHT = "Error: 4 of 8 lines could not be read, which is more than allowed. No report was written.\n"


def put(folder: Path, content: str | bytes, name: str = "access.log") -> str:
    """A file with this content; its name."""
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return name


def rejects(folder: Path, *arguments: str | bytes, stdin: bytes = b"") -> bytes:
    """What `--rejects` keeps of a run that ends well."""
    assert inside(folder, "views", *arguments, "--rejects", "bad.tsv", "-q", stdin=stdin).exit == 0
    return (folder / "bad.tsv").read_bytes()


def checked(folder: Path, *arguments: str, stdin: bytes = b"") -> list[tuple[str, str, int | None]]:
    """What `check` finds, without the log's name and the shares."""
    rows = json.loads(inside(folder, "check", *arguments, "--format", "json", stdin=stdin).stdout)
    return [(row["check"], row["finding"], row["count"]) for row in rows]


# -- keeping them: --rejects -----------------------------------------------------------------------------------------


def test_bad_lines_are_kept_with_their_log_their_number_and_the_reason(tmp_path: Path) -> None:
    put(tmp_path, MESSY)
    ended = inside(tmp_path, "views", "access.log", "--rejects", "bad.tsv")
    assert ended.stdout == TWO_PAGES
    assert ended.stderr.startswith("4 bad lines in bad.tsv\n8 lines, ")
    assert ended.exit == 0
    assert (tmp_path / "bad.tsv").read_text() == (
        "file\tline\treason\traw\n"
        "access.log\t2\tno_format\tnot a line\n"
        "access.log\t5\tno_format\tneither\tis this\n"
        f"access.log\t6\tbad_time\t{NO_DAY}\n"
        "access.log\t8\tno_format\tnor this\n"
    )


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"caf\xe9 \xff\xfe\xc3 \xf0\x9f", id="bytes that are no UTF-8"),
        pytest.param("café \N{GRINNING FACE} \u2028 \u0085".encode(), id="UTF-8"),
        pytest.param(b"one\ttwo\t\tthree\t", id="tabs"),
        pytest.param(b'"quotes" \\ and \\x22 "', id="quotes and backslashes"),
        pytest.param(b"\0\0 nul \0", id="NULs"),
        pytest.param(b"\x1b[2J\x07\x01", id="controls"),
        pytest.param(b"a\rb", id="a carriage return inside"),
        pytest.param(b"  blanks  ", id="blanks around it"),
        pytest.param(b"A" * 100_000, id="a long one"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_bad_line_is_kept_byte_for_byte(raw: bytes, pack: type[bytes], tmp_path: Path) -> None:
    put(tmp_path, pack(log(ANN).encode() + raw + b"\n" + log(BEN).encode()))
    assert rejects(tmp_path, "access.log") == HEADING + b"access.log\t2\tno_format\t" + raw + b"\n"


def test_a_windows_line_end_is_no_part_of_a_bad_line(tmp_path: Path) -> None:
    put(tmp_path, MESSY.replace(b"\n", b"\r\n"), "windows.log")
    put(tmp_path, MESSY, "unix.log")
    assert rejects(tmp_path, "windows.log").replace(b"windows", b"unix") == rejects(tmp_path, "unix.log")


def test_a_byte_order_mark_stays_with_the_bad_line_that_it_stands_before(tmp_path: Path) -> None:
    put(tmp_path, b"\xef\xbb\xbfoops\n" + log(ANN).encode())
    assert inside(tmp_path, "check", "access.log", "-q", "--rejects", "bad.tsv").exit == 0
    assert (tmp_path / "bad.tsv").read_bytes() == HEADING + b"access.log\t1\tno_format\t\xef\xbb\xbfoops\n"


def test_a_bad_last_line_without_a_newline_is_kept_with_one(tmp_path: Path) -> None:
    put(tmp_path, log(ANN) + "oops")
    assert rejects(tmp_path, "access.log") == HEADING + b"access.log\t2\tno_format\toops\n"


def test_each_reason_has_its_name(tmp_path: Path) -> None:
    def line(time: str, asked: str, status: str) -> str:
        return f'{{"time":"{time}","remote_addr":"203.0.113.1","request":"{asked}","status":{status}}}'

    hour, gif = "2026-09-07T10:00:00Z", "GET /pixel.gif?p=/ HTTP/1.1"
    bad = [
        f'{{"time":"{hour}","remote_addr":"203.0.113.1","uri":null,"status":200}}',
        line(hour, gif, '"two hundred"'),
        line("1999-12-31T23:59:59Z", gif, "200"),
        '{"hello": "world"}',
        line(hour, gif + " " * 300, "200"),
    ]
    put(tmp_path, log(line(hour, gif, "200"), *bad))
    kept = rejects(tmp_path, "access.log", "--max-line", "256").decode().splitlines()
    assert [row.split("\t")[1:3] for row in kept[1:]] == [
        ["2", "no_request"], ["3", "bad_status"], ["4", "bad_time"], ["5", "no_format"], ["6", "too_long"],
    ]  # fmt: skip
    assert [row.split("\t")[3] for row in kept[1:]] == bad


def test_bad_lines_of_several_logs_stand_log_by_log(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    put(tmp_path, log(ANN, "first of b"), "b.log")
    put(tmp_path, gzip.compress(log("first of a", BEN, "third of a").encode()), "a.log.gz")
    put(tmp_path / "old", log(view("cy", "/", "09:00"), "second of c"), "c.log")
    assert rejects(tmp_path, "b.log", "a.log.gz", "old") == (
        HEADING
        + b"b.log\t2\tno_format\tfirst of b\n"
        + b"a.log.gz\t1\tno_format\tfirst of a\n"
        + b"a.log.gz\t3\tno_format\tthird of a\n"
        + b"old/c.log\t2\tno_format\tsecond of c\n"
    )


def test_many_bad_lines_keep_their_order_and_their_numbers(tmp_path: Path) -> None:
    put(tmp_path, log(*(f"bad {number}" if number % 3 == 0 else ANN for number in range(1, 60_001))))  # over a block
    kept = rejects(tmp_path, "access.log").decode().splitlines()[1:]
    assert kept == [f"access.log\t{number}\tno_format\tbad {number}" for number in range(3, 60_001, 3)]


def test_bad_lines_of_standard_input_are_kept(tmp_path: Path) -> None:
    assert rejects(tmp_path, stdin=MESSY) == (
        HEADING
        + b"-\t2\tno_format\tnot a line\n"
        + b"-\t5\tno_format\tneither\tis this\n"
        + f"-\t6\tbad_time\t{NO_DAY}\n".encode()
        + b"-\t8\tno_format\tnor this\n"
    )


def test_bad_lines_of_standard_input_are_kept_byte_for_byte(tmp_path: Path) -> None:
    stdin = log(ANN).encode() + b"caf\xe9\n\0nul\n"
    assert rejects(tmp_path, stdin=stdin) == HEADING + b"-\t2\tno_format\tcaf\xe9\n-\t3\tno_format\t\0nul\n"


def test_bad_lines_of_standard_input_are_kept_with_what_a_collector_put_before_them(tmp_path: Path) -> None:
    prefix = "<190>Sep  7 10:00:01 web1 nginx[32]: "
    stdin = log(prefix + ANN, prefix + "oops").encode()
    put(tmp_path, stdin)
    assert rejects(tmp_path, "access.log") == HEADING + f"access.log\t2\tno_format\t{prefix}oops\n".encode()
    assert rejects(tmp_path, stdin=stdin) == HEADING + f"-\t2\tno_format\t{prefix}oops\n".encode()


def test_bad_lines_of_a_large_stream_are_kept_though_it_cannot_be_read_again(tmp_path: Path) -> None:
    stdin = log(ANN, "early").encode() + log(request("/style.css", "10:00")).encode() * 40_000 + b"late\n"
    assert len(stdin) > 6_000_000  # more than is kept of a stream's beginning
    assert rejects(tmp_path, stdin=stdin) == HEADING + b"-\t2\tno_format\tearly\n-\t40003\tno_format\tlate\n"


def test_bad_lines_before_the_damage_of_an_archive_are_kept(tmp_path: Path) -> None:
    put(tmp_path, gzip.compress(log(ANN, "early", *[ANN] * 500).encode())[:-50], "torn.gz")
    ended = inside(tmp_path, "views", "torn.gz", "-q", "--rejects", "bad.tsv")
    assert ended.exit == 3
    assert (tmp_path / "bad.tsv").read_bytes() == HEADING + b"torn.gz\t2\tno_format\tearly\n"


def test_lines_of_people_bots_and_errors_are_no_bad_lines(tmp_path: Path) -> None:
    put(tmp_path, log(ANN, hit("ben", "buy", "10:01", status=500), view("cy", "/", "10:02", agent="Googlebot/2.1")))
    assert rejects(tmp_path, "access.log", "--strict") == HEADING


def test_without_bad_lines_only_the_heading_is_written(tmp_path: Path) -> None:
    put(tmp_path, log(ANN))
    ended = inside(tmp_path, "views", "access.log", "--rejects", "bad.tsv")
    assert ended.stderr.startswith("0 bad lines in bad.tsv\n")
    assert (tmp_path / "bad.tsv").read_bytes() == HEADING


@pytest.mark.parametrize("command", ["views", "check"])
@pytest.mark.parametrize("name", ["access.csv", "./access.csv", "../logs/access.csv", "soft.csv", "hard.csv"])
@pytest.mark.parametrize("option", ["--rejects", "-o"])
def test_no_log_is_ever_written_over(option: str, name: str, command: str, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    put(folder, MESSY, "access.csv")
    (folder / "soft.csv").symlink_to("access.csv")
    (folder / "hard.csv").hardlink_to(folder / "access.csv")
    ended = inside(folder, command, "access.csv", option, name)
    assert (folder / "access.csv").read_bytes() == MESSY
    assert ended == Ended("", f"Error: {name!r} is one of the logs.\n\nName another file to write to.\n", 2)


def test_no_log_out_of_a_directory_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    put(tmp_path / "logs", MESSY, "access.log")
    ended = inside(tmp_path, "views", "logs", "--rejects", "logs/access.log")
    assert (tmp_path / "logs/access.log").read_bytes() == MESSY
    assert ended.exit == 2


def test_bad_lines_and_report_do_not_share_a_file(tmp_path: Path) -> None:
    put(tmp_path, MESSY)
    ended = inside(tmp_path, "views", "access.log", "-o", "out.csv", "--rejects", "out.csv")
    assert ended.stderr.startswith("Error: ")
    assert ended.exit == 2


def test_an_empty_name_for_the_bad_lines_is_a_mistake(tmp_path: Path) -> None:
    put(tmp_path, MESSY)
    assert inside(tmp_path, "views", "access.log", "--rejects", "").exit == 2


@pytest.mark.parametrize(
    ("name", "reason"), [("missing/bad.tsv", "No such file or directory"), ("logs", "Is a directory")]
)
def test_a_place_that_cannot_be_written_is_a_sentence_before_any_report(name: str, reason: str, tmp_path: Path) -> None:
    put(tmp_path, MESSY)
    (tmp_path / "logs").mkdir()
    assert inside(tmp_path, "views", "access.log", "--rejects", name) == Ended(
        "", f"Error: '{name}' cannot be written: {reason}.\n\nName a file in a folder that you may write to.\n", 2
    )
    assert {path.name for path in tmp_path.iterdir()} == {"access.log", "logs"}


def test_bad_lines_are_written_whole_in_place_of_older_ones(tmp_path: Path) -> None:
    put(tmp_path, MESSY)
    put(tmp_path, "yesterday's\n" * 1_000, "bad.tsv")
    (tmp_path / "bad.tsv").chmod(0o640)
    assert rejects(tmp_path, "access.log").count(b"\n") == 5
    assert stat.S_IMODE((tmp_path / "bad.tsv").stat().st_mode) == 0o640
    assert {path.name for path in tmp_path.iterdir()} == {"access.log", "bad.tsv"}


def test_a_failure_leaves_the_older_bad_lines(tmp_path: Path) -> None:
    put(tmp_path, MESSY)
    put(tmp_path, "yesterday's\n", "bad.tsv")
    ended = inside(tmp_path, "views", "access.log", "--where", "regexp_like(page, '(')", "--rejects", "bad.tsv")
    assert ended.exit == 2
    assert (tmp_path / "bad.tsv").read_text() == "yesterday's\n"
    assert {path.name for path in tmp_path.iterdir()} == {"access.log", "bad.tsv"}


def test_a_log_with_a_tab_in_its_name_does_not_break_the_row(tmp_path: Path) -> None:
    put(tmp_path, log(ANN, "oops"), "a\tb\nc.log")
    (row,) = rejects(tmp_path, "a\tb\nc.log").splitlines()[1:]
    assert row.count(b"\t") == 3


def test_a_log_whose_name_is_no_text_is_named_as_far_as_it_is(tmp_path: Path) -> None:
    put(tmp_path, log(ANN, "oops"), os.fsdecode(b"caf\xe9.log"))
    assert (
        rejects(tmp_path, b"caf\xe9.log") == HEADING + "caf\N{REPLACEMENT CHARACTER}.log\t2\tno_format\toops\n".encode()
    )


# -- too many of them: --max-errors and --strict ---------------------------------------------------------------------


@pytest.mark.parametrize("allowed", ["3", "0", "0%", "49.9%", "12%"])
def test_more_bad_lines_than_allowed_end_in_exit_code_4_without_a_report(allowed: str, tmp_path: Path) -> None:
    put(tmp_path, MESSY)
    put(tmp_path, "yesterday's\n", "pages.csv")
    ended = inside(tmp_path, "views", "access.log", "--max-errors", allowed)
    assert ended.stdout == ""
    assert ended.stderr == FOUR_OF_EIGHT + "\npixelstat check shows them; --rejects FILE keeps them.\n"
    assert ended.exit == 4
    assert inside(tmp_path, "views", "access.log", "--max-errors", allowed, "-o", "pages.csv").exit == 4
    assert (tmp_path / "pages.csv").read_text() == "yesterday's\n"


@pytest.mark.parametrize("allowed", ["4", "5", "999999999999", "50%", "50.%", "50.00%", "100%"])
def test_as_many_bad_lines_as_allowed_are_none_too_many(allowed: str, tmp_path: Path) -> None:
    put(tmp_path, MESSY)
    ended = inside(tmp_path, "views", "access.log", "--max-errors", allowed)
    assert (ended.stdout, ended.exit) == (TWO_PAGES, 0)


@pytest.mark.parametrize(
    ("share", "bad"),
    [
        (1, 1),
        (7, 7),
        (29, 29),
        (57, 57),
    ],
)
def test_exactly_the_share_that_is_allowed_is_not_more_than_that(share: int, bad: int, tmp_path: Path) -> None:
    put(tmp_path, log(*[ANN] * (100 - bad), *["oops"] * bad))
    assert inside(tmp_path, "views", "access.log", "-q", "--max-errors", f"{share}%").exit == 0
    assert inside(tmp_path, "views", "access.log", "-q", "--max-errors", f"{share - 1}%").exit == 4


@pytest.mark.parametrize("allowed", ["-1", "ten", "1.5", "101%", "5 %", "%", "", "1e2", "0x10", "nan%"])
def test_what_is_no_number_of_lines_and_no_share_is_a_mistake(allowed: str, tmp_path: Path) -> None:
    put(tmp_path, MESSY)
    ended = inside(tmp_path, "views", "access.log", "--max-errors", allowed)
    assert f"{allowed!r} is no number of lines and no share of them. Try 10 or 0.5%." in ended.stderr
    assert ended.exit == 2


def test_strict_allows_no_bad_line(tmp_path: Path) -> None:
    put(tmp_path, MESSY)
    assert inside(tmp_path, "views", "access.log", "--strict").exit == 4
    assert inside(tmp_path, "funnel", "access.log", "--strict").exit == 4
    assert inside(tmp_path, "views", "--strict", stdin=MESSY).exit == 4
    assert inside(tmp_path, "views", "access.log", "--strict", "--max-errors", "50") == Ended(
        "", FOUR_OF_EIGHT + "\npixelstat check shows them; --rejects FILE keeps them.\n", 4
    )


def test_strict_minds_bad_lines_that_no_pixel_is_named_in(tmp_path: Path) -> None:
    put(tmp_path, log(ANN, BEN, "no word of any image"))
    assert inside(tmp_path, "views", "access.log").stderr.startswith("3 lines, 2 pixel requests\n")
    assert inside(tmp_path, "views", "access.log", "--strict").exit == 4


def test_blank_lines_and_comments_are_no_bad_lines(tmp_path: Path) -> None:
    put(tmp_path, log(ANN, "", "   ", "\t", "\r", "# a comment", "#Fields: none", BEN))
    ended = inside(tmp_path, "views", "access.log", "--strict")
    assert (ended.stdout, ended.exit) == (TWO_PAGES, 0)


def test_an_empty_log_has_no_bad_lines(tmp_path: Path) -> None:
    put(tmp_path, "")
    assert inside(tmp_path, "views", "access.log", "--strict").exit == 0
    assert inside(tmp_path, "views", "access.log", "--max-errors", "0%").exit == 0


def test_what_speaks_no_http_to_a_server_is_no_bad_line(tmp_path: Path) -> None:
    put(tmp_path, log(ANN, ANN.partition('"')[0] + r'"\x16\x03\x01\x00u" 400 173 "-" "-"'))
    assert inside(tmp_path, "views", "access.log", "--strict", "-q").exit == 0


@pytest.mark.parametrize("asked", ["", r"\u0016\u0003\u0001"])
def test_what_speaks_no_http_to_a_server_that_writes_json_is_no_bad_line_either(asked: str, tmp_path: Path) -> None:
    line = '{{"time":"2026-09-07T10:00:00Z","remote_addr":"203.0.113.1","request":"{}","status":400}}'
    put(tmp_path, log(line.format("GET /pixel.gif?p=/ HTTP/1.1"), line.format(asked)))
    assert inside(tmp_path, "views", "access.log", "--strict", "-q").exit == 0


def test_too_many_bad_lines_are_kept_all_the_same(tmp_path: Path) -> None:
    put(tmp_path, MESSY)
    ended = inside(tmp_path, "views", "access.log", "--strict", "--rejects", "bad.tsv")
    assert ended.stderr.startswith("4 bad lines in bad.tsv\n" + FOUR_OF_EIGHT)
    assert (ended.stdout, ended.exit) == ("", 4)
    assert (tmp_path / "bad.tsv").read_bytes().count(b"\n") == 5


def test_too_many_bad_lines_weigh_more_than_damage_and_damage_alone_is_no_bad_line(tmp_path: Path) -> None:
    put(tmp_path, gzip.compress(log(*[ANN] * 500).encode())[:-50], "torn.gz")
    put(tmp_path, gzip.compress(log(ANN, "oops", *[ANN] * 500).encode())[:-50], "worse.gz")
    assert inside(tmp_path, "views", "torn.gz", "--strict", "-q").exit == 3
    assert inside(tmp_path, "views", "worse.gz", "--strict", "-q").exit == 4
    assert inside(tmp_path, "views", "worse.gz", "--max-errors", "1", "-q").exit == 3


@pytest.mark.parametrize("options", [["--strict"], ["--max-errors", "50%"], ["--rejects", "bad.tsv"]], ids=" ".join)
def test_asking_for_bad_lines_changes_no_figure(options: list[str], tmp_path: Path) -> None:
    put(
        tmp_path,
        log(ANN, BEN, "", "# a comment", request("/style.css", "10:02"), view("cy", "/", "10:03", agent="bot")),
    )
    plain, asked = inside(tmp_path, "views", "access.log"), inside(tmp_path, "views", "access.log", *options)
    assert plain.stderr.startswith("6 lines, 3 pixel requests; set aside: 1 bot\n")
    assert asked.stderr.removeprefix("0 bad lines in bad.tsv\n") == plain.stderr
    assert asked.stdout == plain.stdout


def test_asking_for_bad_lines_changes_no_format(tmp_path: Path) -> None:
    other = (
        '{"time":"2026-09-07T10:00:00Z","remote_addr":"203.0.113.1","request":"GET /style.css HTTP/1.1","status":200}'
    )
    put(tmp_path, log(ANN, BEN, other))
    assert inside(tmp_path, "views", "access.log", "--strict") == inside(tmp_path, "views", "access.log")


def test_a_bad_line_that_comes_first_is_no_worse_than_others(tmp_path: Path) -> None:
    other = (
        '{"time":"2026-09-07T10:00:00Z","remote_addr":"203.0.113.1","request":"GET /p.gif?p=/ HTTP/1.1","status":200}'
    )
    put(tmp_path, log("oops /pixel.gif", ANN, other))
    assert pixelstat(tmp_path, "views", "access.log") == Ended(
        "page,views,visitors\n/,2,2\n",
        "3 lines, 3 pixel requests; set aside: 1 unreadable\n"
        "read as combined: 1, nginx_json: 1\n"
        "from 2026-09-07 10:00:00 to 2026-09-07 10:00:00, times in UTC\n",
        0,
    )


# -- pixelstat check -------------------------------------------------------------------------------------------------

NO_FORMAT = "fits no log format that pixelstat knows, or not the one given"
GAPPY = log(
    view("ann", "/", "10:00"),
    view("ben", "/", "11:00"),  # an hour later: no gap
    view("ann", "/cart", "12:00:01"),  # an hour and a second later
    "oops",
    view("ben", "/cart", "12:00:00"),  # a second earlier
    "",
    view("cy", "/", "11:59:00"),  # a minute earlier
    request("/p.gif?e=buy", "14:00"),  # two hours and a minute later
    request("/style.css", "14:00"),
    '{"seen": "here"}',
)


def test_check_says_what_is_in_a_log(tmp_path: Path) -> None:
    put(tmp_path, GAPPY)
    assert inside(tmp_path, "check", "access.log", "--tz", "Europe/Berlin") == Ended(
        "file,check,finding,count,share\n"
        "access.log,compression,none,,\n"
        "access.log,format,combined: 7 of its first 9 lines,,\n"
        "access.log,lines,all,10,\n"
        "access.log,lines,read,7,0.7\n"
        "access.log,lines,blank,1,0.1\n"
        "access.log,lines,no_format,2,0.2\n"
        "access.log,pixel,/pixel.gif,5,0.5\n"
        "access.log,pixel,/p.gif,1,0.1\n"
        "access.log,time,first 2026-09-07 12:00:00+02:00,,\n"
        "access.log,time,last 2026-09-07 16:00:00+02:00,,\n"
        "access.log,gap,from 2026-09-07 13:59:00+02:00 to 2026-09-07 16:00:00+02:00,7260,\n"
        "access.log,gap,from 2026-09-07 13:00:00+02:00 to 2026-09-07 14:00:01+02:00,3601,\n"
        'access.log,backwards,"2 lines are earlier than the one before, at most by 60 s",60,\n'
        f'access.log,unreadable,"access.log:4 {NO_FORMAT}: oops",,\n'
        f'access.log,unreadable,"access.log:10 {NO_FORMAT}: {{""seen"": ""here""}}",,\n',
        "",
        0,
    )


def test_check_answers_in_every_output(tmp_path: Path) -> None:
    put(tmp_path, log(ANN, "oops"))
    found = [
        ("compression", "none", None, None),
        ("format", "combined: 1 of its first 2 lines", None, None),
        ("lines", "all", 2, None),
        ("lines", "read", 1, 0.5),
        ("lines", "no_format", 1, 0.5),
        ("pixel", "/pixel.gif", 1, 0.5),
        ("time", "first 2026-09-07 10:00:00+00:00", None, None),
        ("time", "last 2026-09-07 10:00:00+00:00", None, None),
        ("unreadable", f"access.log:2 {NO_FORMAT}: oops", None, None),
    ]
    names = ("file", "check", "finding", "count", "share")
    rows = [dict(zip(names, ("access.log", *row), strict=True)) for row in found]
    assert json.loads(inside(tmp_path, "check", "access.log", "--format", "json").stdout) == rows
    lines = inside(tmp_path, "check", "access.log", "--format", "ndjson").stdout.splitlines()
    assert [json.loads(line) for line in lines] == rows
    tsv = inside(tmp_path, "check", "access.log", "--format", "tsv").stdout.splitlines()
    assert tsv[4] == "access.log\tlines\tread\t1\t0.5"
    table = inside(tmp_path, "check", "access.log", "--format", "table").stdout
    assert table.startswith("What is in the logs")
    assert "50.0%" in table
    assert table.rstrip().endswith("times in UTC")
    assert inside(tmp_path, "check", "access.log", "-o", "found.parquet") == Ended("", "", 0)
    assert pl.read_parquet(tmp_path / "found.parquet").to_dicts() == rows


@pytest.mark.parametrize(
    ("pack", "name"), [(bytes, "none"), (gzip.compress, "gzip"), (zstd.compress, "zstd"), (bz2.compress, "bzip2"),
                       (lzma.compress, "xz")],
)  # fmt: skip
def test_check_names_the_compression(pack: Callable[[bytes], bytes], name: str, tmp_path: Path) -> None:
    put(tmp_path, pack(MESSY))
    assert checked(tmp_path, "access.log")[0] == ("compression", name, None)
    assert checked(tmp_path, stdin=pack(MESSY))[0] == ("compression", name, None)


@pytest.mark.parametrize(
    "content",
    [
        MESSY,
        MESSY.replace(b"\n", b"\r\n"),
        MESSY[:-1],
        GAPPY.encode() * 50,
        b"",
        b"\n\n\n",
        b"# only\n# comments\n",
        b"name;town\nann;Berlin\n",
        bytes(range(256)) * 300,
        b"\0" * 3_000 + MESSY,
        b"#Fields: date time cs-uri\n2026-09-07 10:00:00 /p.gif?e=pv\n2026-09-07 10:00:00\n\n" + MESSY,
    ],
    ids=["messy", "windows", "torn", "many", "empty", "blank", "comments", "csv", "binary", "NULs", "W3C"],
)
def test_the_lines_by_what_became_of_them_sum_to_all_of_them(content: bytes, tmp_path: Path) -> None:
    put(tmp_path, content)
    counts = [(what, count or 0) for check, what, count in checked(tmp_path, "access.log") if check == "lines"]
    assert counts[0] == ("all", content.count(b"\n") + (content[-1:] not in (b"", b"\n")))
    assert sum(count for _, count in counts[1:]) == counts[0][1]


def test_check_looks_at_each_log_by_itself(tmp_path: Path) -> None:
    put(tmp_path, log(view("ann", "/", "18:00"), "oops"), "a.log")
    put(tmp_path, gzip.compress(log(request("/style.css", "10:00")).encode()), "b.log.gz")
    rows = inside(tmp_path, "check", "a.log", "b.log.gz").stdout.splitlines()
    assert [row for row in rows if ",lines,all," in row] == ["a.log,lines,all,2,", "b.log.gz,lines,all,1,"]
    assert not [row for row in rows if ",gap," in row or ",backwards," in row]
    assert [row for row in rows if ",pixel," in row] == ["a.log,pixel,/pixel.gif,1,0.5"]
    assert "b.log.gz,compression,gzip,," in rows


def test_the_ten_longest_gaps_are_shown(tmp_path: Path) -> None:
    days = [1, 2, 4, 7, 11, 16, 22]  # from the second on gaps of 2, 3, 4, 5 and 6 days
    hours = [0, 2, 5, 9, 14, 20]  # on the first day of 2, 3, 4, 5 and 6 hours, and 4 more to the second
    first = [view("ann", "/", f"{hour:02d}:00", day="2026-06-01") for hour in hours]
    put(tmp_path, log(*first, *(view("ann", "/", "00:00", day=f"2026-06-{day:02d}") for day in days[1:])))
    gaps = [count for check, _, count in checked(tmp_path, "access.log") if check == "gap"]
    hour = 3600
    assert gaps == [6 * 24 * hour, 5 * 24 * hour, 4 * 24 * hour, 3 * 24 * hour, 2 * 24 * hour,
                    6 * hour, 5 * hour, 4 * hour, 4 * hour, 3 * hour]  # fmt: skip


def test_a_gap_and_a_step_back_are_seen_across_blocks_and_bad_lines(tmp_path: Path) -> None:
    early = log(view("ann", "/", "10:00")).encode() * 60_000  # over a block
    put(tmp_path, early + log("oops", view("ann", "/", "12:00"), "oops", view("ann", "/", "11:59:30")).encode())
    rows = checked(tmp_path, "access.log")
    assert [row for row in rows if row[0] in ("gap", "backwards")] == [
        ("gap", "from 2026-09-07 10:00:00+00:00 to 2026-09-07 12:00:00+00:00", 7_200),
        ("backwards", "1 line is earlier than the one before, at most by 30 s", 30),
    ]


def test_the_ten_pixels_asked_for_most_are_shown_and_own_ones_among_them(tmp_path: Path) -> None:
    asked = [request(f"/{place:02d}/s.gif", "10:00") for place in range(12) for _ in range(12 - place)]
    put(tmp_path, log(*asked))
    assert not [row for row in checked(tmp_path, "access.log") if row[0] == "pixel"]
    shown = [row[1:] for row in checked(tmp_path, "access.log", "--pixel", "s.gif") if row[0] == "pixel"]
    assert shown == [(f"/{place:02d}/s.gif", 12 - place) for place in range(10)]


def test_three_unreadable_lines_are_shown_and_long_ones_cut(tmp_path: Path) -> None:
    put(tmp_path, log(ANN, "one", "A" * 160, ANN, "B" * 161, "four"))
    assert [row[1] for row in checked(tmp_path, "access.log") if row[0] == "unreadable"] == [
        f"access.log:2 {NO_FORMAT}: one",
        f"access.log:3 {NO_FORMAT}: {'A' * 160}",
        f"access.log:5 {NO_FORMAT}: {'B' * 160}...",
    ]


def test_the_formats_of_a_log_that_changes_midway_are_counted(tmp_path: Path) -> None:
    moved = '{"time":"2026-09-07T10:00:00Z","remote_addr":"203.0.113.1","request":"GET /p.gif HTTP/1.1","status":200}'
    put(tmp_path, log(ANN, BEN, ANN, moved))
    assert checked(tmp_path, "access.log")[1:5] == [
        ("format", "combined: 3 of its first 4 lines", None),
        ("read as", "combined", 3),
        ("read as", "nginx_json", 1),
        ("lines", "all", 4),
    ]


def test_a_format_behind_what_a_collector_writes_is_said_to_be(tmp_path: Path) -> None:
    put(tmp_path, log(*(f"Sep  7 10:00:01 web1 nginx[32]: {line}" for line in (ANN, BEN, "oops"))))
    rows = checked(tmp_path, "access.log")
    assert rows[1] == ("format", "combined: 2 of its first 3 lines, behind syslog", None)
    assert rows[-1] == ("unreadable", f"access.log:3 {NO_FORMAT}: oops", None)


def test_a_file_that_is_no_log_is_said_to_be_none(tmp_path: Path) -> None:
    put(tmp_path, "name;town\nann;Berlin\n", "people.csv")
    assert inside(tmp_path, "check", "people.csv") == Ended(
        "file,check,finding,count,share\n"
        "people.csv,compression,none,,\n"
        "people.csv,format,none that pixelstat knows,,\n"
        "people.csv,lines,all,2,\n"
        "people.csv,lines,read,0,0.0\n"
        "people.csv,lines,no_format,2,1.0\n"
        f'people.csv,unreadable,"people.csv:1 {NO_FORMAT}: name;town",,\n'
        f'people.csv,unreadable,"people.csv:2 {NO_FORMAT}: ann;Berlin",,\n',
        "",
        0,
    )


@pytest.mark.parametrize(
    ("content", "compression"), [(b"", "none"), (gzip.compress(b""), "gzip")], ids=["plain", "gzip"]
)
def test_an_empty_log_is_said_to_be_empty(content: bytes, compression: str, tmp_path: Path) -> None:
    put(tmp_path, content)
    assert inside(tmp_path, "check", "access.log", "--strict") == Ended(
        "file,check,finding,count,share\n"
        f"access.log,compression,{compression},,\n"
        "access.log,format,none: the log is empty,,\n"
        "access.log,lines,all,0,\n"
        "access.log,lines,read,0,\n",
        "",
        0,
    )


def test_a_damaged_archive_is_checked_as_far_as_it_goes_with_exit_code_3(tmp_path: Path) -> None:
    put(tmp_path, gzip.compress(log(*[ANN] * 500).encode())[:-50], "torn.gz")
    put(tmp_path, log(BEN), "whole.log")
    ended = inside(tmp_path, "check", "torn.gz", "whole.log")
    assert "torn.gz,damage,it ends in the middle of the archive,,\n" in ended.stdout
    assert "whole.log,lines,read,1,1.0\n" in ended.stdout
    assert ended.stderr == (
        "Warning: torn.gz: it ends in the middle of the archive. "
        "The whole lines before that are counted, the rest is missing.\n"
    )
    assert ended.exit == 3
    assert inside(tmp_path, "check", "torn.gz", "-q") == Ended(inside(tmp_path, "check", "torn.gz").stdout, "", 3)


@pytest.mark.parametrize(
    ("options", "exit_code"),
    [
        ([], 0),
        (["--strict"], 4),
        (["--max-errors", "3"], 4),
        (["--max-errors", "4"], 0),
        (["--max-errors", "49%"], 4),
        (["--max-errors", "50%"], 0),
    ],
)
def test_too_many_bad_lines_end_in_exit_code_4_after_the_report(
    options: list[str], exit_code: int, tmp_path: Path
) -> None:
    put(tmp_path, MESSY)
    ended = inside(tmp_path, "check", "access.log", *options)
    assert ended.stdout == inside(tmp_path, "check", "access.log").stdout
    said = "4 of 8 lines could not be read, which is more than allowed.\n"
    assert (ended.stderr, ended.exit) == (said if exit_code else "", exit_code)
    assert inside(tmp_path, "check", "access.log", *options, "-q", "-o", "found.csv") == Ended("", "", exit_code)
    assert (tmp_path / "found.csv").read_text() == ended.stdout


def test_the_bad_lines_of_all_logs_are_counted_together(tmp_path: Path) -> None:
    put(tmp_path, log(ANN, "oops"), "a.log")
    put(tmp_path, log(BEN, "oops"), "b.log")
    assert inside(tmp_path, "check", "a.log", "b.log", "--max-errors", "1", "-q").exit == 4
    assert inside(tmp_path, "check", "a.log", "b.log", "--max-errors", "2", "-q").exit == 0


def test_check_keeps_the_same_bad_lines_as_a_report(tmp_path: Path) -> None:
    put(tmp_path, MESSY)
    put(tmp_path, gzip.compress(MESSY), "more.gz")
    ended = inside(tmp_path, "check", "access.log", "more.gz", "--rejects", "checked.tsv")
    assert ended.stderr == "8 bad lines in checked.tsv\n"
    assert (tmp_path / "checked.tsv").read_bytes() == rejects(tmp_path, "access.log", "more.gz")


def test_a_missing_log_is_missing_for_check_too(tmp_path: Path) -> None:
    ended = inside(tmp_path, "check", "missing.log")
    assert ended.stderr.startswith("Error: There is no file 'missing.log'.\n")
    assert (ended.stdout, ended.exit) == ("", 2)


def test_standard_input_is_checked(tmp_path: Path) -> None:
    put(tmp_path, MESSY, "-")
    by_name, piped = inside(tmp_path, "check", "./-").stdout, inside(tmp_path, "check", stdin=MESSY).stdout
    assert piped.replace("Standard input", "./-") == by_name


def test_standard_input_larger_than_what_is_read_ahead_is_checked(tmp_path: Path) -> None:
    stdin = log(request("/style.css", "10:00")).encode() * 40_000
    assert len(stdin) > 6_000_000
    assert ("lines", "all", 40_000) in checked(tmp_path, stdin=stdin)


def test_a_log_whose_name_is_no_text_is_checked(tmp_path: Path) -> None:
    put(tmp_path, log(ANN), os.fsdecode(b"caf\xe9.log"))
    assert inside(tmp_path, "check", b"caf\xe9.log").exit == 0


@pytest.mark.parametrize("name", ["w3c", "iis", "cloudfront", "#Fields: date time cs-uri"])
@pytest.mark.parametrize("command", ["views", "check"])
def test_an_empty_log_of_a_format_with_fields_is_said_to_be_empty(command: str, name: str, tmp_path: Path) -> None:
    put(tmp_path, "")
    ended = inside(tmp_path, command, "access.log", "--log-format", name)
    assert "is empty" in ended.stdout + ended.stderr
    assert ended.exit == 0


# -- pixelstat formats -----------------------------------------------------------------------------------------------


def test_every_format_is_listed_once_in_the_order_in_which_a_line_is_tried(tmp_path: Path) -> None:
    ended = inside(tmp_path, "formats", "--format", "json")
    listed = json.loads(ended.stdout)
    assert [row["format"] for row in listed] == list(formats.NAMES)
    assert all(row["about"] and row["layout"] for row in listed)
    assert (ended.stderr, ended.exit) == ("", 0)


def test_the_formats_are_listed_as_csv_and_in_a_file(tmp_path: Path) -> None:
    rows = inside(tmp_path, "formats").stdout.splitlines()
    assert rows[0] == "format,about,layout"
    assert [row.partition(",")[0] for row in rows[1:]] == list(formats.NAMES)
    assert inside(tmp_path, "formats", "-o", "formats.csv") == Ended("", "", 0)
    assert (tmp_path / "formats.csv").read_text().splitlines() == rows


@pytest.mark.parametrize("name", formats.NAMES)
def test_every_listed_name_is_one_for_log_format(name: str, tmp_path: Path) -> None:
    form = formats.formats_named(name)[0]
    sample = form.samples[0]
    put(tmp_path, log(*([sample.header] if sample.header else []), sample.line))
    rows = checked(tmp_path, "access.log", "--log-format", name)
    assert ("lines", "read", 1) in rows
    assert rows[1] == ("format", f"{name}: 1 of its first 1 lines", None)


# -- how a log is read: --nginx-conf and --log-format ----------------------------------------------------------------

CONF = r"""
user www-data;
# log_format gone '$remote_addr [$time_local] "$request"';
http {
    log_format piped '$time_iso8601|$remote_addr|'   # the time comes first; then
                     "$request_method|$request_uri|" '$status|'  # what was asked
                     $http_user_agent;
    log_format  js  escape=json
        '{"t":"$time_iso8601","c":"$remote_addr","r":"$request",'
        '"s":$status,"ua":"$http_user_agent","of":{"id":"$request_id"}}';
    log_format hashed '$remote_addr # $remote_user [$time_local] \'$request\' $status;';
    access_log /var/log/nginx/access.log piped;
}
"""
PIPED = "2026-09-07T10:00:00+02:00|203.0.113.1|GET|/pixel.gif?v=ann&p=/piped|200|Firefox/140.0"
JS = (
    '{"t":"2026-09-07T10:00:00+02:00","c":"203.0.113.2","r":"GET /pixel.gif?v=ben&p=/js HTTP/1.1",'
    r'"s":200,"ua":"say \"hi\"\u001b","of":{"id":"r-1"}}'
)
HASHED = "203.0.113.3 # - [07/Sep/2026:10:00:00 +0200] 'GET /pixel.gif?v=cy&p=/hashed HTTP/1.1' 200;"


def test_logs_are_read_by_the_formats_of_an_nginx_configuration(tmp_path: Path) -> None:
    put(tmp_path, CONF, "nginx.conf")
    put(tmp_path, log(PIPED), "piped.log")
    put(tmp_path, log(JS), "js.log")
    put(tmp_path, log(HASHED), "hashed.log")
    put(tmp_path, log(ANN), "combined.log")  # which every nginx knows
    logs = ["piped.log", "js.log", "hashed.log", "combined.log"]
    assert inside(tmp_path, "views", *logs, "--nginx-conf", "nginx.conf") == Ended(
        "page,views,visitors\n/,1,1\n/hashed,1,1\n/js,1,1\n/piped,1,1\n",
        "4 lines, 4 pixel requests\n"
        "read as combined: 1, hashed: 1, js: 1, piped: 1\n"
        "from 2026-09-07 08:00:00 to 2026-09-07 10:00:00, times in UTC\n",
        0,
    )


def test_one_log_may_mix_the_formats_of_a_configuration(tmp_path: Path) -> None:
    put(tmp_path, CONF, "nginx.conf")
    put(tmp_path, log(HASHED, JS, "oops", PIPED, ANN))
    rows = checked(tmp_path, "access.log", "--nginx-conf", "nginx.conf")
    assert rows[2:6] == [("read as", name, 1) for name in ("combined", "hashed", "js", "piped")]
    assert rows[-1] == ("unreadable", f"access.log:3 {NO_FORMAT}: oops", None)


def test_json_of_a_configuration_gives_its_fields_unescaped(tmp_path: Path) -> None:
    put(tmp_path, CONF, "nginx.conf")
    put(tmp_path, log(JS))
    for holds in ("request_id = 'r-1'", "user_agent = 'say \"hi\"\x1b'", "client = '203.0.113.2'"):
        ended = inside(tmp_path, "views", "access.log", "-q", "--nginx-conf", "nginx.conf", "--where", holds)
        assert ended.stdout == "page,views,visitors\n/js,1,1\n"


def test_other_formats_than_those_of_the_configuration_are_not_tried(tmp_path: Path) -> None:
    put(tmp_path, CONF, "nginx.conf")
    put(tmp_path, log(PIPED, ANN.replace(" - - ", " ")))
    assert ("lines", "no_format", 1) in checked(tmp_path, "access.log", "--nginx-conf", "nginx.conf")


@pytest.mark.parametrize(
    ("conf", "sentence"),
    [
        (
            "http { access_log /var/log/nginx/access.log main; }\n",
            "'nginx.conf' has no log_format directive with a time and a request.",
        ),
        (
            "# log_format main '$remote_addr [$time_local] \"$request\"';\n",
            "'nginx.conf' has no log_format directive with a time and a request.",
        ),
        ("root:x:0:0:root:/root:/bin/bash\n", "'nginx.conf' has no log_format directive with a time and a request."),
        ("", "'nginx.conf' has no log_format directive with a time and a request."),
        ("\0\xff" * 99, "'nginx.conf' has no log_format directive with a time and a request."),
        (
            "log_format a '$remote_addr $request';",
            "'nginx.conf' has no log_format directive with a time and a request.",
        ),
        ("log_format a '$time_local $status';", "'nginx.conf' has no log_format directive with a time and a request."),
        (
            'log_format a \'{"t":"$time_iso8601",}\';',
            "'nginx.conf' has no log_format directive with a time and a request.",
        ),
        (
            'log_format a \'{"t":"$time_iso8601"}\';',
            "'nginx.conf' has no log_format directive with a time and a request.",
        ),
    ],
)
def test_a_configuration_that_tells_no_format_is_a_sentence(conf: str, sentence: str, tmp_path: Path) -> None:
    put(tmp_path, conf.encode("latin-1"), "nginx.conf")
    put(tmp_path, log(PIPED))
    ended = inside(tmp_path, "views", "access.log", "--nginx-conf", "nginx.conf")
    assert ended.stderr.startswith(f"Error: {sentence}")
    assert "\n\n" in ended.stderr  # and what to type
    assert (ended.stdout, ended.exit) == ("", 2)


@pytest.mark.parametrize(("name", "why"), [("missing.conf", "No such file or directory"), (".", "Is a directory")])
def test_a_configuration_that_cannot_be_read_is_a_sentence(name: str, why: str, tmp_path: Path) -> None:
    put(tmp_path, log(PIPED))
    ended = inside(tmp_path, "views", "access.log", "--nginx-conf", name)
    assert ended.stderr == f"Error: {name!r} cannot be read: {why}.\n\nTry: --nginx-conf /etc/nginx/nginx.conf\n"
    assert ended.exit == 2


@pytest.mark.parametrize(
    "other",
    [
        pytest.param("stream { log_format tcp '$remote_addr [$time_local] $protocol $status'; }", id="of a stream"),
        pytest.param("log_format slow '$remote_addr $upstream_response_time';", id="of upstreams"),
    ],
)
def test_a_format_of_a_configuration_that_is_no_access_log_is_passed_over(other: str, tmp_path: Path) -> None:
    put(tmp_path, f"{other}\n{CONF}", "nginx.conf")
    put(tmp_path, log(PIPED))
    ended = inside(tmp_path, "views", "access.log", "-q", "--nginx-conf", "nginx.conf")
    assert (ended.stdout, ended.exit) == ("page,views,visitors\n/piped,1,1\n", 0)


def test_a_format_is_named_once(tmp_path: Path) -> None:
    put(tmp_path, CONF, "nginx.conf")
    put(tmp_path, log(PIPED))
    ended = inside(tmp_path, "views", "access.log", "--nginx-conf", "nginx.conf", "--log-format", "combined")
    assert ended.stderr.startswith("Error: --log-format and --nginx-conf both name the format.\n")
    assert ended.exit == 2


W3C_PIECE = "2026-09-07 10:00:00 203.0.113.1 GET /pixel.gif v=ann&p=/ 200"


@pytest.mark.parametrize(
    ("given", "line"),
    [
        pytest.param(
            '{"t":"$time_iso8601","c":"$remote_addr","r":"$request","s":$status,"ua":"$http_user_agent"}',
            JS.replace("ben&p=/js", "ann&p=/"), id="JSON",
        ),
        pytest.param(
            '{ "at": $msec, "on": {"host": "$host"}, "asked": "$request_uri", "with": "$args" }',
            '{"at": 1788775200.125, "on": {"host": "shop.example"}, "asked": "/pixel.gif?v=ann&p=/", "with": "v=ann&p=/"}',
            id="JSON with a number for a time",
        ),
        pytest.param("#Fields: date time c-ip cs-method cs-uri-stem cs-uri-query sc-status", W3C_PIECE, id="fields"),
        pytest.param(
            "#Fields: date time c-ip cs-method cs-uri-stem cs-uri-query sc-status", W3C_PIECE.replace(" ", "\t"),
            id="fields parted by tabs",
        ),
        pytest.param("ncsa_extended", ANN, id="ncsa_extended means combined"),
        pytest.param("combined", ANN, id="combined"),
        pytest.param("main", f'{ANN} "203.0.113.9"', id="main means combined_forwarded"),
        pytest.param("fastly", ANN.rpartition(' "-"')[0], id="fastly means common"),
        pytest.param("common_complete", f"shop.example {ANN}", id="common_complete means combined_vhost"),
        pytest.param("$remote_addr - - [$time_local] \"$request\" $status", ANN, id="nginx"),
        pytest.param("%h %l %u %t \\\"%r\\\" %>s %b", ANN, id="Apache"),
    ],
)  # fmt: skip
def test_a_format_given_is_the_one_that_is_read(given: str, line: str, tmp_path: Path) -> None:
    put(tmp_path, log(line))
    ended = inside(tmp_path, "views", "access.log", "--log-format", given)
    assert ended.stdout == "page,views,visitors\n/,1,1\n"
    assert ended.exit == 0


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("combind", "There is no log format 'combind'."),
        ("../formats/combined", "There is no log format '../formats/combined'."),
        ("__init__", "There is no log format '__init__'."),
        (" ", "--log-format is given but empty."),
        ('{"t":"$time_iso8601"', 'The log format \'{"t":"$time_iso8601"\' is no JSON: '),
        ('{"t":"$time_iso8601"}', "The log format '--log-format' has no time or no request."),
        ('{"r":"$request"}', "The log format '--log-format' has no time or no request."),
        ("{}", "The log format '--log-format' has no time or no request."),
        ("$time_local$request", "In the log format '$time_local$request' two fields touch"),
        ("#Fields: date time", "The log format '#Fields: date time' names no time or no address."),
        ("#Fields:", "The log format '#Fields:' names no time or no address."),
    ],
)
def test_a_format_that_is_none_is_a_sentence(given: str, sentence: str, tmp_path: Path) -> None:
    put(tmp_path, log(ANN))
    ended = inside(tmp_path, "views", "access.log", "--log-format", given)
    assert ended.stderr.startswith(f"Error: {sentence}")
    assert (ended.stdout, ended.exit) == ("", 2)


# -- who asked, behind proxies: --trusted-proxy ----------------------------------------------------------------------

TRUSTED = [ipaddress.ip_network(network) for network in ("10.0.0.0/8", "2001:db8:10::/48")]


def client_behind(client: str, forwarded_for: str | None) -> str:
    columns = {"client": [client], "forwarded_for": [forwarded_for]}
    requests = pl.LazyFrame(columns, schema=dict.fromkeys(columns, pl.String))
    found = with_clients(requests, TRUSTED).collect()
    return str(found["client"].item())


@pytest.mark.parametrize(
    ("client", "forwarded_for", "found"),
    [
        ("10.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "203.0.113.7, 10.0.0.2", "203.0.113.7"),  # two proxies of ours
        ("10.0.0.1", "203.0.113.7,10.0.0.3,10.0.0.2", "203.0.113.7"),
        ("10.0.0.1", "1.1.1.1, 203.0.113.7", "203.0.113.7"),  # what stands left of it anybody can write
        ("10.0.0.1", "1.1.1.1, 203.0.113.7, 10.0.0.2", "203.0.113.7"),
        ("10.0.0.1", "10.9.9.9, 203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "127.0.0.1, 203.0.113.7", "203.0.113.7"),
        ("203.0.113.8", "203.0.113.7", "203.0.113.8"),  # no proxy of ours
        ("203.0.113.8", "10.0.0.1", "203.0.113.8"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", " , ,", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),  # one of ours asked
        ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("10.0.0.1", "2001:DB8:0:0::1", "2001:db8::1"),
        ("10.0.0.1", "[2001:db8::1]", "2001:db8::1"),
        ("10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("10.0.0.1", "203.0.113.7:4711", "203.0.113.7"),
        ("10.0.0.1", "203.0.113.7:4711, [2001:db8:10::1]:443", "203.0.113.7"),
        ("10.0.0.1", "::ffff:203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "203.0.113.7, ::ffff:10.0.0.2", "203.0.113.7"),
        ("10.0.0.1", "fe80::1%eth0", "fe80::1"),
        ("10.0.0.1:4711", "203.0.113.7", "203.0.113.7"),
        ("::ffff:10.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("2001:db8:10::1", "203.0.113.7", "203.0.113.7"),
        ("2001:db8:11::1", "203.0.113.7", "2001:db8:11::1"),
        ("10.0.0.1", "203.0.113.7,%2010.0.0.2", "203.0.113.7"),  # as CloudFront writes a blank
        ("10.0.0.1", "unknown", "unknown"),
        ("10.0.0.1", "203.0.113.7, unknown", "unknown"),
        ("10.0.0.1", ",,{},", "{}"),
        ("10.0.0.1", "01.2.3.4", "01.2.3.4"),  # no address: nobody knows whether it is octal
        ("10.0.0.1", "::1\x1b[2J", "::1\x1b[2J"),
        ("proxy.example", "203.0.113.7", "proxy.example"),  # a name is no address that is trusted
        ("10.0.0.1", ", ".join(["1.1.1.1"] * 20_000 + ["203.0.113.7"]), "203.0.113.7"),
        ("10.0.0.1", ", ".join(["203.0.113.7"] + ["10.0.0.2"] * 20_000), "203.0.113.7"),
    ],
)
def test_the_client_is_the_last_address_that_no_trusted_proxy_has(
    client: str, forwarded_for: str | None, found: str
) -> None:
    assert client_behind(client, forwarded_for) == found


def asked_through(proxy: str, forwarded_for: str, clock: str) -> str:
    """A request without a visitor id, in the format with X-Forwarded-For."""
    return request("/pixel.gif?p=/", clock, client=proxy) + f' "{forwarded_for}"'


def test_x_forwarded_for_is_never_believed_by_default(tmp_path: Path) -> None:
    put(tmp_path, log(*(asked_through("10.0.0.1", f"203.0.113.{n}", "10:00") for n in range(3))))
    assert inside(tmp_path, "views", "access.log", "-q").stdout == "page,views,visitors\n/,3,1\n"
    trusting = inside(tmp_path, "views", "access.log", "-q", "--trusted-proxy", "10.0.0.1")
    assert trusting.stdout == "page,views,visitors\n/,3,3\n"
    other = inside(tmp_path, "views", "access.log", "-q", "--trusted-proxy", "10.0.0.2")
    assert other.stdout == "page,views,visitors\n/,3,1\n"


def test_a_spoofed_header_neither_makes_visitors_nor_evades_an_exclusion(tmp_path: Path) -> None:
    spoofed = [asked_through("10.0.0.1", f"1.1.1.{n}, 203.0.113.7", "10:00") for n in range(3)]
    put(tmp_path, log(*spoofed, asked_through("198.51.100.1", "203.0.113.7", "10:01")))
    proxies = ["--trusted-proxy", "10.0.0.0/8", "--trusted-proxy", "2001:db8::/32"]
    assert inside(tmp_path, "views", "access.log", "-q", *proxies).stdout == "page,views,visitors\n/,4,2\n"
    ended = inside(tmp_path, "views", "access.log", *proxies, "--exclude-ip", "203.0.113.0/24")
    assert ended.stdout == "page,views,visitors\n/,1,1\n"
    assert ended.stderr.startswith("4 lines, 4 pixel requests; set aside: 3 from excluded addresses\n")


def test_conditions_see_the_client_behind_the_proxy_and_the_header_as_it_was(tmp_path: Path) -> None:
    put(tmp_path, log(asked_through("10.0.0.1", "1.1.1.1, 203.0.113.7", "10:00")))
    where = "client = '203.0.113.7' and forwarded_for = '1.1.1.1, 203.0.113.7'"
    asked = ["views", "access.log", "-q", "--where", where]
    assert inside(tmp_path, *asked).stdout == "page,views,visitors\n"
    assert inside(tmp_path, *asked, "--trusted-proxy", "10.0.0.1").stdout == "page,views,visitors\n/,1,1\n"


def test_a_proxy_that_is_no_address_is_a_mistake(tmp_path: Path) -> None:
    put(tmp_path, log(ANN))
    ended = inside(tmp_path, "views", "access.log", "--trusted-proxy", "proxy.example")
    assert "'proxy.example' is no address or network. Try 203.0.113.7 or 10.0.0.0/8." in ended.stderr
    assert ended.exit == 2


# -- times that name no zone: --log-tz -------------------------------------------------------------------------------


def haproxy(time: str) -> str:
    """A line of HAProxy's log, whose times are local ones."""
    rest = '0/0/1/0/2 200 168 - - ---- 6/6/0/0/0 0/0 "GET /pixel.gif?v=ann&p=/ HTTP/1.1"'
    return f"203.0.113.7:38862 [{time}.000] incoming~ docs/docs {rest}"


@pytest.mark.parametrize(
    ("time", "zone", "instant"),
    [
        ("07/Sep/2026:10:00:00", "UTC", "2026-09-07 10:00:00"),
        ("07/Sep/2026:10:00:00", "Europe/Berlin", "2026-09-07 08:00:00"),
        ("07/Jan/2026:10:00:00", "Europe/Berlin", "2026-01-07 09:00:00"),
        ("07/Sep/2026:02:00:00", "Asia/Kolkata", "2026-09-06 20:30:00"),
        ("29/Mar/2026:01:59:59", "Europe/Berlin", "2026-03-29 00:59:59"),  # the clock goes on to 03:00
        ("29/Mar/2026:03:00:00", "Europe/Berlin", "2026-03-29 01:00:00"),
        ("26/Oct/2025:01:59:59", "Europe/Berlin", "2025-10-25 23:59:59"),  # at 03:00 it goes back to 02:00
        ("26/Oct/2025:02:00:00", "Europe/Berlin", "2025-10-26 00:00:00"),  # the first of two
        ("26/Oct/2025:02:59:59", "Europe/Berlin", "2025-10-26 00:59:59"),
        ("26/Oct/2025:03:00:00", "Europe/Berlin", "2025-10-26 02:00:00"),
    ],
)
def test_a_time_without_a_zone_is_one_of_log_tz(time: str, zone: str, instant: str, tmp_path: Path) -> None:
    put(tmp_path, log(haproxy(time)))
    ended = inside(tmp_path, "views", "access.log", "--log-tz", zone)
    assert ended.stderr == f"1 line, 1 pixel request\nfrom {instant} to {instant}, times in UTC\n"


def test_a_time_that_the_clock_skipped_is_none(tmp_path: Path) -> None:
    put(tmp_path, log(haproxy("29/Mar/2026:01:30:00"), haproxy("29/Mar/2026:02:30:00")))
    assert ("lines", "bad_time", 1) in checked(tmp_path, "access.log", "--log-tz", "Europe/Berlin")
    assert ("lines", "read", 2) in checked(tmp_path, "access.log")
    assert inside(tmp_path, "views", "access.log", "--log-tz", "Europe/Berlin", "--strict").exit == 4


def test_a_time_with_a_zone_of_its_own_keeps_it(tmp_path: Path) -> None:
    put(tmp_path, log(view("ann", "/", "10:00").replace("+0000", "+0530")))
    ended = inside(tmp_path, "views", "access.log", "--log-tz", "Europe/Berlin")
    assert "from 2026-09-07 04:30:00 to " in ended.stderr


def test_days_are_those_of_tz_whatever_log_tz_is(tmp_path: Path) -> None:
    put(tmp_path, log(haproxy("07/Sep/2026:00:30:00")))
    asked = ["views", "access.log", "-q", "--every", "day", "--log-tz", "Europe/Berlin"]
    assert inside(tmp_path, *asked).stdout == "time,views,visitors\n2026-09-06T00:00:00+00:00,1,1\n"
    at_home = inside(tmp_path, *asked, "--tz", "Europe/Berlin")
    assert at_home.stdout == "time,views,visitors\n2026-09-07T00:00:00+02:00,1,1\n"


def test_a_zone_that_is_none_is_a_mistake(tmp_path: Path) -> None:
    put(tmp_path, log(ANN))
    ended = inside(tmp_path, "views", "access.log", "--log-tz", "Europe/Berln")
    assert "There is no time zone 'Europe/Berln'. Did you mean Europe/Berlin?" in ended.stderr
    assert ended.exit == 2


# -- long lines: --max-line ------------------------------------------------------------------------------------------


def padded(line: str, length: int) -> str:
    """The line with an agent so long that it has that many bytes."""
    return line.removesuffix('"') + "A" * (length - len(line)) + '"'


@pytest.mark.parametrize(("size", "most"), [("256", 256), ("1k", 1_024), ("4096", 4_096), ("64KiB", 65_536)])
def test_a_line_as_long_as_allowed_is_read_and_a_longer_one_is_cut(size: str, most: int, tmp_path: Path) -> None:
    put(tmp_path, log(ANN, padded(view("ben", "/fits", "10:01"), most), padded(view("cy", "/not", "10:02"), most + 1)))
    ended = inside(tmp_path, "views", "access.log", "--max-line", size)
    assert ended.stdout == "page,views,visitors\n/,1,1\n/fits,1,1\n"
    assert ended.stderr.startswith("3 lines, 3 pixel requests; set aside: 1 unreadable\n")
    assert [row for row in checked(tmp_path, "access.log", "--max-line", size) if row[0] == "lines"] == [
        ("lines", "all", 3),
        ("lines", "read", 2),
        ("lines", "too_long", 1),
    ]


def test_a_line_that_says_enough_before_it_is_cut_is_read(tmp_path: Path) -> None:
    line = "2026-09-07T10:00:00Z /pixel.gif?p=/&v=ann " + "A" * 10_000
    put(tmp_path, log(line))
    ended = inside(tmp_path, "views", "access.log", "-q", "--max-line", "1k",
                   "--log-format", "$time_iso8601 $request_uri $http_user_agent")  # fmt: skip
    assert ended.stdout == "page,views,visitors\n/,1,1\n"


def test_a_line_that_is_cut_is_kept_whole_among_the_bad_ones(tmp_path: Path) -> None:
    put(tmp_path, log(ANN, "A" * 5_000))
    assert rejects(tmp_path, "access.log", "--max-line", "256") == (
        HEADING + b"access.log\t2\ttoo_long\t" + b"A" * 5_000 + b"\n"
    )


@pytest.mark.parametrize("size", ["255", "3M", "2049k", "1g", "0", "-1", "many", "", "1.5k"])
def test_a_size_out_of_bounds_is_a_mistake(size: str, tmp_path: Path) -> None:
    put(tmp_path, log(ANN))
    ended = inside(tmp_path, "views", "access.log", "--max-line", size)
    assert f"{size!r} is no size from 256 bytes to 2 MB. Try 64k or 1M." in ended.stderr
    assert ended.exit == 2


@pytest.mark.parametrize("letters", [200, 300])
def test_no_line_is_longer_than_allowed_whatever_its_letters(letters: int) -> None:
    (length,) = split_lines(f"\n{'é' * letters}\n".encode(), 256)["line"].str.len_bytes().to_list()
    assert length <= 256


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


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
@pytest.mark.parametrize("options", [[], ["--rejects", "bad.tsv"]], ids=["parsed if a pixel's", "parsed and kept"])
def test_a_small_archive_with_one_line_of_400_mb_in_it_takes_no_more_memory_than_others(
    options: list[str], tmp_path: Path
) -> None:
    large = gzip.compress(b"A" * (4 << 20)) * 100
    put(tmp_path, gzip.compress(log(ANN).encode()) + large + gzip.compress(b"\n" + log(BEN).encode()), "bomb.gz")
    assert (tmp_path / "bomb.gz").stat().st_size < 500_000
    report, exit_code, megabytes = measured(tmp_path, "views", "bomb.gz", "-q", *options)
    assert (report, exit_code) == (TWO_PAGES, 0)
    assert megabytes < 400  # the line alone would fill them; a log of one line takes about 110


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
def test_a_small_archive_that_asks_for_4_gb_to_unpack_it_is_not_given_them(tmp_path: Path) -> None:
    packer = lzma.LZMACompressor(lzma.FORMAT_XZ, lzma.CHECK_NONE, preset=0)
    packed = b"".join(packer.compress(b"A" * (4 << 20)) for _ in range(50)) + packer.flush()
    header = bytearray(packed[12:24])  # of the block: its size, flags, filter, size of properties, dictionary, ..., CRC
    header[4] = 40  # a dictionary of 4 GB
    header[8:] = zlib.crc32(bytes(header[:8])).to_bytes(4, "little")
    put(tmp_path, packed[:12] + bytes(header) + packed[24:], "bomb.xz")
    _, exit_code, megabytes = measured(tmp_path, "check", "bomb.xz", "-q")
    assert exit_code in (0, 3)
    assert megabytes < 250  # there are 200 MB in it


# -- what conditions may name ----------------------------------------------------------------------------------------

FULL = json.dumps(
    {
        "time_iso8601": "2026-09-07T10:00:00Z", "remote_addr": "203.0.113.1", "host": "shop.example",
        "request": "GET /pixel.gif?v=ann&p=/ HTTP/1.1", "status": 200, "http_user_agent": "Firefox/140.0",
        "http_x_forwarded_for": "198.51.100.9", "http_cookie": "a=1; sid=x'y", "http_dnt": "1", "http_sec_gpc": "1",
        "http_sec_purpose": "prefetch;prerender", "request_id": "r-1",
    }
)  # fmt: skip
BARE = '{"time_iso8601":"2026-09-07T10:00:00Z","remote_addr":"203.0.113.1","request":"GET /pixel.gif?v=ben&p=/bare HTTP/1.1","status":204}'


@pytest.mark.parametrize(
    "condition",
    [
        "request_id = 'r-1'",
        "forwarded_for = '198.51.100.9'",
        "cookies LIKE '%sid=x''y%'",
        "dnt = '1'",
        "gpc = '1'",
        "purpose LIKE 'prefetch%'",
        "user_agent = 'Firefox/140.0'",
        "host = 'shop.example'",
        "status = 200",
        "dnt IS NOT NULL AND request_id IN ('r-1', 'r-2')",
    ],
)
def test_a_condition_may_name_what_the_log_holds_of_a_request(condition: str, tmp_path: Path) -> None:
    put(tmp_path, log(FULL, BARE))
    ended = inside(tmp_path, "views", "access.log", "--consent", "ignore", "--where", condition)
    assert ended.stdout == "page,views,visitors\n/,1,1\n"
    assert ended.stderr.startswith("2 lines, 2 pixel requests; set aside: 1 not matching --where\n")


@pytest.mark.parametrize("name", ["request_id", "forwarded_for", "cookies", "dnt", "gpc", "purpose", "user_agent"])
def test_what_a_line_does_not_hold_is_null(name: str, tmp_path: Path) -> None:
    put(tmp_path, log(FULL, BARE, ANN.replace("p=/ ", "p=/old ")))
    ended = inside(tmp_path, "views", "access.log", "-q", "--where", f"{name} IS NULL")
    old = "" if name == "user_agent" else "/old,1,1\n"
    assert ended.stdout == f"page,views,visitors\n/bare,1,1\n{old}"


def test_a_condition_may_name_the_format_and_the_method(tmp_path: Path) -> None:
    put(tmp_path, log(FULL, BARE, ANN.replace("p=/ ", "p=/old ")))
    asked = ["views", "access.log", "-q", "--where"]
    assert inside(tmp_path, *asked, "format = 'combined'").stdout == "page,views,visitors\n/old,1,1\n"
    assert inside(tmp_path, *asked, "method <> 'GET'").stdout == "page,views,visitors\n"


def test_the_program_itself_ends_with_these_exit_codes(tmp_path: Path) -> None:
    put(tmp_path, MESSY)
    assert pixelstat(tmp_path, "check", "access.log", "--strict", "-q").exit == 4
    ended = pixelstat(tmp_path, "views", "--strict", "--rejects", "bad.tsv", stdin=MESSY)
    assert ended.stderr.startswith("4 bad lines in bad.tsv\n" + FOUR_OF_EIGHT)
    assert (ended.stdout, ended.exit) == ("", 4)
