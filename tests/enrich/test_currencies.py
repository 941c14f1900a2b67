"""--currency: amounts in one currency by stated rates, and every way of stating them wrong, by its line."""

import random
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pixelstat.enrich.currencies import (
    CurrencyRules,
    Rate,
    RateTable,
    build_currency_rules,
    build_rate_table,
    convert_currencies,
    read_rates,
)
from pixelstat.errors import PixelstatError
from tests.builders import MIDNIGHT, Row, at, distinct_events, events, purchase, refund

EURO = build_rate_table("EUR", {"EUR": 1.0, "USD": 0.92, "JPY": 0.006}, "pixelstat.toml")
DAILY = RateTable(
    "EUR", [Rate("USD", 0.9, date(2026, 9, 7)), Rate("USD", 0.8, date(2026, 9, 9)), Rate("GBP", 1.2)], "rates.csv"
)


def convert(rules: CurrencyRules, *rows: Row, columns: Sequence[str] = ("value", "currency")) -> list[tuple[Any, ...]]:
    return convert_currencies(events(*rows, keep_duplicates=True), rules).collect().select(columns).rows()


@pytest.mark.parametrize(
    ("table", "target", "amount", "currency", "day", "expected"),
    [
        (EURO, "EUR", 100.0, "USD", 0, (92.0, "EUR")),
        (EURO, "EUR", 100.0, "EUR", 0, (100.0, "EUR")),
        (EURO, "EUR", -5.0, "USD", 0, (-4.6, "EUR")),
        (EURO, "EUR", None, "USD", 0, (None, "EUR")),
        (EURO, "EUR", 100.0, "CHF", 0, (100.0, "CHF")),  # no rate
        (EURO, "EUR", 100.0, None, 0, (100.0, None)),
        (EURO, "EUR", 100.0, "usd", 0, (100.0, "usd")),  # protocols write codes in upper case
        (EURO, "USD", 92.0, "EUR", 0, (100.0, "USD")),
        (EURO, "USD", 100.0, "JPY", 0, (0.652173913, "USD")),
        (DAILY, "EUR", 100.0, "USD", -1, (100.0, "USD")),  # before the first rate
        (DAILY, "EUR", 100.0, "USD", 0, (90.0, "EUR")),
        (DAILY, "EUR", 100.0, "USD", 1, (90.0, "EUR")),
        (DAILY, "EUR", 100.0, "USD", 2, (80.0, "EUR")),
        (DAILY, "EUR", 100.0, "USD", 400, (80.0, "EUR")),
        (DAILY, "EUR", 100.0, "GBP", -400, (120.0, "EUR")),  # a rate without a date is one of all days
        (DAILY, "USD", 90.0, "EUR", 0, (100.0, "USD")),
        (DAILY, "USD", 90.0, "EUR", -1, (90.0, "EUR")),  # the target has no rate on that day
    ],
)
def test_an_amount_is_converted_by_the_rate_of_its_day(  # noqa: PLR0917 - a table of cases
    table: RateTable, target: str, amount: float | None, currency: str | None, day: int, expected: tuple[Any, ...]
) -> None:
    row = purchase("10:00", "A1", amount, currency=currency)
    [found] = convert(CurrencyRules(target, table), {**row, "time": at("10:00", day)})
    assert found == expected


def test_the_day_of_an_event_is_that_of_the_time_zone() -> None:
    late = {**purchase("23:30", "A1", 100.0, currency="USD"), "time": at("23:30", 1)}
    assert convert(CurrencyRules("EUR", DAILY), late) == [(90.0, "EUR")]
    assert convert(CurrencyRules("EUR", DAILY, "Europe/Berlin"), late) == [(80.0, "EUR")]


def test_parts_and_prices_are_converted_too() -> None:
    products: list[dict[str, Any]] = [
        {"id": "K1", "name": "a", "category": None, "price": 10.0, "quantity": 2.0},
        {"id": "C2"},
    ]
    row = purchase(1, "A1", 50.0, *products, currency="USD", tax=5.0, shipping=1.0, discount=2.0)
    other = purchase(2, "A2", 50.0, *products, currency="CHF")
    columns = ("value", "tax", "shipping", "discount", "products", "currency")
    first, second, third = convert(CurrencyRules("EUR", EURO), row, other, purchase(3), columns=columns)
    assert first[:4] == (46.0, 4.6, 0.92, 1.84)
    assert [(each["id"], each["price"], each["quantity"]) for each in first[4]] == [
        ("K1", 9.2, 2.0),
        ("C2", None, None),
    ]
    assert [each["price"] for each in second[4]] == [10.0, None]
    assert third[4] is None


def test_only_the_columns_of_the_query_are_needed() -> None:
    rows = convert_currencies(events(purchase(1, "A1", 100.0, currency="USD")), CurrencyRules("EUR", EURO))
    assert rows.select("visitor", "rejected").collect().rows() == [("v:ann", None)]


def test_what_was_converted_and_what_was_not_is_said() -> None:
    rules = CurrencyRules("EUR", DAILY)
    rows = [
        purchase(1, "A1", 5.0, currency="USD"),
        {**purchase(1, "A2", 5.0, currency="USD"), "time": at(1, -1)},
        refund(2, "A1", 5.0, currency="CHF"),
        purchase(3, "A3", 5.0),
        purchase(4, "A4", currency="SEK"),  # no amount
        purchase(5, None, 5.0, event="play", currency="NOK"),  # no money
        purchase(6, "A5", 5.0, currency="DKK", rejected="bot"),
    ]
    convert(rules, *rows)
    assert rules.describe() == "Amounts are converted to EUR: 1 USD = 0.8 to 0.9 EUR, by day (rates.csv)"
    assert rules.list_warnings() == [
        "amounts in CHF are not converted to EUR: rates.csv has no rate for them.",
        "amounts in USD are not converted to EUR: rates.csv has no rate for them on some days.",
        "amounts without a currency are not converted to EUR.",
    ]


def test_nothing_is_said_where_all_is_in_the_currency() -> None:
    rules = CurrencyRules("EUR", EURO)
    convert(rules, purchase(1, "A1", 5.0, currency="EUR"))
    assert (rules.describe(), rules.list_warnings()) == ("", [])


def test_a_note_states_the_rate_of_the_target() -> None:
    rules = CurrencyRules("USD", build_rate_table("EUR", {"USD": 0.5, "CHF": 2.0}, "x"))
    convert(rules, purchase(1, "A1", 5.0, currency="EUR"), purchase(2, "A2", 5.0, currency="CHF"))
    assert rules.describe() == "Amounts are converted to USD: 1 CHF = 2 EUR, 1 USD = 0.5 EUR (x)"


def test_a_note_names_few_of_many_currencies() -> None:
    codes = [f"AA{letter}" for letter in "ABCDEFGH"]
    rules = CurrencyRules("EUR", build_rate_table("EUR", dict.fromkeys(codes, 2.0), "x"))
    convert(rules, *(purchase(1, code, 1.0, currency=code) for code in codes))
    assert rules.describe().endswith("1 AAF = 2 EUR, 2 more currencies (x)")


@pytest.mark.parametrize("seed", range(3))
def test_random_amounts_equal_a_plain_loop(seed: int) -> None:
    dice = random.Random(seed)
    start = date(2026, 9, 7)
    names = ["USD", "GBP", "CHF", "JPY"]
    rates = {(name, dice.randrange(20)): dice.uniform(0.1, 3) for name in names for _ in range(dice.randrange(4))}
    table = RateTable("EUR", [Rate(name, rate, start + timedelta(day)) for (name, day), rate in rates.items()], "x")
    target = dice.choice(["EUR", "USD"])
    rows: list[dict[str, Any]] = [
        {"time": MIDNIGHT + timedelta(minutes=dice.randrange(22 * 1440)), "event": "purchase",
         "value": float(dice.randrange(1000)), "currency": dice.choice([*names, "EUR", "SEK", None])}
        for _ in range(300)
    ]  # fmt: skip

    def price(name: str | None, day: int) -> float | None:
        if name == "EUR":
            return 1.0
        known = [(since, rate) for (other, since), rate in rates.items() if other == name and since <= day]
        return max(known)[1] if known else None

    expected = []
    for row in rows:
        day = (row["time"] - MIDNIGHT).days
        own, other = price(row["currency"], day), price(target, day)
        is_known = row["currency"] == target or (own is not None and other is not None)
        factor = (own or 1) / (other or 1) if is_known and row["currency"] != target else 1
        expected.append((row["value"] * factor, target if is_known else row["currency"]))
    found = convert_currencies(distinct_events(rows), CurrencyRules(target, table)).collect()
    assert found.select("value", "currency").rows() == [
        (pytest.approx(value), currency) for value, currency in expected
    ]


@pytest.mark.parametrize(
    ("text", "base", "rates"),
    [
        ("currency,rate\nUSD,0.92\n", None, [("USD", 0.92, date.min)]),
        ("\ufeffRate,Currency\n0.92, usd\n\n", None, [("USD", 0.92, date.min)]),
        ('currency,rate\nEUR,1\nUSD,"0,92"\n', "EUR", [("EUR", 1.0, date.min), ("USD", 0.92, date.min)]),
        ("currency;rate;date\nUSD;0,92;2026-09-07\nUSD;1;\n", None,
         [("USD", 0.92, date(2026, 9, 7)), ("USD", 1.0, date.min)]),
    ],
)  # fmt: skip
def test_a_file_of_rates_is_read(
    text: str, base: str | None, rates: list[tuple[str, float, date]], tmp_path: Path
) -> None:
    (tmp_path / "rates.csv").write_text(text)
    table = read_rates(str(tmp_path / "rates.csv"))
    assert (table.base, table.source) == (base, "rates.csv")
    assert [(rate.currency, rate.rate, rate.day) for rate in table.rates] == rates


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "line 1: '' is not a header of --rates."),
        ("USD,0.92\n", "line 1: 'usd,0.92' is not a header of --rates."),
        ("currency,rate,rate\n", "line 1: 'currency,rate,rate' is not a header of --rates."),
        ("currency,date\n", "line 1: 'currency,date' is not a header of --rates."),
        ("currency,rate\nUSD\n", "line 2: the row has 1 fields, but the header has 2."),
        ("currency,rate\nDollar,1\n", "line 2: 'Dollar' is not the code of a currency."),
        ("currency,rate\nUSD,0.9\nGBP,0\n", "line 3: '0' is not a rate above 0."),
        ("currency,rate\nUSD,-1\n", "line 2: '-1' is not a rate above 0."),
        ("currency,rate\nUSD,\n", "line 2: '' is not a rate above 0."),
        ("currency,rate\nUSD,inf\n", "line 2: 'inf' is not a rate above 0."),
        ("currency,rate,date\nUSD,1,07.09.2026\n", "line 2: '07.09.2026' is not a date."),
        ("currency,rate,date\nUSD,1,2026-09-07\nusd,2,2026-09-07\n", "line 3: USD has a second rate of one day."),
    ],
)
def test_an_error_in_the_file_of_rates_names_its_line(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "rates.csv").write_text(text)
    with pytest.raises(PixelstatError) as caught:
        read_rates(str(tmp_path / "rates.csv"))
    assert caught.value.sentence.endswith(sentence)


@pytest.mark.parametrize(
    ("target", "path", "table", "sentence"),
    [
        (None, "rates.csv", None, "--rates changes nothing without --currency."),
        ("Euro", None, EURO, "--currency: 'Euro' is not the code of a currency."),
        ("EUR", None, None, "--currency EUR needs rates."),
        ("gbp", None, EURO, "pixelstat.toml has no rate for GBP, and its rates are in EUR."),
    ],
)
def test_a_currency_without_rates_is_an_error(
    target: str | None, path: str | None, table: RateTable | None, sentence: str
) -> None:
    with pytest.raises(PixelstatError) as caught:
        build_currency_rules(target, path, table, "UTC")
    assert caught.value.sentence == sentence


def test_a_file_replaces_the_rates_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "rates.csv").write_text("currency,rate\nUSD,0.5\n")
    rules = build_currency_rules("gbp", str(tmp_path / "rates.csv"), EURO, "UTC")
    assert rules
    assert convert(rules, purchase(1, "A1", 100.0, currency="USD")) == [(50.0, "GBP")]
    assert build_currency_rules(None, None, EURO, "UTC") is None


def test_converted_sums_do_not_depend_on_the_batches() -> None:
    rows = [purchase(number, f"A{number}", 0.1 * number, currency="USD") for number in range(50)]
    rules = CurrencyRules("EUR", EURO)
    frame = events(*rows).collect()
    parts = pl.concat([rules.convert(frame[:7]), rules.convert(frame[7:])])
    assert parts.equals(rules.convert(frame))
