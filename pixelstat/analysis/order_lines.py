"""Split orders into lines, one product a row, and work out what each product brings.

A product is identified by its id, or without an id by its name. A line brings price times quantity, and the quantity is
1 where the event does not state it. Without a price a line brings the order's value if the order has no other line;
otherwise its revenue is unknown. An order without a value has that of its lines, as far as their prices are known.

A refund that names products of its order counts for these: for all that was bought of them, or for the quantity that it
names. Without a value it gives back what they brought. Any other refund counts for all products of the order, in
proportion to what is left of them.

Where EVENTS are taken here, LINE_EVENT_COLUMNS are enough.
"""

import polars as pl

from pixelstat.analysis.orders import (
    HIT_ORDER,
    ORDER_EVENT_COLUMNS,
    apply_refunds,
    deduplicate_orders,
    exact_sum,
    fill_order_values,
    find_named_orders,
    match_refunds_to_orders,
)
from pixelstat.frames.columns import internal
from pixelstat.text.plurals import format_count
from pixelstat.vocabulary import is_purchase, is_refund

LINE_EVENT_COLUMNS = (*ORDER_EVENT_COLUMNS, "product", "products")  # columns of EVENTS
LINE_COLUMNS = ("product", "name", "category", "price", "quantity")  # in place of `products`
LINE_WARNINGS = {  # what the figures of lines do not show, in words for one and for many
    "nameless": ("order without a product is excluded", "orders without a product are excluded"),
    "priceless": (
        "order with several products lacks some prices, so the revenue of those products is excluded",
        "orders with several products lack some prices, so the revenue of those products is excluded",
    ),
    "negative": (
        "order line has a negative price or quantity and counts unchanged",
        "order lines have a negative price or quantity and count unchanged",
    ),
}


def build_order_lines(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return a row for each product that the EVENTS name, and one with a null `product` for events that name none.

    LINE_COLUMNS replace `products`. They are null where the event does not state them.
    """
    products = pl.col("products")
    fields = {name: products.struct.field(name) for name in LINE_COLUMNS[1:]}
    # Some events have no list of products, only the product's id in `product`.
    single_product = pl.when(products.is_null()).then("product")
    product = pl.coalesce(products.struct.field("id"), fields["name"], single_product)
    return (
        rows.explode("products", empty_as_null=True).with_columns(product.alias("product"), **fields).drop("products")
    )


def fill_values(rows: pl.DataFrame) -> pl.DataFrame:
    """Fill in the missing values of purchases and refunds in these EVENTS.

    The value of a purchase is that of its first copy with a value, else what its lines bring. The value of a refund is
    what the products that it names brought in its order, minus what earlier refunds gave back of them. It stays null
    where no price of these is known. What lines bring is taken as without tax and shipping.
    """
    has_no_value = pl.col("value").is_null()
    if rows.filter(has_no_value, is_purchase() | is_refund()).is_empty():
        return rows
    if rows.filter(has_no_value, is_purchase()).height:
        filled = fill_order_values(rows.lazy().filter(is_purchase())).collect()
        rows = pl.concat([rows.filter(~is_purchase()), filled.select(rows.columns)])
    purchases = _keep_first_copies(rows.lazy(), is_purchase()).filter(has_no_value)
    valueless = rows["value"].is_null()
    rows = _fill_missing(rows, _build_sold_lines(purchases, rows.lazy()), "revenue")
    if "excludes_tax" in rows.columns:
        is_of_lines = pl.Series(valueless) & pl.col("value").is_not_null()
        rows = rows.with_columns(excludes_tax=pl.when(is_of_lines).then(True).otherwise("excludes_tax"))
    refunds = _match_refunds_to_products(rows.lazy(), _build_lines_of_refunded_orders(rows.lazy())).filter(has_no_value)
    return _fill_missing(rows, refunds, "refunded_revenue")


def build_lines_with_refunds(rows: pl.DataFrame) -> pl.LazyFrame:
    """Return the lines of the orders in these EVENTS, with `revenue` and `refunded`.

    Beside the columns of the order's first hit they have LINE_COLUMNS. `revenue` and `refunded` are null where they are
    unknown. An order without any product has one line with a null `product`.
    """
    events = fill_values(rows).lazy()
    # Use the refunds as logged, before missing values are filled in: a refund that states a value is spread by value,
    # one that does not is spread by quantity.
    refunds = _match_refunds_to_products(rows.lazy(), _build_lines_of_refunded_orders(events))
    sold = _build_sold_lines(deduplicate_orders(events.filter(is_purchase())), events)
    return _add_refunds(sold, events, refunds)


def find_line_warnings(lines: pl.LazyFrame) -> list[str]:
    """Return sentences on what the figures of these lines of orders do not show."""
    has_product = pl.col("product").is_not_null()
    is_priceless = has_product & pl.col("revenue").is_null() & (pl.len().over("hit") > 1)
    is_negative = (pl.col("price") < 0) | (pl.col("quantity") < 0)
    counts = lines.select(
        nameless=(~has_product).sum(),
        priceless=pl.col("hit").filter(is_priceless).n_unique(),
        negative=is_negative.sum(),
    )
    count = counts.collect().row(0, named=True)
    return [f"{format_count(count[name], *words)}." for name, words in LINE_WARNINGS.items() if count[name]]


def _keep_first_copies(rows: pl.LazyFrame, condition: pl.Expr) -> pl.LazyFrame:
    """Return the first copy of each hit, of the rows where `condition` is true."""
    return rows.filter(condition).sort(*HIT_ORDER).filter(pl.col("hit").is_first_distinct())


def _build_sold_lines(purchases: pl.LazyFrame, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return the lines of these purchases, each hit once, with `revenue`.

    Products may also come as `item` events among the EVENTS (`rows`).
    """
    lines = build_order_lines(purchases)
    has_product = pl.col("product").is_not_null()
    # Some pixels send the products of an order in requests of their own.
    items = rows.filter(pl.col("event") == "item", pl.col("order_id").is_not_null())
    items = build_order_lines(items.filter(pl.col("hit").is_first_distinct())).filter(has_product)
    of_order = ["site", "order_id"]
    sold = purchases.drop("product", "products").filter(pl.col("order_id").is_not_null())
    item_lines = sold.join(items.select(*of_order, *LINE_COLUMNS), on=of_order, nulls_equal=True)
    item_lines = item_lines.join(lines.filter(has_product), on="hit", how="anti")
    other_lines = lines.join(item_lines, on="hit", how="anti", maintain_order="left")
    lines = pl.concat([other_lines, item_lines], how="diagonal")
    quantity = pl.col("quantity").fill_null(1.0)
    amount = pl.col("price") * quantity
    is_only_line = pl.len().over("hit") == 1
    revenue = pl.coalesce(pl.when(amount.is_finite()).then(amount), pl.when(is_only_line).then("value"))
    return lines.with_columns(quantity=quantity, revenue=revenue)


def _build_lines_of_refunded_orders(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return the lines of the orders that refunds name."""
    orders = find_named_orders(rows)
    refunded = match_refunds_to_orders(rows.filter(is_refund()), orders).select(hit="order")
    return _build_sold_lines(orders.join(refunded, on="hit", how="semi", maintain_order="left"), rows)


def _fill_missing(rows: pl.DataFrame, lines: pl.LazyFrame, amount: str) -> pl.DataFrame:
    """Fill null values of rows with the sum of `amount` over the lines of their hit; null where no line has one."""
    total = internal("total")
    sum_of_lines = pl.when(pl.col(amount).count() > 0).then(exact_sum(pl.col(amount)))
    totals = lines.group_by("hit").agg(sum_of_lines.alias(total))
    joined = rows.lazy().join(totals, on="hit", how="left", maintain_order="left")
    return joined.with_columns(value=pl.coalesce("value", total)).drop(total).collect()


def _add_refunds(lines: pl.LazyFrame, rows: pl.LazyFrame, refunds: pl.LazyFrame) -> pl.LazyFrame:
    """Add `refunded` to each line: what was refunded of its product by name, and its share of other refunds.

    Takes the lines of orders, EVENTS, and the products that refunds name, by `_match_refunds_to_products`.
    """
    by_name, by_rest = internal("refunded by name"), internal("refunded of the rest")  # shares, from 0 to 1
    requested = refunds.group_by("hit").agg(requested=exact_sum(pl.col("refunded_revenue")))
    applied = apply_refunds(rows, ["hit"]).join(requested, on="hit", how="left")
    granted = (pl.col("refunded") / pl.col("requested")).clip(0.0, 1.0).fill_nan(1.0)
    share_by_name = (pl.col("part") * pl.col("granted")).sum().clip(0.0, 1.0)
    by_product = (
        refunds.join(applied.select("hit", granted=granted), on="hit")
        .group_by("order", "product")
        .agg(share_by_name.alias(by_name))
    )
    names_no_product = pl.col("requested").is_null()
    share_of_rest = (pl.col("unnamed") / (pl.col("value") - pl.col("named"))).clip(0.0, 1.0)
    by_order = (
        applied.group_by("order")
        .agg(
            unnamed=exact_sum(pl.col("refunded").filter(names_no_product)),
            named=exact_sum(pl.col("refunded").filter(~names_no_product)),
        )
        .join(lines.unique("hit").select("value", order="hit"), on="order")
        .select("order", pl.when(pl.col("unnamed") > 0).then(share_of_rest).alias(by_rest))
    )
    named, rest = pl.col(by_name).fill_null(0.0), pl.col(by_rest).fill_null(0.0)
    return (
        lines.join(by_product, left_on=["hit", "product"], right_on=["order", "product"], how="left")
        .join(by_order, left_on="hit", right_on="order", how="left")
        .with_columns(refunded=_refundable_amount() * (named + (1.0 - named) * rest))
        .drop(by_name, by_rest)
    )


def _match_refunds_to_products(rows: pl.LazyFrame, refunded_lines: pl.LazyFrame) -> pl.LazyFrame:
    """Return a row for each product that a refund in these EVENTS names of its order.

    Columns: hit, order (its hit), value, product, part (the refunded share of the product, from 0 to 1) and
    refunded_revenue (the product's revenue in the order, times that part).

    A refund without a value refunds no more than earlier refunds have left of the product.
    """
    order, order_currency, refunded = internal("order"), internal("order currency"), internal("refunded so far")
    revenue = pl.when(pl.col("revenue").count() > 0).then(exact_sum(_refundable_amount()))
    sold = refunded_lines.group_by(pl.col("hit").alias(order), "product").agg(
        pl.col("currency").first().alias(order_currency),
        whole=revenue,
        all=exact_sum(pl.col("quantity")),
    )
    is_other = pl.col("currency").is_not_null() & pl.col("currency").ne_missing(pl.col(order_currency))
    refunds = match_refunds_to_orders(_keep_first_copies(rows, is_refund()), find_named_orders(rows))
    refunds = build_order_lines(refunds.rename({"order": order}))
    refunds = refunds.join(sold, on=[order, "product"], maintain_order="left").filter(~is_other)
    part = (pl.col("quantity").abs() / pl.col("all")).clip(0.0, 1.0).fill_nan(1.0).fill_null(1.0)
    requested = (pl.col("whole") * pl.col("part")).sum().over("hit")
    granted = (pl.col("value").abs() / requested).clip(0.0, 1.0).fill_nan(1.0).fill_null(1.0)
    refunded_so_far = (pl.col("part") * granted).cum_sum().over(order, "product").clip(upper_bound=1.0)
    refunded_before = pl.col(refunded).shift(1, fill_value=0.0).over(order, "product")
    remaining = pl.col(refunded) - refunded_before
    return (
        refunds.with_columns(part=part)
        .with_columns(refunded_so_far.alias(refunded))
        .with_columns(part=pl.when(pl.col("value").is_null()).then(remaining).otherwise("part"))
        .select("hit", "product", "value", "part", order=order, refunded_revenue=pl.col("whole") * pl.col("part"))
    )


def _refundable_amount() -> pl.Expr:
    """Return how much of a line can be given back: its revenue, or 0 where that is negative."""
    return pl.col("revenue").clip(lower_bound=0.0)
