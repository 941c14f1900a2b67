"""JSON logs are read by the names of their keys and by what the values look like, or not at all."""

import json
from pathlib import Path

import pytest

from pixelstat import formats
from pixelstat.formats.detection import detect
from pixelstat.formats.reparse import reparse_misfits
from tests.builders import instant, log
from tests.formats.lines import read
from tests.small_logs import findings_of, write_log

ALL = formats.load_all_formats()
AT, ISO, MS = instant("2026-09-07T10:00:00+00:00"), "2026-09-07T10:00:00Z", 1_788_775_200_000
AGENT = "Mozilla/5.0 (X11; Linux x86_64)"
WHOLE = {"time": AT, "client": "203.0.113.7", "path": "/p.gif", "query": "e=pv&v=a1", "status": 200}
HTTP = {"method": "GET", "user_agent": AGENT, "referrer": "https://shop.example/a", "vhost": "shop.example"}


def read_json(*objects: object) -> list[dict[str, object]]:
    """Read the objects by the format that is detected."""
    lines = [text if isinstance(text, str) else json.dumps(text) for text in objects]
    log_format = detect(lines, ALL)
    assert log_format, f"no format for {lines[0]}"
    return list(read(log_format, *lines).iter_rows(named=True))


SERVICES: dict[str, tuple[object, dict[str, object]]] = {
    "ECS, nested": (
        {"@timestamp": ISO, "source": {"ip": "203.0.113.7", "geo": {"country": "DE"}}, "server": {"ip": "192.0.2.1"},
         "http": {"request": {"method": "GET", "bytes": 9, "referrer": "https://shop.example/a"}, "response": {"status_code": 200, "bytes": 43}},
         "url": {"original": "/p.gif?e=pv&v=a1", "path": "/p.gif", "domain": "shop.example"}, "host": {"name": "web1", "ip": ["192.0.2.2"]},
         "user_agent": {"original": AGENT, "name": "Firefox"}, "event": {"duration": 5, "created": "2026-09-07T11:00:00Z"}},
        {**WHOLE, **HTTP, "bytes": 43},
    ),
    "ECS, dotted": (
        {"@timestamp": ISO, "source.ip": "203.0.113.7", "http.request.method": "GET", "url.path": "/p.gif", "url.query": "e=pv&v=a1",
         "url.domain": "shop.example", "http.response.status_code": 200, "http.response.body.bytes": 43, "user_agent.original": AGENT,
         "http.request.referrer": "https://shop.example/a", "http.request.bytes": 9},
        {**WHOLE, **HTTP, "bytes": 43},
    ),
    "Azure App Service": (
        {"time": ISO, "category": "AppServiceHTTPLogs", "properties": {"CsMethod": "GET", "CsUriStem": "/p.gif", "SPort": "443",
         "CIp": "203.0.113.7", "UserAgent": AGENT, "CsHost": "shop.example", "ScStatus": 200, "ScSubStatus": "0", "ScWin32Status": "0",
         "ScBytes": 43, "CsBytes": 9, "TimeTaken": 3, "Referer": "https://shop.example/a", "CsUriQuery": "e=pv&v=a1"}},
        {**WHOLE, **HTTP, "bytes": 43},
    ),
    "Azure Application Gateway": (
        {"timeStamp": "2026-09-07T10:00:00+00:00", "resourceId": "/S", "category": "ApplicationGatewayAccessLog", "properties": {
         "clientIP": "203.0.113.7", "clientPort": 51234, "httpMethod": "GET", "requestUri": "/p.gif", "requestQuery": "e=pv&v=a1",
         "originalRequestUriWithArgs": "/p.gif?e=pv&v=a1", "userAgent": AGENT, "httpStatus": 200, "sentBytes": 43, "receivedBytes": 9,
         "host": "shop.example", "serverRouted": "192.0.2.9:80", "serverStatus": "502"}},
        {**WHOLE, "bytes": 43, "vhost": "shop.example"},
    ),
    "Akamai DataStream 2": (
        {"version": 2, "cp": "123", "reqId": "1239f220", "reqTimeSec": "1788775200.000", "bytes": "43", "cliIP": "203.0.113.7",
         "edgeIP": "192.0.2.5", "statusCode": "200", "reqMethod": "GET", "reqHost": "shop.example", "reqPath": "/p.gif",
         "queryStr": "e=pv&v=a1", "UA": AGENT.replace(" ", "%20"), "referer": "https%3A%2F%2Fshop.example%2Fa", "xForwardedFor": "-",
         "transferTimeMSec": "3", "reqEndTimeMSec": "5", "totalBytes": "99", "reqPort": "443"},
        {**WHOLE, **HTTP, "bytes": 43, "request_id": "1239f220"},
    ),
    "Vercel": (
        {"id": "1", "message": "", "timestamp": MS, "type": "stdout", "source": "static", "host": "shop-1.vercel.example", "path": "/p.gif",
         "proxy": {"timestamp": MS, "method": "GET", "scheme": "https", "host": "shop.example", "path": "/p.gif?e=pv&v=a1", "userAgent": [AGENT],
                   "referer": "https://shop.example/a", "statusCode": 200, "clientIp": "203.0.113.7", "region": "sfo1", "cacheId": "x"}},
        {**WHOLE, "method": "GET", "user_agent": AGENT, "referrer": "https://shop.example/a"},
    ),
    "Netlify": (
        {"timestamp": ISO, "log_type": "traffic", "account_id": "a", "client_ip": "203.0.113.7", "method": "GET", "host": "shop.example",
         "url": "https://shop.example/p.gif?e=pv&v=a1", "user_agent": AGENT, "referrer": "https://shop.example/a", "status_code": 200,
         "duration": 3, "request_size": 9, "response_size": 43, "country": "DE"},
        {**WHOLE, **HTTP},
    ),
    "AWS WAF": (
        {"timestamp": MS, "formatVersion": 1, "webaclId": "arn:aws:wafv2:eu", "action": "ALLOW", "httpSourceName": "CF", "httpSourceId": "E1",
         "httpRequest": {"clientIp": "203.0.113.7", "country": "DE", "headers": [{"name": "Host", "value": "shop.example"}], "uri": "/p.gif",
                         "args": "e=pv&v=a1", "httpVersion": "HTTP/2.0", "httpMethod": "GET", "requestId": "r-1"}},
        {**WHOLE, "status": None, "method": "GET"},
    ),
    "API Gateway with a query": (
        {"requestId": "r", "ip": "203.0.113.7", "requestTime": "07/Sep/2026:10:00:00 +0000", "httpMethod": "GET", "resourcePath": "/p.gif",
         "path": "/p.gif", "querystring": "e=pv&v=a1", "status": "200", "protocol": "HTTP/1.1", "responseLength": "43"},
        {**WHOLE, "bytes": 43, "method": "GET"},
    ),
    "CloudFront in real time": (
        {"timestamp": "1788775200.123", "c-ip": "203.0.113.7", "s-ip": "192.0.2.1", "time-to-first-byte": "0.01", "sc-status": "200", "sc-bytes": "43",
         "cs-method": "GET", "cs-protocol": "https", "cs-host": "d1.cloudfront.net", "cs-uri-stem": "/p.gif", "cs-bytes": "9", "x-edge-location": "FRA60",
         "cs-uri-query": "e=pv&v=a1", "cs-user-agent": AGENT.replace(" ", "%20"), "cs-referer": "https://shop.example/a", "c-port": "5"},
        {**WHOLE, "time": instant("2026-09-07T10:00:00.123+00:00"), "user_agent": AGENT, "bytes": 43},
    ),
    "CloudFront in JSON": (
        {"date": "2026-09-07", "time": "10:00:00", "x-edge-location": "FRA60-P1", "sc-bytes": "43", "c-ip": "203.0.113.7", "cs-method": "GET",
         "cs(Host)": "d1.cloudfront.net", "cs-uri-stem": "/p.gif", "sc-status": "200", "cs(Referer)": "https://shop.example/a",
         "cs(User-Agent)": AGENT.replace(" ", "%20"), "cs-uri-query": "e=pv&v=a1&p=%252Fx", "x-host-header": "shop.example"},
        {**WHOLE, **HTTP, "query": "e=pv&v=a1&p=%2Fx"},
    ),
    "Envoy": (
        {":authority": "shop.example", "bytes_sent": 43, "downstream_local_address": "192.0.2.1:443", "downstream_remote_address": "203.0.113.7:512",
         "duration": 3, "method": "GET", "path": "/p.gif?e=pv&v=a1", "protocol": "HTTP/2", "request_id": "r", "response_code": 200,
         "response_flags": "-", "start_time": "2026-09-07T10:00:00.000Z", "upstream_host": "192.0.2.2:80", "user_agent": AGENT, "x_forwarded_for": "203.0.113.7"},
        {**WHOLE, "vhost": "shop.example", "user_agent": AGENT, "bytes": 43, "forwarded_for": "203.0.113.7"},
    ),
    "Caddy, flattened": (
        {"ts": 1788775200.0, "request>remote_ip": "192.0.2.9", "request>client_ip": "203.0.113.7", "request>method": "GET", "request>host": "shop.example",
         "request>uri": "/p.gif?e=pv&v=a1", "request>headers>User-Agent": [AGENT], "request>headers>Referer": ["https://shop.example/a"],
         "status": 200, "size": 43, "duration": 0.1},
        {**WHOLE, **HTTP, "bytes": 43},
    ),
    "Google Cloud, payload of nginx": (
        {"insertId": "i1", "jsonPayload": {"remote_addr": "203.0.113.7", "request": "GET /p.gif?e=pv&v=a1 HTTP/1.1", "http_status": "200",
         "agent": AGENT}, "timestamp": ISO, "receiveTimestamp": "2026-09-07T10:00:09Z", "logName": "projects/p/logs/nginx"},
        {**WHOLE, "user_agent": AGENT},
    ),
    "Fastly": (
        {"timestamp": "2026-09-07T10:00:00+0000", "client_ip": "203.0.113.7", "request": "GET", "host": "shop.example", "url": "/p.gif?e=pv&v=a1",
         "request_referer": "https://shop.example/a", "request_user_agent": AGENT, "response_status": 200, "fastly_server": "cache-fra"},
        {**WHOLE, **HTTP},
    ),
    "pino-http": (
        {"level": 30, "time": MS, "pid": 7, "hostname": "web1", "req": {"id": 1, "method": "GET", "url": "/p.gif?e=pv&v=a1", "headers": {
         "host": "shop.example", "user-agent": AGENT, "referer": "https://shop.example/a", "x-forwarded-for": "198.51.100.1"},
         "remoteAddress": "203.0.113.7", "remotePort": 5}, "res": {"statusCode": 200}, "responseTime": 3, "msg": "request completed"},
        {**WHOLE, **HTTP, "forwarded_for": "198.51.100.1"},
    ),
    "Logstash with quoted fields": (
        {"@timestamp": "2026-09-07T10:00:09Z", "clientip": "203.0.113.7", "timestamp": "07/Sep/2026:10:00:00 +0000", "verb": "GET",
         "request": "/p.gif?e=pv&v=a1", "httpversion": "1.1", "response": "200", "bytes": "43", "referrer": '"https://shop.example/a"',
         "agent": f'"{AGENT}"', "host": {"name": "web1"},
         "message": '203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "GET /p.gif?e=pv&v=a1 HTTP/1.1" 200 43'},
        {**WHOLE, "user_agent": AGENT, "referrer": "https://shop.example/a"},
    ),
    "Datadog": (
        {"date": MS, "status": "info", "http": {"status_code": 200, "method": "GET", "url": "https://shop.example/p.gif?e=pv&v=a1", "useragent": AGENT,
         "referer": "https://shop.example/a"}, "network": {"client": {"ip": "203.0.113.7"}, "bytes_written": 43}},
        {**WHOLE, **HTTP},
    ),
    "Cloudflare GraphQL": (
        {"datetime": ISO, "clientIP": "203.0.113.7", "clientRequestHTTPHost": "shop.example", "clientRequestHTTPMethodName": "GET",
         "clientRequestPath": "/p.gif", "clientRequestQuery": "?e=pv&v=a1", "edgeResponseStatus": 200, "userAgent": AGENT, "originIP": "192.0.2.1"},
        {**WHOLE, "method": "GET", "vhost": "shop.example", "user_agent": AGENT},
    ),
    "short keys": (
        {"t": "2026-09-07T10:00:00+00:00", "c": "203.0.113.7", "r": "GET /p.gif?e=pv&v=a1 HTTP/1.1", "s": 200, "ua": AGENT},
        {**WHOLE, "user_agent": AGENT},
    ),
    "an unknown query key": (
        {"time": ISO, "remote_addr": "203.0.113.7", "uri": "/p.gif", "sent_with_it": "e=pv&v=a1", "status": "200 OK"},
        WHOLE,
    ),
    "a request line beside a path": (
        {"time": ISO, "remote_addr": "203.0.113.7", "uri": "/p.gif", "request": "GET /p.gif?e=pv&v=a1 HTTP/1.1", "http_status": "200"},
        WHOLE,
    ),
    "an address without a scheme": (
        {"time": ISO, "remote_addr": "203.0.113.7", "url": "shop.example/p.gif?e=pv&v=a1", "status": 200, "referer": "-"},
        {**WHOLE, "vhost": "shop.example"},
    ),
    "a duration called time": (
        {"time": 0.003, "timestamp": ISO, "remote_addr": "203.0.113.7", "request": "GET /p.gif?e=pv&v=a1 HTTP/1.1", "status": 200},
        WHOLE,
    ),
    "forwarded addresses in an array": (
        {"time": ISO, "remote_addr": "203.0.113.7", "x_forwarded_for": ["192.0.2.1", "192.0.2.2"], "request": "GET /p.gif?e=pv&v=a1 HTTP/1.1", "status": 200},
        {**WHOLE, "forwarded_for": "192.0.2.1, 192.0.2.2"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("service", SERVICES)
def test_the_keys_of_a_service_are_inferred(service: str) -> None:
    line, wanted = SERVICES[service]
    (row,) = read_json(line)
    assert row["rejected"] is None
    assert {name: row[name] for name in wanted} == wanted


def plain(**other: object) -> dict[str, object]:
    """A line with the usual keys, and others."""
    return {
        "time": ISO,
        "remote_addr": "203.0.113.7",
        "request": "GET /p.gif?e=pv&v=a1 HTTP/1.1",
        "status": 200,
        **other,
    }


@pytest.mark.parametrize(
    "time",
    [
        "2026-09-07T10:00:00Z", "2026-09-07T10:00:00+0000", "2026-09-07 12:00:00+02:00", "2026-09-07 10:00:00,000",
        "2026-09-07T10:00:00,000Z", "2026/09/07 10:00:00", "2026-09-07 10:00:00 UTC", "2026-09-07 10:00:00.000000 +0000 UTC",
        "07/Sep/2026:12:00:00 +0200", "[07/Sep/2026:10:00:00 +0000]", "07/Sep/2026:10:00:00", "Mon, 07 Sep 2026 10:00:00 GMT",
        "2026-09-07T10:00:00.0000000Z", 1788775200, "1788775200", 1788775200.0, MS, MS * 1000, MS * 1_000_000,
    ],
)  # fmt: skip
def test_times_are_read_in_every_usual_layout(time: object) -> None:
    assert read_json(plain(time=time))[0]["time"] == AT


@pytest.mark.parametrize(
    ("status", "number"), [(200, 200), ("200", 200), ("200 OK", 200), (200.0, 200), ("-", 0), (0, 0), (None, None), ("", None)]
)  # fmt: skip
def test_a_status_is_a_number_with_or_without_words_or_unknown(status: object, number: int | None) -> None:
    row = read_json(plain(status=status))[0]
    assert (row["status"], row["rejected"]) == (number, None)


def test_a_log_without_statuses_is_read() -> None:
    line = plain()
    del line["status"]
    assert read_json(line)[0]["rejected"] is None


@pytest.mark.parametrize("status", ["two hundred", 1200, -5, "20"])
def test_a_status_that_is_none_makes_a_line_unreadable(status: object) -> None:
    rows = read_json(*[plain()] * 5, plain(status=status))
    assert [row["rejected"] for row in rows[-2:]] == [None, None if status == "20" else "unreadable"]


@pytest.mark.parametrize(
    "text",
    [
        r'"a":"\x22hi\x22 \e \'x\'"', r'"a":"1\v2"', '"a":"tab\there"', '"a":,"b":-', '"a":1,"status":200', '"a":[1,2,],"b":{"c":1,}',
    ],
)  # fmt: skip
@pytest.mark.parametrize("around", ["{}", "[{}", ",{}", "  {},", "{}]", "\ufeff{}"])
def test_text_that_is_not_quite_json_is_read(text: str, around: str) -> None:
    (row,) = read_json(around.replace("{}", json.dumps(plain())[:-1] + f",{text}}}"))
    assert {name: row[name] for name in WHOLE} == WHOLE


@pytest.mark.parametrize(
    "line",
    [
        pytest.param({"time": ISO, "path": "/var/log/nginx/access.log", "host": "web1", "message": '203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "GET /p.gif HTTP/1.1" 200 4'}, id="an envelope"),
        pytest.param({"time": ISO, "file": "/var/log/app.log", "level": "info", "msg": "started"}, id="a log of an application"),
        pytest.param({"created": ISO, "url": "/products/1", "name": "Kettle"}, id="data of another kind"),
        pytest.param({"time": 0.003, "remote_addr": "203.0.113.7", "request": "GET /p.gif HTTP/1.1", "status": 200}, id="no time"),
        pytest.param({"time": ISO, "remote_addr": "203.0.113.7", "status": 200}, id="no address"),
        pytest.param({"sent": ISO, "seen": "2026-09-08T10:00:00Z", "remote_addr": "203.0.113.7", "uri": "/p.gif", "status": 200}, id="two times"),
        pytest.param(plain(status="failed"), id="a status that says nothing"),
        pytest.param({"requestTime": "07/Sep/2026:10:00:00 +0000", "ip": "203.0.113.7", "httpMethod": "GET", "path": "/p.gif", "routeKey": "GET /p.gif",
                      "status": "200"}, id="a path without its query"),
    ],
)  # fmt: skip
def test_what_may_be_read_wrong_is_not_read(line: object) -> None:
    log_format = detect([json.dumps(line)], [form for form in ALL if form.name == "json"])
    assert log_format is None or read(log_format, json.dumps(line))["rejected"].to_list() == ["unreadable"]


@pytest.mark.parametrize(
    ("keys", "client"),
    [
        ({"a": "203.0.113.7"}, "203.0.113.7"),
        ({"a": "203.0.113.7", "b": "198.51.100.2"}, None),
        ({"a": "203.0.113.7", "upstream_addr": "192.0.2.1:80", "server_addr": "192.0.2.2"}, "203.0.113.7"),
        ({"upstream_addr": "192.0.2.1:80", "server_ip": "192.0.2.2"}, None),
        ({"server": {"ip": "192.0.2.2"}, "x_forwarded_for": "198.51.100.2, 10.0.0.1"}, "198.51.100.2"),
        ({"proxy": {"ip": "192.0.2.2"}, "log": {"source": {"address": "192.0.2.3:1"}}}, None),
        ({"client_ip": "203.0.113.7:4711", "remote_addr": "192.0.2.1"}, "203.0.113.7"),
        ({"remote_ip": "[2001:db8::7]:4711"}, "2001:db8::7"),
        ({"version": "1.2.3.4", "n": "12", "client": "web"}, None),
    ],
)
def test_the_client_has_a_known_name_or_is_the_only_address(keys: dict[str, object], client: str | None) -> None:
    line = {"time": ISO, "request": "GET /p.gif?e=pv&v=a1 HTTP/1.1", "status": 200, "user_agent": AGENT, **keys}
    assert read_json(line)[0]["client"] == client


def test_keys_of_later_lines_are_known_from_the_first_lines_together() -> None:
    first = {"time": ISO, "source_ip": "203.0.113.7", "url": "/p.gif", "response_status": 200}
    rows = read_json(first, first, first, {**first, "url_query": "e=pv", "request_referer": "https://shop.example/a"})
    assert [row["query"] for row in rows] == [None, None, None, "e=pv"]
    assert rows[-1]["referrer"] == "https://shop.example/a"


def test_check_names_the_key_of_each_field(tmp_path: Path) -> None:
    line = {"@timestamp": ISO, "source.ip": "203.0.113.7", "url": {"original": "/p.gif?e=pv"}, "response_status": 200}
    write_log(tmp_path, log(json.dumps(line)))
    findings = findings_of(tmp_path, "access.log")
    keys = "time @timestamp, client source.ip, URL url.original, status response_status"
    assert ("keys", keys, None) in findings


def test_lines_with_other_keys_than_those_of_the_first_are_read_by_their_own() -> None:
    first = {"time": ISO, "remote_addr": "203.0.113.7", "uri": "/p.gif?e=pv", "status": 200}
    other = {
        "@timestamp": ISO,
        "source.ip": "203.0.113.8",
        "url.original": "/p.gif?e=buy",
        "http.response.status_code": 200,
    }
    requests = read(detect([json.dumps(first)], ALL) or ALL[0], json.dumps(first), json.dumps(other))
    assert reparse_misfits(requests, ALL, "UTC", 1 << 20)["query"].to_list() == ["e=pv", "e=buy"]


def test_the_query_is_found_in_another_key_of_later_lines() -> None:
    first = {
        "timestamp": ISO,
        "path": "/p.gif",
        "proxy": {"path": "/p.gif", "clientIp": "203.0.113.7", "statusCode": 200},
    }
    later = {**first, "proxy": {**first["proxy"], "path": "/p.gif?e=buy"}}  # type: ignore[dict-item]
    log_format = detect([json.dumps(first)], ALL)
    assert log_format
    assert read(log_format, json.dumps(first), json.dumps(later))["query"].to_list() == [None, "e=buy"]


@pytest.mark.parametrize(("action", "status"), [("ALLOW", None), ("BLOCK", 403), ("CAPTCHA", 403)])
def test_what_a_firewall_blocks_is_refused(action: str, status: int | None) -> None:
    line, _ = SERVICES["AWS WAF"]
    assert read_json({**line, "action": action})[0]["status"] == status  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "line",
    [
        '{"\\ud800":"203.0.113.7"}',
        '{"a*":"203.0.113.7","^b$":"/p?x"}',
        "{" * 9_000,
        '{"a":' * 900,
        '{"time":1e999}',
        "{}",
        "[{}]",
    ],
)
def test_odd_lines_have_no_format(line: str) -> None:
    assert detect([line, json.dumps(plain())[:-1] + line[:40]], ALL) is None
