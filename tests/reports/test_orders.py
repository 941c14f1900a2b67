"""orders: figures that can be counted by hand, and the same as a plain loop finds."""

import random
from collections import defaultdict
from datetime import datetime, timedelta, timezone
from pathlib import Path
from statistics import mean, median
from typing import Any

import pytest

from tests.builders import bought, hit, log, refunded, view
from tests.marks import slow_after
from tests.run import csv_rows, run_in_process

SEPTEMBER = datetime(2026, 9, 1, tzinfo=timezone.utc)


STORY = (
    view("ann", "/", "00:00", day="2026-09-06"),
    bought("ann", "10:00", "A1", "50", day="2026-09-07"),
    bought("ben", "11:00", "B1", "20", day="2026-09-07"),
    bought("ann", "10:00", "A2", "10", day="2026-09-08"),
    bought("ann", "12:00", "A3", "30", day="2026-09-08"),
    bought("cy", "10:00", "C1", "100", day="2026-09-08"),
    bought("cy", "10:01", "C2", "5", day="2026-09-08", cur="USD"),
    refunded("A1", "10:00", day="2026-09-10", value="40"),
    bought("ben", "10:00", "B2", "60", day="2026-09-10"),
    view("ann", "/", "12:00", day="2026-09-11"),
)


def rows(folder: Path, *arguments: str, lines: tuple[str, ...] = STORY) -> list[dict[str, str]]:
    (folder / "access.log").write_text(log(*lines))
    return csv_rows(run_in_process(folder, "orders", "access.log", "-q", *arguments))


def picked(found: list[dict[str, str]], *names: str) -> list[tuple[str, ...]]:
    return [tuple(row[name][:10] if name == "time" else row[name] for name in names) for row in found]


SERIES = [
    "time", "currency", "orders", "customers", "new_customers", "returning_customers", "revenue", "refunded",
    "net_revenue", "average_order_value", "median_order_value", "new_orders", "returning_orders", "new_revenue",
    "returning_revenue", "orders_growth", "revenue_growth", "new_customers_growth", "returning_customers_growth",
]  # fmt: skip
REPEAT = [
    "currency", "customers", "observed_customers", "repeat_customers", "repeat_rate", "repeat_rate_low", "repeat_rate_high",
    "pending", "customers_with_second_order", "customers_without_second_order", "median_seconds_to_second_order",
]  # fmt: skip
MONEY = ("time", "currency", "orders", "revenue", "refunded", "net_revenue")


@pytest.mark.slow
def test_a_row_is_a_day_of_one_currency(tmp_path: Path) -> None:
    found = rows(tmp_path)
    assert list(found[0]) == SERIES
    assert picked(found, *MONEY, "average_order_value", "median_order_value") == [
        ("2026-09-07", "EUR", "2", "70.0", "40.0", "30.0", "35.0", "35.0"),
        ("2026-09-07", "USD", "0", "0.0", "0.0", "0.0", "", ""),
        ("2026-09-08", "EUR", "3", "140.0", "0.0", "140.0", str(140 / 3), "30.0"),
        ("2026-09-08", "USD", "1", "5.0", "0.0", "5.0", "5.0", "5.0"),
        ("2026-09-09", "EUR", "0", "0.0", "0.0", "0.0", "", ""),
        ("2026-09-09", "USD", "0", "0.0", "0.0", "0.0", "", ""),
        ("2026-09-10", "EUR", "1", "60.0", "0.0", "60.0", "60.0", "60.0"),
        ("2026-09-10", "USD", "0", "0.0", "0.0", "0.0", "", ""),
    ]


@pytest.mark.slow
def test_customers_are_new_with_their_first_order(tmp_path: Path) -> None:
    found = [row for row in rows(tmp_path) if row["currency"] == "EUR"]
    names = [
        "customers",
        "new_customers",
        "returning_customers",
        "new_orders",
        "returning_orders",
        "new_revenue",
        "returning_revenue",
    ]
    assert picked(found, "time", *names) == [
        ("2026-09-07", "2", "2", "0", "2", "0", "70.0", "0.0"),
        ("2026-09-08", "2", "1", "1", "1", "2", "100.0", "40.0"),
        ("2026-09-09", "0", "0", "0", "0", "0", "0.0", "0.0"),
        ("2026-09-10", "1", "0", "1", "0", "1", "0.0", "60.0"),
    ]  # fmt: skip


@pytest.mark.slow
def test_a_change_is_since_the_row_before_where_both_are_whole(tmp_path: Path) -> None:
    changes = [name for name in SERIES if name.endswith("_growth")]
    whole = rows(tmp_path)
    assert picked(whole, "time", "currency", *changes) == [
        ("2026-09-07", "EUR", "", "", "", ""),
        ("2026-09-07", "USD", "", "", "", ""),
        ("2026-09-08", "EUR", "0.5", "1.0", "-0.5", ""),
        ("2026-09-08", "USD", "", "", "", ""),
        ("2026-09-09", "EUR", "-1.0", "-1.0", "-1.0", "-1.0"),
        ("2026-09-09", "USD", "-1.0", "-1.0", "-1.0", ""),
        ("2026-09-10", "EUR", "", "", "", ""),
        ("2026-09-10", "USD", "", "", "", ""),
    ]
    # Without what lies before the 7th and behind the 8th, the logs hold but a part of both.
    part = rows(tmp_path, lines=STORY[1:7])
    assert {row[name] for row in part for name in changes} == {""}


@pytest.mark.slow
def test_a_refund_is_taken_from_the_day_of_its_order_or_from_its_own(tmp_path: Path) -> None:
    own = [row for row in rows(tmp_path, "--refund-date", "own") if row["currency"] == "EUR"]
    assert picked(own, *MONEY) == [
        ("2026-09-07", "EUR", "2", "70.0", "0.0", "70.0"),
        ("2026-09-08", "EUR", "3", "140.0", "0.0", "140.0"),
        ("2026-09-09", "EUR", "0", "0.0", "0.0", "0.0"),
        ("2026-09-10", "EUR", "1", "60.0", "40.0", "20.0"),
    ]
    late = (*STORY, refunded("B2", "10:00", day="2026-09-12"))
    assert picked(rows(tmp_path, "--refund-date", "own", lines=late), *MONEY)[-2:] == [
        ("2026-09-12", "EUR", "0", "0.0", "60.0", "-60.0"),
        ("2026-09-12", "USD", "0", "0.0", "0.0", "0.0"),
    ]


@pytest.mark.slow
def test_the_whole_range_is_one_row_a_currency(tmp_path: Path) -> None:
    for dated in ("order", "own"):
        found = rows(tmp_path, "--every", "all", "--refund-date", dated)
        assert picked(found, *MONEY, "customers", "new_customers", "returning_customers", "orders_growth") == [
            ("2026-09-07", "EUR", "6", "270.0", "40.0", "230.0", "3", "3", "0", ""),
            ("2026-09-07", "USD", "1", "5.0", "0.0", "5.0", "1", "1", "0", ""),
        ]


@pytest.mark.slow
def test_the_repeat_rate_is_of_customers_with_a_complete_horizon(tmp_path: Path) -> None:
    # Of ann 1 day passes, of ben 3 days less 1 hour, of cy a minute. The log ends on the 11th at 12:00.
    [found] = rows(tmp_path, "--repeat", "--horizon", "1d")
    assert list(found) == REPEAT
    names = [
        "currency",
        "customers",
        "observed_customers",
        "repeat_customers",
        "pending",
        "customers_with_second_order",
        "customers_without_second_order",
    ]
    assert picked([found], *names, "repeat_rate", "median_seconds_to_second_order") == [
        ("EUR", "3", "3", "2", "0", "3", "0", str(2 / 3), "86400.0")
    ]
    assert float(found["repeat_rate_low"]) == pytest.approx(0.207660, abs=5e-7)
    assert float(found["repeat_rate_high"]) == pytest.approx(0.938508, abs=5e-7)
    [found] = rows(tmp_path, "--repeat", "--horizon", "74h")  # of cy, too, since the 8th at 10:00
    assert picked([found], *names) == [("EUR", "3", "3", "3", "0", "3", "0")]
    [found] = rows(tmp_path, "--repeat", "--horizon", "75h")
    assert picked([found], *names) == [("EUR", "3", "2", "2", "1", "3", "0")]
    [found] = rows(tmp_path, "--repeat")
    assert picked([found], *names, "repeat_rate", "repeat_rate_low") == [("EUR", "3", "0", "0", "3", "3", "0", "", "")]
    [found] = rows(tmp_path, "--repeat", "--horizon", "1d", lines=(STORY[0], STORY[1], STORY[-1]))
    assert picked([found], *names, "median_seconds_to_second_order") == [("EUR", "1", "1", "0", "0", "0", "1", "")]


@pytest.mark.slow
def test_a_customer_is_the_user_else_the_visitor(tmp_path: Path) -> None:
    lines = (
        bought("phone", "10:00", "A1", "50", uid="7"),
        bought("laptop", "11:00", "A2", "50", uid="7"),
        bought("laptop", "12:00", "A3", "50"),
    )
    assert picked(rows(tmp_path, lines=lines), "orders", "customers") == [("3", "2")]
    assert picked(rows(tmp_path, "--repeat", "--horizon", "1h", lines=lines), "customers", "repeat_customers") == [
        ("2", "1")
    ]
    days = (*lines, bought("laptop", "10:00", "A4", "50", day="2026-09-08", uid="7"))
    whole = ("--every", "all", "--cookieless")
    assert picked(rows(tmp_path, *whole, lines=days), "orders", "customers") == [("4", "3")]  # ids tell nothing


@pytest.mark.slow
def test_orders_may_be_by_any_column(tmp_path: Path) -> None:
    (tmp_path / "pixelstat.toml").write_text('[columns]\nnet = "pay"\n')
    lines = (
        bought("ann", "10:00", "A1", "50", pay="card"),
        bought("ann", "10:01", "A1", "50", pay="cash"),
        bought("ben", "11:00", "B1", "20", pay="card"),
        bought("ann", "12:00", "A2", "7"),
        refunded("A1", "13:00", pay="bank"),
    )
    found = rows(tmp_path, "--by", "net", "--by", "currency", lines=lines)
    names = ("currency", "net", "orders", "new_customers", "revenue", "refunded")
    assert list(found[0])[:4] == ["time", "currency", "net", "orders"]
    expected = [("EUR", "card", "2", "2", "70.0", "50.0"), ("EUR", "", "1", "1", "7.0", "0.0")]
    assert picked(found, *names) == expected
    assert picked(rows(tmp_path, "--by", "net", "--top", "1", lines=lines), *names) == expected[:1]
    assert picked(rows(tmp_path, "--by", "net", "--refund-date", "own", lines=lines), *names) == expected
    again = rows(tmp_path, "--by", "net", "--repeat", "--horizon", "2h", lines=lines)
    assert picked(again, "net", "customers", "repeat_customers") == [("card", "2", "1")]


@pytest.mark.slow
def test_a_channel_is_that_of_the_visit(tmp_path: Path) -> None:
    lines = (hit("ann", "page_view", "10:00", p="/", utm_medium="email"), bought("ann", "10:05", "A1", "50"))
    assert picked(rows(tmp_path, "--by", "channel", lines=lines), "channel", "revenue") == [("Email", "50.0")]


@pytest.mark.slow
def test_orders_and_refunds_that_are_left_out_are_warned_of(tmp_path: Path) -> None:
    lines = (
        *STORY, bought("ann", "10:01", "A1", "51", day="2026-09-07"), hit("ben", "purchase", "10:00", value="many"),
        refunded("X9", "10:00"),
    )  # fmt: skip
    (tmp_path / "access.log").write_text(log(*lines))
    finished = run_in_process(tmp_path, "orders", "access.log")
    assert [line for line in finished.stderr.splitlines() if line.startswith("Warning")] == [
        "Warning: 1 order has no id.",
        "Warning: 1 purchase repeats an order, which counts once.",
        "Warning: 1 order repeats with another value or currency: the first hit counts.",
        "Warning: 1 order has no numeric value.",
        "Warning: 1 refund matches no counted order and is excluded.",
    ]
    assert "Warning" not in run_in_process(tmp_path, "orders", "access.log", "-q").stderr


@pytest.mark.slow
def test_periods_are_compared(tmp_path: Path) -> None:
    given = ("--since", "2026-09-08", "--until", "2026-09-08", "--compare", "previous")
    [euro, dollar] = rows(tmp_path, *given)
    names = ("currency", "revenue", "previous_revenue", "change_revenue", "new_customers", "previous_new_customers")
    assert picked([euro, dollar], *names) == [
        ("EUR", "140.0", "70.0", "1.0", "1", "2"), ("USD", "5.0", "0.0", "", "1", "0"),
    ]  # fmt: skip
    assert (euro["refunded"], euro["previous_refunded"]) == ("0.0", "40.0")  # an order keeps its later refund
    [again] = rows(tmp_path, "--repeat", "--horizon", "1m", *given)
    # The customers of a period are those whose first order lies in it.
    assert picked([again], "currency", "customers", "previous_customers") == [("EUR", "1", "2")]


@pytest.mark.slow
def test_a_currency_is_the_same_in_small_letters_and_with_blanks(tmp_path: Path) -> None:
    spelled = ["EUR", "eur", " Eur ", "€", "Euro", " "]
    lines = tuple(bought("ann", f"10:0{n}", f"A{n}", "5", cur=cur) for n, cur in enumerate(spelled))
    found = picked(rows(tmp_path, "--every", "all", lines=lines), "currency", "orders", "revenue")
    assert found == [("EUR", "3", "15.0"), ("Euro", "1", "5.0"), ("€", "1", "5.0"), ("", "1", "5.0")]


@pytest.mark.slow
def test_no_orders_give_no_rows(tmp_path: Path) -> None:
    for arguments in ((), ("--repeat",), ("--every", "all"), ("--refund-date", "own"), ("--by", "channel")):
        assert rows(tmp_path, *arguments, lines=(view("ann", "/", "10:00"),)) == []
        assert rows(tmp_path, *arguments, lines=(refunded("A1", "10:00"),)) == []


@pytest.mark.slow
@pytest.mark.parametrize("value", slow_after(1, ["nan", "-50", "0", "1e308", "1e999", "9" * 5000, "%00", ""]))
def test_absurd_order_values_break_nothing(value: str, tmp_path: Path) -> None:
    lines = [bought(name, f"10:0{n}", name, value) for n, name in enumerate(("A1", "A2", "A3", "A4"))]
    lines += [refunded("A1", "11:00", value=value), refunded("A2", "11:01"), refunded("A" * 5000, "11:02", cur=value)]
    for arguments in ((), ("--repeat",), ("--refund-date", "own"), ("--every", "all", "--by", "value")):
        for form in ("csv", "json", "table"):
            found = rows(tmp_path, *arguments, lines=tuple(lines)) if form == "csv" else []
            assert run_in_process(tmp_path, "orders", "access.log", *arguments, "--format", form, "-q").exit == 0
            assert not any(row.get("orders", "4") not in ("1", "2", "3", "4") for row in found)


@pytest.mark.slow
@pytest.mark.parametrize("value", ["1e13", "1e23", "1e29", "1e30", "1e39", "1e308"])
def test_a_huge_value_breaks_no_report_on_money(value: str, tmp_path: Path) -> None:
    lines = [
        bought("ann", "10:00", "A1", value, var="a", pid="K"),
        bought("ben", "10:01", "A2", value, var="b", pid="K"),
    ]
    (tmp_path / "access.log").write_text(log(*lines, refunded("A2", "10:02")))
    (tmp_path / "spend.csv").write_text("date,channel,spend,currency\n2026-09-07,Direct,5,EUR\n")
    for arguments in (
        ("orders",), ("conversions",), ("products",), ("summary",), ("experiment", "--force"),
        ("attribution", "--model", "all"), ("roi", "--spend", "spend.csv"),
    ):  # fmt: skip
        finished = run_in_process(tmp_path, arguments[0], "access.log", *arguments[1:], "-q", "--no-csv-safe")
        assert (arguments, finished.exit, finished.stderr) == (arguments, 0, "")
        assert len(finished.stdout.splitlines()) > 1


def plain(told: list[dict[str, Any]], *, is_own: bool) -> dict[tuple[str, str], list[Any]]:
    """What the series says of each day and currency that has an order or a refund, by loops."""
    orders: dict[str, dict[str, Any]] = {}
    back = []
    for event in sorted(told, key=lambda event: event["time"]):
        if event["event"] == "purchase" and event["oid"] not in orders:
            orders[event["oid"]] = {**event, "left": event["value"]}
    for event in sorted(told, key=lambda event: event["time"]):
        if event["event"] == "refund" and event["oid"] in orders:
            order = orders[event["oid"]]
            amount = min(order["left"], event["value"] if event["value"] is not None else order["left"])
            order["left"] -= amount
            back.append((event["time"] if is_own else order["time"], order["cur"], amount))
    first: dict[str, datetime] = {}
    for order in orders.values():
        first[order["who"]] = min(first.get(order["who"], order["time"]), order["time"])
    days: defaultdict[tuple[str, str], dict[str, list[Any]]] = defaultdict(lambda: {"orders": [], "back": []})
    for order in orders.values():
        days[f"{order['time']:%Y-%m-%d}", order["cur"]]["orders"].append(order)
    for time, currency, amount in back:
        days[f"{time:%Y-%m-%d}", currency]["back"].append(amount)
    found = {}
    for (day, currency), entry in days.items():
        values = [order["value"] for order in entry["orders"]]
        new = [order for order in entry["orders"] if f"{first[order['who']]:%Y-%m-%d}" == day]
        customers, are_new = {order["who"] for order in entry["orders"]}, {order["who"] for order in new}
        found[day, currency] = [
            len(values), len(customers), len(are_new), len(customers - are_new), sum(values), sum(entry["back"]),
            sum(values) - sum(entry["back"]), mean(values) if values else None, median(values) if values else None,
            len(new), len(values) - len(new), sum(order["value"] for order in new),
            sum(values) - sum(order["value"] for order in new),
        ]  # fmt: skip
    return found


@pytest.mark.slow
@pytest.mark.parametrize("seed", slow_after(2, range(12)))
def test_the_series_equals_a_plain_loop(seed: int, tmp_path: Path) -> None:
    dice = random.Random(seed)
    told: list[dict[str, Any]] = []
    for minute in dice.sample(range(9 * 24 * 60), 80):
        order = dice.randrange(30)
        told.append(
            {
                "time": SEPTEMBER + timedelta(minutes=minute),
                "event": dice.choice(["purchase", "purchase", "refund"]),
                "oid": f"A{order}",
                "who": dice.choice("abcdefgh"),
                "cur": ("EUR", "USD")[order % 2],
                "value": float(dice.randrange(1, 40)),
            }
        )
    lines = [
        hit(event["who"], event["event"], f"{event['time']:%H:%M}", day=f"{event['time']:%Y-%m-%d}",
            oid=event["oid"], cur=event["cur"], value=str(event["value"]))
        for event in told
    ]  # fmt: skip
    for dated in ("order", "own"):
        expected = plain(told, is_own=dated == "own")
        found = rows(tmp_path, "--refund-date", dated, lines=tuple(lines))
        figures = {
            (row["time"][:10], row["currency"]): [float(row[name]) if row[name] else None for name in SERIES[2:15]]
            for row in found
        }
        assert {key: figures[key] for key in expected} == {
            key: [pytest.approx(figure) if figure is not None else None for figure in row]
            for key, row in expected.items()
        }
        assert {tuple(row[2:]) for key, row in figures.items() if key not in expected} <= {
            tuple([0.0] * 5 + [None] * 2 + [0.0] * 4)
        }
        totals = {
            row["currency"]: float(row["revenue"]) for row in rows(tmp_path, "--every", "all", lines=tuple(lines))
        }
        for currency, total in totals.items():
            assert total == pytest.approx(sum(row[4] or 0.0 for (_, of), row in figures.items() if of == currency))
        dice.shuffle(lines)
