"""W3C logs: fields that change midway, and lines that differ in what they quote."""

from pathlib import Path

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
