"""Lines: the products that events are about, one a row, and what each product of an order brings.

A product is known by its id, or by its name where it has none. What a line brings is price times quantity, which is 1
where the event tells none; without a price it is the order's value, if the order has no other line. Else nobody knows.
An order that tells no value has that of its lines, as far as they tell their prices.

A refund that names products of its order is of these: of all that was bought of them, or of the quantity that it names;
without a value it gives back what they brought. Any other is of all products, in proportion to what is left of them.
"""

import polars as pl

from pixelstat.analysis.orders import (
    HIT_ORDER,
    ORDER_EVENT_COLUMNS,
    applied_refunds,
    deduplicate_orders,
    exact_sum,
    is_purchase,
    is_refund,
)
from pixelstat.text.plurals import format_count

LINE_EVENT_COLUMNS = (*ORDER_EVENT_COLUMNS, "product", "products")  # columns of EVENTS
LINE = ("product", "name", "category", "price", "quantity")
LINE_WARNINGS = {  # what no figure of the lines shows, in words for one and for many
    "nameless": ("order names no product: left out", "orders name no product: left out"),
    "priceless": (
        "order of several products does not tell all their prices: what these bring is left out",
        "orders of several products do not tell all their prices: what these bring is left out",
    ),
    "negative": (
        "line of an order has a negative price or quantity, which is taken as it is",
        "lines of orders have negative prices or quantities, which are taken as they are",
    ),
}


def build_order_lines(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of EVENTS -> a row for each product that they name; one whose `product` is null for those that name none.

    `products` gives way to `product`, `name`, `category`, `price` and `quantity`, null where the event does not tell.
    """
    listed = pl.col("products")
    fields = {name: listed.struct.field(name) for name in LINE[1:]}
    product = pl.coalesce(listed.struct.field("id"), fields["name"], pl.when(listed.is_null()).then("product"))
    return (
        rows.explode("products", empty_as_null=True).with_columns(product.alias("product"), **fields).drop("products")
    )


def is_order_event() -> pl.Expr:
    """True for what orders are made of: purchases, refunds, and products in requests of their own. Never null."""
    return is_purchase() | is_refund() | pl.col("event").eq_missing(pl.lit("item"))


def fill_values(rows: pl.DataFrame) -> pl.DataFrame:
    """EVENTS, as far as they are NEEDED -> the same with the value of purchases and refunds that tell none.

    That of a purchase is what its lines bring, that of a refund what the products of its order brought that it names,
    without what refunds before it gave back of these. Still null where no price of these is known.
    """
    is_short = pl.col("value").is_null()
    if rows.filter(is_short, is_purchase() | is_refund()).is_empty():
        return rows
    bought = _merge_duplicates(rows.lazy(), is_purchase()).filter(is_short)
    rows = _fill_missing(rows, _sold_lines(bought, rows.lazy()), "revenue")
    return _fill_missing(
        rows, _refunds_by_product(rows.lazy(), _refunded_lines(rows.lazy())).filter(is_short), "brings"
    )


def split_refunds(rows: pl.DataFrame) -> pl.LazyFrame:
    """EVENTS, as far as they are NEEDED -> the lines of the orders.

    Beside the columns of the order's first hit: `product`, `name`, `category`, `price`, `quantity`, `revenue` and
    `refunded`, both of which are null where nobody knows. The line of an order without any product has none.
    """
    worth = fill_values(rows).lazy()
    # By refunds as they are: of what tells a value another part counts than of what tells none.
    named = _refunds_by_product(rows.lazy(), _refunded_lines(worth))
    return _add_refunds(_sold_lines(deduplicate_orders(worth.filter(is_purchase())), worth), worth, named)


def line_warnings(told: pl.LazyFrame) -> list[str]:
    """What no figure of the lines of orders shows, as sentences."""
    is_named = pl.col("product").is_not_null()
    counts = told.select(
        nameless=(~is_named).sum(),
        priceless=pl.col("hit").filter(is_named & pl.col("revenue").is_null() & (pl.len().over("hit") > 1)).n_unique(),
        negative=((pl.col("price") < 0) | (pl.col("quantity") < 0)).sum(),
    )
    found = counts.collect().row(0, named=True)
    return [f"{format_count(found[name], *words)}." for name, words in LINE_WARNINGS.items() if found[name]]


def _merge_duplicates(rows: pl.LazyFrame, which: pl.Expr) -> pl.LazyFrame:
    """Each hit of these once: the first one."""
    return rows.filter(which).sort(*HIT_ORDER).filter(pl.col("hit").is_first_distinct())


def _sold_lines(bought: pl.LazyFrame, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Purchases, each hit once, and EVENTS with their items -> the lines of these purchases with `revenue`."""
    column = pl.col
    told = build_order_lines(bought)
    # Some pixels tell the products of an order in requests of their own.
    items = rows.filter(column("event") == "item", column("order_id").is_not_null())
    items = build_order_lines(items.filter(column("hit").is_first_distinct())).filter(column("product").is_not_null())
    listed = bought.drop("product", "products").join(items.select("order_id", *LINE), on="order_id")
    listed = listed.join(told.filter(column("product").is_not_null()), on="hit", how="anti")
    told = pl.concat([told.join(listed, on="hit", how="anti", maintain_order="left"), listed], how="diagonal")
    quantity = column("quantity").fill_null(1.0)
    amount = column("price") * quantity
    is_alone = pl.len().over("hit") == 1
    return told.with_columns(
        quantity=quantity,
        revenue=pl.coalesce(pl.when(amount.is_finite()).then(amount), pl.when(is_alone).then("value")),
    )


def _refunded_lines(rows: pl.LazyFrame) -> pl.LazyFrame:
    """The lines of the orders that are refunded: of an order that is kept twice the first one's."""
    bought = deduplicate_orders(rows.filter(is_purchase(), pl.col("order_id").is_not_null()))
    bought = bought.filter(pl.col("order_id").is_first_distinct())
    back = rows.filter(is_refund()).select("order_id")
    return _sold_lines(bought.join(back, on="order_id", how="semi", maintain_order="left"), rows)


def _fill_missing(rows: pl.DataFrame, lines: pl.LazyFrame, amount: str) -> pl.DataFrame:
    """Rows with what the lines of their hit come to, where they tell no value; null where no line tells it."""
    worth = pl.when(pl.col(amount).count() > 0).then(exact_sum(pl.col(amount)))
    joined = rows.lazy().join(lines.group_by("hit").agg(worth=worth), on="hit", how="left", maintain_order="left")
    return joined.with_columns(value=pl.coalesce("value", "worth")).drop("worth").collect()


def _add_refunds(told: pl.LazyFrame, rows: pl.LazyFrame, named: pl.LazyFrame) -> pl.LazyFrame:
    """Lines, EVENTS and the products that refunds name -> the lines with `refunded`: of their product and of all."""
    column = pl.col
    asked = named.group_by("hit").agg(asked=exact_sum(column("brings")))
    applied = applied_refunds(rows, ["hit"]).join(asked, on="hit", how="left")
    reach = (column("refunded") / column("asked")).clip(0.0, 1.0).fill_nan(1.0)
    by_product = (
        named.join(applied.select("hit", reach=reach), on="hit")
        .group_by("order", "product")
        .agg(of_product=(column("part") * column("reach")).sum().clip(0.0, 1.0))
    )
    is_of_all = column("asked").is_null()
    of_all, others = (exact_sum(column("refunded").filter(which)) for which in (is_of_all, ~is_of_all))
    share = pl.when(column("of_all") > 0).then((column("of_all") / (column("value") - column("others"))).clip(0.0, 1.0))
    by_order = (
        applied.group_by("order")
        .agg(of_all=of_all, others=others)
        .join(told.unique("hit").select("value", order="hit"), on="order")
        .select("order", of_rest=share)
    )
    of_product, of_rest = column("of_product").fill_null(0.0), column("of_rest").fill_null(0.0)
    return (
        told.join(by_product, left_on=["hit", "product"], right_on=["order", "product"], how="left")
        .join(by_order, left_on="hit", right_on="order", how="left")
        .with_columns(refunded=_line_value() * (of_product + (1.0 - of_product) * of_rest))
        .drop("of_product", "of_rest")
    )


def _refunds_by_product(rows: pl.LazyFrame, returned: pl.LazyFrame) -> pl.LazyFrame:
    """EVENTS, and the lines of the orders that are refunded -> a row for each product that a refund names of its order.

    hit, order, value, product, which part of it and what that brings; of a refund without a value no more than the
    refunds before it have left of the product.
    """
    column = pl.col
    whole = pl.when(column("revenue").count() > 0).then(exact_sum(_line_value()))
    there = returned.group_by("order_id", "product").agg(
        column("hit", "currency").first().name.prefix("of "), whole=whole, all=exact_sum(column("quantity"))
    )
    is_other = column("currency").is_not_null() & column("currency").ne_missing(column("of currency"))
    those = build_order_lines(_merge_duplicates(rows, is_refund()))
    those = those.join(there, on=["order_id", "product"], maintain_order="left").filter(~is_other)
    part = (column("quantity").abs() / column("all")).clip(0.0, 1.0).fill_nan(1.0).fill_null(1.0)
    asked = (column("whole") * column("part")).sum().over("hit")
    reach = (column("value").abs() / asked).clip(0.0, 1.0).fill_nan(1.0).fill_null(1.0)
    so_far = (column("part") * reach).cum_sum().over("of hit", "product").clip(upper_bound=1.0)
    left = column("so far") - column("so far").shift(1, fill_value=0.0).over("of hit", "product")
    return (
        those.with_columns(part=part)
        .with_columns(so_far.alias("so far"))
        .with_columns(part=pl.when(column("value").is_null()).then(left).otherwise("part"))
        .select("hit", "product", "value", "part", order="of hit", brings=column("whole") * column("part"))
    )


def _line_value() -> pl.Expr:
    """What can be given back of a line."""
    return pl.col("revenue").clip(lower_bound=0.0)
