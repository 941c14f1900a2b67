"""products: what is viewed, put into carts and bought, who views and does not buy, and which carts are abandoned.

What is seen of products are the events product_view, add_to_cart and remove_from_cart, each hit once; what is bought
are the lines of orders. Shares are of people: of the distinct visitors who did the one, those who did the other too, in
whatever order, so that none is above 1. Events of one second count as if what is added came after what is removed, and
what is bought after both.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from pixelstat.analysis.confidence import wilson_interval
from pixelstat.analysis.order_lines import (
    LINE_EVENT_COLUMNS,
    build_order_lines,
    fill_values,
    is_order_event,
    line_warnings,
    split_refunds,
)
from pixelstat.analysis.orders import exact_sum, is_purchase, order_warnings
from pixelstat.analysis.ranking import top_groups
from pixelstat.errors import PixelstatError
from pixelstat.options.shared import abandoned_option, by_option, decision_option, top_option, viewed_option
from pixelstat.reports._report import report
from pixelstat.result import Column
from pixelstat.text.durations import format_duration
from pixelstat.text.plurals import format_count
from pixelstat.traffic.deduplication import drop_later_copies

VIEW, ADD, REMOVE = "product_view", "add_to_cart", "remove_from_cart"
OF_LINES = ("product", "category", "name")  # what --by may name of a product
BROUGHT = ("quantity", "revenue", "refunded", "net_revenue")
DID = ("viewed", "carted", "bought")
PEOPLE = ("viewers", "carters", "buyers")
SHARES = {  # of those who did the one, who did the other, too
    "view_to_cart": ("viewed", "carted"),
    "cart_to_purchase": ("carted", "bought"),
    "view_to_purchase": ("viewed", "bought"),
}


def _caption(
    by: Sequence[str], top: int, window: timedelta, *, viewed_not_purchased: bool, abandoned: bool, **_: object
) -> str:
    if abandoned:
        groups = f"by {', '.join(by)}; " if by else ""
        return f"{groups}a cart begins with the first add_to_cart and is pending for {format_duration(window)}"
    if viewed_not_purchased:
        return f"{f'the {top} latest' if top else 'all'}; pending for {format_duration(window)} after the last view"
    groups = f"by {', '.join(by)}, " if by else ""
    return f"{groups}{f'the {top} most bought' if top else 'all'}; visitors are counted for each row, which overlap"


@report(
    "Products",
    columns=[
        Column("visitor", "text", "with --viewed-not-purchased: who, as a pseudonym unless --reveal-ids"),
        Column("product", "text", "its id, or its name where it has none"),
        Column("category", "text", "with --by category: as the event names it"),
        Column("name", "text", "with --by name: as the event names it"),
        Column("currency", "text", "of the orders; of what nobody bought that of most orders"),
        Column("views", "count", "product_view events; with several currencies the same in the row of each"),
        Column("carts", "count", "add_to_cart events, the same; with --abandoned, carts that were begun"),
        Column("purchases", "count", "orders in this currency", bar=True),
        Column("quantity", "figure", "pieces of these orders; 1 where the pixel does not tell", detail=True),
        Column("revenue", "money", "price x quantity, before refunds; empty where no price is known"),
        Column(
            "refunded",
            "money",
            "of these orders: the products that a refund names, else all in proportion",
            detail=True,
        ),
        Column("net_revenue", "money", "revenue without what is refunded", detail=True),
        Column(
            "viewers",
            "count",
            "distinct visitors who viewed; like all that follows the same for each currency",
            minor=True,
        ),
        Column("carters", "count", "distinct visitors who added to a cart", minor=True),
        Column("buyers", "count", "distinct visitors who bought, in any currency", minor=True),
        Column("view_to_cart", "share", "of the viewers those who also added, before or after"),
        Column("cart_to_purchase", "share", "of the carters those who also bought"),
        Column("view_to_purchase", "share", "of the viewers those who also bought"),
        Column("last_view", "instant", "with --viewed-not-purchased, as the next: after it nothing was bought"),
        Column("is_pending", "flag", "the logs end less than --window after the last view"),
        Column("bought", "count", "with --abandoned, as all that follows: carts with an order within --window"),
        Column("abandoned", "count", "carts without one that held something when --window was over"),
        Column("emptied", "count", "carts without one that all was taken out of"),
        Column("pending", "count", "carts whose --window is not over when the logs end, bought or not: in no rate"),
        Column("abandonment_rate", "share", "abandoned of bought and abandoned"),
        Column("abandonment_rate_low", "share", "the lower end of its 95% interval (Wilson)", detail=True),
        Column("abandonment_rate_high", "share", "the upper end", detail=True),
    ],
    options=[by_option, top_option, viewed_option, abandoned_option, decision_option],
    caption=_caption,
    groups=OF_LINES,
)
def products(
    events: pl.LazyFrame,
    *,
    by: Sequence[str],
    top: int,
    tz: str,
    viewed_not_purchased: bool,
    abandoned: bool,
    window: timedelta,
    warn: Callable[[str], object],
    log_end: Callable[[], datetime | None],
) -> pl.LazyFrame:
    """Which products are viewed, put into carts and bought, by how many visitors, and what they bring.

    Views are product_view events, carts add_to_cart events; an order counts once, at its first hit. Of a product that
    is sold in two currencies there are two rows, which differ in what was bought alone. --by category and --by name
    are as the events name them, --by any other column as the events and an order's first hit have it.

    --viewed-not-purchased lists the visitors who viewed a product and placed no order of it from their last view on.

    --abandoned counts carts: a visitor's begins with the first add_to_cart, and ends with an order or after --window;
    what is added then is another. With --by product, category or name each has a cart of its own. Other columns are
    as the first add_to_cart has them.

    \b
    pixelstat products access.log* --by category
    pixelstat products access.log* --abandoned --by product --window 1d
    pixelstat products access.log* --viewed-not-purchased --top 0 -o who.csv
    """
    if viewed_not_purchased and abandoned:
        raise PixelstatError("--abandoned and --viewed-not-purchased are two reports.", "Leave one of them out.")
    there = events.collect_schema().names()
    own = {f"by {name}": pl.col(name) for name in by if name in there and name != "product"}
    is_seen = pl.col("event").is_in([VIEW, ADD, REMOVE])
    rows = events.filter(is_seen | is_order_event()).select(*LINE_EVENT_COLUMNS, **own)
    asked = Asked(by, top, tz, window)
    find = left_carts if abandoned else viewed if viewed_not_purchased else overall

    def batch(held: pl.DataFrame) -> pl.DataFrame:
        acts = drop_later_copies(held.filter(is_seen))
        held = held.filter(is_order_event())
        seen = build_order_lines(acts.filter(pl.col("hit").is_first_distinct()).lazy())
        told = split_refunds(held).collect().lazy()
        found = find(asked.grouped(seen), asked.grouped(told), asked, log_end()).collect()
        sentences = [*_nameless(seen), *line_warnings(told)]
        if find is overall:  # the others show no money
            sentences += [*order_warnings(fill_values(held).lazy()), *_of_several_currencies(found, by)]
        for sentence in sentences:
            warn(sentence)
        return found

    return rows.map_batches(batch, schema=batch(rows.collect_schema().to_frame()).schema)


@dataclass(frozen=True)
class Asked:
    """What the rows are by, and how many of them."""

    by: Sequence[str]
    top: int
    tz: str
    window: timedelta

    @property
    def of_lines(self) -> list[str]:
        """The columns of `by` that are of the product."""
        return [name for name in self.by if name in OF_LINES]

    @property
    def of_events(self) -> list[str]:
        return [name for name in self.by if name not in OF_LINES]

    def grouped(self, told: pl.LazyFrame) -> pl.LazyFrame:
        """Lines with `by ...` for each column: what a product lacks, a column of one's own by that name may have."""
        there = told.collect_schema().names()
        wanted = {f"by {name}": [name, *(["by " + name] if "by " + name in there else [])] for name in self.of_lines}
        return told.with_columns(pl.coalesce(names).alias(group) for group, names in wanted.items())


def overall(seen: pl.LazyFrame, told: pl.LazyFrame, asked: Asked, _: datetime | None) -> pl.LazyFrame:
    """A row for each product, or group, and currency: the most bought first, of those the most viewed."""
    column = pl.col
    groups = [f"by {name}" for name in asked.by] or ["product"]
    by_currency = [] if "currency" in asked.by else ["currency"]
    is_named = column("product").is_not_null()
    needed = ["event", "visitor", "hit", *groups]
    every = pl.concat([rows.filter(is_named).select(needed) for rows in (told, seen)]).with_columns(
        viewed=column("event") == VIEW, carted=column("event") == ADD, bought=is_purchase()
    )
    counts = (
        every.filter(pl.any_horizontal(DID))
        .unique([*groups, "hit"])
        .group_by(groups)
        .agg(views=column("viewed").sum(), carts=column("carted").sum(), rank=column("bought").sum())
    )
    found = counts.join(_people(every, groups), on=groups, how="left", nulls_equal=True)
    found = found.join(_sold(told.filter(is_named), groups, by_currency), on=groups, how="left", nulls_equal=True)
    is_unsold = column("purchases").is_null()
    found = found.with_columns(
        column("viewers", "carters", "buyers").fill_null(0),
        *(pl.when(is_unsold).then(_usual(name)).otherwise(name).alias(name) for name in by_currency),
        *(pl.when(is_unsold).then(0).otherwise(name).alias(name) for name in ("purchases", *BROUGHT)),
    )
    order = dict.fromkeys(("rank", "views"), True) | dict.fromkeys(groups, False)
    order |= {"purchases": True} | dict.fromkeys(by_currency, False)
    found = found.sort(list(order), descending=list(order.values()), nulls_last=True)
    found = found.filter(pl.struct(groups).rle_id() < asked.top) if asked.top else found
    return found.select(_named(groups), *by_currency, "views", "carts", "purchases", *BROUGHT, *PEOPLE, *SHARES)


def _people(every: pl.LazyFrame, groups: Sequence[str]) -> pl.LazyFrame:
    """What visitors did -> how many of each group did what, and of those who did the one, who did the other, too."""
    did = (
        every.filter(pl.col("visitor").is_not_null())
        .group_by(*groups, "visitor")
        .agg(pl.col(DID).any())
        .group_by(groups)
    )
    counts = {name: pl.col(what).sum() for name, what in zip(PEOPLE, DID, strict=True)}
    shares = {
        name: pl.when(pl.col(one).any()).then((pl.col(one) & pl.col(other)).sum() / pl.col(one).sum())
        for name, (one, other) in SHARES.items()
    }
    return did.agg(**counts, **shares)


def _sold(told: pl.LazyFrame, groups: Sequence[str], by_currency: Sequence[str]) -> pl.LazyFrame:
    """Lines of orders -> what each group brought in each currency; null where no line of it tells."""
    brought = [pl.when(pl.col(name).count() > 0).then(exact_sum(pl.col(name))) for name in ("revenue", "refunded")]
    sold = told.group_by(*groups, *by_currency).agg(
        pl.col("hit").n_unique().alias("purchases"), exact_sum(pl.col("quantity")), *brought
    )
    return sold.with_columns(net_revenue=pl.col("revenue") - pl.col("refunded"))


def _usual(currency: str) -> pl.Expr:
    """The currency of most purchases."""
    purchases = pl.col("purchases").sum().over(currency)
    return pl.col(currency).sort_by(purchases, currency, descending=[True, False]).first()


def viewed(seen: pl.LazyFrame, told: pl.LazyFrame, asked: Asked, end: datetime | None) -> pl.LazyFrame:
    """A row for each visitor and product: who viewed it and has not bought it since, the latest first."""
    column = pl.col
    groups = ["visitor", *(f"by {name}" for name in asked.of_lines)]
    groups += [] if asked.of_lines else ["product"]
    is_known = column("visitor").is_not_null() & column("product").is_not_null()
    others = [f"by {name}" for name in asked.of_events if name != "visitor"]
    last = (
        seen.filter(is_known, column("event") == VIEW)
        .group_by(groups)
        .agg(
            *(column(name).sort_by("time", name).drop_nulls().last() for name in others),
            column("hit").n_unique().alias("views"),
            last_view=column("time").max(),
        )
    )
    bought = told.filter(is_known).group_by(groups).agg(last_order=column("time").max())
    found = last.join(bought, on=groups, how="left", nulls_equal=True).filter(
        (column("last_order") < column("last_view")).fill_null(value=True)
    )
    found = top_groups(found, groups, "last_view", asked.top)
    return found.select(
        _named([*groups, *others]),
        "views",
        column("last_view").dt.convert_time_zone(asked.tz),
        is_pending=_is_open(column("last_view"), asked.window, end),
    )


def left_carts(seen: pl.LazyFrame, told: pl.LazyFrame, asked: Asked, end: datetime | None) -> pl.LazyFrame:
    """Carts: how many were begun and what became of them, for each group."""
    column = pl.col
    of_lines, of_events = ([f"by {name}" for name in names] for names in (asked.of_lines, asked.of_events))
    whose = ["visitor", *of_lines]
    acts = pl.concat([seen.filter(column("event") != VIEW), told], how="diagonal_relaxed")
    acts = acts.filter(column("visitor").is_not_null(), column("product").is_not_null() | (not of_lines))
    acts = acts.select(
        "time", "product", *whose, *of_events,
        act=pl.when(is_purchase()).then(BUY).when(column("event") == ADD).then(PUT).otherwise(TAKE),
    ).sort(*whose, "time", "act", *of_events, nulls_last=True)  # fmt: skip
    acts = acts.with_columns(
        begun=pl.struct(pl.struct(whose).rle_id().alias("cart"), "time", "act").map_batches(
            lambda those: _begun(those, asked.window), return_dtype=acts.collect_schema()["time"]
        )
    ).filter(column("begun").is_not_null())
    carts = acts.group_by(*whose, "begun", maintain_order=True).agg(
        column(of_events).first(), is_bought=(column("act") == BUY).any()
    )
    ends = acts.filter(column("act") != BUY).group_by(*whose, "begun", "product", maintain_order=True)
    held = ends.agg(column("act").last()).group_by(*whose, "begun").agg(holds=(column("act") == PUT).any())
    # To count at once who buys soon, and who does not only later, would make the rate too low.
    is_over, is_bought = ~_is_open(column("begun"), asked.window, end), column("is_bought")
    groups = [f"by {name}" for name in asked.by]
    counts = {
        "carts": pl.len(),
        "bought": (is_over & is_bought).sum(),
        "abandoned": (is_over & ~is_bought & column("holds")).sum(),
        "emptied": (is_over & ~is_bought & ~column("holds")).sum(),
        "pending": (~is_over).sum(),
    }
    carts = carts.join(held, on=[*whose, "begun"], nulls_equal=True)
    found = carts.group_by(groups).agg(**counts) if groups else carts.select(**counts)
    over = column("bought") + column("abandoned")
    low, high = wilson_interval(column("abandoned"), over)
    found = found.with_columns(
        abandonment_rate=pl.when(over > 0).then(column("abandoned") / over),
        abandonment_rate_low=low,
        abandonment_rate_high=high,
    )
    found = top_groups(found, groups, "carts", asked.top) if groups else found
    return found.select(_named(groups), *counts, *(f"abandonment_rate{end}" for end in ("", "_low", "_high")))


TAKE, PUT, BUY = 0, 1, 2  # in this order within a second


def _begun(acts: pl.Series, window: timedelta) -> pl.Series:
    """When the cart was begun that each act belongs to, of acts in order; null for one of none."""
    length = int(window.total_seconds() * 1_000_000)
    fields = acts.struct.unnest()
    found: list[int | None] = []
    before, begun = None, None
    for whose, time, act in fields.with_columns(pl.col("time").to_physical()).iter_rows():
        if whose != before or (begun is not None and time - begun > length):
            before, begun = whose, None
        if act == PUT and begun is None:
            begun = time
        found.append(begun)
        if act == BUY:
            begun = None
    return pl.Series(found, dtype=pl.Int64).cast(fields["time"].dtype)


def _is_open(since: pl.Expr, window: timedelta, end: datetime | None) -> pl.Expr:
    """Whether the logs end before the window is over."""
    return (since + window > end) if end else pl.lit(value=False)


def _named(groups: Sequence[str]) -> pl.Expr:
    """The columns that rows are by, as they are named."""
    return pl.col(groups).name.replace("^by ", "")


def _nameless(seen: pl.LazyFrame) -> Iterable[str]:
    number = seen.filter(pl.col("product").is_null()).select(pl.col("hit").n_unique()).collect().item()
    if number:
        yield f"{format_count(number, 'view or cart event names', 'view or cart events name')} no product: left out."


def _of_several_currencies(found: pl.DataFrame, by: Sequence[str]) -> Iterable[str]:
    groups = by or ["product"]
    number = found.group_by(groups).len().filter(pl.col("len") > 1).height
    if number:
        words = ("group is", "groups are") if by else ("product is", "products are")
        groups = format_count(number, *words)
        yield f"{groups} sold in several currencies: a row for each, with the same views and visitors."
