"""Orders and refunds: figures to count by hand, and a plain loop."""

import random
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given as of
from hypothesis import strategies as st

from pixelstat.analysis.orders import (
    ORDERS,
    apply_refunds,
    build_orders,
    exact_mean,
    exact_sum,
    fill_order_values,
    find_order_warnings,
)
from pixelstat.traffic.deduplication import name_site
from tests.builders import MIDNIGHT, Row, at, events, purchase, refund
from tests.marks import slow_after

GIVEN = {
    "time": pl.Datetime("us", "UTC"), "event": pl.String(), "visitor": pl.String(), "user_id": pl.String(),
    "order_id": pl.String(), "value": pl.Float64(), "currency": pl.String(), "channel": pl.String(),
    "host": pl.String(),
}  # fmt: skip


def table(rows: pl.LazyFrame, *columns: str) -> list[tuple[Any, ...]]:
    return build_orders(rows, ["channel"]).select(columns).collect().rows()


def test_an_order_counts_once_as_its_first_hit_has_it_whoever_sent_it() -> None:
    rows = events(
        purchase("10:05", "A1", 9.0, channel="Email", visitor="v:ben"),
        purchase("10:00", "A1", 5.0, currency="EUR", channel="Direct", user_id="7"),
        purchase("10:01", "A2", 5.0),
    )
    assert build_orders(rows, ["channel"]).collect().rows() == [
        (at("10:00"), "v:ann", "7", "A1", 5.0, "EUR", 0.0, None, 5.0, True, None, "Direct"),
        (at("10:01"), "v:ann", None, "A2", 5.0, None, 0.0, None, 5.0, False, None, None),
    ]
    assert build_orders(rows).collect_schema() == ORDERS
    assert build_orders(rows).collect().schema == ORDERS
    assert find_order_warnings(rows) == [
        "1 purchase repeats an order, which counts once.",
        "1 order repeats with another value or currency: the first hit counts.",
    ]


def test_purchases_without_an_id_are_one_order_if_all_is_the_same_within_a_minute() -> None:
    rows = events(
        purchase("10:00:05", None, 5.0),
        purchase("10:00:55", None, 5.0),
        purchase("10:01:05", None, 5.0),  # another minute of the clock
        purchase("10:01:06", None, 5.0),  # more than a minute after the first
        purchase("10:01:01", None, 6.0),
        purchase("10:01:02", None, 6.0, currency="EUR"),
        purchase("10:01:03", None, 6.0, visitor="v:ben"),
        purchase("10:01:04", None, 6.0, visitor=None),
        purchase("10:01:05", None, 6.0, visitor=None),  # nobody knows whether it is the same
        purchase("10:02:00"),
        purchase("10:02:09"),
        purchase("10:02:10", "A1"),
        purchase("10:02:11", "A2"),
    )
    assert [time.strftime("%M:%S") for (time,) in table(rows, "time")] == [
        "00:05", "01:01", "01:02", "01:03", "01:04", "01:05", "01:06", "02:00", "02:10", "02:11",
    ]  # fmt: skip
    assert find_order_warnings(rows) == [
        "8 orders have no id.",
        "3 purchases repeat orders, which count once.",
        "3 orders have no numeric value.",
    ]


@pytest.mark.parametrize(
    ("given", "refunded", "sentences"),
    [
        ([refund("11:00", "A1")], 50.0, []),
        ([refund("11:00", "A1", 20.0)], 20.0, []),
        ([refund("11:00", "A1", -20.0)], 20.0, []),  # some write what they give back below nothing
        ([refund("11:00", "A1", 0.0)], 0.0, []),
        ([refund("11:00", "A1", 20.0), refund("12:00", "A1", 15.0)], 35.0, []),
        ([refund("11:00", "A1", 20.0), refund("11:00", "A1", 20.0)], 20.0, []),  # one hit
        ([refund("11:00", "A1", 20.0), refund("12:00", "A1")], 50.0, []),  # all that is left
        ([refund("11:00", "A1"), refund("12:00", "A1")], 50.0, []),
        ([refund("09:00", "A1", 20.0, currency="EUR")], 20.0, []),
        ([refund("11:00", "A1", 60.0)], 50.0, ["1 refund exceeds the remaining value of its order and is reduced to that value."]),
        (
            [refund("11:00", "A1", 30.0), refund("11:01", "A1", 30.0), refund("11:02", "A1", 1e308)],
            50.0,
            ["2 refunds exceed the remaining value of their orders and are reduced to that value."],
        ),
        (
            [refund("11:00", "A1", 20.0, currency="USD"), refund("11:01", "A1", 5.0)],
            5.0,
            ["1 refund has another currency than its order and is excluded."],
        ),
        (
            [refund("11:00", "A2", 20.0), refund("11:00", None, 20.0), refund("11:00")],
            0.0,
            ["3 refunds match no counted order and are excluded."],
        ),
    ],
)  # fmt: skip
def test_a_refund_is_subtracted_from_its_order(given: list[Row], refunded: float, sentences: list[str]) -> None:
    rows = events(purchase("10:00", "A1", 50.0, currency="EUR"), *given)
    assert table(rows, "order_id", "value", "refunded", "net") == [("A1", 50.0, refunded, 50.0 - refunded)]
    assert find_order_warnings(rows) == sentences
    assert sum(apply_refunds(rows).collect()["refunded"]) == refunded


def test_a_refund_has_its_time_and_its_order() -> None:
    rows = events(
        purchase("10:00", "A1", 50.0), purchase("10:30", "A2", 9.0), refund("12:00", "A1"), refund("11:00", "A1", 20.0)
    )
    assert table(rows, "order_id", "refund_time") == [("A1", at("12:00")), ("A2", None)]
    told = (
        apply_refunds(rows)
        .join(build_orders(rows, ["hit"]), left_on="order", right_on="hit")
        .select("time", "refunded", "order_id")
    )
    assert sorted(told.collect().rows()) == [(at("11:00"), 20.0, "A1"), (at("12:00"), 30.0, "A1")]


def test_absurd_values_of_orders_and_refunds_break_nothing() -> None:
    rows = events(
        purchase("10:00", "A1", -50.0), purchase("10:01", "A2", 0.0), purchase("10:02", "A3"), purchase("10:03", "A4", 1e308),
        *(refund("11:00", f"A{n}") for n in (1, 2, 3, 4)),
    )  # fmt: skip
    assert table(rows, "order_id", "value", "refunded", "net") == [
        ("A1", -50.0, 0.0, -50.0), ("A2", 0.0, 0.0, 0.0), ("A3", None, 0.0, None), ("A4", 1e308, 1e308, 0.0),
    ]  # fmt: skip
    assert find_order_warnings(rows) == [
        "1 order has no numeric value.",
        "1 order has a negative value and counts unchanged: send a refund as a separate event.",
        "1 order has the value 0 and counts unchanged.",
    ]
    cents = events(purchase("10:00", "A1", 0.3), refund("11:00", "A1", 0.1), refund("11:01", "A1", 0.2))
    assert (table(cents, "net"), find_order_warnings(cents)) == ([(0.0,)], [])


def test_no_events_give_no_orders_and_refunds() -> None:
    assert (
        build_orders(events()).collect().rows(),
        find_order_warnings(events()),
        len(apply_refunds(events()).collect()),
    ) == ([], [], 0)


def test_kept_duplicates_are_orders_and_a_refund_is_of_the_first() -> None:
    rows = events(
        purchase("10:01", "A1", 5.0), purchase("10:00", "A1", 5.0), refund("11:00", "A1", 9.0), keep_duplicates=True
    )
    assert table(rows, "time", "refunded") == [(at("10:00"), 5.0), (at("10:01"), 0.0)]


def test_shops_number_their_orders_each_for_itself() -> None:
    rows = events(
        purchase("10:00", "1001", 10.0, host="a.example"),
        purchase("10:01", "1001", 20.0, host="b.example"),
        purchase("10:02", "1001", 10.0, host="www.a.example"),
        purchase("10:03", "1002", 30.0, host="a.example"),
        refund("11:00", "1001", host="b.example"),
        refund("11:01", "1002", host="office.example"),  # there is no other order with this id
        refund("11:02", "1001", host="office.example"),  # there are two
    )
    assert table(rows, "order_id", "value", "refunded") == [
        ("1001", 10.0, 0.0), ("1001", 20.0, 20.0), ("1002", 30.0, 30.0),
    ]  # fmt: skip
    assert find_order_warnings(rows)[-1] == "1 refund matches no counted order and is excluded."


def test_hosts_that_are_one_site_number_their_orders_together() -> None:
    host = pl.Series(["a.example", "www.a.example", "pay.b.example", "notb.example", None])
    named = pl.select(name_site(pl.lit(host), ["shop.example", "b.example"])).to_series()
    assert named.to_list() == ["a.example", "a.example", "shop.example", "notb.example", None]


def test_an_order_without_a_value_has_that_of_its_first_copy_with_one() -> None:
    rows = events(
        purchase("10:00", "A1", None, currency="EUR"),
        purchase("10:01", "A1", 50.0, currency="USD"),
        purchase("10:02", "A1", 60.0, currency="USD"),
        purchase("10:03", "A2", 7.0),
    )
    filled = build_orders(fill_order_values(rows)).select("order_id", "value", "currency").collect().rows()
    assert filled == [("A1", 50.0, "USD"), ("A2", 7.0, None)]


def plain(rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    """Time, visitor, order id, value, currency, refunded and whether it conflicts, by a loop."""
    once: dict[tuple[Any, ...], Row] = {}
    for row in sorted(rows, key=lambda row: (row["time"], row["value"] is None, row["value"] or 0.0)):
        once.setdefault(tuple(row.get(name) for name in GIVEN), row)
    found: list[dict[str, Any]] = []
    for row in once.values():
        if row["event"] != "purchase":
            continue
        site = (row["host"] or "").removeprefix("www.")
        named = [
            order
            for order in found
            if row["order_id"] and (order["site"], order["order_id"]) == (site, row["order_id"])
        ]
        equal = [
            order for order in found
            if not row["order_id"] and not order["order_id"] and row["visitor"]
            and all(order[name] == row[name] for name in ("visitor", "value", "currency"))
            and row["time"] - order["time"] <= timedelta(minutes=1)
        ]  # fmt: skip
        if not named and not equal:
            found.append({**row, "site": site, "refunded": 0.0, "is_conflicting": False})
        for order in named:
            order["is_conflicting"] |= any(row[name] not in (None, order[name]) for name in ("value", "currency"))
    for row in once.values():
        if row["event"] != "refund" or row["order_id"] is None:
            continue
        orders = [order for order in found if order["order_id"] == row["order_id"]]
        own = [order for order in orders if order["site"] == (row["host"] or "").removeprefix("www.")]
        for order in own or (orders if len(orders) == 1 else []):
            if row["currency"] in (None, order["currency"]):
                most = max(order["value"] or 0.0, 0.0)
                order["refunded"] = most if row["value"] is None else min(most, order["refunded"] + row["value"])
    names = ("time", "visitor", "order_id", "value", "currency", "refunded", "is_conflicting")
    return sorted((tuple(order[name] for name in names) for order in found), key=repr)


@pytest.mark.parametrize("seed", slow_after(10, range(40)))
def test_orders_equal_a_plain_loop(seed: int) -> None:
    dice = random.Random(seed)
    rows = [
        {
            "time": MIDNIGHT + timedelta(seconds=dice.randrange(400)),
            "event": dice.choice(["purchase", "purchase", "refund", "page_view"]),
            "visitor": dice.choice(["v:ann", "v:ben", None]),
            "order_id": dice.choice([None, "A1", "A2", "A3", "A4", "A5"]),
            "value": dice.choice([None, 0.0, 2.0, 4.0, 16.0]),
            "currency": dice.choice([None, "EUR", "USD"]),
            "host": dice.choice([None, "a.example", "www.a.example", "b.example"]),
        }
        for _ in range(60)
    ]
    # Of two copies with one time and value, hashes decide.
    distinct = {(row["time"], row["event"], row["order_id"], row["value"]): row for row in rows}
    rows = [*distinct.values()]
    rows += dice.sample(rows, 10)
    dice.shuffle(rows)
    columns = ["time", "visitor", "order_id", "value", "currency", "refunded", "is_conflicting"]
    assert sorted(table(events(*rows), *columns), key=repr) == plain(rows)


CENTS = st.lists(st.decimals(-10_000, 10_000, places=3), max_size=60)


@pytest.mark.slow
@of(amounts=CENTS, seed=st.randoms(use_true_random=False))
def test_a_sum_of_money_is_that_of_its_decimals_in_whatever_order_and_parts(
    amounts: list[Decimal], seed: random.Random
) -> None:
    shuffled = seed.sample(amounts, len(amounts))
    cut = seed.randint(0, len(amounts))
    parts = [pl.DataFrame({"of": ["x"] * len(part), "amount": [*map(float, part)]}, {"of": pl.String, "amount": pl.Float64})
             for part in (shuffled[:cut], shuffled[cut:])]  # fmt: skip
    rows, amount = pl.concat(parts).lazy(), pl.col("amount")
    told = rows.select(exact_sum(amount), mean=exact_mean(amount)).collect()
    assert told.rows() == [(float(sum(amounts)), float(sum(amounts)) / len(amounts) if amounts else None)]
    if amounts:
        assert rows.group_by("of").agg(exact_sum(amount)).collect()["amount"].to_list() == [float(sum(amounts))]


@pytest.mark.parametrize("digits", [9, 12, 15])
@pytest.mark.parametrize("size", [1e12, 1e17, 1e22, 1e23, 1e26, 1e28, 1e29, 1e30, 1e38, 1e300])
def test_amounts_beyond_any_money_are_summed_too(size: float, digits: int) -> None:
    amounts = pl.DataFrame({"amount": [size, 2 * size, None]})
    assert amounts.select(exact_sum(pl.col("amount"), digits)).item() == pytest.approx(3 * size)
