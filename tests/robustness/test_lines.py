"""Junk, huge lines and broken hits: every line that can count counts, and the rest is set aside and counted."""

from pathlib import Path

import pytest

from tests.builders import GOOGLEBOT, hit, log, request, view
from tests.run import run_in_process
from tests.small_logs import ANN, TWO, TWO_COUNTED, count_views


def test_one_undecodable_byte_costs_nothing_but_itself(tmp_path: Path) -> None:
    finished = count_views(tmp_path, TWO.replace(b"Firefox", b"Fire\xfffox") + TWO.replace(b"p=/cart", b"p=/caf\xe9"))
    assert finished.stdout == "page,views,visitors\n/,2,1\n/caf\N{REPLACEMENT CHARACTER},1,1\n/cart,1,1\n"
    assert finished.stderr.startswith("4 events from 4 lines\n")
    assert finished.exit == 0


@pytest.mark.slow
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
    finished = count_views(tmp_path, before + TWO)
    assert finished.stdout == TWO_COUNTED.stdout
    assert finished.stderr.partition("\n")[0] == f"2 events from {lines}"
    assert finished.exit == 0


def test_nuls_between_two_lines_belong_to_neither(tmp_path: Path) -> None:
    first, second = TWO.splitlines(keepends=True)
    assert count_views(tmp_path, first + b"\0" * 70_000 + second) == TWO_COUNTED


def test_windows_line_ends_are_line_ends(tmp_path: Path) -> None:
    assert count_views(tmp_path, TWO.replace(b"\n", b"\r\n")) == TWO_COUNTED


def test_windows_line_ends_do_not_hide_a_bot_at_the_end_of_the_line(tmp_path: Path) -> None:
    content = log(
        view("ann", "/", "10:00"),
        view("bot", "/", "10:01", agent=GOOGLEBOT),
        view("bot", "/", "10:02", agent=GOOGLEBOT),
    )
    finished = count_views(tmp_path, content.replace("\n", "\r\n").encode())
    assert finished.stdout == "page,views,visitors\n/,1,1\n"
    assert finished.stderr.startswith("1 event from 3 lines; excluded: 2 bots\n")


def test_a_last_line_without_a_newline_counts(tmp_path: Path) -> None:
    assert count_views(tmp_path, TWO[:-1]) == TWO_COUNTED


@pytest.mark.slow
@pytest.mark.parametrize("length", [4_095, 4_096, 65_535, 65_536, 1_000_000])
def test_a_hit_with_a_long_agent_counts(length: int, tmp_path: Path) -> None:
    finished = count_views(tmp_path, log(view("ann", "/", "10:00", agent="A" * length)).encode() + TWO)
    assert finished.stdout == "page,views,visitors\n/,2,1\n/cart,1,1\n"
    assert finished.exit == 0


@pytest.mark.slow
def test_a_hit_with_two_hundred_thousand_parameters_counts(tmp_path: Path) -> None:
    long = request("/pixel.gif?" + "x=%31&" * 200_000 + "v=ann&p=/late", "10:00")
    assert (
        count_views(tmp_path, TWO + log(long).encode()).stdout == "page,views,visitors\n/,1,1\n/cart,1,1\n/late,1,1\n"
    )


@pytest.mark.slow
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
def test_a_hit_that_cannot_be_read_is_set_aside_and_counted(line: str, tmp_path: Path) -> None:
    finished = count_views(tmp_path, TWO + log(line).encode() + TWO.replace(b"ann", b"dee").replace(b"ben", b"eve"))
    assert finished.stdout == "page,views,visitors\n/,2,2\n/cart,2,2\n"
    assert finished.stderr.startswith("4 events from 5 lines; excluded: 1 unreadable\n")
    assert finished.exit == 0


@pytest.mark.slow
@pytest.mark.parametrize("value", ["1e400", "9" * 5_000, "ten", "%00", "-0", "12,50"])
def test_a_value_that_is_not_a_number_does_not_stop_a_condition(value: str, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(
        log(hit("ann", "purchase", "10:00", value=value), hit("ben", "purchase", "10:01", value="50"))
    )
    finished = run_in_process(tmp_path, "funnel", "access.log", "--step", "value between 40 and 60", "-q")
    assert finished.stdout.splitlines()[1].startswith("1,value between 40 and 60,1,1.0,,")
    assert finished.exit == 0


AROUND = [4_095, 4_096, 4_097, 65_535, 65_536, 65_537]  # the buffers of others


@pytest.mark.slow
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
    assert count_views(tmp_path, log(ANN, long, ANN), "-q").stdout == "page,views,visitors\n/,3,2\n"


@pytest.mark.slow
@pytest.mark.parametrize("opening", ["[", '{"a":', '"x\\", [', "[[[{"])
@pytest.mark.parametrize("depth", [100, 100_000])
def test_json_within_json_a_hundred_thousand_times_breaks_no_other_line(
    opening: str, depth: int, tmp_path: Path
) -> None:
    good = '{"time":1788775200,"remote_addr":"203.0.113.1","request":"GET /pixel.gif?v=ann&p=/ HTTP/1.1","status":200}'
    deep = f'{good[:-1]},"x":{opening * depth}}}'
    docker = '{"log":' * depth + '"/pixel.gif"' + "}" * depth
    finished = count_views(tmp_path, log(good, deep, good, docker, good), "-q")
    assert finished.stdout == "page,views,visitors\n/,3,1\n"
