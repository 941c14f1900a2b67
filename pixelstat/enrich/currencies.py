"""Convert amounts of money to one currency, by rates that the user states: in pixelstat.toml or in a CSV file.

    [rates]                    currency,rate,date
    base = "EUR"               USD,0.92,2026-09-01
    USD = 0.92                 USD,0.93,2026-10-01

A rate is the price of one unit in the base currency. A dated rate applies from its day on, until the next one. An
amount whose currency has no rate on its day stays as it is, in its own currency, and so does one without a currency.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from math import isfinite
from pathlib import Path

import polars as pl

from pixelstat.errors import PixelstatError, unreadable_file
from pixelstat.frames.batches import tap_batches
from pixelstat.frames.columns import internal
from pixelstat.frames.numbers import read_number
from pixelstat.schemas import PRODUCT_FIELDS
from pixelstat.text.plurals import format_count
from pixelstat.vocabulary import is_order_event

AMOUNTS = ("value", "net", "tax", "shipping", "discount")  # columns in the currency of their row, if a frame has them
CURRENCY_CODE = re.compile("[A-Za-z]{3}")
HEADERS = ("currency,rate", "currency,rate,date")
MAX_NAMED = 6  # currencies that a note states the rates of
GOAL = "goal"  # the event of a vendor's goal, whose value is money like that of an order
_HINT = f"Its first line must be one of: {'; '.join(HEADERS)}."
_RATES = pl.Schema({"currency": pl.String(), "date": pl.Date(), "rate": pl.Float64()})
_ALWAYS = date.min  # the day of a rate without a date
_FACTOR, _DAY, _PRICE = internal("factor"), internal("day"), internal("price in the base currency")
_ROW, _CONVERTED = internal("row"), internal("converted products")


@dataclass(frozen=True)
class Rate:
    """The price of one unit of a currency in the base currency, from a day on."""

    currency: str
    rate: float
    day: date = _ALWAYS


@dataclass(frozen=True)
class RateTable:
    """Rates in one base currency, and where they are from, such as `pixelstat.toml`."""

    base: str | None  # None where nothing states it: then it is the currency to convert to
    rates: Sequence[Rate]
    source: str


@dataclass(frozen=True)
class CurrencyRules:
    """Convert amounts to `target`. What was converted, and what could not be, is known when all is read."""

    target: str
    table: RateTable
    time_zone: str = "UTC"  # where the day of an event begins
    converted: set[str] = field(default_factory=set, compare=False)  # currencies
    unconverted: set[str | None] = field(default_factory=set, compare=False)

    def convert(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Convert the AMOUNTS and the prices in these rows, which have `time` and `currency`."""
        is_other = pl.col("currency").is_not_null() & (pl.col("currency") != self.target)
        day = pl.col("time").dt.convert_time_zone(self.time_zone).dt.date().alias(_DAY)
        pairs = rows.filter(is_other).select("currency", day).unique()
        self._note_unknown(rows)
        if pairs.is_empty():
            return rows
        factors = self._find_factors(pairs)
        joined = rows.with_columns(day).join(factors, on=["currency", _DAY], how="left", maintain_order="left")
        self._note_currencies(joined.filter(is_other))
        is_known = pl.col(_FACTOR).is_not_null()
        amounts = [name for name in AMOUNTS if name in rows.columns]
        converted = joined.with_columns(
            *(pl.when(is_known).then(_multiply(pl.col(name))).otherwise(name).alias(name) for name in amounts)
        )
        if "products" in rows.columns:
            converted = _convert_prices(converted)
        target = pl.lit(self.target)
        return converted.with_columns(currency=pl.when(is_known).then(target).otherwise("currency")).select(
            rows.columns
        )

    def describe(self) -> str:
        """Return a sentence with the rates that were used; empty where nothing was converted."""
        if not self.converted:
            return ""
        currencies = sorted({*self.converted, self.target} - {self._base})  # the rate of the base is 1
        used = [rate for rate in self.table.rates if rate.currency in currencies]
        texts = [self._describe_rates(currency, used) for currency in currencies[:MAX_NAMED]]
        more = len(currencies) - MAX_NAMED
        others = [format_count(more, "more currency", "more currencies")] if more > 0 else []
        return f"Amounts are converted to {self.target}: {', '.join([*texts, *others])} ({self.table.source})"

    def list_warnings(self) -> list[str]:
        """Return sentences on the amounts that were not converted."""
        rated = {rate.currency for rate in self.table.rates}
        warnings = []
        for currency in sorted(name for name in self.unconverted if name):
            reason = f"{self.table.source} has no rate for them"
            if currency in rated:
                reason = f"{self.table.source} has no rate for them on some days"
            warnings.append(f"amounts in {currency} are not converted to {self.target}: {reason}.")
        if None in self.unconverted:
            warnings.append(f"amounts without a currency are not converted to {self.target}.")
        return warnings

    def _find_factors(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Return `currency`, the day and the factor of each pair; the factor is null where a rate is missing."""
        own = self._look_up(pairs, _FACTOR)
        target = self._look_up(pairs.with_columns(currency=pl.lit(self.target)).unique(), _PRICE)
        if self.target == self._base:
            return own
        joined = own.join(target.drop("currency"), on=_DAY, how="left")
        return joined.with_columns(pl.col(_FACTOR) / pl.col(_PRICE)).drop(_PRICE)

    def _look_up(self, pairs: pl.DataFrame, name: str) -> pl.DataFrame:
        """Add the price of each currency on its day in the base currency, as column `name`."""
        base = [] if self._base in {rate.currency for rate in self.table.rates} else [Rate(self._base, 1.0)]
        rows = [(rate.currency, rate.day, rate.rate) for rate in (*self.table.rates, *base)]
        prices = pl.DataFrame(rows, _RATES, orient="row").sort("date").rename({"date": _DAY, "rate": name})
        return pairs.sort(_DAY).join_asof(prices, on=_DAY, by="currency", check_sortedness=False)

    @property
    def _base(self) -> str:
        return self.table.base or self.target

    def _note_currencies(self, rows: pl.DataFrame) -> None:
        is_known = pl.col(_FACTOR).is_not_null()
        money = rows.filter(_is_money(rows))
        self.converted.update(money.filter(is_known)["currency"].unique())
        self.unconverted.update(money.filter(~is_known)["currency"].unique())

    def _note_unknown(self, rows: pl.DataFrame) -> None:
        if not rows.filter(_is_money(rows), pl.col("currency").is_null()).is_empty():
            self.unconverted.add(None)

    def _describe_rates(self, currency: str, rates: Sequence[Rate]) -> str:
        own = [rate.rate for rate in rates if rate.currency == currency] or [1.0]
        if len({*own}) == 1:
            return f"1 {currency} = {own[0]:g} {self._base}"
        return f"1 {currency} = {min(own):g} to {max(own):g} {self._base}, by day"


def convert_currencies(events: pl.LazyFrame, rules: CurrencyRules) -> pl.LazyFrame:
    """Convert the amounts of EVENTS to one currency, where there is a rate."""
    return tap_batches(events, rules.convert, ("time", "event", "value", "currency"))


def build_currency_rules(
    target: str | None, path: str | None, table: RateTable | None, time_zone: str
) -> CurrencyRules | None:
    """Build the rules for --currency, --rates and the table of pixelstat.toml. The file replaces that table.

    Raises PixelstatError for rates that cannot be read, and where they are missing.
    """
    if target is None:
        if path is not None:
            raise PixelstatError("--rates changes nothing without --currency.", "Add: --currency EUR")
        return None
    if not CURRENCY_CODE.fullmatch(target):
        raise PixelstatError(f"--currency: {target!r} is not the code of a currency.", "Try: --currency EUR")
    target = target.upper()
    table = read_rates(path) if path is not None else table
    if table is None:
        hint = "Add --rates FILE, or a table [rates] to pixelstat.toml: pixelstat help orders"
        raise PixelstatError(f"--currency {target} needs rates.", hint)
    currencies = {rate.currency for rate in table.rates}
    if table.base is not None and target not in {*currencies, table.base}:
        raise PixelstatError(
            f"{table.source} has no rate for {target}, and its rates are in {table.base}.",
            f"Add a rate for {target}, or try: --currency {table.base}",
        )
    return CurrencyRules(target, table, time_zone)


def read_rates(path: str) -> RateTable:
    """Read the file of --rates.

    A currency whose rate is 1 is the base. Without one, nothing states the base. Raises PixelstatError, with the line,
    for a file that cannot be read and for an invalid row.
    """
    try:
        text = Path(path).read_text("utf-8-sig")
        first = text.partition("\n")[0]
        lines = csv.reader(text.splitlines(), delimiter=";" if ";" in first else ",")
        header, rows = [name.strip().lower() for name in next(lines, [])], list(lines)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise unreadable_file(path, error, _HINT) from error
    if {*header} not in ({"currency", "rate"}, {"currency", "rate", "date"}) or len(header) > len({*header}):
        raise PixelstatError(f"{path}, line 1: {','.join(header)!r} is not a header of --rates.", _HINT)
    rates: dict[tuple[str, date], Rate] = {}
    for number, row in enumerate(rows, 2):
        if any(map(str.strip, row)):
            rate = _parse_row(row, header, f"{path}, line {number}")
            if (rate.currency, rate.day) in rates:
                raise PixelstatError(f"{path}, line {number}: {rate.currency} has a second rate of one day.", _HINT)
            rates[rate.currency, rate.day] = rate
    changing = {rate.currency for rate in rates.values() if rate.rate != 1}
    bases = sorted({rate.currency for rate in rates.values()} - changing)
    return RateTable(bases[0] if bases else None, [*rates.values()], Path(path).name)


def build_rate_table(base: str, rates: Mapping[str, float], source: str) -> RateTable:
    """Build the table of the rates in pixelstat.toml, which have no dates."""
    return RateTable(base, [Rate(currency, float(rate)) for currency, rate in rates.items()], source)


def _parse_row(row: Sequence[str], header: Sequence[str], position: str) -> Rate:
    """Return the rate of a row. `position` names the row in an error."""
    if len(row) != len(header):
        raise PixelstatError(f"{position}: the row has {len(row)} fields, but the header has {len(header)}.", _HINT)
    cells = dict(zip(header, map(str.strip, row), strict=True))
    if not CURRENCY_CODE.fullmatch(cells["currency"]):
        raise PixelstatError(f"{position}: {cells['currency']!r} is not the code of a currency.", "Write: USD")
    price = read_number(cells["rate"])
    if price is None or not isfinite(price) or price <= 0:
        raise PixelstatError(f"{position}: {cells['rate']!r} is not a rate above 0.", "Write: 0.92")
    try:
        day = date.fromisoformat(cells["date"]) if cells.get("date") else _ALWAYS
    except ValueError as error:
        raise PixelstatError(f"{position}: {cells['date']!r} is not a date.", "Write: 2026-09-07") from error
    return Rate(cells["currency"].upper(), price, day)


def _is_money(rows: pl.DataFrame) -> pl.Expr:
    """Return whether a row that counts states an amount of an order or of a vendor's goal."""
    is_money = pl.col("value").is_not_null()
    if "event" in rows.columns:
        is_money &= is_order_event() | (pl.col("event") == GOAL)
    return is_money & pl.col("rejected").is_null() if "rejected" in rows.columns else is_money


def _multiply(amount: pl.Expr) -> pl.Expr:
    """Multiply the amount by the factor of its row, to a billionth, as sums of money are exact."""
    return (amount * pl.col(_FACTOR)).round(9)


def _convert_prices(rows: pl.DataFrame) -> pl.DataFrame:
    """Multiply the prices of the products by the factor of their row, where it is known."""
    numbered = rows.with_row_index(_ROW)
    chosen = numbered.filter(pl.col(_FACTOR).is_not_null(), pl.col("products").list.len() > 0)
    if chosen.is_empty():
        return rows
    product = pl.col("products").struct
    price = _multiply(product.field("price")).alias("price")
    fields = [price if name == "price" else product.field(name) for name in PRODUCT_FIELDS]
    lists = (
        chosen.select(_ROW, _FACTOR, "products")
        .explode("products")
        .group_by(_ROW, maintain_order=True)
        .agg(pl.struct(fields).alias(_CONVERTED))
    )
    return (
        numbered.join(lists, on=_ROW, how="left", maintain_order="left")
        .with_columns(products=pl.coalesce(_CONVERTED, "products"))
        .drop(_CONVERTED, _ROW)
    )
