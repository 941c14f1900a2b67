"""Money: the same orders and refunds come to the same in each report that tells what they bring."""

import random
from collections import defaultdict
from datetime import timedelta
from functools import partial
from typing import Any

import polars as pl
import pytest

from pixelstat.conditions import parse_step
from pixelstat.reports.conversions import conversions
from pixelstat.reports.orders import orders
from pixelstat.reports.products import products
from pixelstat.reports.summary import summary
from pixelstat.sessions.sessionize import SessionRules, sessionize
from tests.builders import MIDNIGHT as START
from tests.builders import Row, events, purchase, refund
from tests.marks import slow_after

Money = dict[str | None, tuple[float, ...]]  # by currency


bought, returned = partial(purchase, currency="EUR"), partial(refund, currency="EUR")


def of(product: str, price: float | None = None, quantity: float | None = None) -> Row:
    return {"id": product, "name": None, "category": None, "price": price, "quantity": quantity}


def visited(*rows: Row, keep_duplicates: bool = False) -> pl.LazyFrame:
    """EVENTS with VISITS."""
    return sessionize(events(*rows, keep_duplicates=keep_duplicates), SessionRules()).collect().lazy()


def of_orders(rows: pl.LazyFrame, every: str = "all", refund_date: str = "order", warn: Any = str) -> Money:
    """Revenue, refunded and net revenue by `orders`, added up over all rows."""
    told = orders.compute(
        rows, every=every, by=[], top=0, refund_date=refund_date, repeat=False, horizon=timedelta(days=30),
        warn=warn, log_start=lambda: START, log_end=lambda: START,
    ).collect()  # fmt: skip
    return added(told, "revenue", "refunded", "net_revenue")


def of_products(rows: pl.LazyFrame) -> Money:
    """The same by `products`."""
    told = products.compute(
        rows, by=[], top=0, viewed_not_purchased=False, abandoned=False, window=timedelta(days=7),
        warn=str, log_end=lambda: START,
    ).collect()  # fmt: skip
    return added(told.filter(pl.col("purchases") > 0), "revenue", "refunded", "net_revenue")


def of_conversions(rows: pl.LazyFrame) -> Money:
    """Revenue and net revenue by `conversions`; without the row of a goal that has no money at all."""
    told = conversions.compute(rows, goal=[parse_step("purchase")], by=[], top=0, every=None, warn=str).collect()
    return added(told.filter(pl.col("revenue").is_not_null()), "revenue", "net_revenue")


def of_summary(rows: pl.LazyFrame) -> Money:
    """Revenue by `summary`."""
    told = summary.compute(rows, by=[], top=0, every=None).collect()
    return added(told.filter(pl.col("section") == "revenue").rename({"name": "currency"}), "value")


def added(told: pl.DataFrame, *names: str) -> Money:
    sums: defaultdict[str | None, list[float]] = defaultdict(lambda: [0.0] * len(names))
    for row in told.select("currency", *names).iter_rows():
        sums[row[0]] = [one + (other or 0.0) for one, other in zip(sums[row[0]], row[1:], strict=True)]
    return {currency: tuple(round(one, 6) for one in found) for currency, found in sums.items()}


KETTLE_AND_CUPS = (of("kettle", 60.0), of("cup", 10.0, 3.0))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "revenue", "refunded"),
    slow_after(
        8,
        [
            ([bought(0, "A1", 90.0, *KETTLE_AND_CUPS)], 90.0, 0.0),
            ([bought(0, "A1", None, *KETTLE_AND_CUPS)], 90.0, 0.0),
            ([bought(0, "A1", None, *KETTLE_AND_CUPS), returned(1, "A1")], 90.0, 90.0),
            ([bought(0, "A1", None, *KETTLE_AND_CUPS), returned(1, "A1", 45.0)], 90.0, 45.0),
            ([bought(0, "A1", None, *KETTLE_AND_CUPS), returned(1, "A1", 500.0)], 90.0, 90.0),
            ([bought(0, "A1", 90.0, *KETTLE_AND_CUPS), returned(1, "A1", None, of("kettle"))], 90.0, 60.0),
            ([bought(0, "A1", 90.0, *KETTLE_AND_CUPS), returned(1, "A1", None, of("cup", None, 1.0))], 90.0, 10.0),
            ([bought(0, "A1", 90.0, *KETTLE_AND_CUPS), returned(1, "A1", None, of("cup", 7.0, 0.0))], 90.0, 0.0),
            ([bought(0, "A1", 90.0, *KETTLE_AND_CUPS), returned(1, "A1", 5.0, of("kettle"))], 90.0, 5.0),
            (
                [bought(0, "A1", 90.0, *KETTLE_AND_CUPS), returned(1, "A1", None, of("spoon", 4.0))],
                90.0,
                90.0,
            ),  # not of it
            (
                [bought(0, "A1", 90.0, *KETTLE_AND_CUPS), *[returned(1, "A1", None, of("kettle"))] * 2],
                90.0,
                60.0,
            ),  # one hit
            (
                [
                    bought(0, "A1", 90.0, *KETTLE_AND_CUPS),
                    *(returned(n, "A1", None, of("cup", None, 1.0)) for n in (1, 2)),
                ],
                90.0,
                20.0,
            ),
            (
                [bought(0, "A1", 90.0, *KETTLE_AND_CUPS), returned(1, "A1", None, of("cup")), returned(2, "A1")],
                90.0,
                90.0,
            ),
            (
                [bought(0, "A1", 90.0, *KETTLE_AND_CUPS), *(returned(n, "A1", None, of("cup")) for n in (1, 2))],
                90.0,
                30.0,  # not twice
            ),
            (
                [
                    bought(0, "A1", 90.0, *KETTLE_AND_CUPS),
                    returned(1, "A1", 20.0, of("cup")),
                    returned(2, "A1", None, of("cup")),
                ],
                90.0,
                30.0,
            ),
            (
                [
                    bought(0, "A1", 90.0, *KETTLE_AND_CUPS),
                    returned(1, "A1", 20.0, of("cup"), currency="USD"),
                    returned(2, "A1", None, of("cup")),
                ],
                90.0,
                30.0,
            ),
            ([returned(0, "A1", None, of("cup")), bought(1, "A1", 90.0, *KETTLE_AND_CUPS)], 90.0, 30.0),  # before it
            ([bought(0, "A1", 90.0, *KETTLE_AND_CUPS), returned(1, "A1", None, of("cup"), currency="USD")], 90.0, 0.0),
            ([bought(0, "A1", 90.0, *KETTLE_AND_CUPS), returned(1, "A9", None, of("cup"))], 90.0, 0.0),
            ([bought(0, "A1", 8.0, of("cup")), returned(1, "A1", None, of("cup"))], 8.0, 8.0),  # all that it brought
            # Sent again with another value, and without one: the first value counts.
            ([bought(0, "A1", 8.0, of("cup", 8.0)), bought(1, "A1", 50.0, of("cup", 50.0))], 8.0, 0.0),
            ([bought(0, "A1", None, of("cup", 8.0)), bought(1, "A1", 8.0, of("cup", 50.0))], 8.0, 0.0),
            ([bought(0, "A1", 8.0, of("cup", 8.0)), bought(1, "A1", None, of("cup", 50.0))], 8.0, 0.0),
            # Its lines tell two without an id apart, and do not part what is one.
            ([bought(0, None, None, of("cup", 8.0)), bought(0, None, None, of("pot", 9.0))], 17.0, 0.0),
            ([bought(0, None, None, of("cup", 8.0)), bought(0, None, None, of("cup", 8.0), page="/again")], 8.0, 0.0),
            # Products in requests of their own.
            ([bought(0, "A1"), bought(0, "A1", None, of("cup", 8.0, 2.0), event="item")], 16.0, 0.0),
            (
                [
                    bought(0, "A1"),
                    *(bought(0, "A1", None, one, event="item") for one in KETTLE_AND_CUPS),
                    returned(1, "A1", None, of("cup")),
                ],
                90.0,
                30.0,
            ),
        ],
        names=3,
    ),
)
def test_all_reports_agree(rows: list[Row], revenue: float, refunded: float) -> None:
    net = revenue - refunded
    found = visited(*rows)
    assert of_summary(found) == {"EUR": (revenue,)}
    assert of_conversions(found) == {"EUR": (revenue, net)}
    assert of_orders(found) == of_orders(found, refund_date="own") == {"EUR": (revenue, refunded, net)}
    assert of_products(found) == {"EUR": (revenue, refunded, net)}


@pytest.mark.slow
def test_a_refund_of_products_without_prices_returns_all_that_is_left() -> None:
    found = visited(bought(0, "A1", 90.0, of("kettle"), of("cup")), returned(1, "A1", None, of("cup")))
    assert of_orders(found) == {"EUR": (90.0, 90.0, 0.0)}
    assert of_conversions(found) == {"EUR": (90.0, 0.0)}


@pytest.mark.slow
def test_an_order_without_value_and_prices_has_no_revenue() -> None:
    warned: list[str] = []
    found = visited(bought(0, "A1", None, of("kettle"), of("cup")), returned(1, "A1", None, of("cup")))
    assert of_orders(found, warn=warned.append) == {"EUR": (0.0, 0.0, 0.0)}
    assert of_summary(found) == of_conversions(found) == {}
    assert warned == ["1 order has no numeric value."]


@pytest.mark.slow
def test_kept_duplicates_have_the_revenue_of_their_own_lines() -> None:
    order = bought(0, "A1", None, *KETTLE_AND_CUPS)
    found = visited(order, order, returned(1, "A1", None, of("cup")), keep_duplicates=True)
    assert of_summary(found) == {"EUR": (180.0,)}
    assert of_orders(found) == of_products(found) == {"EUR": (180.0, 30.0, 150.0)}


def dice_rows(seed: int) -> list[Row]:
    """Orders whose lines cover them, and refunds, all in all orders."""
    dice = random.Random(seed)

    def draw_items() -> list[Row]:
        names = dice.sample(["kettle", "cup", "pot"], dice.choice([1, 1, 2, 3]))
        return [of(name, dice.choice([2.0, 4.0, 0.0]), dice.choice([None, 1.0, 3.0])) for name in names]

    lines: dict[str | None, list[Row]] = {f"A{n}": draw_items() for n in range(9)}  # the same in all copies of an order
    rows = []
    for _ in range(60):
        order_id = dice.choice([None, *lines])
        same = {
            "visitor": dice.choice(["v:ann", "v:ben", None]), "currency": dice.choice(["EUR", "EUR", "USD", None]),
            "order_id": order_id,
        }  # fmt: skip
        items, minute = draw_items(), dice.randrange(5_000)
        if dice.random() < 0.6:
            items = lines.get(order_id, items)
            worth = sum(item["price"] * (item["quantity"] or 1.0) for item in items)
            rows.append(bought(minute, None, dice.choice([None, worth]), *items) | same)
        elif dice.random() < 0.5:
            rows.append(returned(minute, None, None, *items) | same)
        else:
            rows.append(returned(minute, None, dice.choice([None, 1.0, 7.0])) | same)
    rows += dice.sample(rows, 6)
    dice.shuffle(rows)
    return rows


@pytest.mark.slow
@pytest.mark.parametrize("seed", slow_after(2, range(20)))
def test_all_reports_agree_on_orders_whose_lines_cover_them(seed: int) -> None:
    rows = dice_rows(seed)
    found = visited(*rows)
    told = of_orders(found)
    assert told == of_products(found)
    assert of_summary(found) == {currency: money[:1] for currency, money in told.items()}
    assert of_conversions(found) == {currency: money[::2] for currency, money in told.items()}
    # What days and hours hold adds up, wherever refunds stand.
    for every in ("hour", "day", "week"):
        assert of_orders(found, every) == of_orders(found, every, "own") == told
    # Each currency is told by its own orders and refunds alone, but for a refund that names none.
    for currency in ("EUR", "USD"):
        ids = {row["order_id"] for row in rows if row["event"] == "purchase" and row["currency"] == currency}
        own = [row for row in rows if row["currency"] in (currency, None) or row["order_id"] in ids]
        assert of_orders(visited(*own)).get(currency) == told.get(currency)
    assert any(money[1] != 0.0 for money in told.values())
