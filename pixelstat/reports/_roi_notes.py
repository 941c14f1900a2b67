"""Say in plain words what a return on spend shows, and what it cannot show."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from math import ceil

import polars as pl

from pixelstat.analysis.experiments import compute_visitors_needed
from pixelstat.analysis.orders import exact_sum
from pixelstat.analysis.spend import find_similar, name_group
from pixelstat.result import Column, Result
from pixelstat.text.durations import format_duration
from pixelstat.text.plurals import format_count

LIFT = 0.1  # relative lift that a holdout is planned for
MOST_NAMED = 5  # groups that warnings name
HIDEABLE = ("impressions", "clicks", "cpm", "cpc", "cost_per_visit", "new_customers", "cac", "roi", "immature_spend")


def format_amounts(rows: pl.DataFrame, name: str) -> str:
    """Return the sum of an amount for each currency, such as `120.00 EUR and 5.00 USD`."""
    sums = rows.group_by("currency").agg(exact_sum(pl.col(name))).sort("currency", nulls_last=True)
    amounts = [f"{amount:,.2f}{f' {currency}' if currency else ''}" for currency, amount in sums.iter_rows()]
    return " and ".join(amounts)


def describe_left_out(spend: pl.DataFrame, first: date | None, last: date | None) -> str:
    """Return the sentence on spend outside of the period."""
    days = format_count(spend["date"].n_unique(), "day", "days")
    return f"Spend on {days} outside of {first} to {last} is left out: {format_amounts(spend, 'spend')}."


def describe_immature(sums: pl.DataFrame, wait: float, first: date) -> str:
    """Return the sentence on spend that may still earn more; empty where there is none."""
    late = sums.filter(pl.col("immature_spend") > 0)
    if late.is_empty():
        return ""
    total, part = float(sums["spend"].sum()), float(late["immature_spend"].sum())
    unit = next(unit for unit in (3600, 60, 1) if wait >= unit or unit == 1)
    length = format_duration(timedelta(seconds=round(wait / unit) * unit))
    return (
        f"A fifth of the conversions come more than {length} after the first touch. Spend from {first} on is younger "
        f"and may still earn more: {format_amounts(late, 'immature_spend')} ({100 * part / total:.0f}%)."
    )


def describe_unmatched_spend(
    lonely: Sequence[Sequence[str | None]], others: Sequence[Sequence[str | None]]
) -> Iterator[str]:
    """Yield warnings on groups with spend and without visits. `others` are the groups with visits and without spend."""
    for names in lonely[:MOST_NAMED]:
        similar = find_similar(names, others)
        advice = f" Did you mean {similar}?" if similar else ""
        yield f"no visit belongs to the spend of {name_group(names)}.{advice}"
    if len(lonely) > MOST_NAMED:
        more = format_count(len(lonely) - MOST_NAMED, "more group has", "more groups have")
        yield f"{more} spend and no visits."


def describe_holdout(converting: int, visitors: int) -> str:
    """Return what the figures do not show, and how large a holdout would show it."""
    words = "Attribution is not incrementality: it does not show what would be earned without the spend."
    needed = compute_visitors_needed(converting / visitors, LIFT) if visitors else None
    if needed is None:
        return words
    rate = f"{100 * converting / visitors:.1f}%"
    return (
        f"{words} A holdout would: {ceil(needed):,} visitors with ads and as many without them show a lift of "
        f"{LIFT:.0%} of the conversion rate of {rate}, with a power of 80%."
    )


def present_returns(result: Result, by: Sequence[str], *, shows_ranks: bool) -> Result:
    """Add the headline and hide columns without figures, or put the ranks of models side by side."""
    result = replace(result, notes=[note for note in result.notes if note])
    if result.frame.is_empty():
        return result
    if shows_ranks:
        return replace(result, in_table=place_ranks(result, by))
    hidden = [name for name in HIDEABLE if not result.frame[name].count()]
    is_single = result.frame["currency"].drop_nulls().n_unique() == 1
    subtitle = [*result.subtitle]
    if is_single:
        subtitle.append(f"amounts in {result.frame['currency'].drop_nulls()[0]}")
        hidden.append("currency")
    if not result.frame["immature_spend"].sum():
        hidden.append("immature_spend")
    columns = [replace(column, hidden=column.hidden or column.name in hidden) for column in result.columns]
    return replace(result, columns=columns, subtitle=subtitle, headline=describe_total(result.frame))


def describe_total(frame: pl.DataFrame) -> str:
    """Return what all spend earned; empty where there is none, or in several currencies."""
    paid = frame.filter(pl.col("spend").is_not_null(), pl.col("revenue").is_not_null())
    spend, revenue = float(paid["spend"].sum()), float(paid["revenue"].sum())
    if paid.is_empty() or paid["currency"].n_unique() > 1 or spend <= 0:
        return ""
    spent, earned = (format_amounts(paid, name) for name in ("spend", "revenue"))
    return f"{spent} spent, {earned} attributed (roas {revenue / spend:.2f})"


def place_ranks(result: Result, by: Sequence[str]) -> Result:
    """Return the ranks with a column for each model."""
    keys = [*by, "currency"]
    models = result.frame["model"].unique(maintain_order=True).to_list()
    wide = result.frame.pivot("model", index=keys, values="rank", maintain_order=True)
    declared = {column.name: column for column in result.columns}
    columns = [*(declared[name] for name in keys), *(Column(model, "count", needed=True) for model in models)]
    if wide["currency"].n_unique() == 1:
        columns = [column for column in columns if column.name != "currency"]
    return replace(result, frame=wide.select(column.name for column in columns), columns=columns)
