"""Conditions, steps and goals: what they may name, and how their text is read."""

import json
from pathlib import Path

import pytest

from pixelstat.conditions import parse_step, split_steps
from pixelstat.errors import PixelstatError
from pixelstat.reports.funnel import funnel
from tests.builders import distinct_events, log
from tests.funnels.stories import START, rules
from tests.run import run_in_process
from tests.small_logs import ANN, write_log

FULL = json.dumps(
    {
        "time_iso8601": "2026-09-07T10:00:00Z", "remote_addr": "203.0.113.1", "host": "shop.example",
        "request": "GET /pixel.gif?v=ann&p=/ HTTP/1.1", "status": 200, "http_user_agent": "Firefox/140.0",
        "http_x_forwarded_for": "198.51.100.9", "http_cookie": "a=1; sid=x'y", "http_dnt": "1", "http_sec_gpc": "1",
        "http_sec_purpose": "prefetch;prerender", "request_id": "r-1",
    }
)  # fmt: skip

BARE = '{"time_iso8601":"2026-09-07T10:00:00Z","remote_addr":"203.0.113.1","request":"GET /pixel.gif?v=ben&p=/bare HTTP/1.1","status":204}'


@pytest.mark.slow
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
def test_a_condition_may_name_any_field_of_a_request(condition: str, tmp_path: Path) -> None:
    write_log(tmp_path, log(FULL, BARE))
    finished = run_in_process(tmp_path, "views", "access.log", "--consent", "ignore", "--where", condition)
    assert finished.stdout == "page,views,visitors\n/,1,1\n"
    assert finished.stderr.startswith("1 event from 2 lines; excluded: 1 not matching --where\n")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["request_id", "forwarded_for", "cookies", "dnt", "gpc", "purpose", "user_agent"])
def test_a_field_that_a_line_lacks_is_null_in_conditions(name: str, tmp_path: Path) -> None:
    write_log(tmp_path, log(FULL, BARE, ANN.replace("p=/ ", "p=/old ")))
    finished = run_in_process(tmp_path, "views", "access.log", "-q", "--where", f"{name} IS NULL")
    old = "" if name == "user_agent" else "/old,1,1\n"
    assert finished.stdout == f"page,views,visitors\n/bare,1,1\n{old}"


def test_a_condition_may_name_the_format_and_the_method(tmp_path: Path) -> None:
    write_log(tmp_path, log(FULL, BARE, ANN.replace("p=/ ", "p=/old ")))
    asked = ["views", "access.log", "-q", "--where"]
    assert run_in_process(tmp_path, *asked, "format = 'combined'").stdout == "page,views,visitors\n/old,1,1\n"
    assert run_in_process(tmp_path, *asked, "method <> 'GET'").stdout == "page,views,visitors\n"


def test_a_step_is_an_event_a_page_or_a_condition_with_an_optional_name() -> None:
    named = {
        text: parse_step(text).name
        for text in ["buy", "/cart", "video:play", "cart: /cart", "a:/b", "big order: value > 50", "value > 50"]
    }
    assert named == {"buy": "buy", "/cart": "/cart", "video:play": "video:play", "cart: /cart": "cart", "a:/b": "a",
                     "big order: value > 50": "big order", "value > 50": "value > 50"}  # fmt: skip
    assert parse_step("buy").event == "purchase"
    assert parse_step("/cart").event is None


def test_a_list_of_steps_is_split_at_commas_outside_of_quotes_and_parentheses() -> None:
    assert split_steps("a,/b,event in ('x','y'),page = 'p,q',c") == [
        "a",
        "/b",
        "event in ('x','y')",
        "page = 'p,q'",
        "c",
    ]


@pytest.mark.parametrize(
    "text",
    ["pages = '/x'", "value >", "value + 1 = ", "sum(value) > 1 and (", "upper(event)", "value > avg(value)", "  "],
)
def test_a_step_that_is_not_a_condition_is_an_error_with_the_columns(text: str) -> None:
    with pytest.raises(
        PixelstatError, match=r"pixelstat help columns|A step is empty|not true or false|looks at other events"
    ):
        parse_step(text)


def test_a_page_step_is_a_page_view_and_its_star_crosses_slashes() -> None:
    def reached(pattern: str) -> int:
        return counted_pages(
            [("page_view", "/products/a/b"), ("click", "/products/a/b"), ("page_view", "/product")], pattern
        )

    assert [reached("/products/*"), reached("/product"), reached("/*"), reached("*")] == [1, 1, 2, 0]


def counted_pages(hits_of: list[tuple[str, str]], pattern: str) -> int:
    rows = [
        {"visitor": f"v:{n}", "time": START, "event": event, "page": page} for n, (event, page) in enumerate(hits_of)
    ]
    found = funnel.compute(distinct_events(rows), rules=rules([pattern]))
    return int(found.collect()["visitors"].item())
