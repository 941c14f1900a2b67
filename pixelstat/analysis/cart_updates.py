"""Find out what was added to carts and removed from them, where a pixel sends the whole cart after each change.

A visitor's cart is compared with the one before: what was not there is added, what is gone is removed. A change of
quantity is neither. An order empties the cart. Of two carts at the same time the smaller one is earlier.
"""

import polars as pl

from pixelstat.frames.columns import internal

BEFORE, IDS, IS_ORDER = internal("cart before"), internal("ids of products"), internal("is order")


def resolve_cart_updates(events: pl.LazyFrame, orders: pl.LazyFrame) -> pl.LazyFrame:
    """Replace each whole cart among these EVENTS by what was added and what was removed: a row for each product.

    `events` has each hit once. `orders` has `visitor` and `time` of each order.
    """
    is_cart = pl.col("is_whole_cart").fill_null(value=False)
    carts = events.filter(is_cart).with_columns(pl.col("products").fill_null([]))
    ends = orders.select("visitor", "time", pl.lit(value=True).alias(IS_ORDER))
    ids = _list_ids("products")
    steps = (
        pl.concat([carts, ends], how="diagonal")
        .sort("visitor", "time", pl.col(IS_ORDER).fill_null(value=False), ids.list.len(), ids.list.join("&"))
        .with_columns(
            pl.when(pl.col("visitor").is_not_null()).then(pl.col("products").shift().over("visitor")).alias(BEFORE)
        )
        .filter(pl.col(IS_ORDER).is_null())
    )
    added = _keep_other_products(steps, "products", BEFORE).with_columns(event=pl.lit("add_to_cart"))
    removed = _keep_other_products(steps, BEFORE, "products").with_columns(event=pl.lit("remove_from_cart"))
    columns = events.collect_schema().names()
    return pl.concat([events.filter(~is_cart), added.select(columns), removed.select(columns)])


def _keep_other_products(steps: pl.LazyFrame, of: str, others: str) -> pl.LazyFrame:
    """Return a row for each product of the list `of` that the list `others` does not hold, with it in `products`."""
    product = pl.col(of).struct
    is_other = ~pl.coalesce(product.field("id"), product.field("name")).is_in(pl.col(IDS)).fill_null(value=False)
    rows = steps.with_columns(_list_ids(others).alias(IDS)).explode(of).filter(pl.col(of).is_not_null(), is_other)
    return rows.with_columns(products=pl.concat_list(of))


def _list_ids(products: str) -> pl.Expr:
    """Return the ids of a list of products, or their names where they have none."""
    product = pl.element().struct
    return pl.col(products).list.eval(pl.coalesce(product.field("id"), product.field("name")))
