"""Assign visitors to the variants of an experiment, and count who converts after the exposure.

The first event that names a variant exposes its visitor, whichever variant that is. A visitor of several variants
belongs to none of them. Conversions and orders count from the second of the exposure on, up to and with the end of the
window: logs have times in seconds, so that what happens in the same second cannot be ordered.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import fsum, inf

import polars as pl

from pixelstat.analysis.confidence import wilson_interval
from pixelstat.analysis.experiments import Rate, Sample
from pixelstat.analysis.orders import build_orders, exact_sum
from pixelstat.frames.columns import internal
from pixelstat.traffic.deduplication import drop_later_copies
from pixelstat.vocabulary import is_purchase

VARIANT = internal("variant")  # Categorical: the variant that an event names
IS_EXPOSURE = internal("is exposure")  # whether the event may expose its visitor; then its VARIANT is not null
MOST_MONEY = 1e60  # of a visitor
EXPOSED, IS_OPEN, IS_SINGLE = (internal(name) for name in ("exposed", "is open", "is single"))


@dataclass(frozen=True)
class Sales:
    """The orders of a variant in one currency."""

    orders: int = 0
    revenue: float = 0.0
    by_buyer: Sequence[float] = ()  # the revenue of each visitor who bought


@dataclass(frozen=True)
class Variant:
    """What the visitors of a variant did. There is at least one visitor."""

    name: str
    visitors: int
    rates: Sequence[Rate]  # by goal: who reaches it
    pending: Sequence[int | None]  # by goal: whose window was still open when the logs ended; None without a window
    sales: dict[str | None, Sales] = field(default_factory=dict)  # by currency

    def describe_revenue(self, currency: str | None) -> Sample:
        """Return the moments of the revenue of a visitor. Who buys nothing counts as 0.

        The variance is infinite if an amount is no money: its powers would be too large to compute with.
        """
        sales = self.sales.get(currency, Sales())
        mean = sales.revenue / self.visitors
        if max(map(abs, sales.by_buyer), default=0) > MOST_MONEY:
            return Sample(self.visitors, mean, inf)
        squares = fsum((amount - mean) ** 2 for amount in sales.by_buyer)
        squares += (self.visitors - len(sales.by_buyer)) * mean**2
        return Sample(self.visitors, mean, squares / max(self.visitors - 1, 1))


def find_exposures(rows: pl.DataFrame) -> pl.DataFrame:
    """Return a row for each exposed visitor: `visitor`, EXPOSED, VARIANT and IS_SINGLE.

    EXPOSED is the time. IS_SINGLE is false for visitors of several variants, where VARIANT is any of these. Takes rows
    with `visitor`, `time`, VARIANT and IS_EXPOSURE.
    """
    code = pl.col(VARIANT).to_physical()
    return (
        rows.lazy()
        .filter(IS_EXPOSURE)
        .group_by("visitor")
        .agg(
            pl.col("time").min().alias(EXPOSED),
            pl.col(VARIANT).first(),
            (code.min() == code.max()).alias(IS_SINGLE),
        )
        .collect()
    )


def collect_variants(
    rows: pl.DataFrame,
    order_events: pl.DataFrame,
    flags: Sequence[str],
    window: timedelta | None,
    end: datetime | None,
) -> tuple[list[Variant], int]:
    """Return the variants by name, and the number of visitors who saw several.

    `rows` are EVENTS with VARIANT, IS_EXPOSURE and a column for each goal. `order_events` are those of orders, also the
    ones that a filter rejected, with their values filled in. `flags` are the columns of the goals, which are true for
    hits that reach them. `end` is that of the logs.
    """
    columns = ["time", "hit", "first", "event", "visitor", "value", "currency", VARIANT, IS_EXPOSURE, *flags]
    hits = drop_later_copies(rows.select(*columns, "rejected"))  # lists of products would be copied with the rows
    hits = hits.filter(pl.col("rejected").is_null()) if hits["rejected"].null_count() < len(hits) else hits
    exposures = find_exposures(hits)
    exposed = exposures.filter(IS_SINGLE).drop(IS_SINGLE).with_columns(_is_open(window, end).alias(IS_OPEN))
    all_orders = build_orders(order_events.lazy(), flags)
    orders = all_orders.filter(pl.col("rejected").is_null()).collect()
    others = hits.filter(pl.any_horizontal(flags), ~is_purchase())
    reaching = pl.concat([others, orders], how="diagonal").select("visitor", "time", "value", "currency", *flags)
    reached = _select_after_exposure(reaching, exposed, window)
    sold = _select_after_exposure(orders.filter(pl.col("value").is_not_null()), exposed, window)
    counts = _count_conversions(exposed, reached, flags)
    sales = _sum_sales(sold)
    variants = []
    for row in counts.iter_rows(named=True):
        rates = [Rate(row[flag], row["visitors"], row[f"{flag} low"], row[f"{flag} high"]) for flag in flags]
        pending = [row[f"{flag} pending"] if window else None for flag in flags]
        variants.append(Variant(row["name"], row["visitors"], rates, pending, sales.get(row["name"], {})))
    return variants, len(exposures) - len(exposed)


def _is_open(window: timedelta | None, end: datetime | None) -> pl.Expr:
    """Return whether the window of a visitor is still open when the logs end."""
    if window is None or end is None:
        return pl.lit(value=False)
    return pl.col(EXPOSED) > end - window


def _select_after_exposure(rows: pl.DataFrame, exposed: pl.DataFrame, window: timedelta | None) -> pl.DataFrame:
    """Return the rows of exposed visitors from the exposure to the end of the window, with the columns of both."""
    joined = rows.lazy().join(exposed.lazy(), on="visitor").filter(pl.col("time") >= pl.col(EXPOSED))
    if window is not None:
        joined = joined.filter(pl.col("time") - pl.col(EXPOSED) <= window)
    return joined.collect()


def _count_conversions(exposed: pl.DataFrame, reached: pl.DataFrame, flags: Sequence[str]) -> pl.DataFrame:
    """Return a row for each variant: `name`, `visitors`, and who reaches each goal, with interval and `pending`."""
    counts = exposed.lazy().group_by(VARIANT).agg(pl.len().alias("visitors"), pl.col(IS_OPEN).sum())
    for flag in flags:
        converting = reached.lazy().filter(flag).unique("visitor")
        number = converting.group_by(VARIANT).agg(pl.len().alias(flag), pl.col(IS_OPEN).sum().alias(f"{flag} open"))
        low, high = wilson_interval(pl.col(flag), pl.col("visitors"))
        counts = (
            counts.join(number, on=VARIANT, how="left")
            .with_columns(pl.col(flag, f"{flag} open").cast(pl.Int64).fill_null(0))
            .with_columns(
                low.alias(f"{flag} low"),
                high.alias(f"{flag} high"),
                (pl.col(IS_OPEN).cast(pl.Int64) - pl.col(f"{flag} open")).alias(f"{flag} pending"),
            )
        )
    return counts.with_columns(name=pl.col(VARIANT).cast(pl.String)).sort("name").collect()


def _sum_sales(sold: pl.DataFrame) -> dict[str, dict[str | None, Sales]]:
    """Return the sales of each variant in each currency."""
    by_buyer = sold.lazy().group_by(VARIANT, "currency", "visitor").agg(exact_sum(pl.col("value")).alias("amount"))
    amounts = by_buyer.group_by(VARIANT, "currency").agg("amount")
    totals = sold.lazy().group_by(VARIANT, "currency").agg(orders=pl.len(), revenue=exact_sum(pl.col("value")))
    sales: dict[str, dict[str | None, Sales]] = {}
    joined = totals.join(amounts, on=[VARIANT, "currency"], nulls_equal=True).collect()
    for name, currency, orders, revenue, of_buyers in joined.rows():
        sales.setdefault(name, {})[currency] = Sales(orders, revenue, of_buyers)
    return sales
