"""What visitors put into their carts and took out of them, where the pixel sends the whole cart each time."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelstat.analysis.cart_updates import resolve_cart_updates
from pixelstat.schemas import EVENTS
from tests.builders import Row, at, distinct_events

Change = tuple[int, str | None, str, str]  # minute, visitor, event, product


def cart(minute: int, products: str, visitor: str | None = "v:ann") -> Row:
    """The whole cart of a visitor, a letter for each product."""
    items = [{"id": letter, "name": letter.lower()} for letter in products] or None
    event = "add_to_cart" if products else "remove_from_cart"
    return {"time": at(minute), "visitor": visitor, "event": event, "products": items, "is_whole_cart": True}


def changes(*rows: Row, orders: list[tuple[int, str]] | None = None) -> list[Change]:
    """What the rows mean, in the order of time."""
    ordered = pl.LazyFrame(
        [{"time": at(minute), "visitor": visitor} for minute, visitor in orders or []],
        schema={name: EVENTS[name] for name in ("time", "visitor")},
    )
    resolved = resolve_cart_updates(distinct_events(rows), ordered).explode("products")
    minute = (pl.col("time") - at(0)).dt.total_minutes()
    product = pl.col("products").struct.field("id")
    return sorted(resolved.select(minute, "visitor", "event", product).collect().rows(), key=str)


def add(minute: int, product: str, visitor: str | None = "v:ann") -> Change:
    return minute, visitor, "add_to_cart", product


def remove(minute: int, product: str, visitor: str | None = "v:ann") -> Change:
    return minute, visitor, "remove_from_cart", product


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([cart(0, "A"), cart(1, "AB"), cart(2, "B"), cart(3, "")], [add(0, "A"), add(1, "B"), remove(2, "A"), remove(3, "B")]),
        ([cart(1, "AB"), cart(0, "A")], [add(0, "A"), add(1, "B")]),
        ([cart(0, "AB"), cart(1, "BA")], [add(0, "A"), add(0, "B")]),
        ([cart(0, "AB"), cart(0, "A")], [add(0, "A"), add(0, "B")]),  # at one time the smaller cart is earlier
        ([cart(0, ""), cart(1, "")], []),
        ([cart(0, "A"), cart(1, "A", "v:ben")], [add(0, "A"), add(1, "A", "v:ben")]),
        ([cart(0, "A", None), cart(1, "AB", None)], [add(0, "A", None), add(1, "A", None), add(1, "B", None)]),
    ],
)  # fmt: skip
def test_what_was_not_there_is_added_and_what_is_gone_is_removed(rows: list[Row], expected: list[Change]) -> None:
    assert changes(*rows) == sorted(expected, key=str)


def test_an_order_empties_the_cart() -> None:
    assert changes(cart(0, "A"), cart(2, "A"), orders=[(1, "v:ann")]) == [add(0, "A"), add(2, "A")]
    assert changes(cart(0, "A"), cart(2, "A"), orders=[(1, "v:ben"), (0, "v:cid"), (3, "v:ann")]) == [add(0, "A")]
    assert changes(cart(1, "A"), cart(2, ""), orders=[(1, "v:ann")]) == [add(1, "A")]


def test_other_events_stay_as_they_are() -> None:
    others = [
        {"time": at(1), "visitor": "v:ann", "event": "add_to_cart", "products": [{"id": "A"}]},
        {"time": at(2), "visitor": "v:ann", "event": "product_view", "product": "A"},
    ]
    seen = changes(cart(0, "A"), *others)
    assert seen == [add(0, "A"), add(1, "A"), (2, "v:ann", "product_view", None)]


@given(st.lists(st.tuples(st.sampled_from(["v:ann", "v:ben"]), st.sets(st.sampled_from("ABCD"))), max_size=12))
def test_changes_equal_a_plain_loop(carts: list[tuple[str, set[str]]]) -> None:
    rows = [cart(minute, "".join(sorted(products)), visitor) for minute, (visitor, products) in enumerate(carts)]
    expected = []
    for visitor in ("v:ann", "v:ben"):
        before: set[str] = set()
        for minute, (owner, products) in enumerate(carts):
            if owner == visitor:
                expected += [add(minute, product, visitor) for product in products - before]
                expected += [remove(minute, product, visitor) for product in before - products]
                before = products
    assert changes(*rows) == sorted(expected, key=str)
