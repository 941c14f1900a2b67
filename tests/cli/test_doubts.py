"""Warnings of what the logs do not show: who the visitors are, which site is meant, and the queries of pixels."""

import json
from pathlib import Path

import pytest

from tests.builders import log, request
from tests.run import run_in_process

UNKNOWN = "have neither an address nor a visitor id, so their visitors cannot be told apart and do not count."
NO_CLIENT = request("/pixel.gif?e=pv&p=/", "10:00", client="-")
NO_CLIENT_BUT_ID = request("/pixel.gif?e=pv&p=/&v=ann", "10:00", client="-")
NO_ID = request("/pixel.gif?e=pv&p=/", "10:01")


def warnings_of(folder: Path, *options: str, lines: list[str]) -> list[str]:
    (folder / "access.log").write_text(log(*lines))
    finished = run_in_process(folder, "views", "access.log", *options)
    assert finished.exit == 0
    return [line for line in finished.stderr.splitlines() if line.startswith("Warning")]


@pytest.mark.parametrize(
    ("lines", "options", "warning"),
    [
        ([NO_CLIENT], (), "1 of 1 events"),
        ([NO_CLIENT, NO_CLIENT, NO_ID], ("--keep-duplicates",), "2 of 3 events"),
        ([NO_CLIENT, NO_CLIENT], ("--cookieless",), "2 of 2 events"),
        ([NO_CLIENT, NO_CLIENT], ("--visitor", "client"), "2 of 2 events"),
        ([NO_CLIENT, NO_ID], (), ""),
        ([NO_CLIENT_BUT_ID], (), ""),
        ([NO_CLIENT], ("--visitor", "user"), ""),  # the events without a user are counted anyway
        ([NO_CLIENT.replace(" 200 ", " 404 "), NO_ID], (), ""),
        ([], (), ""),
    ],
)
def test_visitors_that_cannot_be_told_apart_are_warned_of(
    lines: list[str], options: tuple[str, ...], warning: str, tmp_path: Path
) -> None:
    expected = [f"Warning: {warning} {UNKNOWN}"] if warning else []
    assert warnings_of(tmp_path, *options, lines=lines) == expected


def with_site(sites: list[str], referrer: str = "https://shop.example/", query: str = "e=pv&p=/") -> list[str]:
    """Lines of combined_vhost, with the site in front of the client."""
    return [f"{site} {request(f'/pixel.gif?{query}', '10:00', referrer=referrer)}" for site in sites]


IPS = ["203.0.113.7", "203.0.113.8", "2001:db8::7"]


@pytest.mark.parametrize(
    ("lines", "is_warned_of"),
    [
        (with_site(IPS), True),
        (with_site([*IPS, "shop.example", "-"]), True),
        (with_site([*IPS, *["shop.example"] * 3]), False),
        (with_site([IPS[0]] * 3), False),  # the address of the server
        (with_site(IPS, referrer="-"), False),
        (with_site(IPS, referrer="http://203.0.113.7/"), False),
        (with_site(IPS, query="e=pv&p=/&v=ann"), False),  # visitors are counted by their ids
        (with_site(["shop.example"] * 3), False),
    ],
)
def test_addresses_in_the_place_of_the_site_are_warned_of(lines: list[str], is_warned_of: bool, tmp_path: Path) -> None:
    warning = (
        "Warning: combined_vhost reads addresses such as 203.0.113.7 as the site of access.log, "
        "so visitors may be counted by the wrong address; try --log-format."
    )
    assert warnings_of(tmp_path, "--log-format", "combined_vhost", lines=lines) == ([warning] if is_warned_of else [])


def json_line(path: str, **more: str) -> str:
    entry = {"time": "2026-09-07T10:00:00Z", "client_ip": "203.0.113.7", "method": "GET", "url": path, "status": "200"}
    return json.dumps({**entry, **more})


NO_QUERY = (
    "Warning: none of the 2 pixel requests in JSON has a query; "
    "if the pixel sends one, log the URL with its query, such as $request_uri."
)


@pytest.mark.parametrize(
    ("lines", "warnings"),
    [
        ([json_line("/pixel.gif"), json_line("/"), json_line("/b.gif")], [NO_QUERY]),
        ([json_line("/"), json_line("/?page=2"), json_line("/pixel.gif"), json_line("/pixel.gif")], [NO_QUERY]),
        ([json_line("/pixel.gif"), json_line("/pixel.gif?p=/")], []),
        ([json_line("/pixel.gif", query="p=/"), json_line("/", query="")], []),
        ([json_line("/"), json_line("/cart")], []),
        ([request("/pixel.gif", "10:00")], []),  # not JSON
    ],
)
@pytest.mark.parametrize("options", [(), ("--rejects", "bad_lines.tsv")], ids=["pixel lines", "all lines"])
def test_json_without_queries_is_warned_of(
    options: tuple[str, ...], lines: list[str], warnings: list[str], tmp_path: Path
) -> None:
    assert warnings_of(tmp_path, *options, lines=lines) == warnings
