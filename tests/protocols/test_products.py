"""Products are read out of what pixels and their senders make of them, whatever it is, and only for who asks."""

import json
import math
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelstat.protocols import products as module
from pixelstat.protocols.products import FIELDS, MAX_PRODUCTS, Product, json_products, make_product, read_products
from pixelstat.schemas import EVENTS
from tests.builders import log, request
from tests.marks import slow_after
from tests.protocols.test_house import event
from tests.run import run_in_process

CART = "/matomo.php?idsite=1&rec=1&idgoal=0&ec_items="
TRACK = "/v1/pixel/track?writeKey=k1&event=Order%20Completed&data="
META = "/tr?id=255813999377376&ev=Purchase&cd[contents]="


def read(uri: str) -> list[Product] | None:
    """The products of the request, which are as many as may be and of the types that are declared."""
    row = event(uri)
    found = row["products"]
    assert row["rejected"] is None
    if found is None:
        assert row["product"] is None
        return None
    assert isinstance(found, list)
    assert 0 < len(found) <= MAX_PRODUCTS
    assert row["product"] == found[0]["id"]
    for each in found:
        assert tuple(each) == FIELDS
        assert all(each[field] is None or math.isfinite(each[field]) for field in ("price", "quantity"))
    return found


def in_matomo(items: object) -> list[Product] | None:
    return read(CART + quote(items if isinstance(items, str) else json.dumps(items)))


def in_segment(items: object) -> list[Product] | None:
    message = {"properties": {"products": items}}
    return read(TRACK + quote(b64encode(json.dumps(message).encode())))


@pytest.mark.parametrize(
    ("price", "expected"), [("12,50", 12.5), ("1.234,50 €", 1234.5), ("1,234", None), ("free", None)]
)
def test_prices_are_read_as_values_are(price: str, expected: float | None) -> None:
    product = make_product("K1", None, None, expected, 2)
    assert read(f"/pixel.gif?e=atc&sku=K1&qty=2&price={quote(price)}") == [product]
    assert in_segment([{"product_id": "K1", "price": price, "quantity": "2"}]) == [product]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ('[["K1","Kettle","Kitchen",89.5,2],["C2","Cu', [make_product("K1", "Kettle", "Kitchen", 89.5, 2)]),
        ('[["K1"], ["C2"] and so on', [make_product("K1"), make_product("C2")]),
        (' [ ["K1"]', None),
        ('[ ["K1" , "Kettle"] , ["C2"] ]', [make_product("K1", "Kettle"), make_product("C2")]),
        ('[["K1","Kettle","Kitchen",NaN,-Infinity]]', [make_product("K1", "Kettle", "Kitchen")]),
        ('[["K1","","",1e999,"1e999"]]', [make_product("K1")]),
        ('[["K1","Kettle",[],"89,500","1_00"]]', [make_product("K1", "Kettle")]),
        ('[["K1","Kettle",[],"89,50","1_000"]]', [make_product("K1", "Kettle", None, 89.5, 1000)]),
        ('[["K1","Kettle",{"a":1},true,[2,3]]]', [make_product("K1", "Kettle", None, None, 2)]),
        ('[[17,true,["Kitchen",["Gifts"]]," 1","-1.5e1"]]', [make_product("17", None, "Kitchen", 1, -15)]),
        ('[[null,"Kettle"],[null,null,"Kitchen",3],[],{},7,"K1",[["K2"]]]', [make_product(None, "Kettle"), make_product("K2")]),
        ('[["\\ud800","a\\u0000b"]]', [make_product("?", "a\x00b")]),
        ("[" * 100_000, None),
        ('[["K1"],' + "[" * 100_000, [make_product("K1")]),
        ('[["K1",' + "9" * 10_000 + "]]", None),
        ("[]", None), ("{}", None), ("null", None), ("%", None), ("[[[[", None), ("K1", None),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_a_list_is_read_as_far_as_it_can_be(items: str, expected: list[Product] | None) -> None:
    assert in_matomo(items) == expected


@pytest.mark.slow
@pytest.mark.parametrize("number", slow_after(2, [1, MAX_PRODUCTS, MAX_PRODUCTS + 1, 200_000]))
def test_only_the_first_of_many_products_are_kept(number: int) -> None:
    kept = [make_product(str(n)) for n in range(min(number, MAX_PRODUCTS))]
    assert in_matomo([[n] for n in range(number)]) == kept
    assert read(META + quote(json.dumps([{"id": n} for n in range(number)]))) == kept
    assert read("/tr?id=255813999377376&ev=Purchase&cd[content_ids]=" + ",".join(map(str, range(number)))) == kept
    if number <= 1000:  # of GA4 names run to pr200; a payload beyond 100,000 characters is not opened
        assert in_segment([{"product_id": str(n)} for n in range(number)]) == kept
        assert read("/g/collect?v=2&tid=G-A&cid=1.2&" + "&".join(f"pr{n}=id{n}" for n in range(number))) == kept


@pytest.mark.slow
@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([{"product_id": "", "sku": "K1", "id": "x"}], [make_product("K1")]),
        ([{"id": 7, "price": "NaN", "quantity": "inf"}], [make_product("7")]),
        ([{"name": "Kettle", "category": ["Kitchen", "Gifts"], "price": 1e16}], [make_product(None, "Kettle", None, 1e16)]),
        ([{"sku": {"a": 1}}, {"sku": "C2", "price": True, "quantity": [2]}], [make_product("C2")]),
        ({"product_id": "K1"}, None), ("K1", None), ([["K1"]], None), ([], None), (None, None),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_a_payload_may_hold_anything(items: object, expected: list[Product] | None) -> None:
    assert in_segment(items) == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        (META + quote('{"id":"K1","item_price":"89.5"}'), [make_product("K1", None, None, 89.5)]),
        (META + "x&cd[content_ids]=%5BK1,%20'C2'%5D", [make_product("K1"), make_product("C2")]),
        (META + "x&cd[content_name]=Newsletter", None),
        ("/g/collect?v=2&tid=G-A&cid=1.2&pr1=~~~id~nm&pr2=prNaN~idK1~idC2&pr1000=idD3", [make_product("K1")]),
        ("/collect?v=1&tid=UA-1&cid=5&t=event&ea=x&pr9id=C2&pr1id=K1&pr1id=D3&ic=E4&pr2pr=9", [make_product("K1"), make_product("C2")]),
        ("/pixel.gif?sku=&product=&price=5", None),
        ("/pixel.gif?sku=a%2Bb+c&price=1e400&qty=two", [make_product("a+b c")]),
    ],
)  # fmt: skip
def test_parameters_may_hold_anything(uri: str, expected: list[Product] | None) -> None:
    assert read(uri) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=6) | st.dictionaries(st.sampled_from(["id", "sku", "name", "price", "0"]), inner)
    ),
    max_leaves=20,
)


@pytest.mark.slow
@given(JSON, st.integers(0, 60))
def test_no_json_however_cut_is_an_error(value: object, cut: int) -> None:
    text = json.dumps(value)
    cart, ids = json_products("items", id="0", name="1", category="2", price="3"), json_products("items", id="")
    objects = json_products("items", id="id", name="name", price="price")
    queries = pl.DataFrame({"query": ["items=" + quote(text), "items=" + quote(text[:cut]), None, "a=1"]})
    for places in ([cart], [ids], [objects, ids]):
        found = queries.select(read_products(pl.col("query"), places)).to_series()
        assert found.dtype == EVENTS["products"]
        assert found[2:].is_null().all()


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> Iterator[Product]:
        raise AssertionError

    monkeypatch.setattr(module, "_build_product", never)


@pytest.mark.slow
@pytest.mark.usefixtures("unread")
def test_products_are_not_read_for_a_report_without_them(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(request(CART + quote('[["K1"]]'), "10:00")))
    finished = run_in_process(tmp_path, "funnel", "access.log", "--steps", "add_to_cart", "--format", "csv", "-q")
    assert finished.stdout.splitlines()[1].split(",")[:3] == ["1", "add_to_cart", "1"]


@pytest.mark.usefixtures("unread")
def test_an_event_without_product_parameters_is_not_parsed_for_them() -> None:
    assert read("/matomo.php?idsite=1&rec=1&url=https%3A%2F%2Fshop.example%2Fec_items%3D1") is None
