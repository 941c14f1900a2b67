"""The house pixel reads its own samples, in any order and by any name, and leaves ordinary requests alone."""

import re
from urllib.parse import parse_qsl, quote, urlencode

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelstat.event_streams import build_events
from pixelstat.frames.placeholders import PLACEHOLDER
from pixelstat.identity.consent import CONSENT_QUERY
from pixelstat.pipeline_settings import PipelineSettings
from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.builtin import house
from pixelstat.protocols.interpret import protocol_rules
from pixelstat.schemas import DERIVED, EVENTS, REQUESTS
from pixelstat.traffic.deduplication import HIT_COLUMNS, REQUEST_HASH

QUERY = PipelineSettings()


def event(
    uri: str, referrer: str | None = None, event_query: PipelineSettings = QUERY, **fields: object
) -> dict[str, object]:
    path, _, query = uri.partition("?")
    request = {
        "path": path,
        "query": query or None,
        "referrer": referrer,
        "status": 200,
        "client": "203.0.113.7",
        "method": "GET",
    }
    row = pl.LazyFrame([request | fields], schema=REQUESTS)
    read = build_events(row, event_query).drop("order", "order_host", CONSENT_QUERY, REQUEST_HASH).collect()
    assert read.schema == {name: dtype for name, dtype in EVENTS.items() if name not in (*HIT_COLUMNS, *DERIVED)}
    return read.row(0, named=True)


@pytest.mark.parametrize("sample", house.SAMPLES, ids=lambda sample: str(sample.uri))
def test_samples_become_the_stated_events(sample: PixelSample) -> None:
    read = event(sample.uri, sample.referrer)
    assert read["rejected"] is None
    assert {name: read[name] for name in sample.event} == sample.event


@pytest.mark.parametrize("sample", house.SAMPLES, ids=lambda sample: str(sample.uri))
def test_the_marker_occurs_in_every_sample(sample: PixelSample) -> None:
    assert pl.Series([f'"GET {sample.uri} HTTP/1.1"']).str.contains(house.house_protocol().marker).all()


@pytest.mark.parametrize(
    "uri", ["/", "/products/kettle.png?v=2", "/pixel.gift", "/my-pixel.gif.html", "/pixel", "/a/p.gif/b", "/xpixel.gif"]
)
def test_ordinary_requests_are_not_pixel_requests(uri: str) -> None:
    assert event(uri)["rejected"] == "not_pixel"


def test_a_custom_pixel_is_a_path_or_a_file_name() -> None:
    own = PipelineSettings(protocols=protocol_rules(("/img/s.gif", "spy")))
    assert [event(uri, event_query=own)["rejected"] for uri in ("/img/s.gif?e=x", "/x/img/s.gif", "/a/b/spy", "/pixel.gif")] == [
        None, "not_pixel", None, None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "rejected"),
    [
        (200, None),
        (204, None),
        (302, None),
        (304, None),
        (400, "refused"),
        (499, "refused"),
        (0, "refused"),
        (None, None),
    ],
)
def test_success_redirects_and_304_count(status: int | None, rejected: str | None) -> None:
    assert event("/pixel.gif", status=status)["rejected"] == rejected


NAMES = {"event": house.EVENT, "visitor": house.VISITOR, "page": house.PAGE, **house.PARAMETERS}
MACRO_STARTS = ("${", "{{", "*|")  # a value that begins like a macro counts as none
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8).filter(
    lambda text: not text.startswith(MACRO_STARTS)
)


def is_no_id(column: str, text: str) -> bool:
    return column in ("user_id", "order_id") and re.fullmatch(PLACEHOLDER, text) is not None


CURRENCIES = st.sampled_from(["EUR", "USD", "€", "Kč."])  # of which none is spelled in another way


@pytest.mark.slow
@given(st.data())
def test_parameters_go_by_any_of_their_names_in_any_order(data: st.DataObject) -> None:
    columns = data.draw(
        st.lists(st.sampled_from(["user_id", "referrer", "order_id", "currency", "product", "variant"]), unique=True)
    )
    pairs = data.draw(
        st.permutations(
            [
                (
                    data.draw(st.sampled_from(NAMES[column])),
                    data.draw(CURRENCIES if column == "currency" else TEXTS),
                    column,
                )
                for column in columns
            ]
        )
    )
    query = urlencode([(name, value) for name, value, _ in pairs])
    read = event(f"/pixel.gif?{query}")
    expected = {column: None if is_no_id(column, value) else value for _, value, column in pairs}
    assert {column: read[column] for _, _, column in pairs} == expected


@pytest.mark.slow
@given(TEXTS)
def test_a_value_is_decoded_as_python_decodes_it_and_once(text: str) -> None:
    query = f"ref={quote(quote(text))}"
    assert event(f"/pixel.gif?{query}")["referrer"] == dict(parse_qsl(query, keep_blank_values=True))["ref"]


def test_an_empty_parameter_is_null_and_the_next_name_counts() -> None:
    assert event("/pixel.gif?v=&cid=7")["visitor"] == "v:7"


def test_visitors_of_different_kinds_never_are_one() -> None:
    keys = [event(f"/pixel.gif?{name}=7")["visitor"] for name in ("v", "user", "rcpt")]
    assert keys == ["v:7", "u:7", "r:7"]


def test_a_visitor_without_an_id_has_the_same_key_in_every_run_and_version() -> None:
    assert event("/pixel.gif", user_agent="Mozilla/5.0")["visitor"] == "c:d424619b1219ac309bdd2bdf"
    assert (
        event("/pixel.gif", client="203.0.113.8", user_agent="Mozilla/5.0")["visitor"] != event("/pixel.gif")["visitor"]
    )


@pytest.mark.parametrize(
    ("address", "page", "host"),
    [
        ("/cart?x=1#top", "/cart", "log.example"),
        ("https://Shop.Example:443/caf%C3%A9?x", "/café", "shop.example"),
        ("https://ann:secret@shop.example", "/", "shop.example"),
        ("//shop.example/a", "/a", "shop.example"),
        ("cart", "cart", "log.example"),
        ("#top", "/", "log.example"),
    ],
)
def test_a_page_is_a_path_whatever_the_parameter_holds(address: str, page: str, host: str) -> None:
    read = event(f"/pixel.gif?url={quote(address, safe='')}", vhost="log.example")
    assert (read["page"], read["host"]) == (page, host)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("12.50", 12.5), ("-3", -3.0), ("1e400", None), ("12,50", 12.5), ("1,234", None), ("lots", None)],
)
def test_a_value_is_a_number_or_null(value: str, expected: float | None) -> None:
    assert event(f"/pixel.gif?value={value}")["value"] == expected


@pytest.mark.parametrize(
    ("spelling", "word"),
    [("pv", "page_view"), ("PageView", "page_view"), ("view", "page_view"), ("buy", "purchase"), ("Order", "purchase"),
     ("transaction", "purchase"), ("add-to-cart", "add_to_cart"), ("AddToCart", "add_to_cart"), ("Quiz Done", "Quiz Done")],
)  # fmt: skip
def test_spellings_fold_into_one_vocabulary(spelling: str, word: str) -> None:
    assert event(f"/pixel.gif?e={quote(spelling)}")["event"] == word
