"""Build orders from purchases and refunds, one row an order. Every report on revenue is made of them.

An order is identified by its site and id, whoever sent it, and counts as its first hit has it. Without an id, purchases
of one visitor with the same value and currency within a minute are one order; without a visitor, each hit is an order
of its own. A refund names its order: that of its own site, else the only order with this id. It gives back its value,
or without a value all that is left of the order.

Where EVENTS are taken here, ORDER_EVENT_COLUMNS are enough. They may include events that a filter of the report
rejected, so that orders, their copies and their refunds find each other before the period is cut. An order belongs to
the report if its first hit is not rejected.
"""

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from pixelstat.frames.clusters import find_cluster_starts
from pixelstat.frames.columns import internal
from pixelstat.schemas import UTC_TIME, VALUE_COLUMNS, Reason
from pixelstat.text.plurals import format_count
from pixelstat.vocabulary import is_purchase, is_refund

ORDER_EVENT_COLUMNS = (
    "time",
    "event",
    "visitor",
    "user_id",
    "order_id",
    "value",
    "currency",
    "hit",
    "first",
    "rejected",
)  # columns of EVENTS, beside `site`, which is `name_site` of the host

ORDERS = pl.Schema(
    {
        "time": UTC_TIME,  # of its first hit
        "visitor": pl.String(),
        "user_id": pl.String(),
        "order_id": pl.String(),  # null where the pixel gave none
        "value": pl.Float64(),  # before refunds; null where absent or not a number
        "currency": pl.String(),  # null where absent, which is a currency of its own: amounts in two are never added
        "refunded": pl.Float64(),  # from 0 to the value; 0 without a refund
        "refund_time": UTC_TIME,  # of the last refund; null without a refund
        "net": pl.Float64(),  # value minus refunded; null where the value is
        "is_conflicting": pl.Boolean(),  # a later hit gives another value or currency
        "rejected": Reason,  # why it does not belong to the report; null if it does
    }
)

HIT_ORDER = ("time", "first", "hit")  # columns that sort hits, the earliest first
RELOAD_TIME = timedelta(minutes=1)  # a purchase without an id repeats an equal one for this long
TOLERANCE = 1e-9  # the share that a sum of cents may be off by

ORDER_WARNINGS = {  # what the figures of orders do not show, in words for one and for many
    "nameless": ("order has no id", "orders have no id"),
    "repeated": ("purchase repeats an order, which counts once", "purchases repeat orders, which count once"),
    "conflicting": (
        "order repeats with another value or currency: the first hit counts",
        "orders repeat with another value or currency: the first hit counts",
    ),
    "valueless": ("order has no numeric value", "orders have no numeric value"),
    "negative": (
        "order has a negative value and counts unchanged: send a refund as a separate event",
        "orders have negative values and count unchanged: send a refund as a separate event",
    ),
    "zero": ("order has the value 0 and counts unchanged", "orders have the value 0 and count unchanged"),
    "unknown": ("refund matches no counted order and is excluded", "refunds match no counted order and are excluded"),
    "other_currency": (
        "refund has another currency than its order and is excluded",
        "refunds have another currency than their orders and are excluded",
    ),
    "capped": (
        "refund exceeds the remaining value of its order and is reduced to that value",
        "refunds exceed the remaining value of their orders and are reduced to that value",
    ),
}


def exact_sum(amounts: pl.Expr, digits: int = 9) -> pl.Expr:
    """Return the sum, exact to these digits and independent of the order of rows; 0 if there are no amounts.

    A sum of floats is neither: 0.1 + 0.2 is 0.30000000000000004, and the result depends on how cores share the rows.
    With 9 digits, amounts of 1e18 and more are summed as floats.
    """
    most = 10.0 ** (27 - digits)
    is_exact = (amounts.abs().max() < most).fill_null(value=True)
    fitting = pl.when(amounts.abs() < most).then(amounts)  # a cast of larger ones fails, even where it is not used
    exact = fitting.cast(pl.Decimal(38, digits), strict=False).sum().cast(pl.Float64)
    return pl.when(is_exact).then(exact).otherwise(amounts.sum())


def exact_mean(amounts: pl.Expr) -> pl.Expr:
    """Return the mean, by `exact_sum`; null if there are no amounts."""
    count = amounts.count()
    return pl.when(count > 0).then(exact_sum(amounts) / count)


def customer_key() -> pl.Expr:
    """Return who ordered: the user, else the visitor. Null where neither is known.

    Where --visitor chose address and agent, a cookie or a parameter instead of an id, it is always the visitor.
    """
    is_without_id = pl.col("visitor").str.contains("^[cdkp]:").fill_null(value=False)
    return pl.coalesce(pl.when(~is_without_id).then(pl.lit("u:") + pl.col("user_id")), "visitor")


def build_orders(rows: pl.LazyFrame, extra_columns: Sequence[str] = ()) -> pl.LazyFrame:
    """Return the ORDERS of these EVENTS, the earliest first, with the extra columns of each order's first hit.

    The rows are read more than once, so they should be in memory. An extra column must not share its name with a
    different column of ORDERS.
    """
    purchases = rows.filter(is_purchase()).sort(*HIT_ORDER)
    conflicts = purchases.group_by("hit").agg(
        is_conflicting=_differs_from_first("value") | _differs_from_first("currency")
    )
    refunds = (
        apply_refunds(rows).group_by(hit="order").agg(exact_sum(pl.col("refunded")), refund_time=pl.col("time").max())
    )
    orders = deduplicate_orders(purchases).join(conflicts, on="hit", how="left").join(refunds, on="hit", how="left")
    return (
        orders.with_columns(refunded=pl.min_horizontal(pl.col("refunded").fill_null(0.0), _highest_refund()))
        .with_columns(net=pl.col("value") - pl.col("refunded"))
        .sort(*HIT_ORDER)
        .select(*dict.fromkeys([*ORDERS, *extra_columns]))
    )


def apply_refunds(rows: pl.LazyFrame, extra_columns: Sequence[str] = ()) -> pl.LazyFrame:
    """Return the refunds in these EVENTS that count, the earliest first.

    Columns: `order` (the `hit` of its order), `time` (of the refund), `refunded`, and the refund's extra columns. What
    is refunded of one order adds up to no more than its value.
    """
    return (
        _match_refunds(rows, extra_columns)
        .filter(pl.col("unapplied").is_null())
        .select("order", "time", "refunded", *extra_columns)
    )


def deduplicate_orders(purchases: pl.LazyFrame) -> pl.LazyFrame:
    """Keep the first hit of each order.

    Uses time, visitor, order_id, value, currency, hit and first of the purchases.
    """
    first_copies = purchases.sort(*HIT_ORDER).filter(pl.col("hit").is_first_distinct())
    return first_copies.map_batches(_drop_reloads, schema=first_copies.collect_schema())


def _drop_reloads(purchases: pl.DataFrame) -> pl.DataFrame:
    """Drop purchases without an id that repeat an equal one of their visitor. They come in the order of time."""
    is_reloadable = purchases["order_id"].is_null() & purchases["visitor"].is_not_null()
    reloadable = purchases.filter(is_reloadable)
    if len(reloadable) < 2:
        return purchases
    keys = reloadable.select(pl.struct("visitor", "value", "currency").rank("dense")).to_series()
    starts = find_cluster_starts(keys, reloadable["time"], RELOAD_TIME)
    is_first = pl.DataFrame({"key": keys, "start": starts}).select(pl.struct("key", "start").is_first_distinct())
    is_order = pl.Series([True]).new_from_index(0, len(purchases))
    return purchases.filter(is_order.scatter(is_reloadable.arg_true(), is_first.to_series()))


def fill_order_values(purchases: pl.LazyFrame) -> pl.LazyFrame:
    """Fill missing values of purchases with the value and the VALUE_COLUMNS of the first copy that has a value."""
    columns = [name for name in VALUE_COLUMNS if name in purchases.collect_schema()]
    names = {name: internal(f"later {name}") for name in ("value", *columns)}
    has_value = pl.col("value").is_not_null()
    later = purchases.filter(has_value).sort(*HIT_ORDER).unique("hit", keep="first", maintain_order=True)
    later = later.select("hit", *(pl.col(name).alias(later_name) for name, later_name in names.items()))
    joined = purchases.join(later, on="hit", how="left", maintain_order="left")
    return joined.with_columns(
        value=pl.coalesce("value", names["value"]),
        **{name: pl.when(~has_value).then(pl.coalesce(names[name], name)).otherwise(name) for name in columns},
    ).drop(names.values())


def find_named_orders(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return the first hit of each order with an id, of these EVENTS."""
    return deduplicate_orders(rows.filter(is_purchase(), pl.col("order_id").is_not_null()))


def match_refunds_to_orders(refunds: pl.LazyFrame, orders: pl.LazyFrame) -> pl.LazyFrame:
    """Add `order` to refunds: the `hit` of the order that they name, null where there is none.

    It is the order of the refund's own site, else the only order with its id. `orders` has hit, site and order_id.
    """
    of_site = orders.unique(["site", "order_id"], keep="first", maintain_order=True)
    of_site = of_site.select("site", "order_id", order_of_site="hit")
    of_any_site = orders.group_by("order_id").agg(only_order=pl.when(pl.len() == 1).then(pl.col("hit").first()))
    return (
        refunds.join(of_site, on=["site", "order_id"], how="left", nulls_equal=True, maintain_order="left")
        .join(of_any_site, on="order_id", how="left", maintain_order="left")
        .with_columns(order=pl.when(pl.col("order_id").is_not_null()).then(pl.coalesce("order_of_site", "only_order")))
        .drop("order_of_site", "only_order")
    )


def find_order_warnings(rows: pl.LazyFrame) -> list[str]:
    """Return sentences on what the figures of orders do not show, for these EVENTS."""
    is_counted = pl.col("rejected").is_null()
    orders = (
        build_orders(rows)
        .filter(is_counted)
        .select(
            nameless=pl.col("order_id").is_null().sum(),
            orders=pl.len(),
            conflicting=pl.col("is_conflicting").sum(),
            valueless=pl.col("value").is_null().sum(),
            negative=(pl.col("value") < 0).sum(),
            zero=(pl.col("value") == 0).sum(),
        )
    )
    refunds = (
        _match_refunds(rows)
        .filter(is_counted)
        .select(
            *((pl.col("unapplied") == reason).sum().alias(reason) for reason in ("unknown", "other_currency")),
            capped=pl.col("is_capped").sum(),
        )
    )
    is_sent = pl.col("rejected").is_null() | (pl.col("rejected") == "duplicate")
    purchases = rows.select(purchases=(is_purchase() & is_sent).sum())
    counts = pl.concat([orders, refunds, purchases], how="horizontal").collect().row(0, named=True)
    counts["repeated"] = counts["purchases"] - counts["orders"]
    return [f"{format_count(counts[name], *words)}." for name, words in ORDER_WARNINGS.items() if counts[name]]


def _differs_from_first(name: str) -> pl.Expr:
    """Return whether any row has another value of this column than the first row. Null does not differ."""
    return (pl.col(name).is_not_null() & pl.col(name).ne_missing(pl.col(name).first())).any()


def _highest_refund() -> pl.Expr:
    """Return how much of an order can be refunded at most."""
    return pl.col("value").fill_null(0.0).clip(lower_bound=0.0)


def _match_refunds(rows: pl.LazyFrame, extra_columns: Sequence[str] = ()) -> pl.LazyFrame:
    """Return each refund hit once: order, time, refunded, is_capped, unapplied, and the extra columns.

    `unapplied` is why the refund does not count; null where it counts. The sign of a refund's value is ignored, because
    people write it as they like. A refund without a currency is in that of its order.
    """
    orders = find_named_orders(rows)
    terms = orders.select(order="hit", most=_highest_refund(), order_currency="currency")
    refunds = rows.filter(is_refund()).sort(*HIT_ORDER).filter(pl.col("hit").is_first_distinct())
    matched = match_refunds_to_orders(refunds, orders).join(terms, on="order", how="left", maintain_order="left")
    is_other = pl.col("currency").is_not_null() & pl.col("currency").ne_missing(pl.col("order_currency"))
    unapplied = pl.when(pl.col("order").is_null()).then(pl.lit("unknown")).when(is_other).then(pl.lit("other_currency"))
    stated = pl.col("value").abs()
    amount = pl.when(pl.col("unapplied").is_null()).then(stated.fill_null(pl.col("most"))).otherwise(0.0)
    already_refunded = pl.col("amount").cum_sum().shift(1, fill_value=0.0).over("order")
    return (
        matched.with_columns(unapplied=unapplied)
        .with_columns(amount=amount)
        .with_columns(left=(pl.col("most") - already_refunded).clip(lower_bound=0.0))
        .with_columns(
            refunded=pl.min_horizontal("amount", "left"),
            is_capped=(stated - pl.col("left") > stated * TOLERANCE) & pl.col("unapplied").is_null(),
        )
        .select("order", "time", "refunded", "is_capped", "unapplied", "rejected", *extra_columns)
    )
