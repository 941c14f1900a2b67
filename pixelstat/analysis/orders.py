"""Orders: what purchases and refunds come to, one row an order. What every report on revenue is made of.

An order is told by its id, whoever sent it, and counts as its first hit has it. Without an id, purchases of one visitor
with the same value and currency in one minute of the clock are one order; of those whose visitor is not known, each hit
is. A refund names the order that it belongs to, and gives back its value, or all that is left where it names none.
"""

from collections.abc import Sequence

import polars as pl

from pixelstat.schemas import UTC_TIME
from pixelstat.text.plurals import format_count

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
)  # columns of EVENTS

ORDERS = pl.Schema(
    {
        "time": UTC_TIME,  # of its first hit
        "visitor": pl.String(),
        "user_id": pl.String(),
        "order_id": pl.String(),  # null where the pixel gave none
        "value": pl.Float64(),  # before refunds; null where absent or not a number
        "currency": pl.String(),  # null where absent: a currency of its own, for none is ever added to another
        "refunded": pl.Float64(),  # from 0 to the value; 0 where there is none
        "refund_time": UTC_TIME,  # of the last refund; null where there is none
        "net": pl.Float64(),  # value without what is refunded; null where that is
        "is_conflicting": pl.Boolean(),  # a later hit gives another value or currency
    }
)

HIT_ORDER = ("time", "first", "hit")  # of hits: the first one first
TOLERANCE = 1e-9  # the share that a sum of cents may be off by

ORDER_WARNINGS = {  # what no figure of the orders shows, in words for one and for many
    "nameless": ("order has no id", "orders have no id"),
    "repeated": ("purchase repeats an order, which counts once", "purchases repeat orders, each of which counts once"),
    "conflicting": (
        "order comes again with another value or currency: the first counts",
        "orders come again with another value or currency: the first counts",
    ),
    "valueless": ("order has no value that is a number", "orders have no values that are numbers"),
    "negative": (
        "order has a negative value, which is taken as it is: a refund is an event of its own",
        "orders have negative values, which are taken as they are: a refund is an event of its own",
    ),
    "unknown": ("refund names no order that counts here: left out", "refunds name no order that counts here: left out"),
    "other_currency": (
        "refund is in another currency than its order: left out",
        "refunds are in another currency than their orders: left out",
    ),
    "capped": (
        "refund is more than what is left of its order: it counts up to that",
        "refunds are more than what is left of their orders: they count up to that",
    ),
}


def exact_sum(amounts: pl.Expr) -> pl.Expr:
    """Their sum, exact to a billionth, and so the same in whatever order they come. 0 where there is none.

    Sums of floats are neither: 0.1 and 0.2 come to 0.30000000000000004, and cores that share the work to whatever
    their shares come to. Beyond what money comes to, 1e18, it is a sum of floats.
    """
    are_money = (amounts.abs().max() < _MOST_MONEY).fill_null(value=True)
    exact = amounts.cast(_MONEY, strict=False).sum().cast(pl.Float64)
    return pl.when(are_money).then(exact).otherwise(amounts.sum())


def exact_mean(amounts: pl.Expr) -> pl.Expr:
    """Their mean, as exact; null where there is none."""
    count = amounts.count()
    return pl.when(count > 0).then(exact_sum(amounts) / count)


_MONEY, _MOST_MONEY = pl.Decimal(38, 9), 1e18


def is_purchase() -> pl.Expr:
    """True for a purchase. Never null."""
    return pl.col("event").eq_missing(pl.lit("purchase"))


def is_refund() -> pl.Expr:
    """True for a refund. Never null."""
    return pl.col("event").eq_missing(pl.lit("refund"))


def customer_key() -> pl.Expr:
    """Who ordered: the user, else the visitor. Null where neither is known.

    Whom one wants to be known by no id, but by address and agent, a cookie or a parameter, is that visitor alone.
    """
    is_by_no_id = pl.col("visitor").str.contains("^[cdkp]:").fill_null(value=False)
    return pl.coalesce(pl.when(~is_by_no_id).then(pl.lit("u:") + pl.col("user_id")), "visitor")


def build_orders(rows: pl.LazyFrame, carried: Sequence[str] = ()) -> pl.LazyFrame:
    """EVENTS, as far as they are NEEDED -> ORDERS with the `carried` columns as the order's first hit has them.

    The earliest come first. The rows are looked at more than once, so they should be held. What is carried must not be
    called like a column of ORDERS and be another.
    """
    bought = rows.filter(is_purchase()).sort(*HIT_ORDER)
    conflicts = bought.group_by("hit").agg(
        is_conflicting=_differs_from_first("value") | _differs_from_first("currency")
    )
    back = (
        applied_refunds(rows).group_by(hit="order").agg(exact_sum(pl.col("refunded")), refund_time=pl.col("time").max())
    )
    every = deduplicate_orders(bought).join(conflicts, on="hit", how="left").join(back, on="hit", how="left")
    return (
        every.with_columns(refunded=pl.min_horizontal(pl.col("refunded").fill_null(0.0), _highest_refund()))
        .with_columns(net=pl.col("value") - pl.col("refunded"))
        .sort(*HIT_ORDER)
        .select(*dict.fromkeys([*ORDERS, *carried]))
    )


def applied_refunds(rows: pl.LazyFrame, carried: Sequence[str] = ()) -> pl.LazyFrame:
    """EVENTS, as far as they are NEEDED -> the refunds that count, the earliest first.

    Columns: `order` (the `hit` of its order), `time` (the refund's own), `refunded`, all of which add up to no more
    than the order's value, and what is `carried` of the refund's own.
    """
    return (
        _match_refunds(rows, carried)
        .filter(pl.col("unapplied").is_null())
        .select("order", "time", "refunded", *carried)
    )


def deduplicate_orders(purchases: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of purchases -> each order once, by its first hit.

    Looks at time, visitor, order_id, value, currency, hit and first.
    """
    once = purchases.sort(*HIT_ORDER).filter(pl.col("hit").is_first_distinct())
    is_told_by_id = pl.col("order_id").is_not_null() | pl.col("visitor").is_null()
    minute = pl.col("time").dt.truncate("1m")
    same = pl.struct(pl.when(is_told_by_id).then("hit"), "visitor", "value", "currency", minute)
    return once.filter(same.is_first_distinct())


def order_warnings(rows: pl.LazyFrame) -> list[str]:
    """What no figure of the orders shows, as sentences, of EVENTS as far as they are NEEDED."""
    column = pl.col
    of_orders = build_orders(rows).select(
        nameless=column("order_id").is_null().sum(),
        orders=pl.len(),
        conflicting=column("is_conflicting").sum(),
        valueless=column("value").is_null().sum(),
        negative=(column("value") < 0).sum(),
    )
    of_refunds = _match_refunds(rows).select(
        *((column("unapplied") == reason).sum().alias(reason) for reason in ("unknown", "other_currency")),
        capped=column("is_capped").sum(),
    )
    purchases = rows.select(purchases=is_purchase().sum())
    told = pl.concat([of_orders, of_refunds, purchases], how="horizontal").collect().row(0, named=True)
    told["repeated"] = told["purchases"] - told["orders"]
    return [f"{format_count(told[name], *words)}." for name, words in ORDER_WARNINGS.items() if told[name]]


def _differs_from_first(name: str) -> pl.Expr:
    """Whether one of these rows gives another than the first of them."""
    return (pl.col(name).is_not_null() & pl.col(name).ne_missing(pl.col(name).first())).any()


def _highest_refund() -> pl.Expr:
    """What can be refunded of an order at most."""
    return pl.col("value").fill_null(0.0).clip(lower_bound=0.0)


def _match_refunds(rows: pl.LazyFrame, carried: Sequence[str] = ()) -> pl.LazyFrame:
    """The refunds, each hit once: order, time, refunded, is_capped; `unapplied` says why one does not count.

    A refund's value counts without its sign: people write what they give back as they like. One without a currency is
    in that of its order.
    """
    column = pl.col
    bought = deduplicate_orders(rows.filter(is_purchase(), column("order_id").is_not_null()))
    known = bought.filter(column("order_id").is_first_distinct()).select(
        "order_id", order="hit", most=_highest_refund(), of_order="currency"
    )
    returned = rows.filter(is_refund()).sort(*HIT_ORDER).filter(column("hit").is_first_distinct())
    is_other = column("currency").is_not_null() & column("currency").ne_missing(column("of_order"))
    given = column("value").abs()
    unapplied = pl.when(column("order").is_null()).then(pl.lit("unknown")).when(is_other).then(pl.lit("other_currency"))
    asked = returned.join(known, on="order_id", how="left").sort(*HIT_ORDER).with_columns(unapplied=unapplied)
    amount = pl.when(column("unapplied").is_null()).then(given.fill_null(column("most"))).otherwise(0.0)
    so_far = column("amount").cum_sum().shift(1, fill_value=0.0).over("order")
    return (
        asked.with_columns(amount=amount)
        .with_columns(left=(column("most") - so_far).clip(lower_bound=0.0))
        .with_columns(
            refunded=pl.min_horizontal("amount", "left"),
            is_capped=(given - column("left") > given * TOLERANCE) & column("unapplied").is_null(),
        )
        .select("order", "time", "refunded", "is_capped", "unapplied", *carried)
    )
