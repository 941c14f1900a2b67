"""W3C logs: fields that change midway, and lines that differ in what they quote."""

from pathlib import Path

import polars as pl
import pytest

from pixelstat import formats
from pixelstat.formats.detection import detect
from pixelstat.formats.reparse import reparse_misfits
from tests.builders import log
from tests.formats.lines import lines
from tests.run import run_in_process
from tests.small_logs import ANN, count_views


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
    finished = count_views(tmp_path, content)
    assert finished.stdout == "page,views,visitors\n/,1,1\n/a,1,1\n/b,1,1\n/c,1,1\n"
    assert finished.stderr.startswith("4 events from 12 lines; excluded: 3 unreadable\nformats: w3c 3, combined 1\n")


@pytest.mark.slow
def test_the_fields_line_of_a_w3c_log_applies_until_the_next_one(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(
        "#Fields: date time cs-uri sc-status\n"
        + "2026-09-07 10:00:00 /style.css 200\n" * 250_000  # over a block
        + "2026-09-07 10:00:00 /pixel.gif?v=ann&p=/a 200\n"
        + "#Fields: sc-status cs-uri time date\n"
        + "200 /style.css 10:00:00 2026-09-07\n" * 250_000
        + "200 /pixel.gif?v=ann&p=/b 10:00:00 2026-09-07\n"
    )
    (tmp_path / "b.log").write_text("#Fields: date time cs-uri\n2026-09-07 10:00:00 /pixel.gif?v=ann&p=/c\n")
    finished = run_in_process(tmp_path, "views", "a.log", "b.log")
    assert finished.stdout == "page,views,visitors\n/a,1,1\n/b,1,1\n/c,1,1\n"
    assert finished.stderr.startswith("3 events from 500,006 lines\n")


ALL = formats.load_all_formats()


def test_w3c_lines_may_differ_in_what_they_quote() -> None:
    header = "#Fields: date time cs-uri-stem cs(User-Agent) sc-status cs(Referer) cs-method"
    telling = (
        '2026-09-07 10:00:00 /p.gif "Mozilla/5.0 (X11)" 200 "https://shop.example/" GET',
        '"2026-09-07" "10:00:00" "/p.gif" "Mozilla/5.0 (X11)" "200" "https://shop.example/" "GET"',
        '2026-09-07 10:00:00 /p.gif "Mozilla/5.0 (X11)" "200" https://shop.example/ "GET"\r',
        '"2026-09-07" 10:00:00  /p.gif "Mozilla/5.0 (X11)" 200 https://shop.example/ GET',
    )
    broken = (
        '2026-09-07 10:00:00 /p.gif "Mozilla/5.0 (X11)" 200 "https://shop.example/"',
        '2026-09-07 10:00:00 /p.gif "Mozilla/5.0 (X11)" 200 "https://shop.example/" GET more',
    )
    candidates = formats.load_formats("w3c")
    for first in telling:
        (form,) = [form for form in candidates if form.matches(first, header)][:1]
        by = form.with_header(header, first)
        requests = reparse_misfits(
            by.parse(lines(*telling, *broken, header=header)).collect(), candidates, "UTC", 1 << 20
        )
        assert requests["rejected"].is_null().to_list() == [True] * len(telling) + [False] * len(broken), first
        whole = requests.head(len(telling)).select("time", "path", "user_agent", "status", "referrer", "method")
        assert whole.n_unique() == 1, first


def test_a_quote_inside_a_field_does_no_harm_where_all_fields_are_quoted() -> None:
    header = "#Fields: date time cs-uri-stem cs(User-Agent) sc-status"
    line = '"2026-09-07" "10:00:00" "/p.gif" "a "fine" agent" "200"'
    told = detect([header, line], ALL)
    assert told
    requests = told.parse(lines(line, header=header)).collect()
    assert requests.select("path", "user_agent", "status").row(0) == ("/p.gif", 'a "fine" agent', 200)


@pytest.mark.parametrize(
    "line",
    [
        "2026-09-07 10:00:00 192.0.2.6 GET /p.gif e=pv 443 - 203.0.113.7 Agent/1.0 - 200 0 0 15",
        "2026-09-07 10:00:00 192.0.2.6 GET /p.gif e=pv 443 - 203.0.113.7 Agent/1.0 https://shop.example/ 200 0 0\r",
        "2026-09-07 10:00:00 192.0.2.6 GET /p.gif e=pv 443 - 203.0.113.7 Agent/1.0 - 200 0 0 15 198.51.100.1,+10.0.0.4:80",
        "2026-09-07 10:00:00 192.0.2.6 GET /p.gif e=pv 443 - 203.0.113.7 Agent/1.0 200 0 0 15",
        "2026-09-07 10:00:00 fe80::1%3 GET /p.gif e=pv 443 SHOP\\ann 203.0.113.7 Agent/1.0 200 0 64",
        "2026-09-07 10:00:00 W3SVC1 192.0.2.6 GET /p.gif e=pv 80 - 203.0.113.7 Agent/1.0 200 0 0",
        "2026-09-07 10:00:00 W3SVC1 WEB1 192.0.2.6 GET /p.gif e=pv 80 - 203.0.113.7 HTTP/1.1 Agent/1.0 a=b - shop.example 200 0 0 43 9 15",
        "2026-09-07 10:00:00 SHOP GET /p.gif e=pv 443 - 203.0.113.7 Agent/1.0 a=b - shop.example 200 0 0 43 9 15",
    ],
)  # fmt: skip
def test_a_line_of_iis_is_read_without_its_header(line: str) -> None:
    (row,) = read_lines(line).rows(named=True)
    values = ("203.0.113.7", "/p.gif", "e=pv", 200, "Agent/1.0")
    assert tuple(row[name] for name in ("client", "path", "query", "status", "user_agent")) == values


@pytest.mark.parametrize(
    "line",
    [
        "2026-09-07 10:00:00 192.0.2.6 GET /p.gif e=pv 443 - 203.0.113.7 Agent/1.0 shop.example 200 0 0 15",
        "2026-09-07 10:00:00 203.0.113.7 GET /p.gif e=pv 200 0 0 15",
        "2026-09-07 10:00:00 192.0.2.6 GET p.gif e=pv 443 - 203.0.113.7 Agent/1.0 - 200 0 0 15",
    ],
)
def test_a_line_of_other_fields_is_not_read_without_its_header(line: str) -> None:
    assert detect([line], ALL) is None


def test_lines_of_several_versions_of_iis_are_read_each_by_its_shape() -> None:
    front = "2026-09-07 10:00:00 192.0.2.6 GET /p.gif e=pv 443 - 203.0.113.7 Agent/1.0"
    requests = read_lines(f"{front} - 404 0 0", f"{front} - 404 0 0", f"{front} 500 200 0 15")
    assert requests["status"].to_list() == [404, 404, 500]


def read_lines(*texts: str, header: str | None = None) -> pl.DataFrame:
    """Read the lines as the log that they make."""
    form = detect([*([header] if header else []), *texts], ALL)
    assert form
    requests = reparse_misfits(form.parse(lines(*texts, header=header)).collect(), ALL, "UTC", 1 << 20)
    assert requests["rejected"].is_null().all()
    return requests


@pytest.mark.parametrize(
    ("names", "line", "expected"),
    [
        pytest.param("cs-ip cs-uri", "203.0.113.7\t/www.shop.example/p.gif?e=pv",
                     {"client": "203.0.113.7", "vhost": "www.shop.example", "path": "/p.gif", "query": "e=pv"}, id="Akamai"),
        pytest.param("cs-ip cs-uri", "203.0.113.7\t/v1.0/p.gif?e=pv", {"vhost": None, "path": "/v1.0/p.gif"}, id="Akamai without a site"),
        pytest.param("c-ip cs-ip cs-uri", "203.0.113.7\t10.0.0.1\t/shop.example/p.gif",
                     {"client": "203.0.113.7", "path": "/shop.example/p.gif"}, id="cs-ip of a server"),
        pytest.param("c-dns cs-uri cs(User-Agent)", '203.0.113.7\t"/p.gif"\t"say ""hi"""',
                     {"client": "203.0.113.7", "path": "/p.gif", "user_agent": 'say "hi"'}, id="quotes between tabs"),
        pytest.param("c-dns x-H(remoteUser) cs-uri cs(User-Agent)", "203.0.113.7 '-' /p.gif 'it''s (X11)'",
                     {"client": "203.0.113.7", "path": "/p.gif", "user_agent": "it's (X11)"}, id="apostrophes"),
        pytest.param("c-dns x-H(remoteUser) cs-uri cs(User-Agent)", '203.0.113.7 - /p.gif "say ""hi"" (X11)"',
                     {"path": "/p.gif", "user_agent": 'say "hi" (X11)'}, id="quotes that are doubled"),
        pytest.param("c-ip cs-uri cs(X-Forwarded-For)", "10.0.0.1 /p.gif 203.0.113.7",
                     {"client": "10.0.0.1", "forwarded_for": "203.0.113.7"}, id="X-Forwarded-For"),
        pytest.param("c-ip cs-uri CF-Connecting-IP", "10.0.0.1 /p.gif 203.0.113.7",
                     {"client": "10.0.0.1", "forwarded_for": "203.0.113.7"}, id="CF-Connecting-IP"),
        pytest.param("cs-uri cs(X-Real-IP)", "/p.gif 203.0.113.7", {"client": "203.0.113.7"}, id="X-Real-IP alone"),
        pytest.param("c-ip cs-uri X-Real-IP X-Forwarded-For", "10.0.0.1 /p.gif 10.0.0.2 203.0.113.7",
                     {"forwarded_for": "203.0.113.7"}, id="X-Forwarded-For beside X-Real-IP"),
    ],
)  # fmt: skip
def test_the_fields_of_many_servers_are_read(names: str, line: str, expected: dict[str, object]) -> None:
    separator = "\t" if "\t" in line else " "
    text = separator.join(["2026-09-07", "10:00:00", line])
    row = read_lines(text, header=f"#Fields: date time {names}").row(0, named=True)
    assert {name: row[name] for name in expected} == expected
