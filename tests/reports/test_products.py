"""products: figures that can be counted by hand, and the same as plain loops find."""

import json
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pixelstat.cli.report_command import ReportCommand
from pixelstat.options.shared import reveal_option
from pixelstat.protocols.products import FIELDS, Product
from pixelstat.reports._report import Report
from pixelstat.reports.products import products
from pixelstat.result import Column
from pixelstat.schemas import EVENTS
from tests.builders import Row, at, events, hit, log
from tests.marks import slow_after
from tests.run import run_in_process

SAMPLE = Path(__file__).parents[2] / "sample_logs"
LOGS = sorted(log.name for log in SAMPLE.glob("access.log*"))
DAY = timedelta(days=1)
GIVEN = {
    name: EVENTS[name]
    for name in (
        "time", "event", "visitor", "user_id", "order_id", "value", "currency", "product", "products", "channel", "client",
    )
}  # fmt: skip


def of(
    id: str | None = None,  # noqa: A002
    price: float | None = None,
    quantity: float | None = None,
    name: str | None = None,
    category: str | None = None,
) -> Product:
    return {"id": id, "name": name, "category": category, "price": price, "quantity": quantity}


def did(clock: str, event: str, visitor: str | None, *items: Product, day: int = 0, **more: Any) -> Row:
    """What a visitor did, with the products that it was about."""
    row = {"time": at(clock, day), "event": event, "visitor": f"v:{visitor}" if visitor else None}
    return {**row, "products": list(items) or None, "product": items[0]["id"] if items else None, **more}


def viewed(clock: str, visitor: str | None, *items: Product, **more: Any) -> Row:
    return did(clock, "product_view", visitor, *items, **more)


def added(clock: str, visitor: str | None, *items: Product, **more: Any) -> Row:
    return did(clock, "add_to_cart", visitor, *items, **more)


def removed(clock: str, visitor: str | None, *items: Product, **more: Any) -> Row:
    return did(clock, "remove_from_cart", visitor, *items, **more)


def bought(clock: str, visitor: str | None, *items: Product, order_id: str | None = None, **more: Any) -> Row:
    return did(clock, "purchase", visitor, *items, order_id=order_id, **more)


def returned(clock: str, order_id: str | None, *items: Product, **more: Any) -> Row:
    return did(clock, "refund", None, *items, order_id=order_id, **more)


K, C, D = of("K1"), of("C2"), of("D3")


class ProductsReport:
    """The report of some events, and the warnings that it gave."""

    def __init__(
        self,
        *rows: Row,
        by: Sequence[str] = (),
        top: int = 0,
        viewed: bool = False,
        abandoned: bool = False,
        window: timedelta = 7 * DAY,
        end: datetime | None = None,
        keep_duplicates: bool = False,
    ) -> None:
        warned: dict[str, None] = {}
        self.frame = products.compute(
            events(*rows, keep_duplicates=keep_duplicates), by=by, top=top, viewed_not_purchased=viewed, abandoned=abandoned, window=window,
            warn=warned.setdefault, log_end=lambda: end or max((row["time"] for row in rows), default=None),
        ).collect()  # fmt: skip
        self.warnings = list(warned)

    def __getitem__(self, names: str) -> list[tuple[Any, ...]]:
        return self.frame.select(names.split()).rows()


# -- what is viewed, put into carts and bought -------------------------------------------------------------------------


@pytest.mark.slow
def test_products_are_counted_by_hits_and_by_visitors() -> None:
    told = ProductsReport(
        viewed("10:00", "ann", K), viewed("10:01", "ann", K), viewed("10:01", "ann", K),  # the last is one hit
        viewed("10:00", "ben", K, C), viewed("10:00", "cy", K), viewed("10:00", None, K),
        added("10:02", "ann", K), added("10:03", "ann", K), added("10:02", "dan", K),
        removed("10:04", "ann", K),
        bought("10:05", "ann", of("K1", 20.0, 2.0), order_id="A1"),
        bought("10:06", "ann", of("K1", 20.0, 2.0), order_id="A1"),  # reloaded
        bought("10:05", "ben", of("K1", 10.0), of("C2", 4.0), order_id="A2"),
        bought("10:05", "eve", of("C2", 4.0, 3.0), order_id="A3"),
    )  # fmt: skip
    assert told["product views adds_to_cart purchases quantity revenue net_revenue"] == [
        ("K1", 5, 3, 2, 3.0, 50.0, 50.0),
        ("C2", 1, 0, 2, 4.0, 16.0, 16.0),
    ]
    assert told["viewers cart_visitors buyers view_to_cart_rate cart_to_purchase_rate view_to_purchase_rate"] == [
        (3, 2, 2, 1 / 3, 1 / 2, 2 / 3),  # dan added without viewing: no share counts him
        (1, 0, 2, 0.0, None, 1.0),
    ]
    assert told.warnings == ["1 purchase repeats an order, which counts once."]


@pytest.mark.slow
def test_the_earliest_of_hits_with_one_key_counts() -> None:
    twice = [
        viewed("10:01", "ann", K, dedup_key="7"),
        viewed("10:00", "ann", C, dedup_key="7"),
        viewed("10:02", "ann", D, dedup_key="8"),
    ]
    assert ProductsReport(*twice)["product views"] == [("C2", 1), ("D3", 1)]


def test_a_product_named_twice_in_an_event_is_one_view_and_two_lines() -> None:
    told = ProductsReport(
        viewed("10:00", "ann", K, K), bought("10:00", "ann", of("K1", 2.0), of("K1", 3.0), order_id="A1")
    )
    assert told["product views purchases quantity revenue"] == [("K1", 1, 1, 2.0, 5.0)]


@pytest.mark.slow
def test_a_product_is_known_by_its_id_or_its_name_or_as_the_event_names_it() -> None:
    told = ProductsReport(
        viewed("10:00", "ann", of("K1", name="Kettle")),
        viewed("10:01", "ann", of(None, name="Cup")),
        viewed("10:02", "ann", product="D3"),
        viewed("10:03", "ann", product="D3", products=[]),
        viewed("10:04", "ann"),
        viewed("10:05", "ann", of()),
        added("10:06", "ann"),
        removed("10:07", "ann"),
    )
    assert told["product views"] == [("D3", 2), ("Cup", 1), ("K1", 1)]
    assert told.warnings == ["4 view or cart events without a product are excluded."]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("items", "value", "revenue", "sentences"),
    [
        ([of("K1", 20.0, 2.0)], 45.0, 40.0, []),  # shipping is no product
        ([of("K1", 20.0)], None, 20.0, []),
        ([of("K1")], 45.0, 45.0, []),
        ([of("K1", None, 3.0)], 45.0, 45.0, []),
        ([of("K1")], None, None, ["1 order has no numeric value."]),
        (
            [of("K1"), of("C2", 5.0)],
            45.0,
            None,
            ["1 order with several products lacks some prices, so the revenue of those products is excluded."],
        ),
        (
            [of("K1", 20.0, -2.0)],
            45.0,
            -40.0,
            ["1 order line has a negative price or quantity and counts unchanged."],
        ),
        ([of("K1", 1e308, 1e308)], 45.0, 45.0, []),  # more than a number can be
        ([of("K1", 1e308, 0.0)], 45.0, 0.0, []),
    ],
)
def test_a_line_brings_price_times_quantity_else_the_value_of_an_order_of_one(
    items: list[Product], value: float | None, revenue: float | None, sentences: list[str]
) -> None:
    told = ProductsReport(bought("10:00", "ann", *items, order_id="A1", value=value))
    assert [row[1:] for row in told["product revenue net_revenue"] if row[0] == "K1"] == [(revenue, revenue)]
    assert told.warnings == sentences


def test_orders_without_a_product_are_left_out_with_a_warning() -> None:
    told = ProductsReport(
        bought("10:00", "ann", order_id="A1", value=5.0), bought("10:00", "ann", K, order_id="A2", value=5.0)
    )
    assert told["product purchases revenue"] == [("K1", 1, 5.0)]
    assert told.warnings == ["1 order without a product is excluded."]


@pytest.mark.slow
def test_warnings_about_money_appear_only_where_money_is_shown() -> None:
    rows = (viewed("10:00", "ann"), returned("10:00", "A9", K))
    nameless = "1 view or cart event without a product is excluded."
    assert ProductsReport(*rows).warnings == [nameless, "1 refund matches no counted order and is excluded."]
    assert ProductsReport(*rows, viewed=True).warnings == ProductsReport(*rows, abandoned=True).warnings == [nameless]


@pytest.mark.slow
def test_items_of_an_order_may_come_in_requests_of_their_own() -> None:
    told = ProductsReport(
        bought("10:00", "ann", order_id="A1", value=50.0),
        *[did("10:00", "item", "ann", of("K1", 20.0, 2.0), order_id="A1")] * 2,
        did("10:00:01", "item", "ann", of("C2", 4.0), order_id="A1"),
        did("10:00:01", "item", "ann", of("C2", 9.0), order_id="A9"),
        bought("10:05", "ann", of("D3", 7.0), order_id="A2"),
        did("10:05", "item", "ann", of("K1", 20.0), order_id="A2"),  # which named its products itself
    )
    assert told["product purchases quantity revenue"] == [
        ("C2", 1, 1.0, 4.0),
        ("D3", 1, 1.0, 7.0),
        ("K1", 1, 2.0, 40.0),
    ]
    assert told.warnings == []


@pytest.mark.slow
def test_a_product_of_two_currencies_has_two_rows_that_differ_in_what_was_bought() -> None:
    told = ProductsReport(
        viewed("10:00", "ann", K), viewed("10:00", "ben", C), viewed("10:00", "ben", D),
        bought("10:01", "ann", of("K1", 2.0), order_id="A1", currency="USD"),
        bought("10:02", "ben", of("K1", 3.0), order_id="A2", currency="EUR"),
        bought("10:03", "ben", of("K1", 3.0), order_id="A3", currency="EUR"),
        bought("10:04", "ben", of("D3", 4.0), order_id="A4"),
        bought("10:04", "cy", of("D3", 4.0), order_id="A5"),
        top=2,
    )  # fmt: skip
    assert told["product currency views purchases revenue viewers buyers view_to_purchase_rate"] == [
        ("K1", "EUR", 1, 2, 6.0, 1, 2, 1.0),
        ("K1", "USD", 1, 1, 2.0, 1, 2, 1.0),
        ("D3", None, 1, 2, 8.0, 1, 2, 1.0),
    ]
    assert told.warnings[-1] == (
        "1 product is sold in several currencies: each currency has a row, with the same views and visitors."
    )


@pytest.mark.slow
def test_a_product_without_orders_is_in_the_most_frequent_currency() -> None:
    told = ProductsReport(
        viewed("10:00", "ann", C),
        bought("10:01", "ann", of("K1", 3.0), of("D3", 3.0), order_id="A1", currency="USD"),
        bought("10:01", "ben", of("K1", 3.0), of("D3", 3.0), order_id="A2", currency="EUR"),
        bought("10:01", "cy", of("K1", 3.0), of("D3", 3.0), order_id="A3", currency="EUR"),
    )
    assert told["product currency purchases quantity revenue refunded"][-1] == ("C2", "EUR", 0, 0.0, 0.0, 0.0)
    assert ProductsReport(viewed("10:00", "ann", C))["product currency revenue"] == [("C2", None, 0.0)]


@pytest.mark.slow
def test_rows_may_be_by_what_the_event_names_of_a_product() -> None:
    kettle, cup = of("K1", 20.0, None, "Kettle", "Kitchen"), of("C2", 4.0, None, "Cup", "Kitchen")
    rows = (
        viewed("10:00", "ann", kettle, cup),
        viewed("10:00", "ben", cup),
        added("10:01", "ann", kettle, cup),
        bought("10:02", "ann", kettle, cup, order_id="A1"),
        viewed("10:03", "cy", D),
    )
    by_category = ProductsReport(*rows, by=["category"])
    assert by_category["category views adds_to_cart purchases quantity revenue viewers buyers"] == [
        ("Kitchen", 2, 1, 1, 2.0, 24.0, 2, 1),  # an event of two of its products is one
        (None, 1, 0, 0, 0.0, 0.0, 1, 0),
    ]
    assert ProductsReport(*rows, by=["name", "product"])["name product purchases viewers"] == [
        ("Cup", "C2", 1, 2), ("Kettle", "K1", 1, 1), (None, "D3", 0, 1),
    ]  # fmt: skip


@pytest.mark.slow
def test_rows_may_be_by_any_column_of_the_events_and_an_orders_are_of_its_first_hit() -> None:
    told = ProductsReport(
        viewed("10:00", "ann", K, channel="Email"),
        bought("10:05", "ann", of("K1", 2.0), order_id="A1", channel="Direct"),
        bought("10:01", "ann", of("K1", 2.0), order_id="A1", channel="Email"),
        by=["channel"],
    )
    assert told["channel views purchases view_to_purchase_rate"] == [("Email", 1, 1, 1.0)]
    by_currency = ProductsReport(
        viewed("10:00", "ann", K), bought("10:01", "ann", of("K1", 2.0), order_id="A1", currency="EUR"), by=["currency"]
    )
    assert by_currency["currency views purchases revenue"] == [("EUR", 0, 1, 2.0), (None, 1, 0, 0.0)]
    assert by_currency.frame.columns[:2] == ["currency", "views"]


# -- refunds -----------------------------------------------------------------------------------------------------------

KETTLE_AND_CUPS = (of("K1", 60.0), of("C2", 10.0, 3.0))  # 90, and 10 for shipping


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "kettle", "cups"),
    slow_after(
        8,
        [
            ([returned("11:00", "A1")], 60.0, 30.0),
            ([returned("11:00", "A1", value=50.0)], 30.0, 15.0),  # half of all
            ([returned("11:00", "A1", value=50.0), returned("11:01", "A1", value=50.0)], 60.0, 30.0),
            ([returned("11:00", "A1", K)], 60.0, 0.0),
            ([returned("11:00", "A1", K, value=60.0)], 60.0, 0.0),
            ([returned("11:00", "A1", K, value=15.0)], 15.0, 0.0),
            ([returned("11:00", "A1", K, value=70.0)], 60.0, 0.0),  # its shipping, too
            ([returned("11:00", "A1", of("C2", None, 1.0))], 0.0, 10.0),
            ([returned("11:00", "A1", of("C2", None, 1.0)), returned("11:01", "A1", of("C2", None, 1.0))], 0.0, 20.0),
            ([returned("11:00", "A1", of("C2", None, -9.0))], 0.0, 30.0),
            ([returned("11:00", "A1", of("C2", None, 0.0))], 0.0, 0.0),
            ([returned("11:00", "A1", K, C)], 60.0, 30.0),
            ([returned("11:00", "A1", K, C, value=45.0)], 30.0, 15.0),
            ([returned("11:00", "A1", K), returned("11:01", "A1", C)], 60.0, 30.0),
            ([returned("11:00", "A1", K), returned("11:01", "A1")], 60.0, 30.0),  # all that is left
            ([returned("11:00", "A1", K), returned("11:01", "A1", value=20.0)], 60.0, 15.0),  # half of what is left
            ([returned("11:00", "A1", D)], 60.0, 30.0),  # no product of the order
            ([returned("11:00", "A1", product="K1")], 60.0, 0.0),
            ([returned("11:00", "A9", K)], 0.0, 0.0),
            ([returned("11:00", "A1", K, currency="USD")], 0.0, 0.0),
        ],
        names=3,
    ),
)
def test_a_refund_is_of_the_products_that_it_names_else_of_all_in_proportion(
    given: list[Row], kettle: float, cups: float
) -> None:
    order = bought("10:00", "ann", *KETTLE_AND_CUPS, order_id="A1", value=100.0, currency="EUR")
    other = bought("10:00", "ben", *KETTLE_AND_CUPS, order_id="A2", value=100.0, currency="EUR")
    found = {row[0]: row[1:] for row in ProductsReport(order, other, *given)["product refunded net_revenue"]}
    assert found == {"K1": (kettle, 120 - kettle), "C2": (cups, 60 - cups)}


def test_a_refund_of_an_order_that_is_kept_twice_is_of_the_first() -> None:
    order = bought("10:00", "ann", *KETTLE_AND_CUPS, order_id="A1", value=100.0)
    told = ProductsReport(order, order, returned("11:00", "A1", K), keep_duplicates=True)
    assert told["product purchases revenue refunded"] == [("C2", 2, 60.0, 0.0), ("K1", 2, 120.0, 60.0)]


@pytest.mark.slow
def test_an_order_without_a_value_has_that_of_its_lines_to_give_back() -> None:
    order = bought("10:00", "ann", *KETTLE_AND_CUPS, order_id="A1")
    told = ProductsReport(order, returned("11:00", "A1", value=45.0))
    assert told["product refunded"] == [("C2", 15.0), ("K1", 30.0)]


# -- who viewed and did not buy ----------------------------------------------------------------------------------------


def test_visitors_who_viewed_without_buying_are_listed_latest_first() -> None:
    told = ProductsReport(
        viewed("10:00", "ann", K), viewed("11:00", "ann", K),
        viewed("10:00", "ben", K), bought("10:00", "ben", K, order_id="A1"),  # of one second: bought
        viewed("10:00", "cy", K), bought("10:01", "cy", C, order_id="A2"),  # another product
        viewed("10:02", "dan", K, day=1), bought("10:01", "dan", K, order_id="A3"),  # before
        viewed("10:02", None, K), viewed("10:02", "eve"),
        added("12:00", "fay", K),
        viewed("12:00", "gus", K, day=8),
        viewed=True, end=at("10:02", 8),
    )  # fmt: skip
    assert told["visitor product views last_view is_pending"] == [
        ("v:gus", "K1", 1, at("12:00", 8), True),
        ("v:dan", "K1", 1, at("10:02", 1), False),  # exactly 7 days
        ("v:ann", "K1", 2, at("11:00"), False),
        ("v:cy", "K1", 1, at("10:00"), False),
    ]


def test_viewed_not_purchased_may_be_by_category_with_columns_of_the_last_view() -> None:
    told = ProductsReport(
        viewed("10:00", "ann", of("K1", category="Kitchen"), channel="Email"),
        viewed("11:00", "ann", of("C2", category="Kitchen"), channel="Direct"),
        viewed("10:00", "ben", of("K1", category="Kitchen")),
        bought("12:00", "ben", of("C2", category="Kitchen"), order_id="A1"),
        by=["channel", "category"], viewed=True,
    )  # fmt: skip
    assert told.frame.columns == ["visitor", "category", "channel", "views", "last_view", "is_pending"]
    assert told["visitor category channel views"] == [("v:ann", "Kitchen", "Direct", 2)]


# -- carts -------------------------------------------------------------------------------------------------------------

CARTS = "carts carts_purchased carts_abandoned carts_emptied carts_pending"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([added("10:00", "ann", K)], (1, 0, 1, 0, 0)),
        ([added("10:00", "ann", K), added("11:00", "ann", C)], (1, 0, 1, 0, 0)),
        ([added("10:00", None, K)], (0, 0, 0, 0, 0)),
        ([added("10:00", "ann")], (1, 0, 1, 0, 0)),
        ([added("10:00", "ann", K), bought("10:00", "ann", K)], (1, 1, 0, 0, 0)),
        ([added("10:00", "ann", K), bought("10:00", "ann", C)], (1, 1, 0, 0, 0)),  # the cart is bought, whatever is in it
        ([added("10:00", "ann", K), bought("10:00", "ann")], (1, 1, 0, 0, 0)),
        ([added("10:00", "ann", K), bought("10:00", "ben", K)], (1, 0, 1, 0, 0)),
        ([added("10:01", "ann", K), bought("10:00", "ann", K)], (1, 0, 1, 0, 0)),
        ([added("10:00", "ann", K), bought("10:00", "ann", K, day=7)], (1, 1, 0, 0, 0)),
        ([added("10:00", "ann", K), bought("10:00:01", "ann", K, day=7)], (1, 0, 1, 0, 0)),
        ([added("10:00", "ann", K), removed("10:01", "ann", K)], (1, 0, 0, 1, 0)),
        ([added("10:00", "ann", K), removed("10:00", "ann", K)], (1, 0, 1, 0, 0)),  # in one second it was changed
        ([added("10:00", "ann", K), removed("10:01", "ann", C)], (1, 0, 1, 0, 0)),
        ([added("10:00", "ann", K, C), removed("10:01", "ann", K)], (1, 0, 1, 0, 0)),
        ([added("10:00", "ann", K), removed("10:01", "ann", K), added("10:02", "ann", K)], (1, 0, 1, 0, 0)),
        ([added("10:00", "ann", K), removed("10:01", "ann", K), bought("10:02", "ann", K)], (1, 1, 0, 0, 0)),
        ([removed("10:00", "ann", K)], (0, 0, 0, 0, 0)),
        ([added("10:00", "ann", K), added("10:00:01", "ann", K, day=7)], (2, 0, 2, 0, 0)),
        ([added("10:00", "ann", K), added("10:00", "ann", K, day=7)], (1, 0, 1, 0, 0)),
        ([added("10:00", "ann", K), bought("10:01", "ann", K), added("10:02", "ann", K)], (2, 1, 1, 0, 0)),
        ([added("10:00", "ann", K, day=13), added("10:00", "ben", K, day=14)], (2, 0, 1, 0, 1)),
        ([added("10:00", "ann", K, day=14), bought("10:01", "ann", K, day=14)], (1, 0, 0, 0, 1)),
    ],
)  # fmt: skip
def test_a_cart_begins_with_the_first_product_added_and_ends_with_an_order_or_its_window(
    rows: list[Row], expected: tuple[int, ...]
) -> None:
    assert ProductsReport(*rows, abandoned=True, end=at("10:00", 20))[CARTS] == [expected]


@pytest.mark.slow
def test_the_rate_is_of_the_carts_whose_end_is_known_with_its_interval() -> None:
    rows = [
        *(added("10:00", f"a{n}", K) for n in range(20)),
        *(bought("11:00", f"a{n}", K) for n in range(1, 10)),
        *(added("10:00", f"b{n}", K, day=9) for n in range(5)),
        *(bought("11:00", f"b{n}", K, day=9) for n in range(5)),
    ]
    rows += [removed("11:00", "a0", K)]
    [row] = ProductsReport(*rows, abandoned=True)[f"{CARTS} abandonment_rate"]
    assert row == (25, 9, 10, 1, 5, 10 / 19)
    rows = [added("10:00", str(n), K) for n in range(38)]
    assert ProductsReport(*rows, abandoned=True, end=at("10:00", 7))["abandonment_rate_low abandonment_rate_high"] == [
        (pytest.approx(0.908190, abs=5e-7), 1.0)
    ]
    assert ProductsReport(abandoned=True)[f"{CARTS} abandonment_rate"] == [(0, 0, 0, 0, 0, None)]


@pytest.mark.slow
def test_each_product_may_have_a_cart_of_its_own() -> None:
    told = ProductsReport(
        added("10:00", "ann", K, C, channel="Email"),
        added("10:01", "ann", D, channel="Direct"),
        removed("10:02", "ann", C),
        bought("10:03", "ann", K),
        added("10:00", "ben", K, channel="Email"),
        by=["channel", "product"], abandoned=True, end=at("10:00", 9),
    )  # fmt: skip
    assert told[f"channel product {CARTS}"] == [
        ("Email", "K1", 2, 1, 1, 0, 0), ("Direct", "D3", 1, 0, 1, 0, 0), ("Email", "C2", 1, 0, 0, 1, 0),
    ]  # fmt: skip


# -- by plain loops ----------------------------------------------------------------------------------------------------


def dice_rows(seed: int) -> list[Row]:
    dice = random.Random(seed)

    def items() -> list[Product]:
        some = dice.sample("KCD", dice.choice([0, 1, 1, 2, 3]))
        return [
            of(name, dice.choice([None, 2.0, 4.0]), dice.choice([None, 1.0, 2.0]), None, dice.choice(["x", None]))
            for name in some
        ]

    kinds = ["product_view"] * 3 + ["add_to_cart"] * 3 + ["remove_from_cart", "purchase", "purchase", "refund"]
    rows = [
        did(
            "00:00", dice.choice(kinds), dice.choice(["ann", "ben", "cy", None]), *items(),
            channel=dice.choice(["Email", "Direct", None]), order_id=dice.choice(["A1", "A2", "A3", "A4", "A5", "A6"]),
            value=dice.choice([None, 4.0, 16.0]), currency=dice.choice([None, "EUR", "EUR", "USD"]),
        )
        for _ in range(80)
    ]  # fmt: skip
    for row, minute in zip(rows, dice.sample(range(20_000), len(rows)), strict=True):
        row["time"] += timedelta(minutes=minute)  # two weeks, no two at the same time
    rows += dice.sample(rows, 10)
    dice.shuffle(rows)
    return rows


def once(rows: Iterable[Row]) -> list[Row]:
    """Each hit once, in order."""
    found = {repr(sorted(row.items())): row for row in rows}
    return sorted(found.values(), key=lambda row: row["time"])


def orders(rows: Iterable[Row]) -> list[Row]:
    found: dict[str, Row] = {}
    for row in once(rows):
        if row["event"] == "purchase":
            order = found.setdefault(row["order_id"], {**row})
            if order["value"] is None and row["value"] is not None:
                order |= {"value": row["value"], "currency": row["currency"] or order["currency"]}
    return list(found.values())


def brought(order: Row) -> list[float | None]:
    """What each line of the order brings."""
    items = order["products"] or []
    alone = order["value"] if len(items) == 1 else None
    return [alone if item["price"] is None else item["price"] * (item["quantity"] or 1.0) for item in items]


def given_back(rows: Sequence[Row], order: Row) -> list[float]:
    """How much of each line is given back, by one refund after the other. Each product is in one line here."""
    amounts = [amount or 0.0 for amount in brought(order)]
    most = order["value"] if order["value"] is not None else sum(amounts)
    left, named, of_all, of_named = most, [0.0] * len(amounts), 0.0, 0.0
    for refund in once(rows):
        if refund["event"] != "refund" or refund["order_id"] != order["order_id"]:
            continue
        if refund["currency"] not in (None, order["currency"]):
            continue
        parts = [0.0] * len(amounts)
        names = [item["id"] for item in order["products"] or []]
        those = [item for item in refund["products"] or [] if item["id"] in names]
        for item in those:
            place = names.index(item["id"])
            pieces = order["products"][place]["quantity"] or 1.0
            parts[place] = amounts[place] * min(1.0, (item["quantity"] or pieces) / pieces)
        asked = refund["value"] if refund["value"] is not None else sum(parts) if those else left
        amount = min(asked, left)
        left -= amount
        if those:
            of_named += amount
            reach = min(1.0, amount / sum(parts)) if sum(parts) else 1.0
            named = [before + part * reach for before, part in zip(named, parts, strict=True)]
        else:
            of_all += amount
    named = [min(part, amount) for part, amount in zip(named, amounts, strict=True)]
    share = min(1.0, of_all / (most - of_named)) if of_all else 0.0
    return [part + (amount - part) * share for part, amount in zip(named, amounts, strict=True)]


@pytest.mark.slow
@pytest.mark.parametrize("seed", slow_after(3, range(30)))
def test_products_equal_a_plain_loop(seed: int) -> None:
    rows = dice_rows(seed)
    hits: defaultdict[tuple[str, str], int] = defaultdict(int)
    who: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    money: defaultdict[tuple[str, Any], list[Any]] = defaultdict(lambda: [0, 0.0, None, None])
    for row in [*(row for row in once(rows) if row["event"] in ("product_view", "add_to_cart")), *orders(rows)]:
        for item in row["products"] or []:
            hits[item["id"], row["event"]] += 1
            who[item["id"], row["event"]] |= {row["visitor"]} - {None}
    for order in orders(rows):
        for item, amount, back in zip(order["products"] or [], brought(order), given_back(rows, order), strict=True):
            sold = money[item["id"], order["currency"]]
            sold[0] += 1
            sold[1] += item["quantity"] or 1.0
            if amount is not None:
                sold[2] = (sold[2] or 0.0) + amount
                sold[3] = (sold[3] or 0.0) + back
    told = ProductsReport(*rows)
    found = {row[:2]: row[2:] for row in told["product currency purchases quantity revenue refunded"] if row[2]}
    assert found.keys() == money.keys()
    for key, sold in money.items():
        assert found[key] == pytest.approx(tuple(sold)), key
    does = ("product_view", "add_to_cart", "purchase")
    for product, views, carts, *people in told["product views adds_to_cart viewers cart_visitors buyers"]:
        assert [views, carts] == [hits[product, event] for event in does[:2]]
        assert people == [len(who[product, event]) for event in does]
    for product, *shares in told["product view_to_cart_rate cart_to_purchase_rate view_to_purchase_rate"]:
        for share, (one, other) in zip(shares, ((0, 1), (1, 2), (0, 2)), strict=True):
            ones, both = who[product, does[one]], who[product, does[one]] & who[product, does[other]]
            assert share == (len(both) / len(ones) if ones else None)


@pytest.mark.slow
@pytest.mark.parametrize("seed", slow_after(3, range(30)))
def test_viewed_not_purchased_equals_a_plain_loop(seed: int) -> None:
    rows = dice_rows(seed)
    last: dict[tuple[str, str], datetime] = {}
    for row in once(rows):
        if row["event"] == "product_view" and row["visitor"]:
            last |= {(row["visitor"], item["id"]): row["time"] for item in row["products"] or []}
    for order in orders(rows):
        for item in order["products"] or []:
            if order["time"] >= last.get((order["visitor"], item["id"]), order["time"] + DAY):
                del last[order["visitor"], item["id"]]
    end = max(row["time"] for row in rows)
    found = ProductsReport(*rows, viewed=True, window=2 * DAY)["visitor product last_view is_pending"]
    assert sorted(found) == sorted((*who, time, time + 2 * DAY > end) for who, time in last.items())
    assert [row[2] for row in found] == sorted((row[2] for row in found), reverse=True)


@pytest.mark.slow
@pytest.mark.parametrize("seed", slow_after(3, range(30)))
@pytest.mark.parametrize("by", [[], ["channel"], ["product"], ["category"]])
def test_carts_equal_a_plain_loop(seed: int, by: list[str]) -> None:
    rows = dice_rows(seed)
    end, window = max(row["time"] for row in rows), 2 * DAY
    whole = [row for row in once(rows) if row["event"] in ("add_to_cart", "remove_from_cart")] + orders(rows)
    acts: list[tuple[Any, datetime, str, set[str | None], str | None]] = []
    for row in sorted((row for row in whole if row["visitor"]), key=lambda row: row["time"]):
        items = row["products"] or []
        if by in ([], ["channel"]):
            acts.append(
                (row["visitor"], row["time"], row["event"], {item["id"] for item in items} or {None}, row["channel"])
            )
            continue
        key = {"product": "id"}.get(by[0], by[0])
        for group in {item[key] for item in items}:
            ids = {item["id"] for item in items if item[key] == group}
            acts.append(((row["visitor"], group), row["time"], row["event"], ids, group))
    counts: defaultdict[str | None, list[int]] = defaultdict(lambda: [0] * 5)
    for whose in {act[0] for act in acts}:
        cart: dict[str, Any] | None = None
        carts = []
        for _, time, event, items, group in (act for act in acts if act[0] == whose):
            if cart and time - cart["begun"] > window:
                cart = None
            if event == "add_to_cart":
                if cart is None:
                    cart = {"begun": time, "holds": set(), "bought": False, "group": group if by else None}
                    carts.append(cart)
                cart["holds"] |= items
            elif cart and event == "remove_from_cart":
                cart["holds"] -= items
            elif cart:
                cart["bought"] = True
                cart = None
        for one in carts:
            place = 4 if one["begun"] + window > end else 1 if one["bought"] else 2 if one["holds"] else 3
            counts[one["group"]][0] += 1
            counts[one["group"]][place] += 1
    found = ProductsReport(*rows, by=by, abandoned=True, window=window)
    assert {row[0] if by else None: list(row[-5:]) for row in found[" ".join([*by, CARTS])]} == dict(counts)
    assert sum(sum(count[1:]) for count in counts.values()) == sum(count[0] for count in counts.values())


@pytest.mark.slow
@pytest.mark.parametrize("abandoned", [True, False])
def test_visitors_of_parts_add_up_to_those_of_the_whole(abandoned: bool) -> None:
    rows = [{**row, "order_id": f"{row['order_id']} of {row['visitor']}"} for row in dice_rows(7)]
    names = CARTS if abandoned else "views adds_to_cart viewers cart_visitors"
    whole = {row[0]: row[1:] for row in ProductsReport(*rows, by=["product"], abandoned=abandoned)[f"product {names}"]}
    summed: defaultdict[str, list[int]] = defaultdict(lambda: [0] * len(names.split()))
    end = max(row["time"] for row in rows)
    for visitor in ("v:ann", "v:ben", "v:cy", None):
        own = [row for row in rows if row["visitor"] == visitor]
        parts = {
            row[0]: row[1:]
            for row in ProductsReport(*own, by=["product"], abandoned=abandoned, end=end)[f"product {names}"]
        }
        for product, counts in parts.items():
            summed[product] = [a + b for a, b in zip(summed[product], counts, strict=True)]
    assert {product: tuple(counts) for product, counts in summed.items()} == whole


# -- what breaks others ------------------------------------------------------------------------------------------------

HOSTILE = [
    viewed("10:00", "ann", products=[]),
    viewed("10:00", "ann", *[of(f"P{n}", 1e300, 1e300) for n in range(200)]),
    added("10:00", "ann", *[of("P" * 1_000_000)] * 2, of("\ufffd"), of("")),
    bought("10:00", "ann", *[of(None, -1e308, -1e308, None, "x" * 100_000)] * 200, order_id="\ufffd"),
    bought("10:00", "ann", *[of("K1", 1e308, -1.0)] * 200, order_id="A1", value=-5.0),
    bought("10:00", None, of("K1", -5.0, 0.0), order_id="A2", value=0.0, currency="\ufffd"),
    returned("10:00", "A1", of("K1", 1e308, 1e308), value=-1e308),
    returned("10:00", "A2", of("K1", None, 0.0)),
    returned("10:00", None, *[of()] * 200),
    removed("10:00", "ann", of("K1", None, -1e308)),
    {"time": at("10:00")},
]


@pytest.mark.slow
@pytest.mark.parametrize("rows", [HOSTILE, HOSTILE[:1], []])
@pytest.mark.parametrize(
    "by", slow_after(1, [[], ["category", "name", "product"], ["channel", "client"], ["currency"]])
)
def test_hostile_products_break_nothing(rows: list[Row], by: list[str]) -> None:
    for more in ({}, {"viewed": True}, {"abandoned": True}):
        frame = ProductsReport(*rows, by=by, **more).frame  # type: ignore[arg-type]
        assert [name for name in frame.columns if " " in name] == []
        assert set(by) <= set(frame.columns)


# -- as a program ------------------------------------------------------------------------------------------------------

STORY = (
    hit("ann", "product_view", "10:00", product="kettle", cat="Kitchen"),
    hit("ann", "add_to_cart", "10:01", product="kettle", cat="Kitchen"),
    hit("ann", "purchase", "10:02", product="kettle", oid="A1", value="89.5", cur="EUR", pay="card"),
    hit("ben", "product_view", "10:00", product="kettle"),
    hit("cy", "add_to_cart", "11:00", product="cup", day="2026-09-09"),
)


def output(folder: Path, *arguments: str) -> list[str]:
    (folder / "access.log").write_text(log(*STORY))
    (folder / "pixelstat.toml").write_text('[columns]\ncategory = "cat"\npayment_method = "pay"\n')
    finished = run_in_process(folder, "products", "access.log", "-q", *arguments)
    assert finished.exit == 0, finished.stderr
    return finished.stdout.splitlines()


@pytest.mark.slow
def test_a_custom_column_may_name_what_the_products_lack(tmp_path: Path) -> None:
    assert [row.split(",")[:5] for row in output(tmp_path, "--by", "category")] == [
        ["category", "currency", "views", "adds_to_cart", "purchases"], ["", "EUR", "1", "1", "1"], ["Kitchen", "EUR", "1", "1", "0"],
    ]  # fmt: skip
    assert [row.split(",")[:5] for row in output(tmp_path, "--by", "payment_method")] == [
        ["payment_method", "currency", "views", "adds_to_cart", "purchases"], ["card", "EUR", "0", "0", "1"], ["", "EUR", "2", "2", "0"],
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", slow_after(2, ["rank", "viewed", "asked", "of_product", "begun", "act", "part", "name", "revenues"])
)
def test_a_custom_column_may_have_any_name(name: str, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(
        log(*(hit("ann", event, "10:00", product="K1", own="x") for event in ("product_view", "add_to_cart", "buy")))
    )
    (tmp_path / "pixelstat.toml").write_text(f'[columns]\n{name} = "own"\n')
    for more in ([], ["--abandoned"]):
        finished = run_in_process(tmp_path, "products", "access.log", "-q", "--by", name, *more)
        assert finished.exit == 0, finished.stderr
        assert [row.partition(",")[0] for row in finished.stdout.splitlines()] == [name, "x"]


@pytest.mark.slow
@pytest.mark.parametrize("written", [[], ["--reveal-ids"]])
def test_products_of_parquet_are_those_of_the_logs(written: list[str], tmp_path: Path) -> None:
    expected = [
        output(tmp_path, *more) for more in ([], ["--viewed-not-purchased"], ["--abandoned", "--by", "product"])
    ]
    run_in_process(tmp_path, "events", "access.log", *written, "-o", "events.parquet")
    for more, rows in zip(([], ["--viewed-not-purchased"], ["--abandoned", "--by", "product"]), expected, strict=True):
        assert len(rows) > 1
        assert run_in_process(tmp_path, "products", "events.parquet", "-q", *more).stdout.splitlines() == rows


@pytest.mark.slow
def test_listed_visitors_are_pseudonyms_without_the_option(tmp_path: Path) -> None:
    header, hidden = output(tmp_path, "--viewed-not-purchased")
    assert header == "visitor,product,views,last_view,is_pending"
    assert hidden.startswith("v:h:")
    assert hidden.split(",")[1:] == ["kettle", "1", "2026-09-07T10:00:00+00:00", "true"]
    assert output(tmp_path, "--viewed-not-purchased", "--reveal-ids")[1].startswith("v:ben,")
    assert output(tmp_path, "--viewed-not-purchased", "--window", "1d")[1].endswith(",false")


@pytest.mark.slow
def test_ids_in_rows_are_hidden_in_each_view_of_products(tmp_path: Path) -> None:
    for more in ([], ["--viewed-not-purchased"], ["--abandoned"]):
        for by in ("visitor", "client"):
            assert len(output(tmp_path, "--by", by, *more)) > 1
            text = "\n".join(output(tmp_path, "--by", by, *more))
            assert not any(plain in text for plain in ("v:ann", "v:ben", "v:cy", "198.51.100.")), (more, by)


def test_a_report_with_a_column_of_ids_may_reveal_them() -> None:
    columns = {"visitor": True, "client": True, "visitors": False}
    for name, may_reveal in columns.items():
        shown = ReportCommand(Report("People", [Column(name)], [], lambda events, *_: events)).report_options()
        assert (reveal_option in shown) == may_reveal


@pytest.mark.slow
def test_products_of_the_sample_have_the_revenue_of_its_orders() -> None:
    sums = []
    for arguments in (["products", "--top", "0"], ["orders", "--every", "all"]):
        rows = json.loads(run_in_process(SAMPLE, *arguments, *LOGS, "-q", "--format", "json").stdout)
        sums.append([sum(row[name] for row in rows) for name in ("revenue", "refunded", "net_revenue")])
    assert sums[0] == pytest.approx(sums[1])
    assert sums[0][0] > 0


@pytest.mark.slow
def test_the_carts_of_a_period_before_are_judged_by_all_that_the_logs_hold(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(
        log(
            hit("ann", "add_to_cart", "10:00", product="kettle", day="2026-09-07"),
            hit("ann", "purchase", "10:00", oid="A1", day="2026-09-09"),
            hit("ben", "add_to_cart", "11:00", product="kettle", day="2026-09-10"),
            hit("ben", "page_view", "23:00", day="2026-09-10"),
        )
    )
    arguments = ["--abandoned", "--since", "2026-09-09", "--until", "2026-09-10", "--format", "ndjson", "-q"]
    for window, outcome in (("1d", "carts_abandoned"), ("2d", "carts_purchased")):
        finished = run_in_process(
            tmp_path, "products", "access.log", *arguments, "--window", window, "--compare", "previous"
        )
        row = json.loads(finished.stdout)
        assert [row["carts"], row["carts_pending"], row["previous_carts"], row[f"previous_{outcome}"]] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--abandoned", "--viewed-not-purchased"], "--abandoned and --viewed-not-purchased cannot be combined."),
        (["--by", "categories"], "is not a column of the events. Did you mean category?"),
        (["--by", "products"], "Did you mean product?"),
        (["--abandoned", "--window", "soon"], "'soon' is not a duration."),
    ],
)
def test_product_options_that_contradict_are_errors(arguments: list[str], sentence: str, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(*STORY))
    finished = run_in_process(tmp_path, "products", "access.log", *arguments)
    assert (finished.exit, finished.stdout, sentence in finished.stderr) == (2, "", True)


def test_other_reports_have_no_category(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(*STORY))
    assert run_in_process(tmp_path, "views", "access.log", "--by", "category").exit == 2


def test_fields_of_products_are_those_that_protocols_read() -> None:
    from pixelstat.analysis.order_lines import LINE_COLUMNS

    assert ("product", *FIELDS[1:]) == LINE_COLUMNS
