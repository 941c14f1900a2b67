"""Show orders over time: how many, their revenue and customers; or how many customers buy again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import polars as pl

from pixelstat.analysis.confidence import wilson_interval
from pixelstat.analysis.order_lines import LINE_EVENT_COLUMNS, fill_values
from pixelstat.analysis.orders import (
    apply_refunds,
    build_orders,
    customer_key,
    exact_mean,
    exact_sum,
    find_order_warnings,
)
from pixelstat.analysis.ranking import top_groups
from pixelstat.analysis.revenue import (
    GROSS,
    SHARE,
    describe_revenue,
    find_revenue_warnings,
    keep_share,
    list_part_columns,
    state_revenue,
)
from pixelstat.analysis.time_series import (
    BUCKET,
    EVERY,
    TIME_OR_RANGE_COLUMN,
    fill_gaps,
    is_partial,
    truncate_local,
)
from pixelstat.frames.columns import internal
from pixelstat.frames.division import count_seconds
from pixelstat.options.shared import (
    attribution_option,
    by_option,
    every_or_all_option,
    horizon_option,
    lookback_option,
    refund_date_option,
    repeat_option,
    revenue_option,
    top_groups_option,
)
from pixelstat.options.values import AttributedOptions
from pixelstat.reports._report import RunContext, describe_attribution, group_column, report
from pixelstat.result import Column, Result
from pixelstat.text.durations import format_duration
from pixelstat.text.money import format_money
from pixelstat.text.plurals import format_count, format_part
from pixelstat.traffic.deduplication import name_site
from pixelstat.traffic.rejection import is_outside
from pixelstat.vocabulary import is_order_event

COLUMNS_WITH_CHANGE = ("orders", "revenue", "new_customers", "returning_customers")
SUMS = ("revenue", "refunded", "net_revenue", "new_revenue", "returning_revenue")  # 0 in a bucket without orders
REPEAT_COLUMNS = (
    "observed_customers", "repeat_customers", "repeat_rate", "repeat_rate_low", "repeat_rate_high", "pending",
    "customers_with_second_order",
    "customers_without_second_order", "median_seconds_to_second_order",
)  # fmt: skip
IS_NEW, IS_WHOLE = internal("is new"), internal("is whole")


@dataclass(frozen=True, kw_only=True)
class OrdersOptions(AttributedOptions):
    """The options of `orders`."""

    every: str = "day"  # or hour, week, month; "all" for one row of the whole range
    revenue: str = GROSS  # or NET, without tax and shipping
    refund_date: str = "order"  # the date of a refund is that of its "order", or its "own"
    repeat: bool = False  # show how many customers buy again, in place of a series
    horizon: timedelta = timedelta(days=90)  # with `repeat`: the time that a customer has to buy again


def _caption(options: OrdersOptions) -> str:
    groups = ", ".join(["currency", *(name for name in options.by if name != "currency")])
    customers = "customers are identified by user id, else by visitor"
    if options.repeat:
        customers = "; ".join(filter(None, [customers, describe_attribution(options)]))
        return f"by {groups} of the first order; horizon {format_duration(options.horizon)}; {customers}"
    customers = "; ".join(filter(None, [customers, describe_attribution(options)]))
    rows = "whole period, by" if options.every == "all" else f"by {options.every},"
    dated = (
        "refunds count on the date of their order"
        if options.refund_date == "order"
        else "refunds count on their own date"
    )
    return f"{rows} {groups}; revenue {describe_revenue(options.revenue)}; {dated}; {customers}"


def present_orders(result: Result, options: OrdersOptions) -> Result:
    """Add the number of orders and the revenue by currency, or the repeat rate, unless groups are left out."""
    frame = result.frame
    if options.by or frame.is_empty():
        return result
    if options.repeat:
        again, observed = result.total("repeat_customers"), result.total("observed_customers")
        return replace(result, headline=f"{format_part(again, observed, 'customers')} order again")
    revenue = frame.group_by("currency").agg(exact_sum(pl.col("revenue"))).sort("currency", nulls_last=True)
    amounts = [f"{format_money(amount, currency)} {currency or ''}".strip() for currency, amount in revenue.rows()]
    orders = format_count(result.total("orders"), "order", "orders")
    return replace(result, headline=f"{orders}, revenue {' + '.join(amounts)}")


@report(
    "Orders",
    columns=[
        TIME_OR_RANGE_COLUMN,
        Column("currency", "text", "currency of the orders; null if the pixel names none"),
        Column("orders", "count", "distinct orders, counted at their first hit", bar=True),
        Column("customers", "count", "distinct customers; with --every, a customer of two rows counts in both"),
        Column("new_customers", "count", "customers whose first order is in the time of this row"),
        Column("returning_customers", "count", "customers with an order before the time of this row"),
        Column("revenue", "money", "value of these orders before refunds"),
        Column("refunded", "money", "refunds of these orders; with --refund-date own, refunds made then", detail=True),
        Column("net_revenue", "money", "revenue minus refunds"),
        Column("average_order_value", "price", "revenue / orders that have a value", minor=True),
        Column("median_order_value", "price", "median value of an order before refunds", detail=True),
        Column(
            "new_orders",
            "count",
            "orders of new customers; unknown customers are neither new nor returning",
            detail=True,
        ),
        Column("returning_orders", "count", "orders of returning customers", detail=True),
        Column("new_revenue", "money", "revenue of new customers before refunds", detail=True),
        Column("returning_revenue", "money", "revenue of returning customers before refunds", detail=True),
        *(
            Column(
                f"{name}_growth",
                "change",
                "change since the row before; null if the logs cover it only in part",
                compared=False,
            )
            for name in COLUMNS_WITH_CHANGE
        ),
        Column("observed_customers", "count", "with --repeat: customers whose --horizon is over when the logs end"),
        Column("repeat_customers", "count", "observed customers who ordered again within --horizon"),
        Column("repeat_rate", "share", "repeat_customers / observed_customers"),
        Column("repeat_rate_low", "share", "lower end of its 95% interval (Wilson)", detail=True),
        Column("repeat_rate_high", "share", "upper end of its 95% interval", detail=True),
        Column("pending", "count", "customers whose --horizon is not over when the logs end"),
        Column("customers_with_second_order", "count", "all customers with a second order, however late", detail=True),
        Column("customers_without_second_order", "count", "customers with one order when the logs end", detail=True),
        Column(
            "median_seconds_to_second_order",
            "seconds",
            "median time from the first to the second order",
            label="median time to second order",
        ),
    ],
    options=[
        every_or_all_option,
        by_option,
        attribution_option,
        lookback_option,
        top_groups_option,
        revenue_option,
        refund_date_option,
        repeat_option,
        horizon_option,
    ],
    options_type=OrdersOptions,
    caption=_caption,
    present=present_orders,
    needs_all_orders=True,
)
def orders(events: pl.LazyFrame, options: OrdersOptions, run: RunContext) -> pl.LazyFrame:
    """Show orders and revenue over time, with new and returning customers, or how many customers order again.

    An order counts once by its id, at the time of its first hit. Orders without an id are one order if the same visitor
    spends the same value within a minute. A refund names its order, and a value if it refunds only a part. A customer
    is a user, else a visitor. A customer is new with the first order in the logs, also before --since.

    --repeat shows how many customers order again within --horizon of their first order, with a row for each currency.
    Customers whose horizon was not over when the logs ended are pending; the rate leaves them out.

    \b
    pixelstat orders access.log* --every week
    pixelstat orders access.log* --repeat --horizon 30d --by channel
    """
    groups = {group_column(name): name for name in options.by if name != "currency"}
    columns = {group: pl.col(run.column_of(name)) for group, name in groups.items()}
    site = name_site(pl.col("host"), run.own_hosts)
    revenue = GROSS if options.repeat else options.revenue
    rows = events.filter(is_order_event())
    rows = rows.select(*LINE_EVENT_COLUMNS, *list_part_columns(revenue), site=site, **columns)

    def analyze(rows: pl.LazyFrame) -> pl.LazyFrame:
        if options.repeat:
            return count_repeat_customers(rows, [*groups], options, end=run.log_end())
        series = build_series(rows, [*groups], options, run)
        return add_changes(series, [*groups], options.every, run)

    schema = analyze(rows).collect_schema()
    analyze_rows = partial(analyze_batch, analyze=analyze, warn=run.warn, revenue=revenue)
    return rows.map_batches(analyze_rows, schema=schema).rename(groups)


def analyze_batch(
    batch: pl.DataFrame,
    *,
    analyze: Callable[[pl.LazyFrame], pl.LazyFrame],
    warn: Callable[[str], object],
    revenue: str = GROSS,
) -> pl.DataFrame:
    """Fill in missing values of all purchases and refunds, warn of doubtful ones, and return their analysis."""
    rows = fill_values(batch).lazy()
    in_doubt = find_revenue_warnings(build_orders(rows, list_part_columns(revenue)), revenue)
    for sentence in (*find_order_warnings(rows), *in_doubt):
        warn(sentence)
    return analyze(rows).collect()


def build_series(rows: pl.LazyFrame, groups: Sequence[str], options: OrdersOptions, run: RunContext) -> pl.LazyFrame:
    """Count orders and customers, and sum money, in a series for each currency and group.

    `rows` are purchases and refunds with their values filled in, also those that the filters of the report rejected. A
    customer is new in the bucket of their first order, unless it lies before the period.
    """
    by, time_zone = ["currency", *groups], run.time_zone
    is_in_report = pl.col("rejected").is_null()
    all_orders = build_orders(rows, ["hit", *list_part_columns(options.revenue), *groups])
    all_orders = state_revenue(all_orders, options.revenue).with_columns(customer_key().alias("customer"))
    all_orders = all_orders.with_columns(first=pl.col("time").min().over("customer"), is_order=pl.lit(value=True))
    entries = all_orders.filter(is_in_report)
    if options.refund_date == "own":
        # An order that only the period rejected has refunds within it.
        orders = all_orders.filter(is_in_report | (pl.col("rejected") == "other_period")).select("hit", SHARE, *by)
        refunds = apply_refunds(rows).filter(~is_outside(run.since, run.until))
        refunds = refunds.join(orders, left_on="order", right_on="hit")
        refunds = refunds.select("time", *by, refunded=keep_share(pl.col("refunded")), is_order=pl.lit(value=False))
        entries = pl.concat([entries.with_columns(refunded=0.0), refunds], how="diagonal")
    if options.every == "all":  # a series of one bucket, the day of the first order
        every = "day"
        bucket = first_bucket = truncate_local(pl.col("time").min(), every, time_zone)
    else:
        every = options.every
        bucket, first_bucket = (truncate_local(pl.col(name), every, time_zone) for name in ("time", "first"))
    is_first = (
        first_bucket == bucket if run.since is None else (first_bucket == bucket) & (pl.col("first") >= run.since)
    )
    is_new = pl.col(IS_NEW) & pl.col("customer").is_not_null()
    is_returning = ~pl.col(IS_NEW) & pl.col("customer").is_not_null()
    counts = (
        entries.with_columns(bucket.alias(BUCKET), is_first.alias(IS_NEW))
        .group_by(BUCKET, *by)
        .agg(
            orders=pl.col("is_order").sum(),
            customers=pl.col("customer").drop_nulls().n_unique(),
            new_customers=pl.col("customer").filter(is_new).n_unique(),
            returning_customers=pl.col("customer").filter(is_returning).n_unique(),
            revenue=exact_sum(pl.col("value")),
            refunded=exact_sum(pl.col("refunded")),
            net_revenue=exact_sum(pl.col("value")) - exact_sum(pl.col("refunded")),
            average_order_value=exact_mean(pl.col("value")),
            median_order_value=pl.col("value").median(),
            new_orders=is_new.sum(),
            returning_orders=is_returning.sum(),
            new_revenue=exact_sum(pl.col("value").filter(is_new)),
            returning_revenue=exact_sum(pl.col("value").filter(is_returning)),
        )
    )
    # Only the groups are ranked: each of them keeps all its currencies.
    shown = top_groups(counts, groups, "orders", options.top, over=True) if groups else counts
    return fill_gaps(shown, every, time_zone, by).with_columns(pl.col(SUMS).fill_null(0.0))


def add_changes(series: pl.LazyFrame, groups: Sequence[str], every: str, run: RunContext) -> pl.LazyFrame:
    """Add `..._growth` for each of COLUMNS_WITH_CHANGE: the change since the row before.

    It is a share of the figure in the row before. It is null where that figure is 0, and where the logs
    within the period cover only a part of one of the two buckets.
    """
    is_whole, (start, end) = pl.lit(value=True), run.covered_period()
    if start and end and every in EVERY:
        is_whole = ~is_partial(start, end, every, run.time_zone)
    are_both_whole = pl.col(IS_WHOLE) & pl.col(IS_WHOLE).shift().over("currency", *groups)
    now = pl.col(COLUMNS_WITH_CHANGE).cast(pl.Float64)
    before = now.shift().over("currency", *groups)
    changes = pl.when(are_both_whole & (before != 0)).then((now - before) / before).name.suffix("_growth")
    return series.with_columns(is_whole.alias(IS_WHOLE)).with_columns(changes).drop(IS_WHOLE)


def count_repeat_customers(
    rows: pl.LazyFrame, groups: Sequence[str], options: OrdersOptions, *, end: datetime | None
) -> pl.LazyFrame:
    """Count who orders again, with a row for each currency and group of a customer's first order.

    `rows` are purchases and refunds with their values filled in, also those that the filters of the report rejected. A
    customer belongs to the report if the first order does. `end` is that of the logs; without one no customer is
    observed.
    """
    by = ["currency", *groups]
    entries = build_orders(rows, groups).select("time", "rejected", *by, customer=customer_key())
    customers = (
        entries.filter(pl.col("customer").is_not_null())
        .group_by("customer", maintain_order=True)
        .agg(
            pl.col("rejected", *by).first(),
            first=pl.col("time").first(),
            second=pl.col("time").get(1, null_on_oob=True),
        )
        .filter(pl.col("rejected").is_null())
    )
    is_observed = (pl.col("first") + options.horizon <= end) if end else pl.lit(value=False)
    wait = pl.col("second") - pl.col("first")
    counts = customers.group_by(by).agg(
        customers=pl.len(),
        observed_customers=is_observed.sum(),
        repeat_customers=(is_observed & (wait <= options.horizon)).sum(),
        pending=(~is_observed).sum(),
        customers_with_second_order=pl.col("second").count(),
        customers_without_second_order=pl.col("second").null_count(),
        median_seconds_to_second_order=count_seconds(wait).median(),
    )
    low, high = wilson_interval(pl.col("repeat_customers"), pl.col("observed_customers"))
    rate = pl.when(pl.col("observed_customers") > 0).then(pl.col("repeat_customers") / pl.col("observed_customers"))
    rates = counts.with_columns(repeat_rate=rate, repeat_rate_low=low, repeat_rate_high=high)
    shown = rates.select(*by, "customers", *(column.name for column in orders.columns if column.name in REPEAT_COLUMNS))
    return top_groups(shown, by, "customers", options.top if groups else 0)
