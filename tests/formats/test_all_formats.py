"""One story in every format is one report: whichever server wrote it, however its logs are split, mixed and packed.

The lines are templates written by hand from what the servers write, so that they check the formats from outside.
"""

import bz2
import gzip
import json
import lzma
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import cycle, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pixelstat import formats
from pixelstat.cli import main
from pixelstat.sources import blocks
from tests.marks import slow_after
from tests.run import Finished

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# -- the story -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Hit:
    """A request as a server sees it; no agent and no referrer, which are the same in all of them."""

    clock: str
    client: str
    port: int
    uri: str
    status: int = 200
    method: str = "GET"

    @property
    def values(self) -> dict[str, object]:
        """What the templates name."""
        path, _, query = self.uri.partition("?")
        time = datetime.fromisoformat(f"2026-09-07T{self.clock}+00:00")
        return {
            "clock": self.clock,
            "epoch": int(time.timestamp()),
            "client": self.client,
            "port": self.port,
            "uri": self.uri,
            "path": path,
            "query": query or "-",
            "query_encoded": query.replace("%", "%25") or "-",
            "status": self.status,
            "method": self.method,
        }


ANN, BEN, CYD = "203.0.113.7", "2001:db8::b:7", "198.51.100.9"


def story(mark: str = "") -> list[Hit]:
    """What three visitors do, with an id each that ends with the mark; and a page that is no pixel."""
    return [
        Hit("10:00:00", ANN, 41542, f"/pixel.gif?e=page_view&v=ann{mark}&p=/&utm_source=newsletter&utm_medium=mail"),
        Hit("10:00:05", BEN, 50718, f"/pixel.gif?v=ben{mark}&e=pv&p=/", status=304),
        Hit("10:00:39", ANN, 41543, "/products/kettle"),
        Hit("10:00:40", ANN, 41542, f"/p.gif?p=/products/kettle&e=product_view&v=ann{mark}", method="POST", status=204),
        Hit("10:01:00", BEN, 50720, f"/pixel.gif?e=product_view&v=ben{mark}&p=/products/kettle"),
        Hit("10:01:31", BEN, 50721, f"/pixel.gif?e=page_view&v=ben{mark}&p=/products/a+b"),
        Hit("10:02:10", ANN, 41600, f"/beacon?e=purchase&v=ann{mark}&p=/thanks&value=89.50&cur=EUR", method="POST"),
        Hit("10:59:59", CYD, 1024, f"/t.png?e=page_view&v=cyd{mark}&p=/cart&utm_source=newsletter", method="POST"),
        Hit("11:00:00", CYD, 1025, f"/t.png?e=page_view&v=cyd{mark}&p=/", status=302),
        Hit("11:00:07", CYD, 1025, f"/t.png?e=purchase&v=cyd{mark}&p=/thanks&value=7", status=500),
        Hit("11:00:08", CYD, 1026, f"/t.png?e=product_view&v=cyd{mark}&p=/products/pot"),
        Hit("11:00:30", CYD, 1026, f"/t.png?e=purchase&v=cyd{mark}&p=/thanks&value=12.25"),
        Hit("23:59:59", BEN, 65535, f"/pixel.gif?e=page_view&v=ben{mark}&p=/&utm_source=newsletter"),
    ]


# -- the writings --------------------------------------------------------------------------------------------------

Template = str | Callable[[Hit], object]  # the object is written as JSON


@dataclass(frozen=True)
class Writing:
    """How one kind of server writes a request."""

    format: str
    template: Template
    head: Sequence[str] = ()  # the lines on top of the log
    lacks: str = ""  # "agent", "host"
    kind: str = ""  # of several writings of one format

    def __str__(self) -> str:
        return f"{self.format}-{self.kind}" if self.kind else self.format

    @property
    def is_w3c(self) -> bool:
        return bool(self.head)

    def line(self, hit: Hit) -> str:
        if isinstance(self.template, str):
            return self.template.format_map(hit.values)
        return json.dumps(self.template(hit), separators=(",", ":")).replace("&", r"\u0026")  # as Go writes it

    def log(self, hits: Sequence[Hit]) -> list[str]:
        return [*self.head, *map(self.line, hits)]


def iso(hit: Hit) -> str:
    return f"2026-09-07T{hit.clock}"


def with_port(hit: Hit) -> str:
    return f"[{hit.client}]:{hit.port}" if ":" in hit.client else f"{hit.client}:{hit.port}"


def caddy(hit: Hit) -> object:
    request = {
        "remote_ip": hit.client, "remote_port": str(hit.port), "client_ip": hit.client, "proto": "HTTP/2.0",
        "method": hit.method, "host": "shop.example", "uri": hit.uri,
        "headers": {"User-Agent": ["Mozilla/5.0 (X11; Linux)"], "Referer": ["https://shop.example/a"], "Accept": ["*/*"]},
        "tls": {"resumed": False, "version": 772, "proto": "h2", "server_name": "shop.example"},
    }  # fmt: skip
    return {
        "level": "info", "ts": hit.values["epoch"], "logger": "http.log.access.log0", "msg": "handled request",
        "request": request, "bytes_read": 0, "user_id": "", "duration": 0.0013, "size": 43, "status": hit.status,
        "resp_headers": {"Server": ["Caddy"], "Content-Type": ["image/gif"]},
    }  # fmt: skip


def caddy_old(hit: Hit) -> object:
    request = {
        "remote_addr": with_port(hit), "proto": "HTTP/1.1", "method": hit.method, "host": "shop.example:443", "uri": hit.uri,
        "headers": {"User-Agent": ["Mozilla/5.0 (X11; Linux)"]},
    }  # fmt: skip
    return {"level": "info", "ts": f"{iso(hit)}.000Z", "request": request, "size": 43, "status": hit.status}


def traefik_json(hit: Hit) -> object:
    return {
        "ClientAddr": with_port(hit), "ClientHost": hit.client, "ClientPort": str(hit.port), "ClientUsername": "-",
        "DownstreamContentSize": 43, "DownstreamStatus": hit.status, "Duration": 24814, "OriginStatus": hit.status,
        "RequestAddr": "shop.example", "RequestHost": "shop.example", "RequestMethod": hit.method, "RequestPath": hit.uri,
        "RequestProtocol": "HTTP/1.1", "RequestScheme": "https", "StartUTC": f"{iso(hit)}.000000000Z", "level": "info",
        "msg": "", "request_User-Agent": "Mozilla/5.0 (X11; Linux)", "time": "2026-09-07T23:59:59+02:00",
    }  # fmt: skip


def google_lb(hit: Hit) -> object:
    request = {
        "requestMethod": hit.method, "requestUrl": f"https://shop.example{hit.uri}", "requestSize": "577",
        "status": hit.status, "responseSize": "43", "userAgent": "Mozilla/5.0 (X11; Linux)",
        "remoteIp": hit.client if ":" in hit.client else f"{hit.client}:{hit.port}", "referer": "https://shop.example/a",
        "latency": "0.001s", "protocol": "HTTP/2.0",
    }  # fmt: skip
    return {
        "insertId": "1oek5rg3l3fxj7", "jsonPayload": {"statusDetails": "response_sent_by_backend"},
        "httpRequest": request, "resource": {"type": "http_load_balancer", "labels": {"zone": "global"}},
        "timestamp": f"{iso(hit)}.000000Z", "severity": "INFO", "receiveTimestamp": "2026-09-07T23:59:59Z",
    }  # fmt: skip


def cloudflare(stamp: Callable[[Hit], object]) -> Callable[[Hit], object]:
    return lambda hit: {
        "CacheCacheStatus": "miss", "ClientIP": hit.client, "ClientRequestHost": "shop.example",
        "ClientRequestMethod": hit.method, "ClientRequestURI": hit.uri, "ClientRequestUserAgent": "Mozilla/5.0 (X11; Linux)",
        "ClientRequestReferer": "https://shop.example/a", "EdgeEndTimestamp": stamp(hit), "EdgeResponseBytes": 43,
        "EdgeResponseStatus": hit.status, "EdgeStartTimestamp": stamp(hit), "RayID": "710e98d9367f357d",
    }  # fmt: skip


def nginx_json(hit: Hit) -> object:
    return {
        "time_iso8601": f"{iso(hit)}+00:00", "remote_addr": hit.client, "remote_user": "",
        "request": f"{hit.method} {hit.uri} HTTP/2.0", "status": str(hit.status), "body_bytes_sent": "43",
        "request_time": "0.000", "http_referrer": "https://shop.example/a", "http_user_agent": "Mozilla/5.0 (X11; Linux)",
    }  # fmt: skip


def nginx_json_apart(hit: Hit) -> object:
    path, _, query = hit.uri.partition("?")
    return {
        "msec": f"{hit.values['epoch']}.000", "ip": hit.client, "method": hit.method, "uri": path, "args": query,
        "status": hit.status, "bytes": 43, "host": "shop.example", "user_agent": "Mozilla/5.0 (X11; Linux)", "referer": "",
    }  # fmt: skip


def ecs(hit: Hit) -> object:
    path, _, query = hit.uri.partition("?")
    return {
        "@timestamp": f"{iso(hit)}.000Z", "source": {"ip": hit.client, "port": hit.port}, "host": {"name": "web1"},
        "http": {"request": {"method": hit.method, "referrer": "https://shop.example/a"}, "response": {"status_code": hit.status}},
        "url": {"domain": "shop.example", "path": path, "query": query}, "user_agent": {"original": "Mozilla/5.0 (X11; Linux)"},
    }  # fmt: skip


def azure(hit: Hit) -> object:
    return {
        "time": f"{iso(hit)}Z", "resourceId": "/SUBSCRIPTIONS/S", "category": "FrontDoorAccessLog",
        "properties": {
            "httpMethod": hit.method, "requestUri": f"https://shop.example:443{hit.uri}", "clientIp": hit.client,
            "socketIp": "198.51.100.99", "userAgent": "Mozilla/5.0 (X11; Linux)", "referer": "https://shop.example/a",
            "httpStatusCode": str(hit.status), "responseBytes": "43", "hostName": "shop.example",
        },
    }  # fmt: skip


CLF = '{client} - - [07/Sep/2026:{clock} +0000] "{method} {uri} HTTP/1.1" {status} 43'
SEEN = '"https://shop.example/a" "Mozilla/5.0 (X11; Linux)"'

CLOUDFRONT_HEAD = (
    "#Version: 1.0",
    (
        "#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent)"
        " cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken"
        " x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status"
        " fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len"
        " sc-range-start sc-range-end"
    ),
)
CLOUDFRONT = (
    "2026-09-07\t{clock}\tFRA2-C1\t382\t{client}\t{method}\td1.cloudfront.net\t{path}\t{status}\thttps://shop.example/a"
    "\tMozilla/5.0%20(X11;%20Linux)\t{query_encoded}\t-\tMiss\tREQ7==\tshop.example\thttps\t217\t0.001\t-\tTLSv1.3"
    "\tTLS_AES_128_GCM_SHA256\tMiss\tHTTP/2.0\t-\t-\t{port}\t0.001\tMiss\timage/gif\t43\t-\t-"
)
IIS_HEAD = (
    "#Software: Microsoft Internet Information Services 10.0",
    "#Version: 1.0",
    "#Date: 2026-09-07 00:00:00",
    (
        "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer)"
        " sc-status sc-substatus sc-win32-status time-taken"
    ),
)
IIS = (
    "2026-09-07 {clock} 192.0.2.6 {method} {path} {query} 443 - {client} Mozilla/5.0+(X11;+Linux) https://shop.example/a"
    " {status} 0 0 15"
)
ADVANCED_HEAD = (
    "#Software: IIS Advanced Logging Module",
    (
        "#Fields:  date-local time-local s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent)"
        " cs(Referer) cs(Host) sc-status sc-substatus sc-win32-status TimeTakenMS"
    ),
)
ADVANCED = (
    '2026-09-07 {clock}.000 192.0.2.6 {method} {path} {query} 443 - "{client}" "Mozilla/5.0 (X11; Linux)"'
    ' "https://shop.example/a" "shop.example" {status} 0 0 15'
)
INCAPSULA_HEAD = (
    "#Fields: date time cs-vid cs-clapp c-ip cs(User-Agent) cs-uri cs(Referrer) cs-method cs-uri-query sc-status s-xff cs-bytes",
)
INCAPSULA = (
    '"2026-09-07" "{clock}" "a1f3" "Chrome" "{client}" "Mozilla/5.0 (X11; Linux)" "shop.example{path}" "" "{method}" "{query}"'
    ' "{status}" "203.0.113.7" "10117"'
)
SHOUTCAST_HEAD = (
    "#Software: SHOUTcast",
    "#Version: 1.9.8",
    "#Fields: c-ip c-dns date time cs-uri-stem c-status cs(User-Agent) sc-bytes x-duration avgbandwidth",
)
SHOUTCAST = "{client} 192.0.2.8 2026-09-07 {clock} {uri} {status} Mozilla%2F5.0%20(X11%3B%20Linux) 65580 1 524640"
W3C_HEAD = (
    "#Fields: date time c-ip cs-method cs(Host) cs-uri-stem cs-uri-query sc-status sc-bytes cs(User-Agent) cs(Referer)",
)
W3C = (
    "2026-09-07 {clock} {client} {method} shop.example {path} {query} {status} 43 Mozilla/5.0+(X11;+Linux)"
    " https://shop.example/a"
)
SWAPPED_HEAD = (  # as many fields as W3C_HEAD has
    "#Fields: date time cs-method c-ip cs-uri-query cs-uri-stem cs(Host) sc-bytes sc-status cs(Referer) cs(User-Agent)",
)
SWAPPED = (
    "2026-09-07 {clock} {method} {client} {query} {path} shop.example 43 {status} https://shop.example/a"
    " Mozilla/5.0+(X11;+Linux)"
)
SHORT_HEAD = ("#Version: 1.0", "#Fields: date time c-ip cs-method cs-uri sc-status")
SHORT = "2026-09-07\t{clock}\t{client}\t{method}\thttps://shop.example{uri}\t{status}"

WRITINGS = (
    Writing("traefik", f'{CLF} {SEEN} 262 "shop@docker" "http://172.19.0.3:80" 2ms'),
    Writing("traefik", f'{CLF} - "Mozilla/5.0 (X11; Linux)" 262 "shop@docker" "-" 0ms', kind="blank", lacks="host"),
    Writing("icecast", f"{CLF} {SEEN} 1807"),
    Writing("combined_host_last", f"{CLF} {SEEN} www.shop.example"),
    Writing("combined_host_last_quoted", f'{CLF} {SEEN} "www.shop.example"'),
    Writing("combined_forwarded", f'{CLF} {SEEN} "198.51.100.1, 10.0.0.1"'),
    Writing("combined_forwarded", f'{CLF} {SEEN} "-"', kind="blank"),
    Writing("combined", f"{CLF} {SEEN}"),
    Writing("text", f'{CLF} {SEEN} rt=0.001 uct="-" urt="0.001"'),
    Writing("ovh", CLF.replace(" - - ", " www.shop.example - ") + f" {SEEN}"),
    Writing("gandi", "www.shop.example " + CLF.replace("] ", "] (0 s) ") + f" {SEEN}"),
    Writing("combined_vhost_port", f"shop.example:443 {CLF} {SEEN}"),
    Writing("combined_vhost", f"shop.example {CLF} {SEEN}"),
    Writing("common", CLF, lacks="agent host"),
    Writing("common_vhost_port", f"shop.example:80 {CLF}", lacks="agent"),
    Writing("common_vhost", f"shop.example {CLF}", lacks="agent"),
    Writing(
        "s3",
        "79a59df900b949e5 shop-bucket [07/Sep/2026:{clock} +0000] {client} - 3E57427F3EXAMPLE WEBSITE.GET.OBJECT pixel.gif"
        f' "{{method}} {{uri}} HTTP/1.1" {{status}} - 43 43 7 6 {SEEN} - s9lzHYrFp76Z - ECDHE-RSA-AES128-GCM-SHA256 -'
        " shop.example TLSv1.2 - -",
    ),
    Writing(
        "alb",
        "h2 2026-09-07T{clock}.000000Z app/shop/50dc6c495c0c9188 {client}:{port} 10.0.0.1:80 0.000 0.001 0.000 {status} {status}"
        ' 34 366 "{method} https://shop.example:443{uri} HTTP/2.0" "Mozilla/5.0 (X11; Linux)" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2'
        ' arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/shop/73e2 "Root=1-58337262-36d2" "shop.example" "session-reused" 0'
        ' 2026-09-07T{clock}.000000Z "forward" "-" "-" "10.0.0.1:80" "{status}" "-" "-" TID_1',
    ),
    Writing(
        "elb",
        "2026-09-07T{clock}.000000Z shop-lb {client}:{port} 10.0.0.1:80 0.000086 0.001048 0.001337 {status} {status} 0 57"
        ' "{method} http://shop.example:80{uri} HTTP/1.1" "Mozilla/5.0 (X11; Linux)" - -',
    ),
    Writing(
        "haproxy",
        "{client}:{port} [07/Sep/2026:{clock}.000] shop~ app/web1 0/0/1/0/2 {status} 168 - - ---- 6/6/0/0/0 0/0"
        ' {{shop.example|https://shop.example/a|Mozilla/5.0 (X11; Linux)}} "{method} {uri} HTTP/1.1"',
    ),
    Writing(
        "haproxy",
        "{client}:{port} [07/Sep/2026:{clock}.000] shop app/web1 0/0/1/0/2 {status} 168 - - ---- 6/6/0/0/0 0/0"
        ' "{method} {uri} HTTP/1.1"',
        kind="bare",
        lacks="agent host",
    ),
    Writing(
        "envoy",
        '[2026-09-07T{clock}.000Z] "{method} {uri} HTTP/2" {status} - 154 43 226 100 "{client},10.0.35.28"'
        ' "Mozilla/5.0 (X11; Linux)" "cc21d9b0-cf5c-432b" "shop.example" "10.0.2.1:80"',
    ),
    Writing(
        "squid",
        "{epoch}.000 {port:>6} {client} TCP_MISS/{status} 483 {method} http://shop.example{uri} - HIER_DIRECT/192.0.2.8 image/gif",
        lacks="agent",
    ),
    Writing(
        "bunny",
        "MISS|{status}|{epoch}000|43|1234567|{client}|https://shop.example/a|https://shop.example{uri}|DE|Mozilla/5.0 (X11; Linux)"
        "|289735f3d4c7|DE",
    ),
    Writing("caddy", caddy),
    Writing("caddy", caddy_old, kind="old"),
    Writing("traefik_json", traefik_json),
    Writing("google_lb", google_lb),
    Writing("cloudflare", cloudflare(lambda hit: f"{iso(hit)}Z")),
    Writing("cloudflare", cloudflare(lambda hit: hit.values["epoch"]), kind="seconds"),
    Writing("cloudflare", cloudflare(lambda hit: f"{hit.values['epoch']}000000000"), kind="nanoseconds"),
    Writing("json", ecs),
    Writing("json", azure, kind="azure"),
    Writing("nginx_json", nginx_json),
    Writing("nginx_json", nginx_json_apart, kind="apart"),
    Writing("cloudfront", CLOUDFRONT, CLOUDFRONT_HEAD),
    Writing("incapsula", INCAPSULA, INCAPSULA_HEAD),
    Writing(
        "iis_native",
        "{client}, -, 9/7/2026, {clock}, W3SVC1, WEB1, 192.0.2.6, 15, 163, 43, {status}, 0, {method}, {path}, {query},",
        lacks="agent host",
    ),
    Writing("shoutcast", SHOUTCAST, SHOUTCAST_HEAD, lacks="host"),
    Writing("iis", IIS, IIS_HEAD),
    Writing("iis", ADVANCED, ADVANCED_HEAD, kind="advanced"),
    Writing("w3c", W3C, W3C_HEAD),
    Writing("w3c", SWAPPED, SWAPPED_HEAD, kind="swapped"),
    Writing("w3c", SHORT, SHORT_HEAD, kind="short", lacks="agent"),
)
NAMED = {str(writing): writing for writing in WRITINGS}
COMBINED = NAMED["combined"]


every_writing = pytest.mark.parametrize("writing", WRITINGS, ids=str)


# -- runs ----------------------------------------------------------------------------------------------------------


SMALL, LARGE = 4 << 10, 1 << 20  # bytes of a block: of some lines, and of some thousands


@pytest.fixture(autouse=True, scope="module")
def _blocks_as_large_as_the_logs() -> Iterator[None]:
    """To make room for 8 MB takes longer than to read these logs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK", LARGE)
        yield


def run(*arguments: str | Path) -> Finished:
    """The program's end, in this process. Its errors are raised."""
    done = CliRunner().invoke(main.pixelstat, list(map(str, arguments)), catch_exceptions=False)
    return Finished(done.stdout, done.stderr, done.exit_code)


def written(folder: Path, lines: Sequence[str], name: str = "access.log") -> Path:
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8", newline="")
    return path


@cache
def of_combined(hits: tuple[Hit, ...], *arguments: str) -> Finished:
    """The end of a run over the hits as nginx writes them."""
    with TemporaryDirectory() as folder:
        return run(*arguments, written(Path(folder), COMBINED.log(hits)))


def is_that_of_combined(ended: Finished, hits: Sequence[Hit], lines: int, *arguments: str) -> bool:
    """Whether nothing tells the run from one over combined but the number of lines, as some formats have a head."""
    expected = of_combined(tuple(hits), *arguments)
    assert f" from {len(hits)} lines" in expected.stderr
    ledger = expected.stderr.replace(f" from {len(hits)} lines", f" from {lines} lines", 1)
    assert ended == Finished(expected.stdout, ledger, 0)
    return True


# -- one story in every format -------------------------------------------------------------------------------------

FUNNEL = [
    "step,name,visitors,conversion_rate,step_rate,dropped,median_seconds",
    "1,page_view,3,1.0,,,",
    "2,product_view,3,1.0,1.0,0,40.0",
    "3,purchase,2,0.6666666666666666,0.6666666666666666,1,56.0",
]
LEDGER = "11 events from 13 lines; excluded: 1 failed request\n"


def test_every_format_is_written_here() -> None:
    assert {writing.format for writing in WRITINGS} == set(formats.NAMES)


@pytest.mark.slow
def test_the_story_in_combined_has_the_counts_of_the_story() -> None:
    finished = of_combined(tuple(story()), "funnel")
    lines = [",".join(line.split(",")[:7]) for line in finished.stdout.splitlines()]
    assert lines == FUNNEL
    assert finished.stderr.startswith(LEDGER)


@pytest.mark.parametrize("report", slow_after(1, ["funnel", "views"]))
@every_writing
def test_the_same_hits_written_in_every_format_give_the_same_report(
    writing: Writing, report: str, tmp_path: Path
) -> None:
    lines = writing.log(story())
    assert is_that_of_combined(run(report, written(tmp_path, lines)), story(), len(lines), report)


@pytest.mark.slow
@every_writing
def test_conditions_on_agent_and_site_hold_in_every_format_that_has_them(writing: Writing, tmp_path: Path) -> None:
    has = {
        "agent": "user_agent = 'Mozilla/5.0 (X11; Linux)'",
        "host": "host = 'shop.example'",
        "": "utm_source = 'newsletter'",
    }
    where = " AND ".join(condition for name, condition in has.items() if not name or name not in writing.lacks)
    report = ["views", "--every", "hour", "--where", where]
    lines = writing.log(story())
    assert is_that_of_combined(run(*report, written(tmp_path, lines)), story(), len(lines), *report)


@pytest.mark.slow
@every_writing
def test_a_named_format_reads_the_same_as_the_detected_one(writing: Writing, tmp_path: Path) -> None:
    report = ["funnel", "--steps", "/,/products/*", "--step", "big: event = 'purchase' and value > 50"]
    lines = writing.log(story())
    finished = run(*report, "--log-format", writing.format, written(tmp_path, lines))
    assert is_that_of_combined(finished, story(), len(lines), *report)


@pytest.mark.slow
@every_writing
def test_a_line_is_explained_and_a_log_checked_as_of_its_format(writing: Writing, tmp_path: Path) -> None:
    lines = writing.log(story())
    log = written(tmp_path, lines)
    explained = run("funnel", "--explain", f"{log}:{len(lines)}").stdout
    said = {name: value.strip() for name, _, value in (line.partition("  ") for line in explained.splitlines())}
    assert (said["format"], said["time"], said["result"]) == (
        writing.format,
        "2026-09-07 23:59:59+00:00",
        "counted",
    )
    assert said["query"] == "e=page_view&v=ben&p=/&utm_source=newsletter"

    found = json.loads(run("check", "--format", "json", log).stdout)
    told = [row["finding"] for row in found if row["check"] == "format"]
    counts = {row["finding"]: row["count"] for row in found if row["check"] == "lines"}
    assert told == [f"{writing.format}: 13 of its first 13 lines match"]
    assert counts == {"all": len(lines), "read": 13, **({"comment": len(writing.head)} if writing.head else {})}


@pytest.mark.slow
@every_writing
def test_visitors_without_an_id_are_keyed_by_the_address_without_its_port(writing: Writing, tmp_path: Path) -> None:
    assert views_without_ids(writing, tmp_path, "203.0.113.7", "203.0.113.77", CYD) == "page,views,visitors\n/,3,2\n"


@pytest.mark.slow
@every_writing
def test_visitors_without_an_id_are_keyed_by_the_ipv6_address_without_its_port(
    writing: Writing, tmp_path: Path
) -> None:
    report = views_without_ids(writing, tmp_path, "2001:db8::b:7", "2001:db8::", "2001:db8:c::9")
    assert report == "page,views,visitors\n/,3,2\n"


def views_without_ids(writing: Writing, folder: Path, one: str, other: str, own: str) -> str:
    """The page views of two, one of them seen by two ports, without an address of one's own, seen by two as well."""
    seen = [(one, 50718), (other, 50718), (one, 4071), (own, 50718), (own, 4071)]
    hits = [Hit("10:00:00", client, port, "/pixel.gif?p=/") for client, port in seen]
    return run("views", "--keep-duplicates", "--exclude-ip", own, written(folder, writing.log(hits))).stdout


@pytest.mark.slow
@every_writing
def test_an_encoded_query_is_decoded_once_in_every_format(writing: Writing, tmp_path: Path) -> None:
    queries = ["v=ann&p=%2Fcaf%C3%A9", "v=ben&p=/100%25+more", "v=cyd&url=https%3A%2F%2Fshop.example%2Fa%252Fb"]
    hits = [Hit(f"10:00:0{n}", ANN, 41542, f"/pixel.gif?{query}") for n, query in enumerate(queries)]
    finished = run("views", written(tmp_path, writing.log(hits)))
    assert finished.stdout == "page,views,visitors\n/100% more,1,1\n/a/b,1,1\n/café,1,1\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    "further",
    [
        pytest.param("/products/kettle", id="a page"),
        pytest.param("", id="a blank line"),
        pytest.param("#Date: 2026-09-07 00:00:00", id="a comment"),
    ],
)
def test_strict_changes_neither_report_nor_ledger(further: str, tmp_path: Path) -> None:
    line = COMBINED.line(Hit("12:00:00", ANN, 41542, further)) if further.startswith("/") else further
    log = written(tmp_path, [*COMBINED.log(story()), line])
    assert run("funnel", "--strict", log) == run("funnel", log)


# -- split, mixed and packed ---------------------------------------------------------------------------------------

PACKED: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstd.compress,
}
LOGS = {str(writing): writing.log(story(str(writing))) for writing in WRITINGS}  # with visitors of its own each
WHOLE = [lines for name, lines in LOGS.items() if NAMED[name].is_w3c]  # W3C: a line says nothing without its head
LINES = [line for name, lines in LOGS.items() if not NAMED[name].is_w3c for line in lines]

W3C_NAMES = {writing.format for writing in WRITINGS if writing.is_w3c}


@dataclass(frozen=True)
class Counted:
    """The two reports over some logs, and all that is said beside them."""

    funnel: str
    views: str
    ledger: str
    read_as: Counter[str]
    period: str


def counted(logs: Sequence[bytes]) -> Counted:
    """What is counted in logs with these bytes."""
    with TemporaryDirectory() as folder:
        for number, content in enumerate(logs):
            (Path(folder) / f"access.log.{number:03}").write_bytes(content)
        funnel, views = run("funnel", folder), run("views", "--top", "0", folder)
    assert funnel.stderr == views.stderr
    ledger, read_as, period = views.stderr.splitlines()
    return Counted(funnel.stdout, views.stdout, ledger, formats_in(read_as), period)


def formats_in(read_as: str) -> Counter[str]:
    """The lines by format. A line that is of two formats counts as the more general: it is read as its log's."""
    found: Counter[str] = Counter()
    for told in read_as.removeprefix("formats: ").split(", "):
        name, count = told.split(" ")
        found["w3c" if name in W3C_NAMES else name.replace("_vhost_port", "_vhost")] += int(count)
    return found


def text(*logs: Sequence[str]) -> bytes:
    """The logs as one, one behind the other."""
    return "".join(f"{line}\n" for lines in logs for line in lines).encode()


@cache
def apart() -> Counted:
    """What is counted where every log is a file of its own."""
    return counted([text(lines) for lines in LOGS.values()])


@pytest.mark.slow
def test_logs_in_every_format_add_up_to_the_story() -> None:
    found, count = apart(), len(LOGS)
    rows = [line.split(",")[1:3] for line in found.funnel.splitlines()[1:]]
    assert rows == [["page_view", f"{3 * count}"], ["product_view", f"{3 * count}"], ["purchase", f"{2 * count}"]]
    assert found.views.splitlines()[1] == f"/,{4 * count},{3 * count}"
    assert found.ledger == (
        f"{11 * count} events from {sum(map(len, LOGS.values()))} lines; excluded: {count} failed requests"
    )
    assert found.read_as == formats_in(", ".join(f"{writing.format} 12" for writing in WRITINGS))
    assert found.period == "from 2026-09-07 10:00:00 to 2026-09-07 23:59:59 UTC"


def halves(lines: Sequence[str]) -> list[Sequence[str]]:
    return [lines[: len(lines) // 2], lines[len(lines) // 2 :]]


ARRANGED: dict[str, Callable[[], list[bytes]]] = {
    "one after the other": lambda: [text(*LOGS.values())],
    "the last one first": lambda: [text(*reversed(LOGS.values()))],
    "W3C first": lambda: [text(*WHOLE, LINES)],
    "W3C by itself": lambda: [text(LINES), text(*WHOLE)],
    "the lines backwards": lambda: [text(LINES[::-1], *WHOLE)],
    "each split in two": lambda: [
        *(text(part) for name, log in LOGS.items() if not NAMED[name].is_w3c for part in halves(log)),
        *map(text, WHOLE),
    ],
    "a line of each in turn": lambda: [text(*(LINES[number::13] for number in range(13)), *WHOLE)],
    "a file a few lines of many": lambda: [*(text(LINES[number::20]) for number in range(20)), *map(text, WHOLE)],
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("arranged", slow_after(1, ARRANGED))
def test_splitting_and_concatenating_the_logs_changes_no_report(arranged: str) -> None:
    assert counted(ARRANGED[arranged]()) == apart()


@pytest.mark.slow
@pytest.mark.parametrize("packed", [name for name in PACKED if name != "plain"])
def test_archives_that_are_concatenated_change_no_report(packed: str) -> None:
    assert counted([b"".join(PACKED[packed](text(lines)) for lines in LOGS.values())]) == apart()


@pytest.mark.slow
def test_compressing_each_log_in_another_way_changes_no_report() -> None:
    ways = cycle(PACKED.values())
    assert counted([pack(text(lines)) for pack, lines in zip(ways, LOGS.values(), strict=False)]) == apart()


@pytest.mark.slow
@settings(max_examples=5, derandomize=True, deadline=None, phases=[Phase.generate])  # a seed does not shrink
@given(
    seed=st.integers(0, 1 << 32),
    cuts=st.lists(st.integers(1, len(LINES) - 1), max_size=6, unique=True),
    files=st.integers(1, 5),
    packs=st.lists(st.sampled_from(sorted(PACKED)), min_size=5, max_size=5),
    block=st.sampled_from([SMALL, LARGE]),
    ended=st.booleans(),
)
def test_splitting_permuting_concatenating_and_compressing_the_logs_changes_no_report(
    seed: int, cuts: list[int], files: int, packs: list[str], block: int, *, ended: bool
) -> None:
    draw = random.Random(seed)
    lines = draw.sample(LINES, len(LINES))
    places = [0, *sorted(cuts), len(lines)]
    pieces: list[Sequence[str]] = [*(lines[a:b] for a, b in pairwise(places)), *WHOLE]
    draw.shuffle(pieces)
    contents = [b"".join(map(text, pieces[number::files])) for number in range(files)]
    if not ended:  # a last line need not end in a newline
        contents = [content[:-1] for content in contents]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK", block)
        patch.setattr("pixelstat.frames.batches.BATCH_ROWS", 100)
        assert counted([PACKED[pack](content) for pack, content in zip(packs, contents, strict=False)]) == apart()


# -- formats that change midway ------------------------------------------------------------------------------------


def visits(name: str, count: int) -> list[Hit]:
    """Page views of as many visitors, a second apart."""
    return [
        Hit(f"10:{n // 60:02}:{n % 60:02}", f"203.0.113.{n % 200 + 1}", 40_000 + n, f"/pixel.gif?v={name}{n}&p=/{name}")
        for n in range(count)
    ]


def lines_of(name: str, count: int = 60) -> list[str]:
    return [NAMED[name].line(hit) for hit in visits(name, count)]


@pytest.mark.slow
def test_a_log_whose_format_changes_midway_loses_nothing(tmp_path: Path) -> None:
    log = written(tmp_path, [*lines_of("combined"), *lines_of("nginx_json"), *lines_of("caddy")])
    finished = run("views", log)
    assert finished.stdout == "page,views,visitors\n/caddy,60,60\n/combined,60,60\n/nginx_json,60,60\n"
    assert finished.stderr == (
        "180 events from 180 lines\n"
        "formats: caddy 60, combined 60, nginx_json 60\n"
        "from 2026-09-07 10:00:00 to 2026-09-07 10:00:59 UTC\n"
    )
    assert run("views", "--strict", log) == finished


@pytest.mark.slow
@pytest.mark.parametrize("block", [SMALL, LARGE])
@pytest.mark.parametrize("turn", [1, -1])
def test_a_log_that_goes_through_all_formats_loses_nothing(
    turn: int, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK", block)
    names = list(NAMED)[::turn]
    log = [line for n, name in enumerate(names) for line in (*NAMED[name].head, *lines_of(name, 60 + n))]
    finished = run("views", "--top", "0", written(tmp_path, log))
    expected = sorted(((60 + n, name) for n, name in enumerate(names)), reverse=True)
    assert finished.stdout == "page,views,visitors\n" + "".join(f"/{name},{n},{n}\n" for n, name in expected)
    read_as = {form: sum(n for n, name in expected if NAMED[name].format == form) for form in formats.NAMES}
    ranked = sorted(read_as.items(), key=lambda item: (-item[1], item[0]))
    assert finished.stderr.splitlines()[1] == f"formats: {', '.join(f'{name} {n}' for name, n in ranked)}"


# -- W3C logs whose fields change ----------------------------------------------------------------------------------

CHANGES = {
    "fields that are added": ["iis", "iis-advanced"],
    "as many fields in another order": ["w3c", "w3c-swapped"],
    "and back again": ["w3c-swapped", "w3c", "w3c-swapped"],
    "from tabs to blanks": ["w3c-short", "w3c"],
    "of other servers": ["iis", "w3c-swapped", "cloudfront", "incapsula", "shoutcast"],
}


@pytest.mark.slow
@pytest.mark.parametrize("apiece", [1, 100])
@pytest.mark.parametrize("change", CHANGES)
def test_a_w3c_log_whose_fields_change_midway_is_read_to_its_last_line(
    change: str, apiece: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writings = [NAMED[name] for name in CHANGES[change]]
    lines = [line for n, writing in enumerate(writings) for line in writing.log(visits(f"{n}", apiece))]
    log = written(tmp_path, lines)
    for block in (LARGE, SMALL):
        monkeypatch.setattr(blocks, "BLOCK", block)
        finished = run("views", log)
        assert finished.stdout == "page,views,visitors\n" + "".join(
            f"/{n},{apiece},{apiece}\n" for n in range(len(writings))
        )
        assert finished.stderr.startswith(f"{len(writings) * apiece} events from {len(lines)} lines\n")
    (read,) = {
        row["count"] for row in json.loads(run("check", "--format", "json", log).stdout) if row["finding"] == "read"
    }
    assert read == len(writings) * apiece


@pytest.mark.slow
def test_two_w3c_logs_with_different_fields_are_one_when_they_are_concatenated(tmp_path: Path) -> None:
    one, other = NAMED["iis"].log(story("1")), NAMED["w3c-swapped"].log(story("2"))
    both = run("funnel", written(tmp_path, one, "1.log"), written(tmp_path, other, "2.log"))
    assert both.stderr.startswith(f"22 events from {len(one) + len(other)} lines; excluded: 2 failed")
    assert both.stdout.splitlines()[1].startswith("1,page_view,6,")
    for lines in ([*one, *other], [*other, *one]):
        assert run("funnel", written(tmp_path, lines, "both.log")) == both
