"""The client comes from the header that the user names, in every kind of format that names its headers."""

import json
import re
from pathlib import Path

import pytest

from tests.run import run_in_process

WHEN, TARGET, HEADER = "07/Sep/2026:10:00:00 +0000", "/pixel.gif?e=pv&p=/", "CF-Connecting-IP"
NGINX = (
    '$remote_addr "$http_x_forwarded_for" "$http_x_real_ip" "$http_cf_connecting_ip" [$time_local] "$request" $status'
)
APACHE = '%h "%{X-Forwarded-For}i" "%{X-Real-IP}i" "%{CF-Connecting-IP}i" %t "%r" %>s'
TEXT = f'10.0.0.1 "198.51.100.1" "198.51.100.2" "{{}}" [{WHEN}] "GET {TARGET} HTTP/1.1" 200'
FIELDS = "#Fields: date time c-ip x-forwarded-for {} cs-method cs-uri-stem cs-uri-query sc-status"
W3C = "2026-09-07 10:00:00 10.0.0.1 198.51.100.1 {} GET /pixel.gif e=pv&p=/ 200"


def as_json(headers: dict[str, object], **others: object) -> str:
    """A line whose headers are in an object of their own; `{}` is the place of the address."""
    line = {"ts": "2026-09-07T10:00:00Z", "method": "GET", "uri": TARGET, "status": 200, "client_ip": "10.0.0.1"}
    return (
        json.dumps({**line, **others, "headers": headers})
        .replace("{", "{{")
        .replace("}", "}}")
        .replace("ADDRESS", "{}")
    )


CADDY = {
    "request": {"remote_ip": "10.0.0.1", "method": "GET", "uri": TARGET, "headers": {
        "X-Forwarded-For": ["198.51.100.1"], "Cf-Connecting-Ip": ["ADDRESS"]}}
}  # fmt: skip
TRAEFIK = {
    "StartUTC": "2026-09-07T10:00:00Z", "ClientHost": "10.0.0.1", "RequestMethod": "GET", "RequestPath": TARGET,
    "DownstreamStatus": 200, "request_X-Forwarded-For": "198.51.100.1", "request_Cf-Connecting-Ip": "ADDRESS",
}  # fmt: skip
FLAT = '{"time":"$time_iso8601","ip":"$remote_addr","uri":"$request_uri","status":"$status","shown":"$http_cf_connecting_ip"}'
CASES = {  # kind -> a line, the lines before it, and the options that name its format
    "nginx": (TEXT, (), ("--log-format", NGINX)),
    "Apache": (TEXT, (), ("--log-format", APACHE)),
    "W3C": (W3C, (FIELDS.format("cs(CF-Connecting-IP)"),), ()),
    "W3C in lower case": (W3C, (FIELDS.format("cf-connecting-ip"),), ()),
    "JSON": (as_json({"x-forwarded-for": "198.51.100.1", "cf-connecting-ip": "ADDRESS"}), (), ()),
    "JSON, a list": (as_json({"CF-Connecting-IP": ["ADDRESS"]}), (), ()),
    "JSON, an answer too": (as_json({"cf_connecting_ip": "ADDRESS"}, resp_cf_connecting_ip="198.51.100.3"), (), ()),
    "Caddy": (as_json({}, **CADDY), (), ()),
    "Traefik": (as_json({}, **TRAEFIK), (), ()),
    "nginx's JSON": (
        as_json({}, time="2026-09-07T10:00:00Z", ip="10.0.0.1", shown="ADDRESS"), (), ("--log-format", FLAT),
    ),
}  # fmt: skip


def clients(folder: Path, line: str, heads: tuple[str, ...], *options: str, address: str = "203.0.113.7") -> list[str]:
    """The clients of the events of one line."""
    (folder / "access.log").write_text("\n".join([*heads, line.format(address), ""]))
    columns = ("--columns", "client", "--reveal-ids", "--format", "json")
    finished = run_in_process(folder, "events", "access.log", *columns, *options)
    assert finished.exit == 0, finished.stderr
    return [row["client"] for row in json.loads(finished.stdout)]


@pytest.mark.parametrize("kind", CASES)
def test_the_header_names_the_client(kind: str, tmp_path: Path) -> None:
    line, heads, options = CASES[kind]
    named = (*options, "--client-header", HEADER)
    assert clients(tmp_path, line, heads, *named) == ["203.0.113.7"]
    assert clients(tmp_path, line, heads, *options, "--client-header", HEADER.lower(), address="[2001:DB8::7]:443") == [
        "2001:db8::7"
    ]
    assert clients(tmp_path, line, heads, *named, address="-") == ["10.0.0.1"]
    assert clients(tmp_path, line, heads, *named, "--trusted-proxy", "10.0.0.0/8") == ["203.0.113.7"]
    assert clients(tmp_path, line, heads, *named, "--trusted-proxy", "192.0.2.0/24") == ["10.0.0.1"]
    assert clients(tmp_path, line, heads, *options) == ["10.0.0.1"]


def test_explain_shows_the_client_of_the_header(tmp_path: Path) -> None:
    line = TEXT.format("203.0.113.7")
    for option in (("--client-header", HEADER), ("--trusted-proxy", "10.0.0.0/8", "--client-header", "x-real-ip")):
        finished = run_in_process(tmp_path, "views", "--log-format", NGINX, "--explain", line, *option)
        client = "203.0.113.7" if HEADER in option else "198.51.100.2"
        assert re.search(rf"^client +{re.escape(client)}$", finished.stdout, re.MULTILINE), finished.stdout


def test_a_header_that_no_log_names_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(f'203.0.113.7 - - [{WHEN}] "GET {TARGET} HTTP/1.1" 200 43 "-" "Mozilla/5.0"\n')
    finished = run_in_process(tmp_path, "views", "access.log", "--client-header", HEADER)
    assert finished.exit == 0
    assert f"the first lines have no header {HEADER}" in finished.stderr


def test_what_is_no_name_of_a_header_is_refused(tmp_path: Path) -> None:
    finished = run_in_process(tmp_path, "views", "access.log", "--client-header", "X-Real-IP: 1")
    assert finished.exit == 2
    assert "is not the name of a header" in finished.stderr
