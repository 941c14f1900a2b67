"""Bad lines are kept byte for byte by --rejects, and counted against --max-errors and --strict."""

import gzip
import os
import stat
from pathlib import Path

import pytest

from tests.builders import hit, log, request, view
from tests.run import Finished, run_in_process
from tests.small_logs import ANN, BEN, FOUR_OF_EIGHT, HEADING, MESSY, NO_DAY, TWO_PAGES, bad_lines_of, write_log

# -- keeping them: --rejects --------------------------------------------------------------------------------------------


def test_bad_lines_are_kept_with_their_log_their_number_and_the_reason(tmp_path: Path) -> None:
    write_log(tmp_path, MESSY)
    finished = run_in_process(tmp_path, "views", "access.log", "--rejects", "bad.tsv")
    assert finished.stdout == TWO_PAGES
    assert finished.stderr.startswith("4 bad lines in bad.tsv\n2 events from 8 lines; ")
    assert finished.exit == 0
    assert (tmp_path / "bad.tsv").read_text() == (
        "file\tline\treason\traw\n"
        "access.log\t2\tno_format\tnot a line\n"
        "access.log\t5\tno_format\tneither\tis this\n"
        f"access.log\t6\tbad_time\t{NO_DAY}\n"
        "access.log\t8\tno_format\tnor this\n"
    )


@pytest.mark.slow
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
    write_log(tmp_path, pack(log(ANN).encode() + raw + b"\n" + log(BEN).encode()))
    assert bad_lines_of(tmp_path, "access.log") == HEADING + b"access.log\t2\tno_format\t" + raw + b"\n"


@pytest.mark.slow
def test_a_windows_line_end_is_not_part_of_a_bad_line(tmp_path: Path) -> None:
    write_log(tmp_path, MESSY.replace(b"\n", b"\r\n"), "windows.log")
    write_log(tmp_path, MESSY, "unix.log")
    assert bad_lines_of(tmp_path, "windows.log").replace(b"windows", b"unix") == bad_lines_of(tmp_path, "unix.log")


def test_a_byte_order_mark_stays_with_its_bad_line(tmp_path: Path) -> None:
    write_log(tmp_path, b"\xef\xbb\xbfoops\n" + log(ANN).encode())
    assert run_in_process(tmp_path, "check", "access.log", "-q", "--rejects", "bad.tsv").exit == 0
    assert (tmp_path / "bad.tsv").read_bytes() == HEADING + b"access.log\t1\tno_format\t\xef\xbb\xbfoops\n"


def test_a_bad_last_line_without_a_newline_is_kept_with_one(tmp_path: Path) -> None:
    write_log(tmp_path, log(ANN) + "oops")
    assert bad_lines_of(tmp_path, "access.log") == HEADING + b"access.log\t2\tno_format\toops\n"


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
    write_log(tmp_path, log(line(hour, gif, "200"), *bad))
    kept = bad_lines_of(tmp_path, "access.log", "--max-line", "256").decode().splitlines()
    assert [row.split("\t")[1:3] for row in kept[1:]] == [
        ["2", "no_request"], ["3", "bad_status"], ["4", "bad_time"], ["5", "no_format"], ["6", "too_long"],
    ]  # fmt: skip
    assert [row.split("\t")[3] for row in kept[1:]] == bad


def test_bad_lines_of_several_logs_are_written_log_by_log(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    write_log(tmp_path, log(ANN, "first of b"), "b.log")
    write_log(tmp_path, gzip.compress(log("first of a", BEN, "third of a").encode()), "a.log.gz")
    write_log(tmp_path / "old", log(view("cy", "/", "09:00"), "second of c"), "c.log")
    assert bad_lines_of(tmp_path, "b.log", "a.log.gz", "old") == (
        HEADING
        + b"b.log\t2\tno_format\tfirst of b\n"
        + b"a.log.gz\t1\tno_format\tfirst of a\n"
        + b"a.log.gz\t3\tno_format\tthird of a\n"
        + b"old/c.log\t2\tno_format\tsecond of c\n"
    )


@pytest.mark.slow
def test_many_bad_lines_keep_their_order_and_their_numbers(tmp_path: Path) -> None:
    write_log(
        tmp_path, log(*(f"bad {number}" if number % 3 == 0 else ANN for number in range(1, 60_001)))
    )  # over a block
    kept = bad_lines_of(tmp_path, "access.log").decode().splitlines()[1:]
    assert kept == [f"access.log\t{number}\tno_format\tbad {number}" for number in range(3, 60_001, 3)]


def test_bad_lines_of_standard_input_are_kept(tmp_path: Path) -> None:
    assert bad_lines_of(tmp_path, stdin=MESSY) == (
        HEADING
        + b"-\t2\tno_format\tnot a line\n"
        + b"-\t5\tno_format\tneither\tis this\n"
        + f"-\t6\tbad_time\t{NO_DAY}\n".encode()
        + b"-\t8\tno_format\tnor this\n"
    )


def test_bad_lines_of_standard_input_are_kept_byte_for_byte(tmp_path: Path) -> None:
    stdin = log(ANN).encode() + b"caf\xe9\n\0nul\n"
    assert bad_lines_of(tmp_path, stdin=stdin) == HEADING + b"-\t2\tno_format\tcaf\xe9\n-\t3\tno_format\t\0nul\n"


def test_bad_lines_of_standard_input_are_written_with_the_prefix_of_a_collector(tmp_path: Path) -> None:
    prefix = "<190>Sep  7 10:00:01 web1 nginx[32]: "
    stdin = log(prefix + ANN, prefix + "oops").encode()
    write_log(tmp_path, stdin)
    assert bad_lines_of(tmp_path, "access.log") == HEADING + f"access.log\t2\tno_format\t{prefix}oops\n".encode()
    assert bad_lines_of(tmp_path, stdin=stdin) == HEADING + f"-\t2\tno_format\t{prefix}oops\n".encode()


@pytest.mark.slow
def test_bad_lines_of_a_large_stream_are_kept_though_it_cannot_be_read_again(tmp_path: Path) -> None:
    stdin = log(ANN, "early").encode() + log(request("/style.css", "10:00")).encode() * 40_000 + b"late\n"
    assert len(stdin) > 6_000_000  # more than is kept of a stream's beginning
    assert bad_lines_of(tmp_path, stdin=stdin) == HEADING + b"-\t2\tno_format\tearly\n-\t40003\tno_format\tlate\n"


def test_bad_lines_before_the_damage_of_an_archive_are_kept(tmp_path: Path) -> None:
    write_log(tmp_path, gzip.compress(log(ANN, "early", *[ANN] * 500).encode())[:-50], "torn.gz")
    finished = run_in_process(tmp_path, "views", "torn.gz", "-q", "--rejects", "bad.tsv")
    assert finished.exit == 3
    assert (tmp_path / "bad.tsv").read_bytes() == HEADING + b"torn.gz\t2\tno_format\tearly\n"


def test_lines_of_people_bots_and_errors_are_not_bad_lines(tmp_path: Path) -> None:
    write_log(
        tmp_path, log(ANN, hit("ben", "buy", "10:01", status=500), view("cy", "/", "10:02", agent="Googlebot/2.1"))
    )
    assert bad_lines_of(tmp_path, "access.log", "--strict") == HEADING


def test_without_bad_lines_only_the_heading_is_written(tmp_path: Path) -> None:
    write_log(tmp_path, log(ANN))
    finished = run_in_process(tmp_path, "views", "access.log", "--rejects", "bad.tsv")
    assert finished.stderr.startswith("0 bad lines in bad.tsv\n")
    assert (tmp_path / "bad.tsv").read_bytes() == HEADING


def test_an_empty_name_for_the_bad_lines_is_an_error(tmp_path: Path) -> None:
    write_log(tmp_path, MESSY)
    assert run_in_process(tmp_path, "views", "access.log", "--rejects", "").exit == 2


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("missing/bad.tsv", "There is no folder 'missing' for 'missing/bad.tsv'.\n\nCreate it with --mkdir.\n"),
        ("logs", "'logs' cannot be written: Is a directory.\n\nName a file in a folder where you can write.\n"),
    ],
)
def test_a_file_of_bad_lines_that_cannot_be_written_is_an_error_before_any_report(
    name: str, error: str, tmp_path: Path
) -> None:
    write_log(tmp_path, MESSY)
    (tmp_path / "logs").mkdir()
    finished = run_in_process(tmp_path, "views", "access.log", "--rejects", name)
    assert finished == Finished("", f"Error: {error}", 2)
    assert {path.name for path in tmp_path.iterdir()} == {"access.log", "logs"}


def test_bad_lines_are_written_whole_in_place_of_older_ones(tmp_path: Path) -> None:
    write_log(tmp_path, MESSY)
    write_log(tmp_path, "yesterday's\n" * 1_000, "bad.tsv")
    (tmp_path / "bad.tsv").chmod(0o640)
    assert bad_lines_of(tmp_path, "access.log").count(b"\n") == 5
    assert stat.S_IMODE((tmp_path / "bad.tsv").stat().st_mode) == 0o640
    assert {path.name for path in tmp_path.iterdir()} == {"access.log", "bad.tsv"}


def test_a_failure_leaves_the_older_bad_lines(tmp_path: Path) -> None:
    write_log(tmp_path, MESSY)
    write_log(tmp_path, "yesterday's\n", "bad.tsv")
    finished = run_in_process(
        tmp_path, "views", "access.log", "--where", "regexp_like(page, '(')", "--rejects", "bad.tsv"
    )
    assert finished.exit == 2
    assert (tmp_path / "bad.tsv").read_text() == "yesterday's\n"
    assert {path.name for path in tmp_path.iterdir()} == {"access.log", "bad.tsv"}


def test_a_log_with_a_tab_in_its_name_does_not_break_the_row(tmp_path: Path) -> None:
    write_log(tmp_path, log(ANN, "oops"), "a\tb\nc.log")
    (row,) = bad_lines_of(tmp_path, "a\tb\nc.log").splitlines()[1:]
    assert row.count(b"\t") == 3


def test_a_log_with_a_name_that_is_not_utf8_is_named_as_far_as_possible(tmp_path: Path) -> None:
    write_log(tmp_path, log(ANN, "oops"), os.fsdecode(b"caf\xe9.log"))
    assert (
        bad_lines_of(tmp_path, b"caf\xe9.log")
        == HEADING + "caf\N{REPLACEMENT CHARACTER}.log\t2\tno_format\toops\n".encode()
    )


# -- too many of them: --max-errors and --strict ------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("allowed", ["3", "0", "0%", "49.9%", "12%"])
def test_more_bad_lines_than_allowed_end_in_exit_code_4_without_a_report(allowed: str, tmp_path: Path) -> None:
    write_log(tmp_path, MESSY)
    write_log(tmp_path, "yesterday's\n", "pages.csv")
    finished = run_in_process(tmp_path, "views", "access.log", "--max-errors", allowed)
    assert finished.stdout == ""
    assert finished.stderr == FOUR_OF_EIGHT + "\nShow them: pixelstat check. Write them to a file: --rejects FILE\n"
    assert finished.exit == 4
    assert run_in_process(tmp_path, "views", "access.log", "--max-errors", allowed, "-o", "pages.csv").exit == 4
    assert (tmp_path / "pages.csv").read_text() == "yesterday's\n"


@pytest.mark.slow
@pytest.mark.parametrize("allowed", ["4", "5", "999999999999", "50%", "50.%", "50.00%", "100%"])
def test_as_many_bad_lines_as_allowed_end_well(allowed: str, tmp_path: Path) -> None:
    write_log(tmp_path, MESSY)
    finished = run_in_process(tmp_path, "views", "access.log", "--max-errors", allowed)
    assert (finished.stdout, finished.exit) == (TWO_PAGES, 0)


@pytest.mark.slow
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
    write_log(tmp_path, log(*[ANN] * (100 - bad), *["oops"] * bad))
    assert run_in_process(tmp_path, "views", "access.log", "-q", "--max-errors", f"{share}%").exit == 0
    assert run_in_process(tmp_path, "views", "access.log", "-q", "--max-errors", f"{share - 1}%").exit == 4


@pytest.mark.parametrize("allowed", ["-1", "ten", "1.5", "101%", "5 %", "%", "", "1e2", "0x10", "nan%"])
def test_a_limit_that_is_neither_a_number_nor_a_share_is_an_error(allowed: str, tmp_path: Path) -> None:
    write_log(tmp_path, MESSY)
    finished = run_in_process(tmp_path, "views", "access.log", "--max-errors", allowed)
    assert f"{allowed!r} is neither a number of lines nor a percentage of them. Try 10 or 0.5%." in finished.stderr
    assert finished.exit == 2


@pytest.mark.slow
def test_strict_allows_no_bad_line(tmp_path: Path) -> None:
    write_log(tmp_path, MESSY)
    assert run_in_process(tmp_path, "views", "access.log", "--strict").exit == 4
    assert run_in_process(tmp_path, "funnel", "access.log", "--strict").exit == 4
    assert run_in_process(tmp_path, "views", "--strict", stdin=MESSY).exit == 4
    assert run_in_process(tmp_path, "views", "access.log", "--strict", "--max-errors", "50") == Finished(
        "", FOUR_OF_EIGHT + "\nShow them: pixelstat check. Write them to a file: --rejects FILE\n", 4
    )


@pytest.mark.slow
def test_strict_counts_bad_lines_without_a_pixel(tmp_path: Path) -> None:
    write_log(tmp_path, log(ANN, BEN, "no word of any image"))
    assert run_in_process(tmp_path, "views", "access.log").stderr.startswith("2 events from 3 lines\n")
    assert run_in_process(tmp_path, "views", "access.log", "--strict").exit == 4


def test_blank_lines_and_comments_are_not_bad_lines(tmp_path: Path) -> None:
    write_log(tmp_path, log(ANN, "", "   ", "\t", "\r", "# a comment", "#Fields: none", BEN))
    finished = run_in_process(tmp_path, "views", "access.log", "--strict")
    assert (finished.stdout, finished.exit) == (TWO_PAGES, 0)


def test_an_empty_log_has_no_bad_lines(tmp_path: Path) -> None:
    write_log(tmp_path, "")
    assert run_in_process(tmp_path, "views", "access.log", "--strict").exit == 0
    assert run_in_process(tmp_path, "views", "access.log", "--max-errors", "0%").exit == 0


def test_a_request_that_is_not_http_is_not_a_bad_line(tmp_path: Path) -> None:
    write_log(tmp_path, log(ANN, ANN.partition('"')[0] + r'"\x16\x03\x01\x00u" 400 173 "-" "-"'))
    assert run_in_process(tmp_path, "views", "access.log", "--strict", "-q").exit == 0


@pytest.mark.parametrize("asked", ["", r"\u0016\u0003\u0001"])
def test_a_request_that_is_not_http_is_not_a_bad_line_in_json(asked: str, tmp_path: Path) -> None:
    line = '{{"time":"2026-09-07T10:00:00Z","remote_addr":"203.0.113.1","request":"{}","status":400}}'
    write_log(tmp_path, log(line.format("GET /pixel.gif?p=/ HTTP/1.1"), line.format(asked)))
    assert run_in_process(tmp_path, "views", "access.log", "--strict", "-q").exit == 0


def test_too_many_bad_lines_are_written_too(tmp_path: Path) -> None:
    write_log(tmp_path, MESSY)
    finished = run_in_process(tmp_path, "views", "access.log", "--strict", "--rejects", "bad.tsv")
    assert finished.stderr.startswith("4 bad lines in bad.tsv\n" + FOUR_OF_EIGHT)
    assert (finished.stdout, finished.exit) == ("", 4)
    assert (tmp_path / "bad.tsv").read_bytes().count(b"\n") == 5


@pytest.mark.slow
def test_too_many_bad_lines_outrank_damage_and_damage_is_not_a_bad_line(tmp_path: Path) -> None:
    write_log(tmp_path, gzip.compress(log(*[ANN] * 500).encode())[:-50], "torn.gz")
    write_log(tmp_path, gzip.compress(log(ANN, "oops", *[ANN] * 500).encode())[:-50], "worse.gz")
    assert run_in_process(tmp_path, "views", "torn.gz", "--strict", "-q").exit == 3
    assert run_in_process(tmp_path, "views", "worse.gz", "--strict", "-q").exit == 4
    assert run_in_process(tmp_path, "views", "worse.gz", "--max-errors", "1", "-q").exit == 3


@pytest.mark.slow
@pytest.mark.parametrize("options", [["--strict"], ["--max-errors", "50%"], ["--rejects", "bad.tsv"]], ids=" ".join)
def test_options_for_bad_lines_change_no_figure(options: list[str], tmp_path: Path) -> None:
    write_log(
        tmp_path,
        log(ANN, BEN, "", "# a comment", request("/style.css", "10:02"), view("cy", "/", "10:03", agent="bot")),
    )
    plain, asked = (
        run_in_process(tmp_path, "views", "access.log"),
        run_in_process(tmp_path, "views", "access.log", *options),
    )
    assert plain.stderr.startswith("2 events from 6 lines; excluded: 1 bot\n")
    assert asked.stderr.removeprefix("0 bad lines in bad.tsv\n") == plain.stderr
    assert asked.stdout == plain.stdout


@pytest.mark.slow
def test_options_for_bad_lines_change_no_format(tmp_path: Path) -> None:
    other = (
        '{"time":"2026-09-07T10:00:00Z","remote_addr":"203.0.113.1","request":"GET /style.css HTTP/1.1","status":200}'
    )
    write_log(tmp_path, log(ANN, BEN, other))
    assert run_in_process(tmp_path, "views", "access.log", "--strict") == run_in_process(
        tmp_path, "views", "access.log"
    )


def test_a_bad_first_line_is_set_aside_like_any_other(tmp_path: Path) -> None:
    other = (
        '{"time":"2026-09-07T10:00:00Z","remote_addr":"203.0.113.1","request":"GET /p.gif?p=/ HTTP/1.1","status":200}'
    )
    write_log(tmp_path, log("oops /pixel.gif", ANN, other))
    assert run_in_process(tmp_path, "views", "access.log") == Finished(
        "page,views,visitors\n/,2,2\n",
        "2 events from 3 lines; excluded: 1 unreadable\n"
        "formats: combined 1, nginx_json 1\n"
        "from 2026-09-07 10:00:00 to 2026-09-07 10:00:00 UTC\n",
        0,
    )


# -- lines --------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_many_bad_lines_in_several_logs_are_counted_in_few_words(tmp_path: Path) -> None:
    names = ["a.log", "b.log", "c.log"]
    for name in names:
        (tmp_path / name).write_text(log(view(name, "/", "10:00"), *(f"oops {n} /pixel.gif" for n in range(5_000))))
    finished = run_in_process(tmp_path, "views", *names)
    assert finished.stdout == "page,views,visitors\n/,3,3\n"
    assert len(finished.stderr.splitlines()) == 3 * len(names) + 2
    assert finished.stderr.endswith(
        "3 events from 15,003 lines; excluded: 15,000 unreadable\nfrom 2026-09-07 10:00:00 to 2026-09-07 10:00:00 UTC\n"
    )
    assert len(run_in_process(tmp_path, "check", *names).stdout) < 5_000
