"""Parameters that are repeated, half encoded, unfilled, endless or not numbers: what is readable is used, the rest counted."""

import json
import re
from base64 import b64encode
from pathlib import Path
from urllib.parse import parse_qsl, quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelstat.frames.query_string import FLAWED_CAMPAIGN, normalize_campaign
from tests.builders import log, request
from tests.protocols.test_house import event
from tests.run import run_in_process

NAMES = ("e", "ev", "v", "vid", "oid", "order", "x")
VALUES = st.sampled_from(["", "a", "b=c", "%41", "a+b", "100%25", "%", "%zz", "%E4", "é"])


@pytest.mark.slow
@given(st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=8))
def test_the_last_value_of_a_repeated_parameter_counts(pairs: list[tuple[str, str]]) -> None:
    query = "&".join(f"{name}={value}" for name, value in pairs)
    read = event(f"/pixel.gif?{query}")
    plain = [(name, value) for name, value in parse_qsl(query, keep_blank_values=False)]
    for column, names in (("order_id", ("oid", "order")), ("event", ("e", "ev"))):
        last = [value for name, value in plain if name in names][-1:]
        expected = last[0] if last else "page_view" if column == "event" else None
        assert read[column] == expected


@pytest.mark.parametrize(
    "macro",
    [
        "${USER_ID}",
        "%24%7BUSER_ID%7D",
        "$%7buser",
        "{{ user.id }}",
        "%7B%7Bid%7D%7D",
        "*|UNIQID|*",
        "%2A%7CEMAIL%7C%2A",
    ],
)
def test_an_unfilled_macro_is_null(macro: str) -> None:
    read = event(f"/pixel.gif?e=purchase&v={macro}&uid=ann&oid={macro}&value=5")
    assert (read["visitor"], read["order_id"], read["value"], read["parse_issue"]) == ("u:ann", None, 5.0, "macro")


def test_an_unfilled_macro_of_an_ad_network_is_no_campaign() -> None:
    for macro in ("{campaignid}", "%25%25emailname_%25%25", "__CAMPAIGN_NAME__", "{ifmobile:x}"):
        read = event(f"/pixel.gif?v=ann&utm_source=a&u=https://shop.example/?utm_campaign={macro.replace('%', '%25')}")
        assert (read["utm_source"], read["utm_campaign"]) == ("a", None)
    assert event("/pixel.gif?utm_campaign={a}+b")["utm_campaign"] == "{a} b"


def test_a_link_out_of_html_keeps_its_campaign() -> None:
    address = quote("https://shop.example/?utm_source=nl&amp;utm_medium=email&amp;utm_campaign=may", safe="")
    read = event(f"/pixel.gif?v=ann&url={address}")
    assert [read[f"utm_{name}"] for name in ("source", "medium", "campaign")] == ["nl", "email", "may"]


@pytest.mark.parametrize(
    ("address", "query", "campaign"),
    [
        ("/#utm_source=nl&utm_campaign=may", "utm_source=nl&utm_campaign=may", "may"),
        ("/?a=1#utm_campaign=may", "a=1&utm_campaign=may", "may"),
        ("/?a=1#!/sale?b=2&utm_campaign=may", "a=1&b=2&utm_campaign=may", "may"),
        ("/#top&UTM_Campaign=may", "top&utm_campaign=may", "may"),
        ("/%23utm_campaign=may", "utm_campaign=may", "may"),
        ("/#mtm_source=nl", "mtm_source=nl", None),
        ("/#gclid=a", "gclid=a", None),
        ("/?color=%23fff&utm_campaign=may", "color=%23fff&utm_campaign=may", "may"),
        ("/#top", None, None),
        ("/?a=1#top#utm_campaign=may", "a=1", None),
        ("/?utm_campaign%25252525253Dmay", "utm_campaign%25252525253Dmay", None),
        ("/?a=1#q=utm_campaign", "a=1", None),
        ("/?utm_campaign%3Dmay%2520sale%26a=1", "utm_campaign=may%20sale&a=1", "may sale"),
        ("/?back=%2F%3Futm_campaign%3Dmay", "back=%2F%3Futm_campaign%3Dmay", None),
        ("/?a=1?utm_campaign=may;utm_source=nl", "a=1&utm_campaign=may&utm_source=nl", "may"),
        ("/?utm_campaign=a&AMP;b=1&Product_Id=7", "utm_campaign=a&b=1&Product_Id=7", "a"),
        ("/?utm_campaign=50%25ab", "utm_campaign=50%25ab", "50%ab"),
        ("/?utm_campaign=may%252Bsale", "utm_campaign=may%252Bsale", "may+sale"),
    ],
)
@pytest.mark.parametrize("pixel", ["/pixel.gif?v=ann&url=", "/matomo.php?idsite=1&rec=1&url="])
def test_a_campaign_of_the_page_is_read_as_it_is_meant(
    address: str, query: str | None, campaign: str | None, pixel: str
) -> None:
    read = event(pixel + quote(f"https://shop.example{address}", safe=""))
    assert (read["page"], read["page_query"], read["utm_campaign"]) == ("/", query, campaign)


def test_a_campaign_that_the_pixel_names_may_be_encoded_twice_too() -> None:
    assert event("/pixel.gif?v=ann&utm_campaign=may%2520sale")["utm_campaign"] == "may sale"


PAIRS = st.lists(
    st.tuples(st.sampled_from(["utm_source", "utm_campaign", "mtm_medium", "a", "gclid"]), st.text(max_size=5)),
    min_size=1,
)


@given(PAIRS, st.sampled_from(["&", "&amp;", "&amp%3B"]), st.booleans())
def test_a_normalized_query_means_what_was_written(
    pairs: list[tuple[str, str]], separator: str, is_upper: bool
) -> None:
    plain = [f"{name}={quote(value, safe='')}" for name, value in pairs]
    written = [part.replace("utm_", "UTM_").replace("_s", "_S") if is_upper else part for part in plain]
    assert normalize_campaign(separator.join(written)) == "&".join(plain)


def test_endless_encodings_take_no_time() -> None:
    endless = "utm_source%" + "25" * 200_000 + "3dx"
    assert normalize_campaign(f"{endless}&amp;utm_source=nl") == f"{endless}&utm_source=nl"


@given(st.text("&?;=%23dDuUtTmM_aA0amp", max_size=30))
def test_a_query_that_needs_no_repair_is_its_own_repair(query: str) -> None:
    repaired = normalize_campaign(query)
    assert re.search(FLAWED_CAMPAIGN, query) or repaired == query
    assert normalize_campaign(repaired) == repaired


@pytest.mark.parametrize("text", ["$5", "{a}", "*b*", "a${b}", "%24x", "%7Bx"])
def test_a_text_that_only_begins_like_a_macro_is_a_value(text: str) -> None:
    read = event(f"/pixel.gif?v=ann&sku={text}")
    assert (read["product"], read["parse_issue"]) == (dict(parse_qsl(f"o={text}"))["o"], None)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ("value=1.234,56", (1234.56, None, None)),
        ("value=1%20234,56%20%E2%82%AC", (1234.56, "EUR", None)),
        ("value=%C2%A312", (12.0, "GBP", None)),
        ("value=$120.00&cur=EUR", (120.0, "EUR", None)),
        ("value=$120.00", (120.0, None, None)),
        ("value=12+EUR&cur=chf", (12.0, "CHF", None)),
        ("value=1,234+EUR", (None, None, "number")),
        ("value=+120", (120.0, None, None)),
    ],
)
def test_a_value_is_read_as_people_write_it(parameters: str, expected: tuple[float | None, str | None, str]) -> None:
    in_meta = parameters.replace("value=", "cd[value]=").replace("cur=", "cd[currency]=")
    for uri in (f"/pixel.gif?e=purchase&v=ann&{parameters}", f"/tr?id=255813999377376&ev=Purchase&{in_meta}"):
        read = event(uri)
        assert (read["value"], read["currency"], read["parse_issue"]) == expected


@pytest.mark.parametrize("value", ["1,234", "5 apples", "1e999", "nan", "-inf", "--5", "5%"])
def test_a_value_that_is_not_a_number_is_null_and_counted(value: str) -> None:
    read = event(f"/pixel.gif?e=purchase&v=ann&value={value}")
    assert (read["event"], read["value"], read["parse_issue"]) == ("purchase", None, "number")


def test_an_encoding_is_undone_once_and_half_of_one_stays() -> None:
    read = event("/pixel.gif?v=ann&oid=%2541&variant=%4&product=%u0041&ref=%E4%B8")
    told = ("order_id", "variant", "product", "referrer")
    assert [read[name] for name in told] == ["%41", "%4", "%u0041", "\N{REPLACEMENT CHARACTER}"]


def payload(data: object) -> str:
    return quote(b64encode(json.dumps(data).encode()).decode())


@pytest.mark.slow
def test_the_ledger_counts_flawed_events(tmp_path: Path) -> None:
    whole = payload({"event": "purchase", "userId": "ann", "properties": {"order_id": "A1"}})
    cut = whole[: len(whole) // 2]
    (tmp_path / "access.log").write_text(
        log(
            request(f"/v1/pixel/track?writeKey=k&data={whole}", "10:00"),
            request(f"/v1/pixel/track?writeKey=k&data={cut}", "10:01"),
            request("/v1/pixel/track?writeKey=k&data=" + "%5B" * 100_000, "10:02"),
            request(f"/v1/pixel/track?writeKey=k&{'a=1&' * 200_000}data={whole}&b=2", "10:03"),
            request("/pixel.gif?e=purchase&v=${ID}&value=5", "10:04"),
            request("/pixel.gif?e=purchase&v=ann&value=five", "10:05"),
        )
    )
    finished = run_in_process(
        tmp_path, "events", "access.log", "--reveal-ids", "--format", "ndjson", "--keep-duplicates"
    )
    found = [json.loads(line) for line in finished.stdout.splitlines()]
    assert [event["parse_issue"] for event in found] == [None, "payload", "payload", None, "macro", "number"]
    assert [found[0]["order_id"], found[3]["order_id"], found[3]["user_id"]] == ["A1", "A1", "ann"]
    told = (
        "parse issues: 1 value that is not a number, 1 macro that was not filled in, 2 payloads that cannot be decoded"
    )
    assert told in finished.stderr.splitlines()
    for report in ("funnel", "views"):
        assert told in run_in_process(tmp_path, report, "access.log", "--keep-duplicates").stderr.splitlines()


@pytest.mark.slow
def test_a_text_that_equals_the_decoded_form_of_another_stays_as_it_is(tmp_path: Path) -> None:
    pages = ["%2B", "+", "%2520", "%20"]
    requests = [request(f"/pixel.gif?e={page}&v=${{X}}", f"10:0{minute}") for minute, page in enumerate(pages)]
    for order in (requests, requests[::-1]):
        (tmp_path / "access.log").write_text(log(*order))
        found = run_in_process(
            tmp_path, "events", "access.log", "--format", "ndjson", "--keep-duplicates"
        ).stdout.splitlines()
        assert sorted(json.loads(event)["event"] for event in found) == [" ", " ", "%20", "+"]
