"""What a hostile log, name, condition or archive can do: nothing but be counted, set aside, or refused in a sentence.

Beside test_bad_input.py, which begins this list: each test here is one more thing that broke some reader of logs.
"""

import bz2
import contextlib
import gzip
import json
import lzma
import os
import pty
import random
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from time import monotonic

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pixelstat import formats
from pixelstat.formats.base import Format
from pixelstat.formats.prefixes import PREFIXES
from pixelstat.formats.reparse import reparse_misfits
from pixelstat.schemas import LINES, READ
from pixelstat.sources.blocks import MAX_LINE, Log, iter_blocks
from pixelstat.sources.decompression import detect_compression
from pixelstat.sources.lines import Reading, scan_lines
from tests.inside import inside
from tests.program import COMMAND, Ended, pixelstat
from tests.story import hit, log, request, view

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ANN = view("ann", "/", "10:00")
ANN_COUNTED = "page,views,visitors\n/,1,1\n"


def views(folder: Path, content: str | bytes, *options: str) -> Ended:
    """The page views of a log with this content, also of lines that are the same."""
    (folder / "access.log").write_bytes(content if isinstance(content, bytes) else content.encode())
    return inside(folder, "views", "--keep-duplicates", "access.log", *options)


def span(ended: Ended) -> str:
    """`2026-09-07 10:00:00 to 2026-09-07 10:01:00`: the times of the first event and the last."""
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("from ")]
    return line.removeprefix("from ").removesuffix(", times in UTC")


# -- times -----------------------------------------------------------------------------------------------------------

ISO = ("--log-format", "$time_iso8601 $request_uri")
SECONDS = ("--log-format", "$msec $request_uri")


def at(time: str) -> str:
    """A request whose log writes its time in this way."""
    return f"{time} /pixel.gif?v=ann&p=/"


def test_a_leap_second_is_the_first_second_of_the_next_day(tmp_path: Path) -> None:
    ended = views(tmp_path, log(view("ann", "/", "23:59:60", day="2016-12-31")), "--every", "day")
    assert ended.stdout == "time,views,visitors\n2017-01-01T00:00:00+00:00,1,1\n"
    ended = views(tmp_path, log(at("2016-12-31T23:59:60Z")), *ISO, "--every", "day")
    assert ended.stdout == "time,views,visitors\n2017-01-01T00:00:00+00:00,1,1\n"


def test_no_minute_has_a_second_61(tmp_path: Path) -> None:
    ended = views(tmp_path, log(ANN, view("ben", "/", "23:59:61")))
    assert ended.stderr.startswith("2 lines, 2 pixel requests; set aside: 1 unreadable\n")


def test_a_clock_that_is_a_day_ahead_is_believed_and_one_that_is_days_ahead_is_not(tmp_path: Path) -> None:
    now = datetime.now(timezone.utc)
    near, far = ((now + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ") for hours in (47, 49))
    ended = views(tmp_path, log(at(near), at(far)), *ISO)
    assert ended.stderr.startswith("2 lines, 2 pixel requests; set aside: 1 unreadable\n")


def test_the_first_second_of_2000_is_a_time_and_the_one_before_is_none(tmp_path: Path) -> None:
    ended = views(tmp_path, log(at("1999-12-31T23:59:59Z"), at("2000-01-01T00:00:00Z")), *ISO)
    assert ended.stderr.startswith("2 lines, 2 pixel requests; set aside: 1 unreadable\n")
    assert span(ended) == "2000-01-01 00:00:00 to 2000-01-01 00:00:00"


@pytest.mark.parametrize(
    ("options", "time"),
    [
        (ISO, "0000-09-07T10:00:00Z"),
        (ISO, "9999-09-07T10:00:00Z"),
        (ISO, "+12026-09-07T10:00:00Z"),
        (ISO, "-2026-09-07T10:00:00Z"),
        (ISO, "2026-02-31T10:00:00Z"),
        (ISO, "2026-09-07T24:00:00Z"),
        (ISO, "2026-09-07T10:00Z"),
        (ISO, "2026-09-07T10:00:00+99:99"),
        (ISO, "2026-09-07T10:00:00+9999"),
        (ISO, "\uff12\uff10\uff12\uff16-09-07T10:00:00Z"),
        (ISO, "2026-09-07T1\u0660:00:00Z"),
        (SECONDS, "-1"),
        (SECONDS, "0"),
        (SECONDS, "nan"),
        (SECONDS, "inf"),
        (SECONDS, "1e400"),
        (SECONDS, "9" * 25),
        (SECONDS, "9" * 5_000),
        (SECONDS, "0x6AA0C2D0"),
        (SECONDS, "\uff11\uff17\uff18\uff18\uff17\uff17\uff15\uff12\uff10\uff10"),
    ],
)
def test_a_time_that_is_none_or_of_another_age_is_unreadable(options: Sequence[str], time: str, tmp_path: Path) -> None:
    good = at("1788775200" if options is SECONDS else "2026-09-07T10:00:00Z")
    ended = views(tmp_path, log(good, at(time)), *options)
    assert ended.stderr.startswith("2 lines, 2 pixel requests; set aside: 1 unreadable\n")
    assert (ended.stdout, ended.exit) == (ANN_COUNTED, 0)


@pytest.mark.parametrize(
    "time",
    ["-1", "0", "1e400", "-1e400", "9" * 25, "9" * 5_000, "true", "null", "{}", "[]", "[1788775200]", '""', '"1e400"',
     '"nan"', '"0000-09-07T10:00:00Z"', '"\\ud800"', "NaN", "Infinity"],
)  # fmt: skip
def test_a_time_in_json_that_is_none_is_unreadable(time: str, tmp_path: Path) -> None:
    line = '{{"ts":{},"remote_addr":"203.0.113.1","request":"GET /pixel.gif?v=ann&p=/ HTTP/1.1","status":200}}'
    ended = views(tmp_path, log(line.format("1788775200.5"), line.format(time)))
    assert ended.stderr.startswith("2 lines, 2 pixel requests; set aside: 1 unreadable\n")
    assert (ended.stdout, ended.exit) == (ANN_COUNTED, 0)


@pytest.mark.parametrize(
    ("offset", "utc"),
    [
        ("+1400", "2026-09-06 20:00:00"),  # Kiritimati
        ("+0545", "2026-09-07 04:15:00"),  # Kathmandu
        ("-0330", "2026-09-07 13:30:00"),  # Newfoundland
        ("-1200", "2026-09-07 22:00:00"),
        ("-0000", "2026-09-07 10:00:00"),
    ],
)
def test_an_offset_that_some_place_on_earth_has_is_believed(offset: str, utc: str, tmp_path: Path) -> None:
    assert span(views(tmp_path, log(hit("ann", "page_view", "10:00", offset=offset)))) == f"{utc} to {utc}"


@pytest.mark.parametrize("offset", ["+1401", "+2400", "+9999", "-9999", "+00x0", "+000", "0000", "\uff0b0000"])
def test_an_offset_that_no_place_on_earth_has_is_unreadable(offset: str, tmp_path: Path) -> None:
    ended = views(tmp_path, log(ANN, hit("ben", "page_view", "10:00", offset=offset)))
    assert ended.stderr.startswith("2 lines, 2 pixel requests; set aside: 1 unreadable\n")


def test_an_hour_that_comes_twice_is_told_apart_by_its_offset(tmp_path: Path) -> None:
    summer, winter = (
        hit("ann", "page_view", "02:30", day="2025-10-26", offset=offset) for offset in ("+0200", "+0100")
    )
    ended = views(tmp_path, log(winter, summer), "--every", "hour", "--tz", "Europe/Berlin")
    assert ended.stdout == ("time,views,visitors\n2025-10-26T02:00:00+02:00,1,1\n2025-10-26T02:00:00+01:00,1,1\n")


def test_the_days_of_a_clock_change_have_their_23_and_25_hours(tmp_path: Path) -> None:
    days = {  # in UTC: the last minute before a day of Berlin, its first and last, and the first behind it
        "spring": ["2025-03-29T22:59Z", "2025-03-29T23:00Z", "2025-03-30T21:59Z", "2025-03-30T22:00Z"],
        "autumn": ["2025-10-25T21:59Z", "2025-10-25T22:00Z", "2025-10-26T22:59Z", "2025-10-26T23:00Z"],
    }
    found = {}
    for season, times in days.items():
        content = log(*(at(time.replace("Z", ":00Z")) for time in times))
        ended = views(tmp_path, content, *ISO, "-q", "--every", "day", "--tz", "Europe/Berlin")
        found[season] = ended.stdout.splitlines()[1:]
    assert found == {
        "spring": ["2025-03-29T00:00:00+01:00,1,1", "2025-03-30T00:00:00+01:00,2,1", "2025-03-31T00:00:00+02:00,1,1"],
        "autumn": ["2025-10-25T00:00:00+02:00,1,1", "2025-10-26T00:00:00+02:00,2,1", "2025-10-27T00:00:00+01:00,1,1"],
    }


def test_a_log_that_goes_backwards_counts_as_if_it_went_forwards(tmp_path: Path) -> None:
    lines = [view("ann", "/", "10:00"), view("ann", "/cart", "10:01"), hit("ann", "purchase", "10:02")]
    (tmp_path / "forth.log").write_text(log(*lines))
    (tmp_path / "back.log").write_text(log(*reversed(lines)))
    asked = ["--steps", "/,/cart,purchase", "-q"]
    assert inside(tmp_path, "funnel", "back.log", *asked) == inside(tmp_path, "funnel", "forth.log", *asked)


# -- addresses and hosts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("client", "network"),
    [
        ("fe80::1%eth0", "fe80::/10"),
        ("fe80::1%25eth0", "fe80::/10"),
        ("::ffff:198.51.100.7", "198.51.100.0/24"),
        ("::ffff:c633:6407", "198.51.100.7"),
        ("[2001:db8::1]", "2001:db8::/32"),
        ("[2001:db8::1]:443", "2001:db8::/32"),
        ("2001:DB8:0:0:0::1", "2001:db8::1"),
        ("198.51.100.7:4711", "198.51.100.7"),
    ],
)
def test_an_address_is_the_same_however_it_is_written(client: str, network: str, tmp_path: Path) -> None:
    ended = views(tmp_path, log(request("/pixel.gif?v=ann", "10:00", client=client)), "--exclude-ip", network)
    assert ended.stderr == "1 line, 1 pixel request; set aside: 1 from an excluded address\n"


@pytest.mark.parametrize("client", ["01.2.3.4", "256.1.1.1", "1.2.3", "localhost", "::1%", ":::", "%"])
def test_what_is_no_address_lies_in_no_network(client: str, tmp_path: Path) -> None:
    ended = views(tmp_path, log(request("/pixel.gif?v=ann&p=/", "10:00", client=client)), "-q",
                  "--exclude-ip", "0.0.0.0/0")  # fmt: skip
    assert ended.stdout == ANN_COUNTED


def test_the_host_of_a_page_may_be_an_address_with_a_port(tmp_path: Path) -> None:
    pages = [f"https://{host}/a" for host in ("[2001:db8::1]:8443", "198.51.100.7:8080", "SHOP.example:443", "a@b@c")]
    content = log(*(request("/pixel.gif?v=ann", "10:00", referrer=page) for page in pages))
    for host in ("[2001:db8::1]", "198.51.100.7", "shop.example", "c"):
        assert views(tmp_path, content, "-q", "--host", host).stdout == "page,views,visitors\n/a,1,1\n"


# -- parameters ------------------------------------------------------------------------------------------------------


def test_two_hundred_thousand_different_parameters_hide_none(tmp_path: Path) -> None:
    many = "&".join(f"a{number}=1" for number in range(200_000))
    ended = views(tmp_path, log(request(f"/pixel.gif?{many}&v=ann&p=/", "10:00")), "-q")
    assert ended.stdout == ANN_COUNTED


def test_a_percent_sign_encoded_a_thousand_times_is_decoded_once(tmp_path: Path) -> None:
    ended = views(tmp_path, log(request("/pixel.gif?v=ann&p=/%" + "25" * 1_000 + "41", "10:00")), "-q")
    assert ended.stdout == "page,views,visitors\n/%" + "25" * 999 + "41,1,1\n"


def test_escapes_of_a_server_are_undone_once_and_a_percent_sign_after_them_once(tmp_path: Path) -> None:
    ended = views(tmp_path, log(request(r"/pixel.gif?v=ann&p=/\x5Cx41\x25\x32\x35", "10:00")), "-q")
    assert ended.stdout == "page,views,visitors\n/\\x41%,1,1\n"


@pytest.mark.parametrize(
    "query", ["&" * 50_000, "=" * 50_000, "%" * 50_000, "v=&" * 50_000, "?" * 50_000, "%00" * 9_000]
)
def test_a_query_of_nothing_but_signs_is_a_page_view_without_a_page(query: str, tmp_path: Path) -> None:
    assert views(tmp_path, log(request(f"/pixel.gif?{query}", "10:00")), "-q").stdout == "page,views,visitors\n,1,1\n"


@pytest.mark.parametrize(
    "value",
    [
        "ten", "", "-", "0x10", "1_000", "12,50", "\uff11\uff12", "%00", "1e", "--1", "1" * 5_000 + "x",
        "nan",
        "inf",
        "1e400",
        "9" * 5_000,
    ],
)  # fmt: skip
def test_a_value_that_is_no_number_is_null(value: str, tmp_path: Path) -> None:
    content = log(hit("ann", "page_view", "10:00", p="/", value=value))
    assert views(tmp_path, content, "-q", "--where", "value IS NULL").stdout == ANN_COUNTED
    assert views(tmp_path, content, "-q", "--where", "value > 0").stdout == "page,views,visitors\n"


@pytest.mark.parametrize("status", ["9" * 20, "-200", "1000", "65736", "2e2", "200.0", "\uff12\uff10\uff10"])
def test_a_status_that_is_none_is_unreadable(status: str, tmp_path: Path) -> None:
    ended = views(tmp_path, log(ANN, ANN.replace(" 200 ", f" {status} ")))
    assert ended.stderr.startswith("2 lines, 2 pixel requests; set aside: 1 unreadable\n")
    line = '{{"ts":1788775200,"remote_addr":"203.0.113.1","request":"GET /pixel.gif?v=ann&p=/ HTTP/1.1","status":{}}}'
    ended = views(tmp_path, log(line.format(200), line.format(f'"{status}"')))
    assert (ended.stdout, ended.exit) == (ANN_COUNTED, 0)


@pytest.mark.parametrize("size", ["9" * 20, "9" * 5_000])
def test_more_bytes_than_there_are_numbers_do_not_matter(size: str, tmp_path: Path) -> None:
    ended = views(tmp_path, log(ANN.replace(" 43 ", f" {size} ")))
    assert (ended.stdout, ended.exit) == (ANN_COUNTED, 0)


# -- agents ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "agent",
    [
        "Opera", "Opera/", "Opera/9.80 (", "Opera/9.80 (J2ME/MIDP; Opera Mini/", "Opera Mini", "Opera/\x01", "OPR/",
        "Opera/9.80 (Windows NT 6.1; U; en) Presto/2.8.131 Version/", "Opera 99999999999999999999", "Opera/9.80 (S60;",
        "(", ")", "[", "*", "?", "+", "{", "%s%n%x", "$(id)", "Mozilla/5.0 (" + "(" * 5_000, "Firefox/" + "9" * 100_000,
        "Version/" + "9." * 50_000, " " * 9_999, "\u202e\u2066", "\\x", "a\x01b\x02c\x1fd",
    ],
    ids=lambda agent: f"{agent[:20]!a}",
)  # fmt: skip
def test_an_agent_is_text_and_no_more(agent: str, tmp_path: Path) -> None:
    started = monotonic()
    ended = views(
        tmp_path, log(view("ann", "/", "10:00", agent=agent), view("ben", "/", "10:01", agent=f"{agent}bot/1.0"))
    )
    assert ended.stdout in (ANN_COUNTED, "page,views,visitors\n/,2,2\n")  # a bot behind 2,048 characters is not seen
    assert ended.stderr.startswith("2 lines, 2 pixel requests")
    assert "unreadable" not in ended.stderr
    assert monotonic() - started < 20


def test_a_thousand_long_agents_are_judged_quickly(tmp_path: Path) -> None:
    started = monotonic()
    agents = ("Opera/" + "9." * 1_000 + str(number) for number in range(1_000))
    ended = views(tmp_path, log(*(view("ann", "/", "10:00", agent=agent) for agent in agents)))
    assert ended.stdout == "page,views,visitors\n/,1000,1\n"
    assert monotonic() - started < 20


@pytest.mark.parametrize(
    "forwarded_for",
    [",,{},", "{}", ",", ", , ,", "unknown", "unknown, unknown", "1.2.3.4" * 500, "[::1", "::1]:80", "-, -", "1.2.3.4, -",
     ",".join(["1.2.3.4"] * 9_000)],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_whatever_stands_in_x_forwarded_for_the_line_is_read(forwarded_for: str, tmp_path: Path) -> None:
    content = log(f'{ANN} "{forwarded_for}"')
    for trusted in ("0.0.0.0/0", "198.51.100.0/24"):
        ended = views(tmp_path, content, "-q", "--log-format", "combined_forwarded", "--trusted-proxy", trusted)
        assert ended == Ended(ANN_COUNTED, "", 0)


# -- conditions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("regexp_like(page, '^/(a+)+$')", False),
        ("regexp_like(page, '^/(a|a|a)*$')", False),
        ("regexp_like(page, '^/(a*)*(a*)*(a*)*b')", False),
        ("regexp_like(page, '(x+x+)+y')", False),
        ("page LIKE '" + "%a" * 200 + "b'", False),
        ("page LIKE '%" + "a" * 40 + "%'", True),
        ("page IN ('" + "','".join(map(str, range(20_000))) + "', '/')", False),
        ("page = '" + "x" * 1_000_000 + "'", False),
        ("value > 1e400", False),
        ("status > 9223372036854775807", False),
        ("1/0 < 1", False),
        ("page = '/' -- and so on", False),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_pathological_condition_ends_soon(condition: str, holds: bool, tmp_path: Path) -> None:
    started = monotonic()
    page = "/" + "a" * 50_000 + "!"
    ended = views(tmp_path, log(view("ann", page, "10:00")), "-q", "--where", condition)
    assert (ended.stdout != "page,views,visitors\n", ended.exit) == (holds, 0)
    assert monotonic() - started < 20


@pytest.mark.parametrize(
    "condition",
    [
        "regexp_like(page, '(?=a)')",
        r"regexp_like(page, '(a)\1')",
        "regexp_like(page, 'a{1000}{1000}{1000}')",
        "regexp_like(page, '" + "(" * 5_000 + ")" * 5_000 + "')",
        "(" * 5_000 + "true" + ")" * 5_000,
        "NOT " * 5_000 + "true",
        "value > " + "9" * 400,
        "1=1; DROP TABLE events",
        "page IN (SELECT page FROM events)",
        "EXISTS (SELECT 1)",
        "time - INTERVAL '99999999 year' < time",
        "page = '\x1b[2J",
        "read_csv('/etc/passwd') IS NOT NULL",
        "page\x00 = '/'",
    ],
    ids=lambda condition: f"{condition[:40]!a}",
)
def test_a_condition_that_goes_too_far_is_a_sentence(condition: str, tmp_path: Path) -> None:
    started = monotonic()
    ended = views(tmp_path, log(ANN), "--where", condition)
    assert ended.stderr.startswith("Error: ")
    assert "bug" not in ended.stderr
    assert "\x1b" not in ended.stderr
    assert (ended.stdout, ended.exit) == ("", 2)
    assert monotonic() - started < 20


def test_a_condition_of_twenty_thousand_terms_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(ANN))
    ended = pixelstat(tmp_path, "views", "access.log", "--where", "value" + "+1" * 20_000 + " > 3")
    assert ended.exit in (0, 2)


def test_a_page_with_many_stars_as_a_step_ends_soon(tmp_path: Path) -> None:
    started = monotonic()
    (tmp_path / "access.log").write_text(log(view("ann", "/" + "a" * 50_000, "10:00")))
    ended = inside(tmp_path, "funnel", "access.log", "-q", "--step", "end: /" + "*a" * 200 + "*b", "--step", "/a*")
    assert [row.split(",")[2] for row in ended.stdout.splitlines()[1:]] == ["0", "0"]
    assert monotonic() - started < 20


# -- what a terminal, a spreadsheet or a browser would obey ----------------------------------------------------------

EVIL = "\x1b[2J\x1b]0;owned\x07[red]x[/nope][link=https://evil.example]\x9b31m\u202e:smile:"
HARMLESS = r"\x1b[2J\x1b]0;owned\x07[red]x[/nope][link=https://evil.example]\x9b31m\u202e:smile:"


def test_escapes_and_markup_in_bad_lines_pixels_and_names_are_harmless_where_check_shows_them(tmp_path: Path) -> None:
    (tmp_path / "[red]x[").mkdir()  # the slash of the markup parts the name
    name = "[red]x[/nope]\x1b[2J.log"
    (tmp_path / name).write_text(log(ANN, EVIL, request("/\x1b[2J[/b]/pixel.gif?v=ann", "10:00")))
    ended = inside(tmp_path, "check", name, "--format", "table")
    shown = "".join(ended.stdout.split())
    assert r"[red]x[/nope]\x1b[2J.log:2" in shown
    assert r"/\x1b[2J[/b]/pixel.gif" in shown
    assert HARMLESS in shown
    assert not any(control in ended.stdout for control in ("\x1b", "\x07", "\x9b", "\u202e"))


def test_a_terminal_that_check_writes_to_gets_nothing_to_obey(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(ANN, EVIL))
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [*COMMAND, "check", "access.log"],
        cwd=tmp_path,
        stdout=theirs,
        stderr=theirs,
        env={"TERM": "xterm"},
        check=False,
    )
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # how Linux says that the other end is closed
        while piece := os.read(ours, 100_000):
            shown += piece
    os.close(ours)
    assert rb"\x1b[2J" in shown
    assert b"\x1b[2J" not in shown
    assert b"\x1b]" not in shown
    assert b"\x07" not in shown
    assert "\x9b" not in shown.decode()
    assert done.returncode == 0


def test_what_a_server_has_escaped_is_shown_once_and_not_obeyed(tmp_path: Path) -> None:
    ended = views(tmp_path, log(request(r"/pixel.gif?v=ann&p=/\x1b[2J", "10:00")), "-q", "--format", "table")
    assert r" /\x1b[2J " in ended.stdout
    assert "\x1b" not in ended.stdout


def test_a_spreadsheet_runs_nothing_of_what_check_finds(tmp_path: Path) -> None:
    name = "=HYPERLINK(1).log"
    (tmp_path / name).write_text(log(ANN, "=1+1", "@SUM(A1)"))
    cells = [row.split(",")[0] for row in inside(tmp_path, "check", name).stdout.splitlines()[1:]]
    assert set(cells) == {"'=HYPERLINK(1).log"}
    cells = [row.split(",")[0] for row in inside(tmp_path, "check", name, "--no-csv-safe").stdout.splitlines()[1:]]
    assert set(cells) == {"=HYPERLINK(1).log"}


def test_tabs_and_line_ends_in_what_check_finds_stay_in_their_cell(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(ANN, "a\tbad\tline", request(r"/a\x0ab\x09c/pixel.gif?v=ann", "10:00")))
    rows = inside(tmp_path, "check", "access.log", "--format", "tsv").stdout.splitlines()
    assert {row.count("\t") for row in rows} == {4}
    assert r"/a\nb\tc/pixel.gif" in rows[6]
    assert rows[-1].endswith(r": a\tbad\tline" + "\t\t")
    json_rows = json.loads(inside(tmp_path, "check", "access.log", "--format", "json").stdout)
    assert "/a\nb\tc/pixel.gif" in [row["finding"] for row in json_rows]


@pytest.mark.parametrize(
    "page", ["/<img src=x onerror=alert(1)>", "/%3Cscript%3Ealert(1)%3C/script%3E", "javascript:alert(1)"]
)
@pytest.mark.parametrize("place", ["parameter", "encoded", "referrer"])
def test_html_in_a_page_is_text(page: str, place: str, tmp_path: Path) -> None:
    if place == "referrer":
        line = request("/pixel.gif?v=ann", "10:00", referrer=page)
    else:
        encoded = "".join(f"%{byte:02X}" for byte in page.encode()) if place == "encoded" else page
        line = request(f"/pixel.gif?v=ann&p={encoded}", "10:00")
    ended = views(tmp_path, log(line), "-q", "--format", "markdown")
    (row,) = [row for row in ended.stdout.splitlines() if row.endswith("| 1 | 1 |")]
    assert "<" not in row.replace("\\<", "")
    assert "](" not in row


def test_a_name_that_a_shell_would_run_is_a_name(tmp_path: Path) -> None:
    name = "|touch owned;$(touch owned)`touch owned`.log"
    (tmp_path / name).write_text(log(ANN))
    assert inside(tmp_path, "views", name, "-q", "-o", "|touch owned.csv").exit == 0
    assert inside(tmp_path, "check", name, "-q").exit == 0
    assert {path.name for path in tmp_path.iterdir()} == {name, "|touch owned.csv"}


# -- files that are none, or not what they are called ----------------------------------------------------------------


def test_a_link_to_itself_is_no_file_and_hides_no_other(tmp_path: Path) -> None:
    (tmp_path / "one.log").symlink_to("two.log")
    (tmp_path / "two.log").symlink_to("one.log")
    ended = inside(tmp_path, "views", "one.log")
    assert ended.stderr.startswith("Error: There is no file 'one.log'.\n")
    assert ended.exit == 2
    (tmp_path / "good.log").write_text(log(ANN))
    (tmp_path / "gone.log").symlink_to("nowhere")
    (tmp_path / "self").symlink_to(".")
    assert inside(tmp_path, "views", ".", "-q") == Ended(ANN_COUNTED, "", 0)


def test_a_directory_that_holds_itself_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/access.log").write_text(log(ANN))
    (tmp_path / "logs/again").symlink_to("../logs")
    assert inside(tmp_path, "views", "logs/**/*.log", "-q").stdout == ANN_COUNTED


@pytest.mark.parametrize("command", ["views", "funnel", "check"])
@pytest.mark.parametrize("name", ["/dev/zero", "/dev/null", "/dev/tty", "/dev/urandom"])
def test_a_device_is_no_log_of_any_command(name: str, command: str, tmp_path: Path) -> None:
    ended = inside(tmp_path, command, name)
    assert ended.stderr.startswith(f"Error: '{name}' is not a regular file.\n")
    assert (ended.stdout, ended.exit) == ("", 2)


def test_a_socket_is_no_log(tmp_path: Path) -> None:
    with contextlib.chdir(tmp_path), socket.socket(socket.AF_UNIX) as listening:
        listening.bind("access.sock")
        ended = inside(tmp_path, "views", "access.sock")
    assert ended.stderr.startswith("Error: 'access.sock' is not a regular file.\n")
    assert ended.exit == 2


def test_a_named_pipe_is_checked_and_its_bad_lines_kept_though_it_is_read_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.log")
    script = '(printf "%s\\noops\\n" "$LINE" > fifo.log) & exec "$@"'
    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", *COMMAND, "check", "fifo.log", "--rejects", "bad.tsv"],
        cwd=tmp_path, capture_output=True, text=True, env={"LINE": ANN}, timeout=60, check=False,
    )  # fmt: skip
    assert "fifo.log,lines,read,1,0.5\n" in done.stdout
    assert (tmp_path / "bad.tsv").read_text() == "file\tline\treason\traw\nfifo.log\t2\tno_format\toops\n"
    assert (done.stderr, done.returncode) == ("1 bad line in bad.tsv\n", 0)


def test_a_log_named_like_a_pattern_is_that_log_for_check_and_its_bad_lines(tmp_path: Path) -> None:
    (tmp_path / "x1.log").write_text(log(ANN, ANN))
    (tmp_path / "x[1].log").write_text(log(ANN, "oops"))
    ended = inside(tmp_path, "check", "x[1].log", "--rejects", "bad.tsv", "-q")
    assert "x[1].log,lines,all,2,\n" in ended.stdout
    assert (tmp_path / "bad.tsv").read_text() == "file\tline\treason\traw\nx[1].log\t2\tno_format\toops\n"


STORY = log(ANN, view("ben", "/cart", "10:01"), "oops", hit("cy", "purchase", "10:02")).encode()


@pytest.mark.parametrize(
    "pack",
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
)
def test_a_log_says_the_same_plain_packed_misnamed_and_piped(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    packed = pack(STORY)
    expected = Ended(
        "page,views,visitors\n/,1,1\n/cart,1,1\n",
        "4 lines, 3 pixel requests\nfrom 2026-09-07 10:00:00 to 2026-09-07 10:02:00, times in UTC\n",
        0,
    )
    for name in ("access.log", "access.log.gz", "access.log.zst", "access.zip"):
        (tmp_path / name).write_bytes(packed)
        assert inside(tmp_path, "views", name) == expected
    assert inside(tmp_path, "views", stdin=packed) == expected
    named = inside(tmp_path, "check", "access.log").stdout
    assert inside(tmp_path, "check", stdin=packed).stdout.replace("Standard input", "access.log") == named


@pytest.mark.parametrize("magic", [b"\x1f\x8b", b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd", b"BZh9", b"\xfd7zXZ\0\0"])
def test_random_bytes_that_begin_like_an_archive_are_a_damaged_one(magic: bytes, tmp_path: Path) -> None:
    content = magic + random.Random(7).randbytes(50_000)
    (tmp_path / "access.log").write_bytes(content)
    for command in ("views", "check"):
        for ended in (inside(tmp_path, command, "access.log"), inside(tmp_path, command, stdin=content)):
            assert ": it " in ended.stderr
            assert "The whole lines before that are counted, the rest is missing.\n" in ended.stderr
            assert ended.exit == 3


def test_garbage_behind_an_archive_is_damage_to_check_too(tmp_path: Path) -> None:
    (tmp_path / "access.gz").write_bytes(gzip.compress(STORY) + b"and so on")
    ended = inside(tmp_path, "check", "access.gz")
    assert "access.gz,damage,it is damaged (something else follows the archive),,\n" in ended.stdout
    assert "access.gz,lines,all,4,\n" in ended.stdout
    assert ended.exit == 3


# -- lines -----------------------------------------------------------------------------------------------------------


AROUND = [4_095, 4_096, 4_097, 65_535, 65_536, 65_537]  # the buffers of others


@pytest.mark.parametrize(
    ("field", "length"),
    [
        *((field, length) for field in ("agent", "query", "referrer") for length in AROUND),
        ("query", 1 << 20),
        ("agent", 2 << 20),
    ],
)
def test_a_line_of_any_length_up_to_the_limit_counts(field: str, length: int, tmp_path: Path) -> None:
    def line(padding: str) -> str:
        parts = {name: padding if field == name else "" for name in ("agent", "query", "referrer")}
        uri = f"/pixel.gif?v=ben&x={parts['query']}&p=/"
        return request(uri, "10:00", referrer=f"https://a.example/{parts['referrer']}", agent=f"B{parts['agent']}")

    long = line("A" * (length - len(line(""))))
    assert len(long) == length
    assert views(tmp_path, log(ANN, long, ANN), "-q").stdout == "page,views,visitors\n/,3,2\n"


@pytest.mark.parametrize("opening", ["[", '{"a":', '"x\\", [', "[[[{"])
@pytest.mark.parametrize("depth", [100, 100_000])
def test_json_within_json_a_hundred_thousand_times_breaks_no_other_line(
    opening: str, depth: int, tmp_path: Path
) -> None:
    good = '{"time":1788775200,"remote_addr":"203.0.113.1","request":"GET /pixel.gif?v=ann&p=/ HTTP/1.1","status":200}'
    deep = f'{good[:-1]},"x":{opening * depth}}}'
    docker = '{"log":' * depth + '"/pixel.gif"' + "}" * depth
    ended = views(tmp_path, log(good, deep, good, docker, good), "-q")
    assert ended.stdout == "page,views,visitors\n/,3,1\n"


def test_the_fields_of_a_w3c_log_may_change_midway(tmp_path: Path) -> None:
    content = log(
        "#Fields: date time c-ip cs-method cs-uri-stem cs-uri-query sc-status",
        "2026-09-07 10:00:00 203.0.113.1 GET /pixel.gif v=ann&p=/a 200",
        "#Fields: time date sc-status cs-uri-stem cs-uri-query",
        "10:01:00 2026-09-07 200 /pixel.gif v=ben&p=/b",
        "2026-09-07 10:00:00 203.0.113.1 GET /pixel.gif v=eve&p=/of-the-first-fields 200",
        "#Fields: some others",
        "10:02:00 /pixel.gif?v=eve",
        "#Fields:",
        "10:02:00 2026-09-07 200 /pixel.gif v=eve&p=/of-no-fields",
        ANN,
        "#Fields: date time cs-uri",
        "2026-09-07 10:03:00 /pixel.gif?v=cy&p=/c",
    )
    ended = views(tmp_path, content)
    assert ended.stdout == "page,views,visitors\n/,1,1\n/a,1,1\n/b,1,1\n/c,1,1\n"
    assert ended.stderr.startswith("12 lines, 7 pixel requests; set aside: 3 unreadable\nread as w3c: 3, combined: 1\n")


def test_the_fields_of_a_w3c_log_rule_until_the_next_however_far_away_they_are(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(
        "#Fields: date time cs-uri sc-status\n"
        + "2026-09-07 10:00:00 /style.css 200\n" * 250_000  # over a block
        + "2026-09-07 10:00:00 /pixel.gif?v=ann&p=/a 200\n"
        + "#Fields: sc-status cs-uri time date\n"
        + "200 /style.css 10:00:00 2026-09-07\n" * 250_000
        + "200 /pixel.gif?v=ann&p=/b 10:00:00 2026-09-07\n"
    )
    (tmp_path / "b.log").write_text("#Fields: date time cs-uri\n2026-09-07 10:00:00 /pixel.gif?v=ann&p=/c\n")
    ended = inside(tmp_path, "views", "a.log", "b.log")
    assert ended.stdout == "page,views,visitors\n/a,1,1\n/b,1,1\n/c,1,1\n"
    assert ended.stderr.startswith("500,006 lines, 3 pixel requests\n")


def test_a_log_may_change_its_format_at_every_line(tmp_path: Path) -> None:
    lines = [
        sample.line.replace("/p.gif", "/pixel.gif") for form in formats.all_formats() for sample in form.samples
        if not sample.header
    ]  # fmt: skip
    (tmp_path / "access.log").write_text(log(*lines, *reversed(lines)))
    rows = json.loads(inside(tmp_path, "check", "access.log", "--format", "json").stdout)
    counts = {row["finding"]: row["count"] for row in rows if row["check"] == "lines"}
    assert counts == {"all": 2 * len(lines), "read": 2 * len(lines)}


def test_many_bad_lines_in_several_logs_are_counted_in_few_words(tmp_path: Path) -> None:
    names = ["a.log", "b.log", "c.log"]
    for name in names:
        (tmp_path / name).write_text(log(view(name, "/", "10:00"), *(f"oops {n} /pixel.gif" for n in range(20_000))))
    ended = inside(tmp_path, "views", *names)
    assert ended.stdout == "page,views,visitors\n/,3,3\n"
    assert ended.stderr == (
        "60,003 lines, 60,003 pixel requests; set aside: 60,000 unreadable\n"
        "from 2026-09-07 10:00:00 to 2026-09-07 10:00:00, times in UTC\n"
    )
    assert len(inside(tmp_path, "check", *names).stdout) < 5_000


# -- any bytes at all ------------------------------------------------------------------------------------------------

ALL = formats.all_formats()
SAMPLES = [sample for form in ALL for sample in form.samples]
WRITTEN = [
    *(sample.line.encode() for sample in SAMPLES),
    *(sample.header.encode() for sample in SAMPLES if sample.header),
    *(prefix.sample.format(json.dumps(ANN) if prefix.key else ANN).encode() for prefix in PREFIXES),
]
PIECES = [
    b"\0", b"\xff", b"\xc3", b"\xf0\x9f\x98\x80", b"\xe2\x80\xa8", b"\r", b"\t", b" ", b"  ", b'"', b"\\", b"\\x", b"\\x2",
    b'\\"', b"\\u0000", b"\\ud800", b"[", b"]", b"{", b"}", b"|", b"-", b"%", b"?", b"=", b"&", b",", b":", b"#", b"#Fields:",
    b"null", b"1e400", b"9" * 30, b"\x1f", b"\x1b[2J",
]  # fmt: skip


@st.composite
def tampered(draw: st.DrawFn) -> bytes:
    """A line of some format with up to three places written over."""
    line = draw(st.sampled_from(WRITTEN))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(line)))
        line = line[:start] + draw(st.sampled_from(PIECES)) + line[start + draw(st.integers(0, 6)) :]
    return line


def is_accounted_for(requests: pl.DataFrame, count: int) -> bool:
    """One row a line in their order, each read or marked."""
    reread = reparse_misfits(requests, ALL, "UTC", MAX_LINE)
    read = reread.filter(pl.col("rejected").is_null())
    return (
        requests.schema == reread.schema == READ
        and requests["number"].to_list() == reread["number"].to_list() == list(range(1, count + 1))
        and set(reread["rejected"].to_list()) <= {None, "unreadable"}
        and reread["fault"].is_null().to_list() == reread["rejected"].is_null().to_list()
        and read["time"].null_count() == read["format"].null_count() == 0
    )


@settings(derandomize=True, max_examples=150, deadline=None)
@given(
    st.lists(st.binary(max_size=60) | tampered(), min_size=1, max_size=5),
    st.sampled_from([b"\n", b"\r\n"]),
    st.lists(st.sampled_from(ALL), min_size=2, max_size=3, unique_by=id),
)
def test_any_bytes_are_lines_and_any_line_is_one_row_of_every_format(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], end: bytes, forms: list[Format]
) -> None:
    content = end.join(pieces)
    assume(not detect_compression(content[:6]))
    path = tmp_path_factory.getbasetemp() / "any.log"
    path.write_bytes(content)
    log = Log(str(path), len(content))
    count = content.count(b"\n") + (content[-1:] not in (b"", b"\n"))
    assert sum(block.count(b"\n") - 1 for block in iter_blocks(log)) == count
    lines = scan_lines([log], Reading()).collect()
    assert lines["number"].to_list() == list(range(1, count + 1))
    for form in forms:
        ruling = [header for line, header in lines.select("line", "header").iter_rows() if form.is_shaped(line, header)]
        by = form.ruled_by(ruling[0] if ruling else getattr(form, "usual", None))
        assert is_accounted_for(by.requests(lines.lazy()).collect(), count)


@pytest.mark.parametrize("form", ALL, ids=lambda form: form.name)
def test_what_a_line_is_read_as_does_not_hang_on_its_neighbours(form: Format) -> None:
    chance = random.Random(form.name)
    texts = []
    for line in WRITTEN:
        start = chance.randrange(len(line))
        broken = line[:start] + chance.choice(PIECES) + line[start + chance.randrange(6) :]
        texts.append(broken.decode("utf-8", "replace"))
    header = getattr(form, "usual", None)
    rows = {"line": texts, "header": [header] * len(texts), "file": ["log"] * len(texts),
            "number": range(1, len(texts) + 1)}  # fmt: skip
    lines = pl.DataFrame(rows, schema=LINES)
    requests = form.ruled_by(header).requests(lines.lazy()).collect()
    assert is_accounted_for(requests, len(texts))
    mixed = lines.sample(fraction=1, shuffle=True, seed=3)
    assert form.ruled_by(header).requests(mixed.lazy()).collect().sort("number").equals(requests)
