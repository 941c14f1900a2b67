"""State the revenue of orders with or without tax and shipping.

The value of an order is what its pixel sends. Most vendors define it with tax and shipping, and some without: then
`excludes_tax` is true. Without tax and shipping, an order keeps a share of its value, and its refunds keep the same.
"""

import polars as pl

from pixelstat.text.plurals import format_count

GROSS, NET = "gross", "net-of-tax-and-shipping"
PART_COLUMNS = ("tax", "shipping", "excludes_tax")  # columns of EVENTS that `NET` needs of orders
SHARE = "share of value"  # a column: what an order keeps of its value, 1 where nothing is subtracted
DIGITS = 9  # decimals of an amount; sums are exact to so many
UNSTATED = (
    "order states neither tax nor shipping and counts with its whole value",
    "orders state neither tax nor shipping and count with their whole value",
)


def list_part_columns(revenue: str) -> tuple[str, ...]:
    """Return the columns that orders need for this statement of revenue, GROSS or NET."""
    return PART_COLUMNS if revenue == NET else ()


def describe_revenue(revenue: str) -> str:
    """Return the words of a caption for this statement of revenue, GROSS or NET."""
    return "net of tax and shipping" if revenue == NET else GROSS


def state_revenue(orders: pl.LazyFrame, revenue: str) -> pl.LazyFrame:
    """Add SHARE to ORDERS. For NET replace `value`, `refunded` and `net` by those without tax and shipping.

    For NET, the orders need PART_COLUMNS. A part that is null is taken as 0.
    """
    if revenue != NET:
        return orders.with_columns(pl.lit(1.0).alias(SHARE))
    value, refunded = pl.col("value"), pl.col("refunded")
    parts = pl.col("tax").fill_null(0.0) + pl.col("shipping").fill_null(0.0)
    without_parts = pl.when(_excludes_tax()).then(value).otherwise((value - parts).round(DIGITS))
    share = pl.when(value != 0).then(without_parts / value).otherwise(1.0)
    return (
        orders.with_columns(share.alias(SHARE), value=without_parts, was_refunded_whole=refunded == value)
        .with_columns(
            refunded=pl.when(pl.col("was_refunded_whole") & (refunded != 0))
            .then("value")
            .otherwise(keep_share(refunded))
        )
        .drop("was_refunded_whole")
        .with_columns(net=value - refunded)
    )


def keep_share(amount: pl.Expr) -> pl.Expr:
    """Return what is kept of an amount, such as a refund, whose row has the SHARE of its order."""
    return (amount * pl.col(SHARE)).round(DIGITS)


def find_revenue_warnings(orders: pl.LazyFrame, revenue: str) -> list[str]:
    """Return sentences on orders of the report that do not state what NET subtracts. They need PART_COLUMNS."""
    if revenue != NET:
        return []
    is_unstated = ~_excludes_tax() & pl.col("tax").is_null() & pl.col("shipping").is_null()
    unstated = orders.filter(pl.col("rejected").is_null(), pl.col("value").is_not_null(), is_unstated)
    number = unstated.select(pl.len()).collect().item()
    return [f"{format_count(number, *UNSTATED)}."] if number else []


def _excludes_tax() -> pl.Expr:
    return pl.col("excludes_tax").fill_null(value=False)
