"""Every built-in protocol reads its own samples to the stated events, and leaves ordinary requests alone."""

import random
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from zlib import compress

import polars as pl
import pytest

from pixelstat import protocols
from pixelstat.event_streams import build_events
from pixelstat.identity.consent import CONSENT_QUERY
from pixelstat.pipeline_settings import PipelineSettings
from pixelstat.protocols.base import PixelProtocol, PixelSample
from pixelstat.protocols.builtin import house
from pixelstat.protocols.interpret import protocol_rules
from pixelstat.schemas import DERIVED, EVENTS, REQUESTS
from pixelstat.traffic.deduplication import HIT_COLUMNS, REQUEST_HASH
from tests.builders import log, request
from tests.marks import slow_after
from tests.run import run_in_process

ALL = (*protocols.builtin_protocols(), house.house_protocol())
NAMED = [(form, sample) for form in ALL for sample in form.samples if form.is_opt_in]
SAMPLES = [pytest.param(form, sample, id=f"{form.name}-{n}") for form in ALL for n, sample in enumerate(form.samples)]

FIRST_FAST = [  # of each protocol its first sample
    param for form in ALL for param in slow_after(1, (sample for sample in SAMPLES if sample.values[0] is form))
]

LINK = "0123456789abcdef012345678"


def base64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def request_of(sample: PixelSample, number: int = 1) -> dict[str, object]:
    path, _, query = sample.uri.partition("?")
    return {
        "path": path, "query": query or None, "referrer": sample.referrer, "status": 200, "client": f"203.0.113.{number % 250}",
        "method": "GET", "number": number,
    }  # fmt: skip


def events(*samples: PixelSample, named: Sequence[str] = ()) -> pl.DataFrame:
    requests = pl.LazyFrame([request_of(sample, n) for n, sample in enumerate(samples)], schema=REQUESTS)
    return (
        build_events(requests, PipelineSettings(protocols=protocol_rules(first=named)))
        .drop("order", "order_host", CONSENT_QUERY, REQUEST_HASH)
        .collect()
    )


ALONE: dict[int, pl.DataFrame] = {}  # what each sample was read to: to make its plan takes a tenth of a second


def read_alone(protocol: PixelProtocol, sample: PixelSample) -> pl.DataFrame:
    """The event of one sample, read where its protocol is named if it must be."""
    if id(sample) not in ALONE:
        ALONE[id(sample)] = events(sample, named=[protocol.name] if protocol.is_opt_in else [])
    return ALONE[id(sample)]


def test_the_folder_of_protocols_and_the_registry_agree() -> None:
    files = {path.stem for path in (Path(str(protocols.__file__)).parent / "builtin").glob("*.py")} - {"__init__"}
    assert files == set(protocols.NAMES)
    names = [protocol.name for protocol in ALL]
    assert len(set(names)) == len(names)
    single = [
        name
        for name in protocols.NAMES
        if not hasattr(import_module(f"pixelstat.protocols.builtin.{name}"), "PROTOCOLS")
    ]
    assert [name for name in names if name in protocols.NAMES and name in single] == single


@pytest.mark.parametrize(("protocol", "sample"), FIRST_FAST)
def test_samples_become_the_stated_events(protocol: PixelProtocol, sample: PixelSample) -> None:
    read = read_alone(protocol, sample)
    assert read.schema == {name: dtype for name, dtype in EVENTS.items() if name not in (*HIT_COLUMNS, *DERIVED)}
    rows = read.to_dicts()
    rejected = "bot" if sample.event.get("is_declared_bot") else None
    assert {(row["rejected"], row["protocol"]) for row in rows} == {(rejected, protocol.name)}
    expected = [sample.event, *sample.others]
    assert [{name: row[name] for name in event} for row, event in zip(rows, expected, strict=True)] == expected


@pytest.mark.parametrize(("protocol", "sample"), SAMPLES)
def test_the_marker_occurs_in_every_line_of_a_sample(protocol: PixelProtocol, sample: PixelSample) -> None:
    path, _, query = sample.uri.partition("?")
    lines = pl.Series(
        [f'"GET {sample.uri} HTTP/1.1"', f"GET {path} {query or '-'} 200", f"GET\t{path}\t{query or '-'}\t200"]
    )
    assert lines.str.contains("|".join(each.marker for each in ALL)).all()


@pytest.mark.slow
@pytest.mark.parametrize(("protocol", "sample"), NAMED)
def test_a_protocol_without_a_distinct_shape_is_read_only_where_it_is_named(
    protocol: PixelProtocol, sample: PixelSample
) -> None:
    assert events(sample).item(0, "protocol") != protocol.name


def test_a_protocol_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(request("/p.gif", "10:00")))
    finished = run_in_process(tmp_path, "views", "access.log", "--protocol", "matmo")
    assert (finished.exit, "Did you mean matomo?" in finished.stderr) == (2, True)


@pytest.mark.slow
def test_samples_of_all_protocols_mixed_give_the_same_events_in_any_order() -> None:
    of_shape = [protocol for protocol in ALL if not protocol.is_opt_in]
    given = [sample for protocol in of_shape for sample in protocol.samples]
    others = ("client", "visitor")
    alone = [read_alone(protocol, sample).drop(others) for protocol in of_shape for sample in protocol.samples]
    order = list(range(len(given)))
    for seed in range(3):
        random.Random(seed).shuffle(order)
        mixed = events(*(given[place] for place in order)).drop(others)
        assert mixed.equals(pl.concat([alone[place] for place in order]))


@pytest.mark.slow
@pytest.mark.parametrize(
    "uri",
    slow_after(15, [
        "/", "/?page=2", "/collect", "/collect?page=2", "/i", "/i?id=5", "/count?p=2", "/track", "/tr?lang=tr", "/e/?id=1", "/log.php?x=1",
        "/p?id=5", "/v3/?page=1", "/action/0", "/batch/?id=7", "/matomo.php.txt", "/products/kettle.png?e=pv", "/capture/?name=x",
        "/t/shirts/red", "/t/x-l-large-t-shirt", "/t/o/abc.png", "/r/kettle", "/r/kettle/m/red", "/redirect/kettle?ct=1", "/c/1/2", "/c/kettle",
        "/c/11111111-2222-3333-4444-555555555555", "/c/electrical-appliances/kettles-and-more/made-of-steel", "/o/abc", "/o/eJabc", "/u/ann",
        "/link/o", "/link/c/kettle", "/links/a/b/c", "/email/view", "/email/logo.gif", "/email/unsubscribe", "/email/decade.gif", "/mailing/list",
        "/mailing/12/view", "/mailing/view?email=x", "/img/shop/logo", "/w/x", "/l/a/b", "/l/a/b/c", "/q/what-is~a/kettle", "/s/eo/a", "/a/1/open",
        "/opens", "/opens?mid=1", "/visit?url=x", "/visit/us", "/open/house", "/open?m=1", "/click/here", "/click.html?x=1", "/open.html?x=1",
        "/open.aspx?id=5", "/trk", "/trk?t=1", "/track/order", "/track/click", "/track/open.php?u=1&id=2", "/unsubscribe?e=ann%40shop.example",
        "/wf/open", "/ls/click", "/ss/c/kettle", "/e2t", "/e3t/c", "/lt.php?lang=lt", "/proc.php?act=unsub", "/on.jsp", "/tn.jsp?f=1", "/?qs=kettle",
        "/?entryPoint=home&id=1", "/?action=open&data=WzFd", "/mail/track/12", "/tr/op/elektrikli-su-isiticisi-paslanmaz", "/mk/cl/f/kettle",
        "/tools/emails", "/tracking/1", "/oo/kettle/e.gif", "/lnk/kettle/1", "/3s/kettle", "/e/o/kettle", "/ahoy", "/ahoy/click?u=x",
    ]),
)  # fmt: skip
def test_the_pages_of_an_ordinary_shop_give_no_event(uri: str) -> None:
    assert events(PixelSample(uri, {})).item(0, "rejected") == "not_pixel"


@pytest.mark.slow
@pytest.mark.parametrize(
    "uri",
    slow_after(10, [
        "/v1/pixel/track?writeKey=k&data=%%%", "/v1/pixel/track?writeKey=k&data=eyJ4", "/e/?data=eyJ" + "A" * 200_000,
        "/e/?data=%7B" * 500, "/track/?ip=1&data=" + "QUFB" * 1000, "/i?e=ue&tv=js-2&ue_px=W1tbW1tb", "/matomo.php?idsite=%",
        "/matomo.php?idsite=1&" + "a=1&" * 100_000 + "revenue=x", "/e/?data=eyJ4Ijp7fX0&" + "a=1&" * 100_000, "/tr?id=123456&ev=${MACRO}&cd[value]=1e400",
        "/v1/pixel/track?writeKey=k&data=" + "%5B" * 3000, "/v1/pixel/track?writeKey=k&event=x&data=%7B%22userId%22%3A%22%5Cud800%22%7D",
        f"/r/{LINK}?ct=%%%", f"/r/{LINK}?ct=%80", f"/r/{LINK}?ct={base64(b'a:999999:{')}", f"/r/{LINK}?ct={base64(b'i:1;')}",
        f"/r/{LINK}?ct={base64(b'a:1:{i:0;' * 3000)}", f"/r/{LINK}?ct={base64(b'a:1:{a:1:{' * 3000)}",
        f"/r/{LINK}?ct={base64(b's:999999:')}", f"/r/{LINK}?ct=" + base64(b'a:1:{s:4:"lead";s:1:"\xff";}'),
        "/?mailpoet_router&endpoint=track&action=open&data=WzEs", "/?mailpoet_router&endpoint=track&action=click&data=" + "W" * 200_000,
        f"/?mailpoet_router&endpoint=track&action=click&data={base64(b'[[1], {}, null, 1e999, NaN]')}",
        "/click/" + base64(b'{"url": {"a": 1}, "metadata": [1]}'), "/open/" + base64(b'{"metadata": {"email": "\\ud800"}}'), "/open/eyJxxxxxxxxx=",
        "/track/click/1/shop.example?p=eyJwIjogMX0", "/track/click/1/shop.example?p=" + base64(b'{"p": "[[[["}'), "/c/eJw" + "A" * 40,
        "/c/" + base64(compress(b"l=" + b"a" * 3_000_000)), "/o/" + base64(compress(b"&" * 90_000)), "/u/" + base64(compress(bytes([255] * 60) + bytes(range(256)))),
        "/opens?mid=1&wid=2&ts=99999999999999999999", "/opens?mid=1&wid=2&ts=-1e400", "/e/o/eyJxxxxxxxxx", "/lists/lt.php?tid=" + "%FF" * 64,
        "/lnk/AMYAABl/4/q1W2e3R4t5Y6u7I8o9P0aA/gICAgICAgICA", "/link/c/YT0gICAgICAgICA_", "/I0/ffffffffffffffff-00000000-0000-0000-0000-000000000000-000000/a=1",
    ]),
    ids=lambda uri: uri[:40],
)  # fmt: skip
def test_a_request_with_a_payload_that_cannot_be_decoded_is_an_event(uri: str) -> None:
    row = events(PixelSample(uri, {})).row(0, named=True)
    assert row["rejected"] is None
    assert row["event"]


@pytest.mark.slow
def test_the_query_of_an_event_is_that_of_its_request() -> None:
    for protocol in ALL:
        for sample in protocol.samples:
            query = sample.uri.partition("?")[2] or None
            assert {*read_alone(protocol, sample)["query"]} == {query}


def test_protocols_are_listed_in_the_order_in_which_they_claim(tmp_path: Path) -> None:
    listed = run_in_process(tmp_path, "protocols").stdout.splitlines()
    assert [row.partition(",")[0] for row in listed] == ["protocol", *(protocol.name for protocol in ALL)]


@pytest.mark.slow
def test_a_funnel_runs_from_a_mail_over_one_pixel_to_a_purchase_on_another(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(
        log(
            request("/o.gif?rcpt=ann&mid=launch&v=7f3a", "10:00"),
            request(
                "/matomo.php?idsite=1&rec=1&_id=7f3a&url=https%3A%2F%2Fshop.example%2F",
                "10:01",
                method="POST",
                status=204,
            ),
            request("/g/collect?v=2&tid=G-A&cid=7f3a&en=purchase&epn.value=9", "10:02"),
            request("/g/collect?page=2", "10:03"),
        )
    )
    finished = run_in_process(tmp_path, "funnel", "access.log", "--steps", "open,page_view,purchase")
    assert [row.split(",")[1:3] for row in finished.stdout.splitlines()[1:]] == [
        ["open", "1"],
        ["page_view", "1"],
        ["purchase", "1"],
    ]
    assert finished.stderr.startswith("3 events from 4 lines\n")


def test_cache_busters_do_not_merge_hits_of_two_clients(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(
        log(
            *(
                request("/count?p=%2F&rnd=k3x9a", clock, client=f"203.0.113.{n}")
                for n, clock in enumerate(("10:00", "11:00"))
            )
        )
    )
    assert run_in_process(tmp_path, "views", "access.log", "-q").stdout == "page,views,visitors\n/,2,2\n"
