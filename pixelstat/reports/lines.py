"""Lines: the products that events are about, one a row, and what each product of an order brings.

A product is known by its id, or by its name where it has none. What a line brings is price times quantity, which is 1
where the event tells none; without a price it is the order's value, if the order has no other line. Else nobody knows.

A refund that names products of its order is of these: of all that was bought of them, or of the quantity that it names.
Any other is of all products, in proportion to what is left of them.
"""

import polars as pl

from pixelstat.ledger import count
from pixelstat.reports.purchases import NEEDED, ORDER, counted, is_purchase, is_refund, refunds

LINE = ("product", "name", "category", "price", "quantity")
WARNINGS = {  # what no figure of the lines shows, in words for one and for many
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


def lines(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of EVENTS -> a row for each product that they name; one whose `product` is null for those that name none.

    `products` gives way to `product`, `name`, `category`, `price` and `quantity`, null where the event does not tell.
    """
    listed = pl.col("products")
    fields = {name: listed.struct.field(name) for name in LINE[1:]}
    product = pl.coalesce(listed.struct.field("id"), fields["name"], pl.when(listed.is_null()).then("product"))
    return (
        rows.explode("products", empty_as_null=True).with_columns(product.alias("product"), **fields).drop("products")
    )


def of_orders(rows: pl.LazyFrame) -> pl.LazyFrame:
    """EVENTS, as far as orders need them, with their products -> the lines of the orders.

    Beside the columns of the order's first hit: `product`, `name`, `category`, `price`, `quantity`, `revenue` and
    `refunded`, both of which are null where nobody knows. The line of an order without any product has none.
    """
    column = pl.col
    bought = counted(rows.filter(is_purchase()))
    told = lines(bought)
    # Some pixels tell the products of an order in requests of their own.
    items = rows.filter(column("event") == "item", column("order_id").is_not_null())
    items = lines(items.filter(column("hit").is_first_distinct())).filter(column("product").is_not_null())
    listed = bought.drop("product", "products").join(items.select("order_id", *LINE), on="order_id")
    listed = listed.join(told.filter(column("product").is_not_null()), on="hit", how="anti")
    told = pl.concat([told.join(listed, on="hit", how="anti", maintain_order="left"), listed], how="diagonal")
    quantity = column("quantity").fill_null(1.0)
    amount = column("price") * quantity
    is_alone = pl.len().over("hit") == 1
    told = told.with_columns(
        quantity=quantity,
        revenue=pl.coalesce(pl.when(amount.is_finite()).then(amount), pl.when(is_alone).then("value")),
    )
    return _with_refunds(told, rows)


def warnings(told: pl.LazyFrame) -> list[str]:
    """What no figure of the lines of orders shows, as sentences."""
    is_named = pl.col("product").is_not_null()
    counts = told.select(
        nameless=(~is_named).sum(),
        priceless=pl.col("hit").filter(is_named & pl.col("revenue").is_null() & (pl.len().over("hit") > 1)).n_unique(),
        negative=((pl.col("price") < 0) | (pl.col("quantity") < 0)).sum(),
    )
    found = counts.collect().row(0, named=True)
    return [f"{count(found[name], *words)}." for name, words in WARNINGS.items() if found[name]]


def _with_refunds(told: pl.LazyFrame, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Lines with `refunded`: what refunds of their product and of their whole order give back of them."""
    column = pl.col
    back = rows.filter(is_refund()).sort(*ORDER).filter(column("hit").is_first_distinct())
    returned = told.join(back.select("order_id").unique(), on="order_id", how="semi", maintain_order="left")
    is_first = column("hit") == column("hit").first().over("order_id")  # kept duplicates are orders, too
    returned = returned.filter(is_first)
    named = _named(back, returned)
    # What tells no value gives back what the lines bring that it names; an order without one has that of its lines.
    asked = named.group_by("hit").agg(asked=column("brings").sum())
    back = back.join(asked, on="hit", how="left").with_columns(value=pl.coalesce("value", "asked"))
    bring = returned.group_by("hit").agg(bring=column("revenue").sum())
    orders = returned.unique("hit").join(bring, on="hit").with_columns(value=pl.coalesce("value", "bring"))
    applied = refunds(pl.concat([orders.select(NEEDED), back.select(NEEDED)]), ["hit"])
    applied = applied.join(asked, on="hit", how="left")
    reach = (column("refunded") / column("asked")).clip(0.0, 1.0).fill_nan(1.0)
    by_product = (
        named.join(applied.select("hit", reach=reach), on="hit")
        .group_by("order", "product")
        .agg(of_product=(column("part") * column("reach")).sum().clip(0.0, 1.0))
    )
    is_of_all = column("asked").is_null()
    of_all, others = (column("refunded").filter(which).sum() for which in (is_of_all, ~is_of_all))
    share = pl.when(column("of_all") > 0).then((column("of_all") / (column("value") - column("others"))).clip(0.0, 1.0))
    by_order = (
        applied.group_by("order")
        .agg(of_all=of_all, others=others)
        .join(orders.select("value", order="hit"), on="order")
        .select("order", of_rest=share)
    )
    of_product, of_rest = column("of_product").fill_null(0.0), column("of_rest").fill_null(0.0)
    return (
        told.join(by_product, left_on=["hit", "product"], right_on=["order", "product"], how="left")
        .join(by_order, left_on="hit", right_on="order", how="left")
        .with_columns(refunded=_brings() * (of_product + (1.0 - of_product) * of_rest))
        .drop("of_product", "of_rest")
    )


def _named(back: pl.LazyFrame, returned: pl.LazyFrame) -> pl.LazyFrame:
    """Refunds -> a row for each product of its order that one names: which part of it, and what that brings."""
    column = pl.col
    there = returned.group_by("order_id", "product").agg(
        column("hit").first().alias("order"), _brings().sum(), column("quantity").sum().alias("all")
    )
    part = (column("quantity").abs() / column("all")).clip(0.0, 1.0).fill_nan(1.0).fill_null(1.0)
    those = lines(back.select("hit", "order_id", "product", "products")).join(there, on=["order_id", "product"])
    return those.select("hit", "order", "product", part=part, brings=column("revenue") * part)


def _brings() -> pl.Expr:
    """What can be given back of a line."""
    return pl.col("revenue").clip(lower_bound=0.0)
