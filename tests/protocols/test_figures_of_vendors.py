"""What reports make of vendors' pixels: requests that say several things, carts, values, goals, heartbeats, copies."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pixelstat.fastpath import reader
from tests.builders import log, request, view
from tests.marks import slow_after
from tests.run import csv_rows, export_frame, run_in_process

SITE = "https://shop.example"
Figures = list[tuple[str, ...]]


def matomo(visitor: str, clock: str, page: str = "/", **parameters: object) -> str:
    query = {"idsite": 1, "rec": 1, "_id": visitor, "url": SITE + page, **parameters}
    return request(f"/matomo.php?{urlencode(query)}", clock)


def cart(clock: str, *products: str) -> str:
    items = [[product, product.lower(), "", 10, 1] for product in products]
    return matomo("a1", clock, "/cart", idgoal=0, revenue=10 * len(products), ec_items=json.dumps(items))


def ga4(visitor: str, clock: str, event: str, account: str = "G-A", **parameters: object) -> str:
    query = {"v": 2, "tid": account, "cid": visitor, "dl": f"{SITE}/thanks", "en": event, **parameters}
    return request(f"/g/collect?{urlencode(query)}", clock)


def ua(clock: str, **parameters: object) -> str:
    return request(f"/collect?{urlencode({'v': 1, 'tid': 'UA-1-2', 'cid': 555, 'dp': '/thanks', **parameters})}", clock)


def meta(clock: str, event: str, **parameters: object) -> str:
    query = urlencode({"id": 255813999377376, "ev": event, "dl": f"{SITE}/thanks", "fbp": "fb.1.1.7", **parameters})
    return request(f"/tr/?{query}", clock)


def encode(document: object) -> str:
    return urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


def posthog(clock: str, *events: object, extra: str = "") -> str:
    return request(f"/e/?data={quote(json.dumps(events))}&ver=1{extra}", clock)


def mixpanel(clock: str, insert_id: str, cache: int) -> str:
    event = {"event": "Order Completed", "properties": {"distinct_id": "d1", "$insert_id": insert_id, "revenue": 50}}
    return request(f"/track/?data={quote(encode(event))}&ip=1&_={cache}", clock)


def countly(visitor: str, clock: str, *events: object) -> str:
    return request(f"/i?app_key=k1&device_id={visitor}&events={quote(json.dumps(events))}", clock)


def opened(page: str) -> object:
    return {"key": "[CLY]_view", "count": 1, "segmentation": {"name": page, "visit": 1}}


def bought_by_snowplow() -> str:
    schema = "iglu:com.snowplowanalytics.snowplow.ecommerce/{}/jsonschema/1-0-0"
    action = {"schema": schema.format("snowplow_ecommerce_action"), "data": {"type": "transaction"}}
    entity = {"transaction_id": "SP1", "revenue": 50, "currency": "EUR", "payment_method": "card"}
    entities = {"data": [{"schema": schema.format("transaction"), "data": entity}]}
    payloads = f"ue_px={encode({'data': action})}&cx={encode(entities)}"
    return request(f"/i?e=ue&p=web&tv=js-4&duid=sn1&eid=e1&{payloads}", "10:00")


# A shop with Matomo: two pages of products, a cart, an order and its page.
SHOP = [
    matomo("a1", "10:00", "/kettle", action_name="Kettle", _pks="K1", _pkn="Kettle", _pkp=89.5),
    matomo("a1", "10:01", "/mug", action_name="Mug", _pks="M1"),
    matomo("a1", "10:02", "/cart", action_name="Cart"),
    cart("10:03", "K1"),
    matomo("a1", "10:04", "/thanks", idgoal=0, ec_id=7, revenue=89.5),
    matomo("a1", "10:04", "/thanks", action_name="Thanks"),
]
CARTS = [cart("10:00", "A"), cart("10:01", "A", "B"), cart("10:02", "B"), cart("10:03")]
LATE = [matomo("a9", "20:00", action_name="late").replace("07/Sep", "17/Sep")]  # so that no window is open
VIDEO = [
    matomo("a1", "10:00", "/v", action_name="Video"),
    *(matomo("a1", f"10:00:{second}", "/v", ca=1, ma_id="m1", ma_mt="video", ma_st=second) for second in (10, 20, 30)),
    matomo("a1", "10:01", "/v", ca=1, fa_vid="f1", fa_id="contact"),
]
BATCH = [
    countly("d1", "10:00", opened("/a"), opened("/b"), {"key": "purchase", "count": 1, "sum": 89.5}),
    countly("d2", "10:01", opened("/a")),
]
TWO_PROPERTIES = [
    line
    for clock, number, event, other in (
        ("10:00", 1, "page_view", "page_view"),
        ("10:01", 2, "scroll", "add_to_cart"),
        ("10:02", 3, "form_start", "generate_lead"),
    )
    for line in (
        ga4("5.5", clock, event, _p=900, _s=number),
        ga4("5.5", clock, other, "G-B", _p=900, _s=number, pr1="idK1"),
    )
]
ENGAGED = [
    *[ga4("3.1", "10:00", "page_view", _p=1, _s=1), ga4("3.1", "10:00:04", "user_engagement", _p=1, _s=2)],
    *[ga4("3.2", "10:00", "page_view", _p=2, _s=1), ga4("3.2", "10:41", "user_engagement", _p=2, _s=2)],
    *[ga4("3.3", "10:00", "page_view", _p=3, _s=1), ga4("3.3", "10:00:03", "scroll", _p=3, _s=2)],
]
LEFT = [
    posthog("10:00", {"event": "$pageview", "uuid": "u1", "properties": {"distinct_id": "p1"}}),
    posthog("13:00", {"event": "$pageleave", "uuid": "u2", "properties": {"distinct_id": "p1"}}),
]
CAMPAIGN = "mtm_campaign=spring&mtm_source=nl&mtm_medium=email"
CAMPAIGNS = [
    matomo(f"b{place}", "10:00", page)
    for place, page in enumerate([f"/#{CAMPAIGN}", f"/?{CAMPAIGN}", f"/?x=1#{CAMPAIGN.replace('mtm', 'utm')}", f"/#/a?{CAMPAIGN}"])
]  # fmt: skip

CASES: Sequence[tuple[str, list[str], str, Figures]] = [
    ("product pages", SHOP, "views", [("/cart", "1"), ("/kettle", "1"), ("/mug", "1"), ("/thanks", "1")]),
    ("the entry of a visit", SHOP, "visits --by entry_page", [("/kettle", "1", "1", "4", "0")]),
    ("a funnel", SHOP, "funnel --columns name,visitors", [("page_view", "1"), ("product_view", "1"), ("add_to_cart", "1"), ("purchase", "1")]),
    ("a product page alone", SHOP[:1], "visits", [("1", "1", "1", "1", "1.0", "", "1")]),
    ("an order on a page", [ua("10:00", t="pageview", pa="purchase", ti="A1", tr=50, ev=3)], "orders --every all --columns orders,revenue", [("1", "50.0")]),
    ("an order's page", [ua("10:00", t="pageview", pa="purchase", ti="A1", tr=50)], "views", [("/thanks", "1", "1")]),
    ("carts", [*CARTS, *LATE], "products --columns product,adds_to_cart,purchases", [("A", "1", "0"), ("B", "1", "0")]),
    ("an emptied cart", [*CARTS, *LATE], "products --abandoned --window 1d", [("1", "0", "0", "1", "0")]),
    ("an abandoned cart", [*CARTS[:3], *LATE], "products --abandoned --window 1d", [("1", "0", "1", "0", "0")]),
    ("a cart in a funnel", CARTS, "funnel --steps add_to_cart --columns visitors", [("1",)]),
    ("campaigns in fragments", CAMPAIGNS, "sources --by channel --by source --by medium", [("Email", "nl", "email", "4")]),
    ("an event that accompanies an order", [matomo("c1", "10:00", idgoal=0, ec_id=77, revenue=50), matomo("c1", "10:00", e_c="Shop", e_a="Purchase", e_n=77, e_v=50)],
     "orders --every all --columns orders,revenue", [("1", "50.0")]),
    ("a forced visit", [matomo("e1", "10:00"), matomo("e1", "10:01", new_visit=1)], "visits", [("2", "1", "2", "2")]),
    ("pages of a batch", BATCH, "views", [("/a", "2", "2"), ("/b", "1", "1")]),
    ("an order of a batch", BATCH, "orders --every all --columns orders,revenue", [("1", "89.5")]),
    ("visits of a batch", BATCH, "visits", [("2", "2", "3", "1", "0.5", "0.0", "1")]),
    ("engagement", ENGAGED, "visits", [("3", "3", "3", "2")]),
    ("leaving a page", LEFT, "visits", [("1", "1", "1", "1", "1.0", "", "1")]),
    ("an order of Snowplow's plugin", [bought_by_snowplow()], "orders --every all --columns currency,orders,revenue", [("EUR", "1", "50.0")]),
    ("media and forms", VIDEO, "views", [("/v", "1", "1")]),
    ("a visit of media", VIDEO, "visits", [("1", "1", "1", "1", "1.0", "60.0", "0")]),
    ("goals of two properties", TWO_PROPERTIES, "conversions --goal add_to_cart --goal lead --columns goal,conversions", [("add_to_cart", "1"), ("lead", "1")]),
    ("a funnel of two properties", TWO_PROPERTIES, "funnel --steps page_view,add_to_cart,lead --columns visitors", [("1",)] * 3),
    ("products of two properties", TWO_PROPERTIES, "products --columns product,adds_to_cart", [("K1", "1")]),
    ("a key of Snowplow", [request(f"/i?e=pv&tv=js-3&duid=s1&eid=e1&stm={hour}&url=https%3A%2F%2Fshop.example%2F", f"{hour}:00") for hour in (10, 11, 13)],
     "views", [("/", "1", "1")]),
    ("a key of Meta", [meta(clock, "Purchase", eid="50e6", **{"cd[value]": 17.94}) for clock in ("10:00", "20:00")], "orders --every all --columns orders,revenue", [("1", "17.94")]),
    ("a key that nobody filled in", [meta(clock, "PageView", eid="undefined") for clock in ("10:00", "10:01")], "views", [("/thanks", "2", "1")]),
    ("a key of Mixpanel", [mixpanel(clock, key, place) for place, (clock, key) in enumerate([("10:00", "i1"), ("12:00", "i1"), ("12:01", "i2")])],
     "orders --every all --columns orders,revenue", [("2", "100.0")]),
    ("a key of PostHog", [posthog(clock, {"event": "$pageview", "uuid": "u1", "properties": {"distinct_id": "p1", "$current_url": f"{SITE}/"}}, extra=f"&_={clock}") for clock in ("10:00", "12:00")],
     "views", [("/", "1", "1")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "arguments", "expected"),
    slow_after(8, [pytest.param(*case[1:], id=case[0]) for case in CASES], names=3),
)
def test_reports_count_what_the_pixels_mean(
    lines: list[str], arguments: str, expected: Figures, tmp_path: Path
) -> None:
    (tmp_path / "access.log").write_text(log(*lines))
    command, *options = arguments.split()
    rows = csv_rows(run_in_process(tmp_path, command, "access.log", *options))
    assert [(*row.values(),)[: len(expected[0])] for row in rows] == expected


SEVERAL = [*SHOP, *BATCH, *TWO_PROPERTIES, *LEFT, view("ann", "/", "10:00"), *SHOP, *BATCH]


@pytest.mark.slow
def test_events_of_one_request_stay_distinct_in_parquet_and_in_any_way_of_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "access.log").write_text(log(*SEVERAL))
    exported = export_frame(tmp_path, "access.log")
    assert exported["event_number"].drop_nulls().to_list() == [0, 1, 0, 1, 1, 2, 3]
    pseudonyms = run_in_process(tmp_path, "events", "access.log", "-q", "-o", "pseudonyms.parquet")
    assert pseudonyms.exit == 0, pseudonyms.stderr
    for command in (["summary"], ["visits"], ["products"], ["funnel"], ["conversions"]):
        reports = [
            run_in_process(tmp_path, *command, *files, "-q", "--format", "csv").stdout
            for files in (["access.log"], ["events.parquet"], ["pseudonyms.parquet"], ["events.parquet", "access.log"])
        ]
        assert len({*reports}) == 1
    monkeypatch.setattr(reader, "compile_plan", lambda *_: None)
    assert_frame_equal(export_frame(tmp_path, "access.log"), exported)


@pytest.mark.slow
def test_a_batch_among_plain_lines_keeps_its_place(tmp_path: Path) -> None:
    pages = [view("ann", f"/{number}", f"10:{number:02d}") for number in range(20)]
    lines = [
        line
        for page, batch in zip(pages, [*BATCH, *SHOP, *BATCH, *SHOP, *BATCH, *SHOP], strict=False)
        for line in (page, batch)
    ]
    (tmp_path / "access.log").write_text(log(*lines))
    shown = run_in_process(
        tmp_path,
        "events",
        "access.log",
        "-q",
        "--keep-duplicates",
        "--columns",
        "protocol,event,event_number",
        "--format",
        "csv",
    )
    alone = []
    for line in lines:
        (tmp_path / "one.log").write_text(log(line))
        one = run_in_process(
            tmp_path, "events", "one.log", "-q", "--columns", "protocol,event,event_number", "--format", "csv"
        )
        alone += one.stdout.splitlines()[1:]
    assert shown.stdout.splitlines()[1:] == alone


@pytest.mark.parametrize(
    ("number", "expected"), [(100, (100, None)), (101, (1, "payload"))], ids=["the most", "more than that"]
)
def test_a_batch_has_a_limit_beyond_which_it_is_not_decoded(number: int, expected: object, tmp_path: Path) -> None:
    events = [{"event": "step", "properties": {"distinct_id": str(place)}} for place in range(number)]
    (tmp_path / "access.log").write_text(log(posthog("10:00", *events)))
    frame = export_frame(tmp_path, "access.log")
    assert (len(frame), frame["parse_issue"][0]) == expected
    assert (
        frame["event_number"].drop_nulls().to_list()
        == [*range(1, 101)][: len(frame.filter(pl.col("event_number").is_not_null()))]
    )


def test_two_pixels_that_report_one_page_are_warned_of(tmp_path: Path) -> None:
    order: dict[str, Any] = {"ep.transaction_id": "O77", "epn.value": 50}
    lines = [
        *[ga4("5.5", "10:00", "page_view", _p=9, _s=1), meta("10:00", "PageView", eid="e0")],
        *[
            ga4("5.5", "10:01", "purchase", _p=9, _s=2, **order),
            meta("10:01", "Purchase", eid="e1", **{"cd[value]": 50}),
        ],
    ]
    (tmp_path / "access.log").write_text(log(*lines))
    warning = (
        "Warning: 2 page views or orders are reported by both ga4 and meta, so each counts twice;"
        " for one pixel: --where \"protocol = 'ga4'\""
    )
    assert warning in run_in_process(tmp_path, "views", "access.log").stderr.splitlines()
    of_one = run_in_process(tmp_path, "views", "access.log", "--where", "protocol = 'ga4'")
    assert "reported by both" not in of_one.stderr
    (tmp_path / "access.log").write_text(log(*lines[::2], view("ann", "/", "11:00")))
    assert "reported by both" not in run_in_process(tmp_path, "views", "access.log").stderr


def test_every_event_of_a_request_is_explained(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(*BATCH))
    explained = run_in_process(tmp_path, "views", "--explain", "access.log:1").stdout
    pairs = [tuple(line.split("  ", 1)) for line in explained.splitlines()]
    values = {name.strip(): rest.strip() for name, rest in pairs}
    assert [values[f"event {number}: event"] for number in (1, 2, 3)] == ["page_view", "page_view", "purchase"]
    assert [values[f"result {number}"] for number in (1, 2, 3)] == ["counted"] * 3
