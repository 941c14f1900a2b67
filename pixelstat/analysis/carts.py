"""Build carts from what visitors put in, take out and buy.

A cart begins when its owner puts something in. It ends with an order, or with the first act more than a window after
its beginning.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import polars as pl

from pixelstat.frames.columns import internal
from pixelstat.vocabulary import is_purchase

# What an event does to a cart. Events of one second are taken in this order.
TAKE_OUT, PUT_IN, BUY = 0, 1, 2
ACT, CART, BEGUN = internal("act"), internal("cart"), internal("begun")


def build_carts(
    cart_events: pl.LazyFrame,
    sales: pl.LazyFrame,
    product_columns: Sequence[str],
    event_columns: Sequence[str],
    window: timedelta,
) -> pl.LazyFrame:
    """Return a row for each cart: BEGUN, `is_bought`, and `is_filled` at the end, for each visitor.

    `cart_events` has a row for each product that an event puts in or takes out, `sales` a line of each order. With
    `product_columns` each of their values has carts of its own. `event_columns` have the values of the cart's first
    event.
    """
    owner = ["visitor", *product_columns]
    steps = pl.concat([cart_events, sales], how="diagonal_relaxed")
    steps = steps.filter(pl.col("visitor").is_not_null(), pl.col("product").is_not_null() | (not product_columns))
    is_put_in = pl.col("event") == "add_to_cart"
    act = pl.when(is_purchase()).then(BUY).when(is_put_in).then(PUT_IN).otherwise(TAKE_OUT)
    steps = steps.select("time", "product", *owner, *event_columns, act.alias(ACT))
    steps = steps.sort(*owner, "time", ACT, *event_columns, nulls_last=True)
    begun = pl.struct(pl.struct(owner).rle_id().alias(CART), "time", ACT).map_batches(
        partial(find_cart_starts, window=window), return_dtype=steps.collect_schema()["time"]
    )
    steps = steps.with_columns(begun.alias(BEGUN)).filter(pl.col(BEGUN).is_not_null())
    carts = steps.group_by(*owner, BEGUN, maintain_order=True).agg(
        pl.col(event_columns).first(), is_bought=(pl.col(ACT) == BUY).any()
    )
    last_acts = steps.filter(pl.col(ACT) != BUY).group_by(*owner, BEGUN, "product", maintain_order=True)
    contents = last_acts.agg(pl.col(ACT).last()).group_by(*owner, BEGUN).agg(is_filled=(pl.col(ACT) == PUT_IN).any())
    return carts.join(contents, on=[*owner, BEGUN], nulls_equal=True)


def find_cart_starts(acts: pl.Series, window: timedelta) -> pl.Series:
    """Return for each act the time at which its cart was begun; null for an act outside of any cart.

    `acts` are structs of CART (a number for each owner), time and ACT, in the order of these.
    """
    length = int(window.total_seconds() * 1_000_000)
    fields = acts.struct.unnest()
    starts: list[int | None] = []
    previous, begun = None, None
    for cart, time, act in fields.with_columns(pl.col("time").to_physical()).iter_rows():
        if cart != previous or (begun is not None and time - begun > length):
            previous, begun = cart, None
        if act == PUT_IN and begun is None:
            begun = time
        starts.append(begun)
        if act == BUY:
            begun = None
    return pl.Series(starts, dtype=pl.Int64).cast(fields["time"].dtype)
