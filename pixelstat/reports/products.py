"""Show which products are viewed, put into carts and bought, who views and does not buy, and which carts are abandoned.

Views and carts are the events product_view, add_to_cart and remove_from_cart, each hit once. Of an event that holds the
whole cart, the difference to the cart before counts. Purchases are the lines of orders. Shares are of people: of the
distinct visitors who did the first, those who also did the second, in any order, so that no share is above 1. For
events of the same second, what is added counts as later than what is removed, and what is bought as later than both.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import polars as pl

from pixelstat.analysis.cart_updates import resolve_cart_updates
from pixelstat.analysis.carts import BEGUN, build_carts
from pixelstat.analysis.confidence import wilson_interval
from pixelstat.analysis.order_lines import (
    LINE_EVENT_COLUMNS,
    build_lines_with_refunds,
    build_order_lines,
    fill_values,
    find_line_warnings,
)
from pixelstat.analysis.orders import exact_sum, find_order_warnings
from pixelstat.analysis.ranking import top_groups
from pixelstat.errors import PixelstatError
from pixelstat.frames.columns import internal
from pixelstat.options.shared import (
    abandoned_option,
    attribution_option,
    by_product_option,
    decision_option,
    lookback_option,
    top_option,
    viewed_option,
)
from pixelstat.options.values import AttributedOptions
from pixelstat.reports._report import RunContext, describe_attribution, group_column, report
from pixelstat.result import Column, Result
from pixelstat.text.durations import format_duration
from pixelstat.text.plurals import format_count, format_part
from pixelstat.traffic.deduplication import drop_later_copies, name_site
from pixelstat.traffic.rejection import is_outside
from pixelstat.vocabulary import is_order_event, is_purchase

VIEW, ADD, REMOVE = "product_view", "add_to_cart", "remove_from_cart"
PRODUCT_COLUMNS = ("product", "category", "name")  # what --by may name of a product
SALES = ("quantity", "revenue", "refunded", "net_revenue")
ACTIONS = ("viewed", "carted", "bought")
PEOPLE = ("viewers", "cart_visitors", "buyers")  # who did these actions
SHARES = {  # of those who did the first, those who also did the second
    "view_to_cart_rate": ("viewed", "carted"),
    "cart_to_purchase_rate": ("carted", "bought"),
    "view_to_purchase_rate": ("viewed", "bought"),
}
RATES = ("abandonment_rate", "abandonment_rate_low", "abandonment_rate_high")
RANK = internal("rank")


@dataclass(frozen=True, kw_only=True)
class ProductsOptions(AttributedOptions):
    """The options of `products`."""

    viewed_not_purchased: bool = False  # list visitors in place of products
    abandoned: bool = False  # count carts in place of products
    window: timedelta = timedelta(days=7)  # with one of these two: the time that a visitor has to buy

    @property
    def by_product(self) -> list[str]:
        """The columns of `by` that are of the product."""
        return [name for name in self.by if name in PRODUCT_COLUMNS]

    @property
    def by_event(self) -> list[str]:
        """The columns of `by` that are of the event."""
        return [name for name in self.by if name not in PRODUCT_COLUMNS]


Analysis = Callable[[pl.LazyFrame, pl.LazyFrame, ProductsOptions, RunContext], pl.LazyFrame]


def _caption(options: ProductsOptions) -> str:
    return "; ".join(filter(None, [_describe_rows(options), describe_attribution(options)]))


def _describe_rows(options: ProductsOptions) -> str:
    by, top, window = options.by, options.top, format_duration(options.window)
    if options.abandoned:
        groups = f"by {', '.join(by)}; " if by else ""
        return f"{groups}window {window} from the first add_to_cart of a cart"
    if options.viewed_not_purchased:
        return f"{f'the {top} latest' if top else 'all'}; pending until {window} after the last view"
    groups = f"by {', '.join(by)}, " if by else ""
    return f"{groups}{f'top {top} by purchases' if top else 'all'}; a visitor can count in several rows"


def present_products(result: Result, options: ProductsOptions) -> Result:
    """Add the share of abandoned carts with --abandoned, unless groups are left out."""
    if not options.abandoned or options.by:
        return result
    abandoned, bought = (result.total(name) for name in ("carts_abandoned", "carts_purchased"))
    return replace(result, headline=f"{format_part(abandoned, abandoned + bought, 'carts')} are abandoned")


def _find_lookahead(options: ProductsOptions) -> timedelta:
    """Return how far beyond the period events decide what becomes of a cart."""
    return options.window if options.abandoned else timedelta(0)


@report(
    "Products",
    columns=[
        Column("visitor", "text", "with --viewed-not-purchased: the visitor, a pseudonym unless --reveal-ids"),
        Column("product", "text", "id of the product, else its name"),
        Column("category", "text", "with --by category: the category that the event names"),
        Column("name", "text", "with --by name: the name that the event names"),
        Column("currency", "text", "currency of the orders; for an unsold product the currency of most orders"),
        Column("views", "count", "product_view events; a product in two currencies repeats them in both rows"),
        Column("adds_to_cart", "count", "add_to_cart events; repeated like views"),
        Column("purchases", "count", "orders in this currency", bar=True),
        Column("quantity", "figure", "units in these orders; 1 if the pixel does not say", detail=True),
        Column("revenue", "money", "price x quantity before refunds; null if no price is known"),
        Column(
            "refunded",
            "money",
            "refunds of these orders: of the product that a refund names, else in proportion",
            detail=True,
        ),
        Column("net_revenue", "money", "revenue minus refunds", detail=True),
        Column("viewers", "count", "distinct visitors who viewed the product", minor=True),
        Column("cart_visitors", "count", "distinct visitors who added it to a cart", minor=True),
        Column("buyers", "count", "distinct visitors who bought it, in any currency", minor=True),
        Column("view_to_cart_rate", "share", "share of the viewers who added it to a cart, before or after"),
        Column("cart_to_purchase_rate", "share", "share of the cart_visitors who bought it"),
        Column("view_to_purchase_rate", "share", "share of the viewers who bought it"),
        Column("last_view", "instant", "with --viewed-not-purchased: the last view, with no order after it"),
        Column(
            "is_pending", "flag", "with --viewed-not-purchased: the logs end less than --window after the last view"
        ),
        Column("carts", "count", "with --abandoned: carts that were started", bar=True),
        Column("carts_purchased", "count", "with --abandoned: carts with an order within --window"),
        Column("carts_abandoned", "count", "with --abandoned: carts without one that held a product at the end"),
        Column("carts_emptied", "count", "with --abandoned: carts without one that were empty at the end"),
        Column(
            "carts_pending", "count", "with --abandoned: carts whose --window was open at the log's end; in no rate"
        ),
        Column("abandonment_rate", "share", "carts_abandoned / (carts_abandoned + carts_purchased)"),
        Column("abandonment_rate_low", "share", "lower end of its 95% interval (Wilson)", detail=True),
        Column("abandonment_rate_high", "share", "upper end of its 95% interval", detail=True),
    ],
    options=[
        by_product_option,
        attribution_option,
        lookback_option,
        top_option,
        viewed_option,
        abandoned_option,
        decision_option,
    ],
    options_type=ProductsOptions,
    lookahead=_find_lookahead,
    needs_all_orders=True,
    caption=_caption,
    present=present_products,
    groups=PRODUCT_COLUMNS,
    not_comparable_with=("viewed_not_purchased",),
)
def products(events: pl.LazyFrame, options: ProductsOptions, run: RunContext) -> pl.LazyFrame:
    """Count views, carts, purchases and revenue of each product; or list abandoned carts and undecided visitors.

    views are product_view events, adds_to_cart are add_to_cart events. An order counts once, at its first hit. A
    product that sells in two currencies has two rows. --by category and --by name use the names in the events. Any
    other column has its value in the event, or in the first hit of an order.

    --viewed-not-purchased lists the visitors who viewed a product and did not order it after their last view.

    --abandoned counts carts. A cart starts with the first add_to_cart of a visitor. It ends with an order, or after
    --window. With --by product, category or name, each value has separate carts.

    \b
    pixelstat products access.log* --by category
    pixelstat products access.log* --abandoned --by product --window 1d
    pixelstat products access.log* --viewed-not-purchased --top 0 -o visitors.csv
    """
    if options.viewed_not_purchased and options.abandoned:
        raise PixelstatError("--abandoned and --viewed-not-purchased cannot be combined.", "Leave one of them out.")
    event_columns = events.collect_schema().names()
    names = [name for name in options.by if name in event_columns and name != "product"]
    groups = {group_column(name): pl.col(run.column_of(name)) for name in names}
    site = name_site(pl.col("host"), run.own_hosts)
    rows = events.filter(_is_product_event() | is_order_event())
    rows = rows.select(*LINE_EVENT_COLUMNS, "is_whole_cart", site=site, **groups)
    analyze = partial(analyze_batch, options=options, run=run)
    return rows.map_batches(analyze, schema=analyze(rows.collect_schema().to_frame()).schema)


def _is_product_event() -> pl.Expr:
    return pl.col("event").is_in([VIEW, ADD, REMOVE])


def analyze_batch(batch: pl.DataFrame, *, options: ProductsOptions, run: RunContext) -> pl.DataFrame:
    """Return the report of all product events and order events, and warn of what it leaves out or doubts.

    The batch has LINE_EVENT_COLUMNS, `is_whole_cart`, and `group_column` of each column of `by` that is one of the
    events.
    """
    product_events = drop_later_copies(batch.filter(_is_product_event(), pl.col("rejected").is_null()))
    product_events = product_events.filter(pl.col("hit").is_first_distinct())
    order_events = batch.filter(is_order_event())
    all_sales = build_lines_with_refunds(order_events).collect().lazy()
    sales = all_sales.filter(pl.col("rejected").is_null())
    cart_events = product_events.lazy()
    if product_events["is_whole_cart"].any():
        cart_events = resolve_cart_updates(cart_events, all_sales)
    acts = build_order_lines(cart_events)
    analyze: Analysis = rank_products
    if options.abandoned:
        analyze = count_carts
    elif options.viewed_not_purchased:
        analyze = list_undecided
    # What happens to a view or a cart is known of all orders, also of those after the period.
    sales_used = sales if analyze is rank_products else all_sales
    rows = analyze(add_groups(acts, options), add_groups(sales_used, options), options, run).collect()
    warnings = [*_warn_of_unnamed(acts), *find_line_warnings(sales)]
    if analyze is rank_products:  # the others show no money
        warnings += [*find_order_warnings(fill_values(order_events).lazy()), *_warn_of_currencies(rows, options.by)]
    for sentence in warnings:
        run.warn(sentence)
    return rows


def add_groups(lines: pl.LazyFrame, options: ProductsOptions) -> pl.LazyFrame:
    """Add `group_column` of each column of `by` that is of the product.

    Where the product has no value, a custom column of the events by the same name may have one.
    """
    present = lines.collect_schema().names()
    sources = {
        group_column(name): [name, *([group_column(name)] if group_column(name) in present else [])]
        for name in options.by_product
    }
    return lines.with_columns(pl.coalesce(names).alias(group) for group, names in sources.items())


def rank_products(acts: pl.LazyFrame, sales: pl.LazyFrame, options: ProductsOptions, _: RunContext) -> pl.LazyFrame:
    """Return a row for each product, or group, and currency: the most bought first, then the most viewed.

    `acts` has a row for each product of each view and cart event, `sales` a line of each order.
    """
    groups = {group_column(name): name for name in options.by} or {"product": "product"}
    by_currency = [] if "currency" in options.by else ["currency"]
    is_named = pl.col("product").is_not_null()
    needed = ["event", "visitor", "hit", *groups]
    actions = pl.concat([rows.filter(is_named).select(needed) for rows in (sales, acts)]).with_columns(
        viewed=pl.col("event") == VIEW, carted=pl.col("event") == ADD, bought=is_purchase()
    )
    counts = (
        actions.filter(pl.any_horizontal(ACTIONS))
        .unique([*groups, "hit"])
        .group_by(*groups)
        .agg(pl.col("bought").sum().alias(RANK), views=pl.col("viewed").sum(), adds_to_cart=pl.col("carted").sum())
    )
    on = [*groups]
    rows = counts.join(_count_people(actions, on), on=on, how="left", nulls_equal=True)
    rows = rows.join(_sum_sales(sales.filter(is_named), on, by_currency), on=on, how="left", nulls_equal=True)
    is_unsold = pl.col("purchases").is_null()
    rows = rows.with_columns(
        pl.col(PEOPLE).fill_null(0),
        *(pl.when(is_unsold).then(_most_used(name)).otherwise(name).alias(name) for name in by_currency),
        *(pl.when(is_unsold).then(0).otherwise(name).alias(name) for name in ("purchases", *SALES)),
    )
    order = dict.fromkeys((RANK, "views"), True) | dict.fromkeys(on, False)
    order |= {"purchases": True} | dict.fromkeys(by_currency, False)
    rows = rows.sort(list(order), descending=list(order.values()), nulls_last=True)
    rows = rows.filter(pl.struct(on).rle_id() < options.top) if options.top else rows
    return rows.select(*_rename(groups), *by_currency, "views", "adds_to_cart", "purchases", *SALES, *PEOPLE, *SHARES)


def _count_people(actions: pl.LazyFrame, groups: Sequence[str]) -> pl.LazyFrame:
    """Count for each group who did what, and the SHARES of those who also did something else."""
    people = (
        actions.filter(pl.col("visitor").is_not_null())
        .group_by(*groups, "visitor")
        .agg(pl.col(ACTIONS).any())
        .group_by(groups)
    )
    counts = {name: pl.col(action).sum() for name, action in zip(PEOPLE, ACTIONS, strict=True)}
    shares = {
        name: pl.when(pl.col(first).any()).then((pl.col(first) & pl.col(second)).sum() / pl.col(first).sum())
        for name, (first, second) in SHARES.items()
    }
    return people.agg(**counts, **shares)


def _sum_sales(sales: pl.LazyFrame, groups: Sequence[str], by_currency: Sequence[str]) -> pl.LazyFrame:
    """Sum the order lines of each group and currency; money is null where no line names an amount."""
    amounts = [pl.when(pl.col(name).count() > 0).then(exact_sum(pl.col(name))) for name in ("revenue", "refunded")]
    sums = sales.group_by(*groups, *by_currency).agg(
        pl.col("hit").n_unique().alias("purchases"), exact_sum(pl.col("quantity")), *amounts
    )
    return sums.with_columns(net_revenue=pl.col("revenue") - pl.col("refunded"))


def _most_used(currency: str) -> pl.Expr:
    """Return the currency of most purchases in all rows."""
    purchases = pl.col("purchases").sum().over(currency)
    return pl.col(currency).sort_by(purchases, currency, descending=[True, False]).first()


def list_undecided(acts: pl.LazyFrame, sales: pl.LazyFrame, options: ProductsOptions, run: RunContext) -> pl.LazyFrame:
    """Return a row for each visitor and product that they viewed and did not buy after that, the latest first.

    For `acts` and `sales` see `rank_products`. Another column of `by` has its last value among the views.
    """
    products = {group_column(name): name for name in options.by_product} or {"product": "product"}
    groups = {"visitor": "visitor", **products}
    others = {group_column(name): name for name in options.by_event if name != "visitor"}
    is_known = pl.col("visitor").is_not_null() & pl.col("product").is_not_null()
    last_views = (
        acts.filter(is_known, pl.col("event") == VIEW)
        .group_by(*groups)
        .agg(
            *(pl.col(name).sort_by("time", name).drop_nulls().last() for name in others),
            pl.col("hit").n_unique().alias("views"),
            last_view=pl.col("time").max(),
        )
    )
    last_orders = sales.filter(is_known).group_by(*groups).agg(last_order=pl.col("time").max())
    rows = last_views.join(last_orders, on=[*groups], how="left", nulls_equal=True).filter(
        (pl.col("last_order") < pl.col("last_view")).fill_null(value=True)
    )
    return top_groups(rows, [*groups], "last_view", options.top).select(
        *_rename({**groups, **others}),
        "views",
        pl.col("last_view").dt.convert_time_zone(run.time_zone),
        is_pending=_is_pending(pl.col("last_view"), options.window, run.log_end()),
    )


def count_carts(acts: pl.LazyFrame, sales: pl.LazyFrame, options: ProductsOptions, run: RunContext) -> pl.LazyFrame:
    """Count for each group how many carts were begun, and what became of them.

    For `acts` and `sales` see `rank_products`.
    """
    by_product, by_event = ([group_column(name) for name in names] for names in (options.by_product, options.by_event))
    carts = build_carts(acts.filter(pl.col("event") != VIEW), sales, by_product, by_event, options.window)
    carts = carts.filter(~is_outside(run.since, run.until, BEGUN))
    # To count buyers at once, and the others only when the window is over, would make the rate too low.
    is_over = ~_is_pending(pl.col(BEGUN), options.window, run.log_end())
    is_bought, is_filled = pl.col("is_bought"), pl.col("is_filled")
    measures = {
        "carts": pl.len(),
        "carts_purchased": (is_over & is_bought).sum(),
        "carts_abandoned": (is_over & ~is_bought & is_filled).sum(),
        "carts_emptied": (is_over & ~is_bought & ~is_filled).sum(),
        "carts_pending": (~is_over).sum(),
    }
    groups = {group_column(name): name for name in options.by}
    counts = carts.group_by(*groups).agg(**measures) if groups else carts.select(**measures)
    decided = pl.col("carts_purchased") + pl.col("carts_abandoned")
    low, high = wilson_interval(pl.col("carts_abandoned"), decided)
    rate = pl.when(decided > 0).then(pl.col("carts_abandoned") / decided)
    rates = counts.with_columns(abandonment_rate=rate, abandonment_rate_low=low, abandonment_rate_high=high)
    rows = top_groups(rates, [*groups], "carts", options.top) if groups else rates
    return rows.select(*_rename(groups), *measures, *RATES)


def _is_pending(since: pl.Expr, window: timedelta, log_end: datetime | None) -> pl.Expr:
    """Return whether the logs end before the window is over."""
    return (since + window > log_end) if log_end else pl.lit(value=False)


def _rename(groups: dict[str, str]) -> Iterable[pl.Expr]:
    """Return the columns that group the rows, under the names that people gave."""
    return (pl.col(group).alias(name) for group, name in groups.items())


def _warn_of_unnamed(acts: pl.LazyFrame) -> Iterable[str]:
    number = acts.filter(pl.col("product").is_null()).select(pl.col("hit").n_unique()).collect().item()
    if number:
        words = ("view or cart event without a product is", "view or cart events without a product are")
        yield f"{format_count(number, *words)} excluded."


def _warn_of_currencies(rows: pl.DataFrame, by: Sequence[str]) -> Iterable[str]:
    number = rows.group_by(by or ["product"]).len().filter(pl.col("len") > 1).height
    if number:
        words = ("group is", "groups are") if by else ("product is", "products are")
        groups = format_count(number, *words)
        yield f"{groups} sold in several currencies: each currency has a row, with the same views and visitors."
