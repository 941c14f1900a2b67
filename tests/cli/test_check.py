"""`check` says what is in each log: its format, its lines by reason, pixels, times, gaps and damage."""

import bz2
import gzip
import json
import lzma
import os
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tests.builders import log, request, view
from tests.run import Finished, run_in_process
from tests.small_logs import ANN, BEN, MESSY, NO_FORMAT, bad_lines_of, findings_of, write_log

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


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
    write_log(tmp_path, GAPPY)
    assert run_in_process(tmp_path, "check", "access.log", "--tz", "Europe/Berlin") == Finished(
        "file,check,finding,count,share\n"
        "access.log,compression,none,,\n"
        "access.log,format,combined: 7 of its first 9 lines match,,\n"
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
        'access.log,backwards,"2 lines are earlier than the line before, by up to 60 s",60,\n'
        f'access.log,unreadable,"access.log:4 {NO_FORMAT}: oops",,\n'
        f'access.log,unreadable,"access.log:10 {NO_FORMAT}: {{""seen"": ""here""}}",,\n'
        "access.log,verdict,doubtful: 22% of its lines cannot be read,,\n",
        "",
        0,
    )


@pytest.mark.slow
def test_check_answers_in_every_output(tmp_path: Path) -> None:
    write_log(tmp_path, log(ANN, "oops"))
    found = [
        ("compression", "none", None, None),
        ("format", "combined: 1 of its first 2 lines match", None, None),
        ("lines", "all", 2, None),
        ("lines", "read", 1, 0.5),
        ("lines", "no_format", 1, 0.5),
        ("pixel", "/pixel.gif", 1, 0.5),
        ("time", "first 2026-09-07 10:00:00+00:00", None, None),
        ("time", "last 2026-09-07 10:00:00+00:00", None, None),
        ("unreadable", f"access.log:2 {NO_FORMAT}: oops", None, None),
        ("verdict", "doubtful: 50% of its lines cannot be read", None, None),
    ]
    names = ("file", "check", "finding", "count", "share")
    rows = [dict(zip(names, ("access.log", *row), strict=True)) for row in found]
    assert json.loads(run_in_process(tmp_path, "check", "access.log", "--format", "json").stdout) == rows
    lines = run_in_process(tmp_path, "check", "access.log", "--format", "ndjson").stdout.splitlines()
    assert [json.loads(line) for line in lines] == rows
    tsv = run_in_process(tmp_path, "check", "access.log", "--format", "tsv").stdout.splitlines()
    assert tsv[4] == "access.log\tlines\tread\t1\t0.5"
    table = run_in_process(tmp_path, "check", "access.log", "--format", "table").stdout
    assert table.startswith("Check of the logs\ntimes in UTC\n")
    assert "50.0%" in table
    assert table.rstrip().endswith(
        "\nNext: keep the lines that cannot be read: pixelstat check access.log --rejects bad_lines.tsv"
    )
    assert run_in_process(tmp_path, "check", "access.log", "-o", "found.parquet") == Finished("", "", 0)
    assert pl.read_parquet(tmp_path / "found.parquet").to_dicts() == rows


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pack", "name"), [(bytes, "none"), (gzip.compress, "gzip"), (zstd.compress, "zstd"), (bz2.compress, "bzip2"),
                       (lzma.compress, "xz")],
)  # fmt: skip
def test_check_names_the_compression(pack: Callable[[bytes], bytes], name: str, tmp_path: Path) -> None:
    write_log(tmp_path, pack(MESSY))
    assert findings_of(tmp_path, "access.log")[0] == ("compression", name, None)
    assert findings_of(tmp_path, stdin=pack(MESSY))[0] == ("compression", name, None)


@pytest.mark.slow
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
def test_lines_by_reason_sum_to_all_lines(content: bytes, tmp_path: Path) -> None:
    write_log(tmp_path, content)
    counts = [(what, count or 0) for check, what, count in findings_of(tmp_path, "access.log") if check == "lines"]
    assert counts[0] == ("all", content.count(b"\n") + (content[-1:] not in (b"", b"\n")))
    assert sum(count for _, count in counts[1:]) == counts[0][1]


def test_check_looks_at_each_log_by_itself(tmp_path: Path) -> None:
    write_log(tmp_path, log(view("ann", "/", "18:00"), "oops"), "a.log")
    write_log(tmp_path, gzip.compress(log(request("/style.css", "10:00")).encode()), "b.log.gz")
    rows = run_in_process(tmp_path, "check", "a.log", "b.log.gz").stdout.splitlines()
    assert [row for row in rows if ",lines,all," in row] == ["a.log,lines,all,2,", "b.log.gz,lines,all,1,"]
    assert not [row for row in rows if ",gap," in row or ",backwards," in row]
    assert [row for row in rows if ",pixel," in row] == ["a.log,pixel,/pixel.gif,1,0.5"]
    assert "b.log.gz,compression,gzip,," in rows


def test_the_longest_gaps_are_shown(tmp_path: Path) -> None:
    days = [1, 2, 4, 7, 11, 16, 22]  # from the second on gaps of 2, 3, 4, 5 and 6 days
    hours = [0, 2, 5, 9, 14, 20]  # on the first day of 2, 3, 4, 5 and 6 hours, and 4 more to the second
    first = [view("ann", "/", f"{hour:02d}:00", day="2026-06-01") for hour in hours]
    write_log(tmp_path, log(*first, *(view("ann", "/", "00:00", day=f"2026-06-{day:02d}") for day in days[1:])))
    gaps = [count for check, _, count in findings_of(tmp_path, "access.log", "--top", "10") if check == "gap"]
    hour = 3600
    assert gaps == [6 * 24 * hour, 5 * 24 * hour, 4 * 24 * hour, 3 * 24 * hour, 2 * 24 * hour,
                    6 * hour, 5 * hour, 4 * hour, 4 * hour, 3 * hour]  # fmt: skip


@pytest.mark.slow
def test_gaps_and_steps_back_are_found_across_blocks_and_bad_lines(tmp_path: Path) -> None:
    early = log(view("ann", "/", "10:00")).encode() * 60_000  # over a block
    write_log(tmp_path, early + log("oops", view("ann", "/", "12:00"), "oops", view("ann", "/", "11:59:30")).encode())
    rows = findings_of(tmp_path, "access.log")
    assert [row for row in rows if row[0] in ("gap", "backwards")] == [
        ("gap", "from 2026-09-07 10:00:00+00:00 to 2026-09-07 12:00:00+00:00", 7_200),
        ("backwards", "1 line is earlier than the line before, by up to 30 s", 30),
    ]


@pytest.mark.slow
def test_the_most_requested_pixels_are_shown_with_custom_ones(tmp_path: Path) -> None:
    asked = [request(f"/{place:02d}/s.gif", "10:00") for place in range(12) for _ in range(12 - place)]
    write_log(tmp_path, log(*asked))
    assert not [row for row in findings_of(tmp_path, "access.log") if row[0] == "pixel"]
    shown = [row[1:] for row in findings_of(tmp_path, "access.log", "--pixel", "s.gif") if row[0] == "pixel"]
    assert shown == [(f"/{place:02d}/s.gif", 12 - place) for place in range(5)]


def test_three_unreadable_lines_are_shown_and_long_ones_cut(tmp_path: Path) -> None:
    write_log(tmp_path, log(ANN, "one", "A" * 160, ANN, "B" * 161, "four"))
    assert [row[1] for row in findings_of(tmp_path, "access.log") if row[0] == "unreadable"] == [
        f"access.log:2 {NO_FORMAT}: one",
        f"access.log:3 {NO_FORMAT}: {'A' * 160}",
        f"access.log:5 {NO_FORMAT}: {'B' * 160}...",
    ]


def test_the_formats_of_a_log_that_changes_midway_are_counted(tmp_path: Path) -> None:
    moved = '{"time":"2026-09-07T10:00:00Z","remote_addr":"203.0.113.1","request":"GET /p.gif HTTP/1.1","status":200}'
    write_log(tmp_path, log(ANN, BEN, ANN, moved))
    assert findings_of(tmp_path, "access.log")[1:5] == [
        ("format", "combined: 3 of its first 4 lines match", None),
        ("read as", "combined", 3),
        ("read as", "nginx_json", 1),
        ("lines", "all", 4),
    ]


def test_check_names_the_wrapping_of_a_format(tmp_path: Path) -> None:
    write_log(tmp_path, log(*(f"Sep  7 10:00:01 web1 nginx[32]: {line}" for line in (ANN, BEN, "oops"))))
    rows = findings_of(tmp_path, "access.log")
    assert rows[1] == ("format", "combined: 2 of its first 3 lines match, wrapped by syslog", None)
    assert rows[-2] == ("unreadable", f"access.log:3 {NO_FORMAT}: oops", None)


def test_check_says_that_a_file_is_not_a_log(tmp_path: Path) -> None:
    write_log(tmp_path, "name;town\nann;Berlin\n", "people.csv")
    assert run_in_process(tmp_path, "check", "people.csv") == Finished(
        "file,check,finding,count,share\n"
        "people.csv,compression,none,,\n"
        "people.csv,format,unknown,,\n"
        "people.csv,lines,all,2,\n"
        "people.csv,lines,read,0,0.0\n"
        "people.csv,lines,no_format,2,1.0\n"
        f'people.csv,unreadable,"people.csv:1 {NO_FORMAT}: name;town",,\n'
        f'people.csv,unreadable,"people.csv:2 {NO_FORMAT}: ann;Berlin",,\n'
        "people.csv,verdict,unreadable: its lines match no known format,,\n",
        "",
        0,
    )


@pytest.mark.parametrize(
    ("content", "compression"), [(b"", "none"), (gzip.compress(b""), "gzip")], ids=["plain", "gzip"]
)
def test_check_says_that_a_log_is_empty(content: bytes, compression: str, tmp_path: Path) -> None:
    write_log(tmp_path, content)
    assert run_in_process(tmp_path, "check", "access.log", "--strict") == Finished(
        "file,check,finding,count,share\n"
        f"access.log,compression,{compression},,\n"
        "access.log,format,none: the log is empty,,\n"
        "access.log,lines,all,0,\n"
        "access.log,lines,read,0,\n"
        "access.log,verdict,empty: the log contains no requests,,\n",
        "",
        0,
    )


@pytest.mark.slow
def test_a_damaged_archive_is_checked_as_far_as_it_goes_with_exit_code_3(tmp_path: Path) -> None:
    write_log(tmp_path, gzip.compress(log(*[ANN] * 500).encode())[:-50], "torn.gz")
    write_log(tmp_path, log(BEN), "whole.log")
    finished = run_in_process(tmp_path, "check", "torn.gz", "whole.log")
    assert "torn.gz,damage,it ends in the middle of the archive,,\n" in finished.stdout
    assert "whole.log,lines,read,1,1.0\n" in finished.stdout
    assert finished.stderr == (
        "Warning: torn.gz: it ends in the middle of the archive. "
        "The complete lines before that point count. The rest is missing.\n"
    )
    assert finished.exit == 3
    quiet = run_in_process(tmp_path, "check", "torn.gz", "-q")
    assert (quiet.exit, quiet.stderr) == (3, finished.stderr)
    table = run_in_process(tmp_path, "check", "torn.gz", "whole.log", "--format", "table").stdout
    assert table.rstrip().endswith("\nNext: get a complete copy of torn.gz")


@pytest.mark.slow
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
    write_log(tmp_path, MESSY)
    finished = run_in_process(tmp_path, "check", "access.log", *options)
    assert finished.stdout == run_in_process(tmp_path, "check", "access.log").stdout
    said = "4 of 8 lines could not be read, which is more than allowed.\n"
    assert (finished.stderr, finished.exit) == (said if exit_code else "", exit_code)
    assert run_in_process(tmp_path, "check", "access.log", *options, "-q", "-o", "found.csv") == Finished(
        "", said if exit_code else "", exit_code
    )
    assert (tmp_path / "found.csv").read_text() == finished.stdout


def test_failures_and_damage_are_reported_with_too_many_bad_lines_too(tmp_path: Path) -> None:
    write_log(tmp_path, gzip.compress(log(*[ANN, "oops"] * 500).encode())[:-50], "torn.gz")
    finished = run_in_process(tmp_path, "check", "torn.gz", "--strict", "--fail-if", "check = 'damage'", "-q")
    warning, failure, limit = finished.stderr.splitlines()
    assert warning.startswith("Warning: torn.gz: it ends in the middle of the archive. ")
    assert failure.startswith("Error: The condition of --fail-if holds for 1 of ")
    assert limit.endswith("lines could not be read, which is more than allowed.")
    assert finished.exit == 4


@pytest.mark.slow
def test_all_pixels_are_shown_with_top_0(tmp_path: Path) -> None:
    write_log(tmp_path, log(*(request(f"/{place}/s.gif", "10:00") for place in range(1_001))))
    rows = findings_of(tmp_path, "access.log", "--pixel", "s.gif", "--top", "0")
    assert sum(check == "pixel" for check, _, _ in rows) == 1_001


@pytest.mark.slow
def test_the_bad_lines_of_all_logs_are_counted_together(tmp_path: Path) -> None:
    write_log(tmp_path, log(ANN, "oops"), "a.log")
    write_log(tmp_path, log(BEN, "oops"), "b.log")
    assert run_in_process(tmp_path, "check", "a.log", "b.log", "--max-errors", "1", "-q").exit == 4
    assert run_in_process(tmp_path, "check", "a.log", "b.log", "--max-errors", "2", "-q").exit == 0


@pytest.mark.slow
def test_check_keeps_the_same_bad_lines_as_a_report(tmp_path: Path) -> None:
    write_log(tmp_path, MESSY)
    write_log(tmp_path, gzip.compress(MESSY), "more.gz")
    finished = run_in_process(tmp_path, "check", "access.log", "more.gz", "--rejects", "checked.tsv")
    assert finished.stderr == "8 bad lines in checked.tsv\n"
    assert (tmp_path / "checked.tsv").read_bytes() == bad_lines_of(tmp_path, "access.log", "more.gz")


def test_a_missing_log_is_an_error_for_check_too(tmp_path: Path) -> None:
    finished = run_in_process(tmp_path, "check", "missing.log")
    assert finished.stderr.startswith("Error: There is no file 'missing.log'.\n")
    assert (finished.stdout, finished.exit) == ("", 2)


@pytest.mark.slow
def test_standard_input_is_checked(tmp_path: Path) -> None:
    write_log(tmp_path, MESSY, "-")
    by_name, piped = (
        run_in_process(tmp_path, "check", "./-").stdout,
        run_in_process(tmp_path, "check", stdin=MESSY).stdout,
    )
    assert piped.replace("Standard input", "./-") == by_name


@pytest.mark.slow
def test_standard_input_larger_than_what_is_read_ahead_is_checked(tmp_path: Path) -> None:
    stdin = log(request("/style.css", "10:00")).encode() * 40_000
    assert len(stdin) > 6_000_000
    assert ("lines", "all", 40_000) in findings_of(tmp_path, stdin=stdin)


def test_a_log_with_a_name_that_is_not_utf8_is_checked(tmp_path: Path) -> None:
    write_log(tmp_path, log(ANN), os.fsdecode(b"caf\xe9.log"))
    assert run_in_process(tmp_path, "check", b"caf\xe9.log").exit == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["w3c", "iis", "cloudfront", "#Fields: date time cs-uri"])
@pytest.mark.parametrize("command", ["views", "check"])
def test_an_empty_log_of_a_w3c_format_is_reported_as_empty(command: str, name: str, tmp_path: Path) -> None:
    write_log(tmp_path, "")
    finished = run_in_process(tmp_path, command, "access.log", "--log-format", name)
    assert "is empty" in finished.stdout + finished.stderr
    assert finished.exit == 0


@pytest.mark.slow
def test_check_advises_protocols_that_must_be_named(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(log(*(request(f"/t/q1W2e3{n}/e3R4t5{n}", "11:00") for n in range(30))))
    assert (
        'advice,"some requests look like those of sendy. If they are, add --protocol sendy",30,1.0'
        in run_in_process(tmp_path, "check", "a.log").stdout
    )
    (tmp_path / "a.log").write_text(log(*(request(f"/t/shirts-{n % 5}/red", "11:00") for n in range(30))))
    assert "advice" not in run_in_process(tmp_path, "check", "a.log").stdout


def test_a_table_of_many_logs_shows_the_doubtful_ones_first_and_fits_a_screen(tmp_path: Path) -> None:
    for number in range(30):
        write_log(tmp_path, log(ANN, *(["oops"] if number == 25 else [])), f"{number:02}.log")
    names = [f"{number:02}.log" for number in range(30)]
    lines = run_in_process(tmp_path, "check", *names, "--format", "table").stdout.splitlines()
    rows = [line for line in lines if ".log " in line and "verdict" in line]
    assert rows[0].split()[:3] == ["25.log", "verdict", "doubtful:"]
    assert [row.split()[0] for row in rows[1:]] == names[:19]
    assert "10 more logs: --format csv" in lines
    assert len(lines) <= 30
    everything = run_in_process(tmp_path, "check", *names, "--format", "csv").stdout
    assert everything.count(",verdict,") == 30


def test_a_log_that_is_named_twice_has_its_rows_once_for_each_time(tmp_path: Path) -> None:
    write_log(tmp_path, log(ANN))
    table = run_in_process(tmp_path, "check", "access.log", "access.log", "--format", "table").stdout
    assert table.count("good: 1 pixel request") == 2


def test_check_shows_the_string_that_was_inferred_for_a_text_log(tmp_path: Path) -> None:
    write_log(tmp_path, '[07/Sep/2026 10:00:00] "GET /pixel.gif?e=pv HTTP/1.1" 200 43\n')
    rows = findings_of(tmp_path, "access.log")
    layout = next(finding for check, finding, _ in rows if check == "layout")
    assert layout == '[$time] "$request" $status $body_bytes_sent'
    assert ("lines", "read", 1) in findings_of(tmp_path, "access.log", "--log-format", layout)
