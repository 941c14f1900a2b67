"""orders: how many, what they bring and who places them, over time; or how many customers buy again."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import polars as pl

from pixelstat.analysis.confidence import wilson_interval
from pixelstat.analysis.order_lines import LINE_EVENT_COLUMNS, fill_values, is_order_event
from pixelstat.analysis.orders import applied_refunds, build_orders, customer_key, exact_mean, exact_sum, order_warnings
from pixelstat.analysis.ranking import top_groups
from pixelstat.analysis.time_series import BUCKET, EVERY, fill_gaps, is_partial, truncate_local
from pixelstat.options.shared import (
    by_option,
    every_or_all_option,
    horizon_option,
    refund_date_option,
    repeat_option,
    top_groups_option,
)
from pixelstat.reports._report import report
from pixelstat.result import Column
from pixelstat.text.durations import format_duration

CHANGES = ("orders", "revenue", "new_customers", "returning_customers")  # of which the series tells the change
SUMS = ("revenue", "refunded", "net_revenue", "new_revenue", "returning_revenue")  # 0 where there is nothing to add


def _caption(
    every: str, by: Sequence[str], refund_date: str, horizon: timedelta, *, repeat: bool, **_: object
) -> str:  # fmt: skip
    groups = ", ".join(["currency", *(name for name in by if name != "currency")])
    customers = "a customer is the user, else the visitor"
    if repeat:
        return f"by {groups} of the first order; {format_duration(horizon)} to buy again; {customers}"
    rows = "the whole range, by" if every == "all" else f"by {every},"
    dated = "refunds on the day of their order" if refund_date == "order" else "refunds on their own day"
    return f"{rows} {groups}; {dated}; {customers}, new with the first order that counts here"


@report(
    "Orders",
    columns=[
        Column("time", "time", "where the day begins, or the hour, week, month or whole range of --every"),
        Column("currency", "text", "empty where the pixel names none; with --repeat that of the first order"),
        Column("orders", "count", "each once, at its first hit", bar=True),
        Column("customers", "count", "who placed them; the rows overlap, so they do not add up, but with --repeat"),
        Column("new_customers", "count", "of these, those whose first order lies there"),
        Column("returning_customers", "count", "the others"),
        Column("revenue", "money", "what these orders come to, before refunds"),
        Column("refunded", "money", "of these orders; with --refund-date own, of any, at that time", detail=True),
        Column("net_revenue", "money", "revenue without what is refunded"),
        Column("average_value", "number", "of an order, before refunds, of those that have a value"),
        Column("median_value", "number", "the same", detail=True),
        Column(
            "new_orders",
            "count",
            "of the new customers; whoever is not known is neither new nor returning",
            detail=True,
        ),
        Column("returning_orders", "count", "of the returning customers", detail=True),
        Column("new_revenue", "money", "of the new customers, before refunds", detail=True),
        Column("returning_revenue", "money", "of the returning customers, before refunds", detail=True),
        *(
            Column(f"{name}_change", "share", "since the row before; empty where the logs hold only a part of one")
            for name in CHANGES
        ),
        Column("observed", "count", "customers whose --horizon was over when the logs end"),
        Column("repeat_customers", "count", "of these, those who ordered again within it"),
        Column("repeat_rate", "share", "repeat_customers of those observed"),
        Column("repeat_rate_low", "share", "the lower end of its 95% interval (Wilson)", detail=True),
        Column("repeat_rate_high", "share", "the upper end", detail=True),
        Column("pending", "count", "customers whose --horizon is not over"),
        Column("second_orders", "count", "customers with a second order, however late, pending ones too", detail=True),
        Column("censored", "count", "customers who had none when the logs end, and still may", detail=True),
        Column("median_seconds_to_second", "seconds", "from the first order to the second, of those who have one"),
    ],
    options=[every_or_all_option, by_option, top_groups_option, refund_date_option, repeat_option, horizon_option],
    caption=_caption,
)
def orders(
    events: pl.LazyFrame,
    *,
    every: str,
    by: Sequence[str],
    top: int,
    tz: str,
    refund_date: str,
    repeat: bool,
    horizon: timedelta,
    warn: Callable[[str], object],
    log_start: Callable[[], datetime | None],
    log_end: Callable[[], datetime | None],
) -> pl.LazyFrame:
    """Orders and revenue over time by currency, with new and returning customers; or how many buy again.

    An order counts once, by its id and at its first hit; without an id, what one visitor buys for the same value
    within a minute is one. A refund event names the order, and the value if not all is given back. Who orders is the
    user, else the visitor; both are new with their first order that counts here: what lies before --since does not.

    --repeat has one row a currency: of the customers whose first order was at least --horizon before the end of the
    logs, those who ordered again within it. For the others the answer is pending.

    \b
    pixelstat orders access.log* --every week
    pixelstat orders access.log* --repeat --horizon 30d --by channel
    """
    own = [name for name in by if name != "currency"]
    groups = [f"by {name}" for name in own]  # with a space, as no column of one's own has
    columns = {group: pl.col(name) for group, name in zip(groups, own, strict=True)}
    rows = events.filter(is_order_event()).select(*LINE_EVENT_COLUMNS, **columns)

    def found(rows: pl.LazyFrame) -> pl.LazyFrame:
        if repeat:
            return repeated(rows, groups, top=top, horizon=horizon, end=log_end())
        told = over(rows, groups, top=top, every=every, tz=tz, refund_date=refund_date)
        return changed(told, groups, every=every, start=log_start(), end=log_end())

    def batch(held: pl.DataFrame) -> pl.DataFrame:
        held = fill_values(held)
        for sentence in order_warnings(held.lazy()):
            warn(sentence)
        return found(held.lazy()).collect()

    return rows.map_batches(batch, schema=found(rows).collect_schema()).rename(dict(zip(groups, own, strict=True)))


def over(rows: pl.LazyFrame, groups: Sequence[str], *, top: int, every: str, tz: str, refund_date: str) -> pl.LazyFrame:
    """Purchases and refunds -> a series of the orders for each currency and group."""
    column = pl.col
    by = ["currency", *groups]
    bought = build_orders(rows, ["hit", *groups]).with_columns(customer_key().alias("customer"))
    bought = bought.with_columns(first=column("time").min().over("customer"), is_order=pl.lit(value=True))
    if refund_date == "own":
        back = applied_refunds(rows).join(bought.select("hit", *by), left_on="order", right_on="hit")
        back = back.select("time", "refunded", *by, is_order=pl.lit(value=False))
        bought = pl.concat([bought.with_columns(refunded=0.0), back], how="diagonal")
    if every == "all":
        every, begins = "day", truncate_local(column("time").min(), "day", tz)
        began = begins
    else:
        begins, began = truncate_local(column("time"), every, tz), truncate_local(column("first"), every, tz)
    is_new = column("is new") & column("customer").is_not_null()
    is_back = ~column("is new") & column("customer").is_not_null()
    customer = column("customer").drop_nulls()
    found = (
        bought.with_columns(begins.alias(BUCKET), (began == begins).alias("is new"))
        .group_by(BUCKET, *by)
        .agg(
            orders=column("is_order").sum(),
            customers=customer.n_unique(),
            new_customers=column("customer").filter(is_new).n_unique(),
            returning_customers=column("customer").filter(is_back).n_unique(),
            revenue=exact_sum(column("value")),
            refunded=exact_sum(column("refunded")),
            net_revenue=exact_sum(column("value")) - exact_sum(column("refunded")),
            average_value=exact_mean(column("value")),
            median_value=column("value").median(),
            new_orders=is_new.sum(),
            returning_orders=is_back.sum(),
            new_revenue=exact_sum(column("value").filter(is_new)),
            returning_revenue=exact_sum(column("value").filter(is_back)),
        )
    )
    kept = top_groups(found, groups, "orders", top, over=True) if groups else found
    series = fill_gaps(kept, every, tz, by)
    return series.with_columns(column(SUMS).fill_null(0.0))


def changed(
    series: pl.LazyFrame, groups: Sequence[str], *, every: str, start: datetime | None, end: datetime | None
) -> pl.LazyFrame:
    """The series with the change of each of CHANGES since the row before.

    It is a share of that row's figure, null where that is 0, and where the logs cover only a part of one of the two.
    """
    column = pl.col
    is_whole = pl.lit(value=True)
    if start and end and every in EVERY:
        is_whole = ~is_partial(start, end + timedelta(seconds=1), every)
    are_whole = column("whole row") & column("whole row").shift().over("currency", *groups)
    now = column(CHANGES).cast(pl.Float64)
    before = now.shift().over("currency", *groups)
    changes = pl.when(are_whole & (before != 0)).then((now - before) / before).name.suffix("_change")
    return series.with_columns(is_whole.alias("whole row")).with_columns(changes).drop("whole row")


def repeated(
    rows: pl.LazyFrame, groups: Sequence[str], *, top: int, horizon: timedelta, end: datetime | None
) -> pl.LazyFrame:
    """Purchases and refunds -> one row for each currency and group of a customer's first order: who orders again."""
    column = pl.col
    by = ["currency", *groups]
    bought = build_orders(rows, groups).select("time", *by, customer=customer_key())
    of_customers = (
        bought.filter(column("customer").is_not_null())
        .group_by("customer", maintain_order=True)
        .agg(column(by).first(), first=column("time").first(), second=column("time").get(1, null_on_oob=True))
    )
    is_over = (column("first") + horizon <= end) if end else pl.lit(value=False)
    wait = column("second") - column("first")
    found = of_customers.group_by(by).agg(
        customers=pl.len(),
        observed=is_over.sum(),
        repeat_customers=(is_over & (wait <= horizon)).sum(),
        pending=(~is_over).sum(),
        second_orders=column("second").count(),
        censored=column("second").null_count(),
        median_seconds_to_second=wait.dt.total_microseconds().median() / 1_000_000,
    )
    low, high = wilson_interval(column("repeat_customers"), column("observed"))
    rate = pl.when(column("observed") > 0).then(column("repeat_customers") / column("observed"))
    rated = found.with_columns(repeat_rate=rate, repeat_rate_low=low, repeat_rate_high=high)
    shown = rated.select(*by, "customers", *(told.name for told in orders.columns if told.name in REPEATED))
    return top_groups(shown, by, "customers", top if groups else 0)


REPEATED = (
    "observed", "repeat_customers", "repeat_rate", "repeat_rate_low", "repeat_rate_high", "pending", "second_orders",
    "censored", "median_seconds_to_second",
)  # fmt: skip
