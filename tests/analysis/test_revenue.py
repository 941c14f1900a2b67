"""Revenue without tax and shipping: figures to count by hand, and a plain loop in exact fractions."""

import random
from fractions import Fraction
from typing import Any

import polars as pl
import pytest

from pixelstat.analysis.order_lines import fill_values
from pixelstat.analysis.orders import build_orders
from pixelstat.analysis.revenue import GROSS, NET, PART_COLUMNS, SHARE, find_revenue_warnings, keep_share, state_revenue
from pixelstat.traffic.deduplication import find_repeated_hits, resolve_known_copies
from tests.builders import Row, events, purchase, refund

KETTLE = {"id": "K1", "name": None, "category": None, "price": 40.0, "quantity": 2.0}


def state(*rows: Row, revenue: str = NET) -> list[tuple[Any, ...]]:
    """Value, refunded and net of the orders among these events."""
    filled = fill_values(events(*rows).collect()).lazy()
    orders = state_revenue(build_orders(filled, PART_COLUMNS), revenue)
    return orders.select("value", "refunded", "net").collect().rows()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([purchase(1, "A1", 119.0, tax=19.0)], (100.0, 0.0, 100.0)),
        ([purchase(1, "A1", 119.0, tax=19.0, shipping=4.95)], (95.05, 0.0, 95.05)),
        ([purchase(1, "A1", 0.3, tax=0.1)], (0.2, 0.0, 0.2)),
        ([purchase(1, "A1", 119.0, shipping=4.0)], (115.0, 0.0, 115.0)),
        ([purchase(1, "A1", 119.0)], (119.0, 0.0, 119.0)),
        ([purchase(1, "A1", 100.0, tax=19.0, shipping=5.0, excludes_tax=True)], (100.0, 0.0, 100.0)),
        ([purchase(1, "A1", 119.0, tax=19.0, discount=9.0)], (100.0, 0.0, 100.0)),  # the value is after the discount
        ([purchase(1, "A1", None, tax=19.0)], (None, 0.0, None)),
        ([purchase(1, "A1", 0.0, tax=0.0)], (0.0, 0.0, 0.0)),
        ([purchase(1, "A1", 5.0, shipping=7.0)], (-2.0, 0.0, -2.0)),  # unlikely, but so it was logged
        ([purchase(1, "A1", 119.0, tax=19.0), refund(2, "A1", 59.5)], (100.0, 50.0, 50.0)),
        ([purchase(1, "A1", 119.0, tax=19.0), refund(2, "A1")], (100.0, 100.0, 0.0)),
        ([purchase(1, "A1", 119.0, tax=19.0), refund(2, "A1", 500.0)], (100.0, 100.0, 0.0)),
        ([purchase(1, "A1", 119.0, tax=19.0), purchase(2, "A1", 119.0, tax=7.0)], (100.0, 0.0, 100.0)),  # the first counts
        ([purchase(1, "A1", None, tax=7.0), purchase(2, "A1", 119.0, tax=19.0)], (100.0, 0.0, 100.0)),  # of one copy
        ([purchase(1, "A1", None, KETTLE, tax=19.0, shipping=5.0)], (80.0, 0.0, 80.0)),  # prices hold no shipping
    ],
)  # fmt: skip
def test_an_order_is_stated_without_tax_and_shipping_and_its_refunds_in_proportion(
    rows: list[Row], expected: tuple[Any, ...]
) -> None:
    assert state(*rows) == [expected]


def test_gross_revenue_is_the_value_as_the_pixel_sends_it() -> None:
    rows = purchase(1, "A1", 119.0, tax=19.0), refund(2, "A1", 59.5)
    assert state(*rows, revenue=GROSS) == [(119.0, 59.5, 59.5)]


def test_orders_that_state_no_part_are_named() -> None:
    rows = events(
        purchase(1, "A1", 119.0, tax=0.0),
        purchase(2, "A2", 5.0, excludes_tax=True),
        purchase(3, "A3", 5.0),
        purchase(4, "A4"),
    )
    orders = build_orders(rows, PART_COLUMNS)
    sentence = "1 order states neither tax nor shipping and counts with its whole value."
    assert find_revenue_warnings(orders, NET) == [sentence]
    assert find_revenue_warnings(orders, GROSS) == []


def test_random_orders_equal_a_plain_loop() -> None:
    dice = random.Random(1)
    rows, expected = [], []
    for number in range(300):
        cents, tax, shipping = (dice.choice([None, 0, dice.randrange(1, 100_000)]) for _ in range(3))
        excludes, back = dice.choice([None, True]), dice.choice([0, 1, 33, 100])
        whole = Fraction(cents or 0)
        rows.append(
            purchase(number, f"A{number}", None if cents is None else cents / 100, visitor=f"v:{number}",
                     tax=None if tax is None else tax / 100, shipping=None if shipping is None else shipping / 100,
                     excludes_tax=excludes)
        )  # fmt: skip
        rest = whole if excludes else whole - (tax or 0) - (shipping or 0)
        returned = whole * back / 100
        if back and cents:
            rows.append(refund(number, f"A{number}", float(returned / 100)))
        refunded = rest * returned / whole if whole else Fraction(0)
        expected.append((None if cents is None else float(rest / 100), float(refunded / 100)))
    found = [(value, refunded) for value, refunded, _ in state(*rows)]
    assert [value for value, _ in found] == [value for value, _ in expected]
    assert [refunded for _, refunded in found] == pytest.approx([refunded for _, refunded in expected], abs=1e-9)


def test_a_share_of_a_refund_is_kept() -> None:
    rows = pl.DataFrame({"refunded": [119.0, 59.5], SHARE: [100 / 119, 100 / 119]})
    assert rows.select(keep_share(pl.col("refunded"))).to_series().to_list() == [100.0, 50.0]


def test_an_exported_order_takes_its_parts_from_the_copy_that_states_its_value() -> None:
    rows = events(purchase(1, "A1", None, tax=7.0, coupon="A"), purchase(2, "A1", 119.0, tax=19.0, excludes_tax=True))
    exported = resolve_known_copies(rows, find_repeated_hits(rows).collect()).filter(pl.col("rejected").is_null())
    parts = exported.select("value", "tax", "coupon", "excludes_tax").collect().rows()
    assert parts == [(119.0, 19.0, "A", True)]
