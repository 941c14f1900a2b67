"""Build the rows of `roi`: spend, credit and their ratios for each group, or the ranks of the groups by every model.

Groups are numbers, as in `analysis.spend`. The group null holds conversions without a touch.
"""

from collections.abc import Sequence

import polars as pl

from pixelstat.analysis.attribution import AMOUNT_DIGITS, MODELS
from pixelstat.analysis.orders import exact_sum
from pixelstat.analysis.resampling import bootstrap_sums
from pixelstat.analysis.revenue import DIGITS
from pixelstat.analysis.spend import Groups
from pixelstat.frames.columns import internal
from pixelstat.reports._credit import NO_TOUCH


def limit_groups(frame: pl.DataFrame, credit: pl.DataFrame, groups: Groups, top: int) -> pl.DataFrame:
    """Return rows in which the groups without spend are one group, except the `top` with most conversions."""
    if not top:
        return frame
    of_spend = [*groups.of_spend.values()]
    sizes = groups.labels.select("group").join(
        credit.group_by("group").agg(exact_sum(pl.col("conversions"))), on="group", how="left"
    )
    others = sizes.filter(~pl.col("group").is_in(of_spend), pl.col("group") != groups.other)
    hidden = others.sort(-pl.col("conversions").fill_null(0), "group").slice(top)["group"]
    is_hidden = pl.col("group").is_in(hidden.implode())
    return frame.with_columns(group=pl.when(is_hidden).then(pl.lit(groups.other, pl.UInt32)).otherwise("group"))


def sum_parts(amounts: pl.Expr) -> pl.Expr:
    """Return the sum of the credit of visitors, independent of their order and rounded like other sums of money."""
    return exact_sum(amounts, AMOUNT_DIGITS).round(DIGITS)


def sum_credit(credit: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the counts of each group, and the money of each group and currency, with their intervals.

    By markov, which gives no credit to single visitors, there are no intervals.
    """
    visitors = credit.filter(pl.col("visitor").is_not_null(), pl.col("group").is_not_null())
    people = visitors.group_by("group", "visitor").agg(sum_parts(pl.col("conversions")))
    counts = credit.group_by("group").agg(sum_parts(pl.col("conversions")), sum_parts(pl.col("new_customers")))
    counts = counts.join(bootstrap_sums(people, ["group"], "conversions"), on="group", how="left")
    sales = credit.filter(pl.col("currency").is_not_null() | (pl.col("revenue") != 0))
    keys = ["group", "currency"]
    money = sales.group_by(keys).agg(sum_parts(pl.col("revenue")), sum_parts(pl.col("net_revenue")))
    amounts = visitors.group_by(*keys, "visitor").agg(sum_parts(pl.col("revenue")))
    intervals = bootstrap_sums(amounts, keys, "revenue")
    return counts, money.join(intervals, on=keys, how="left", nulls_equal=True)


def build_rows(
    credit: pl.DataFrame, visits: pl.DataFrame, spend: pl.DataFrame, groups: Groups, by: Sequence[str]
) -> pl.DataFrame:
    """Return a row for each group and currency: those with most spend first, then those without spend data."""
    counts, money = sum_credit(credit)
    keys = ["group", "currency"]
    rows = money.join(spend, on=keys, how="full", coalesce=True, nulls_equal=True)
    everyone = pl.concat([frame.select("group") for frame in (counts, visits, rows)]).unique()
    rows = (
        everyone.join(rows, on="group", how="left", nulls_equal=True)
        .join(counts, on="group", how="left", nulls_equal=True)
        .join(visits, on="group", how="left", nulls_equal=True)
    )
    has_sales = pl.col("currency").is_in(money["currency"].implode(), nulls_equal=True)
    has_sales &= pl.col("spend").is_not_null() | pl.col("revenue").is_not_null()
    rows = rows.with_columns(
        pl.col("visits", "conversions", "new_customers").fill_null(0),
        pl.when(has_sales).then(pl.col("revenue", "net_revenue").fill_null(0.0)),
    )
    has_spend = pl.col("spend").is_not_null().any().over("group")
    rows = name_groups(rows, groups, by)
    order = [
        (~has_spend).alias(internal("has no spend")),
        (pl.col("group") == groups.other).fill_null(value=False).alias(internal("is other")),
        (-pl.col("spend").fill_null(0).sum().over("group")).alias(internal("size")),
        (-pl.col("conversions")).alias(internal("conversions")),
    ]
    return rows.sort(*order, *by, "currency", nulls_last=True)


def name_groups(rows: pl.DataFrame, groups: Groups, by: Sequence[str]) -> pl.DataFrame:
    """Add the names of the groups."""
    named = rows.join(groups.labels, on="group", how="left")
    return named.with_columns(
        pl.when(pl.col("group").is_null()).then(pl.lit(NO_TOUCH)).otherwise(name).alias(name) for name in by
    )


def add_ratios(rows: pl.DataFrame, margin: float | None = None) -> pl.DataFrame:
    """Add what the spend costs and earns for one of something; null without spend or without any of it."""

    def share(whole: str) -> pl.Expr:
        return pl.when(pl.col("spend") > 0, pl.col(whole) > 0).then(pl.col("spend") / pl.col(whole))

    def return_of(amount: str) -> pl.Expr:
        return pl.when(pl.col("spend") > 0).then(pl.col(amount) / pl.col("spend"))

    earned = pl.col("revenue") * (margin if margin is not None else pl.lit(None, pl.Float64))
    return rows.with_columns(
        cpm=1000 * share("impressions"),
        cpc=share("clicks"),
        cost_per_visit=share("visits"),
        cpa=share("conversions"),
        cac=share("new_customers"),
        roas=return_of("revenue"),
        roas_low=return_of("revenue_low"),
        roas_high=return_of("revenue_high"),
        roi=pl.when(pl.col("spend") > 0).then((earned - pl.col("spend")) / pl.col("spend")),
    )


def build_ranks(credit: pl.DataFrame, spend: pl.DataFrame, groups: Groups, by: Sequence[str]) -> pl.DataFrame:
    """Return the rank of each group with spend by its roas, under each model and in each currency."""
    keys = ["group", "model"]
    models = pl.DataFrame({"model": MODELS}, {"model": pl.Enum(MODELS)})
    counted = credit.with_columns(pl.col("model").cast(pl.Enum(MODELS)))
    counts = counted.group_by(keys).agg(exact_sum(pl.col("conversions")))
    money = counted.group_by(*keys, "currency").agg(exact_sum(pl.col("revenue")))
    sold_in = counted.filter(pl.col("currency").is_not_null() | (pl.col("revenue") != 0))["currency"]
    rows = (
        spend.filter(pl.col("spend") > 0)
        .join(models, how="cross")
        .join(counts, on=keys, how="left")
        .join(money, on=[*keys, "currency"], how="left", nulls_equal=True)
        .with_columns(
            pl.col("conversions").fill_null(0.0),
            revenue=pl.when(pl.col("currency").is_in(sold_in.implode(), nulls_equal=True)).then(
                pl.col("revenue").fill_null(0.0)
            ),
        )
        .with_columns(roas=pl.col("revenue") / pl.col("spend"))
    )
    rank = pl.col("roas").round(9).rank("min", descending=True).over("model", "currency")
    rows = name_groups(rows.with_columns(rank=rank), groups, by)
    order = [(-pl.col("spend").sum().over("group")).alias(internal("size"))]
    return rows.sort(*order, *by, "currency", "model", nulls_last=True)
