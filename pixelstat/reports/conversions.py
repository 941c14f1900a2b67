"""Count how many visitors and visits reach each goal, how soon, and what it earns.

A goal is reached by each distinct hit that its condition is true for. An order counts once, as its first hit. With --by
a hit belongs to the value that it shows itself, else to the first value that its visit shows (the lowest of one
second). So a conversion has the source of its visit, and nothing converts in a group that it is not counted in. A hit
without a visit belongs to its own value. The time that a visitor took is that of their first conversion in these
events.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import polars as pl

from pixelstat.analysis.confidence import wilson_interval
from pixelstat.analysis.orders import exact_mean, exact_sum
from pixelstat.analysis.ranking import top_groups
from pixelstat.analysis.revenue import (
    GROSS,
    describe_revenue,
    list_part_columns,
)
from pixelstat.analysis.time_series import BUCKET, TIME_COLUMN, fill_gaps, truncate_local
from pixelstat.conditions import Step, parse_step
from pixelstat.frames.columns import internal
from pixelstat.frames.division import count_seconds
from pixelstat.options.shared import (
    attribution_option,
    by_option,
    every_option,
    goal_option,
    lookback_option,
    revenue_option,
    top_groups_option,
)
from pixelstat.options.values import AttributedOptions
from pixelstat.reports._conversions import (
    IS_ORDER,
    ORDER_COLUMNS,
    find_conversions,
    goal_type,
    is_pixel_goal,
    reaches,
    warn_of_unmatched_goals,
)
from pixelstat.reports._report import RunContext, describe_attribution, group_column, report
from pixelstat.reports.summary import DEFAULT_GOALS
from pixelstat.result import Column, Result
from pixelstat.text.plurals import format_part
from pixelstat.traffic.deduplication import drop_later_copies, name_site
from pixelstat.traffic.rejection import is_outside
from pixelstat.vocabulary import is_email_event, is_order_event, visitors

RANK, SHOWN, HAS_SALES = internal("rank"), internal("shown"), internal("has sales")
ORDER_REVENUE = internal("revenue of orders")


@dataclass(frozen=True, kw_only=True)
class ConversionsOptions(AttributedOptions):
    """The options of `conversions`."""

    goal: Sequence[Step] = ()  # those of --goal or pixelstat.toml; without any, DEFAULT_GOALS that occur
    revenue: str = GROSS  # or NET, without tax and shipping


def _caption(options: ConversionsOptions) -> str:
    keys, revenue = options.list_row_keys(), f"revenue {describe_revenue(options.revenue)}"
    if not keys:
        return revenue
    rows = f"{options.describe_rows(keys, 'visitors')}; {revenue}; a visitor can count in several rows"
    return "; ".join(filter(None, [rows, describe_attribution(options)]))


def _event_columns(options: ConversionsOptions) -> Iterable[str]:
    return [*options.by, *(name for goal in options.goal for name in goal.hit.meta.root_names())]


def present_conversions(result: Result, options: ConversionsOptions) -> Result:
    """Drop default goals that nobody reached, and add how many visitors reach the first goal."""
    result = drop_unreached_goals(result, options)
    if options.by or options.every or result.frame.is_empty():
        return result
    goal, visitors, converting = result.frame.select("goal", "visitors", "converting_visitors").row(0)
    return replace(result, headline=f"{format_part(converting, visitors, 'visitors')} reach {goal}")


def drop_unreached_goals(result: Result, options: ConversionsOptions) -> Result:
    """Drop the DEFAULT_GOALS that nobody reached, in neither of two periods. If none was reached at all, keep them."""
    counts = [name for name in ("conversions", "previous_conversions") if name in result.frame.columns]
    reached = result.frame.filter(pl.any_horizontal(pl.col(counts) > 0))["goal"]
    if options.goal or reached.is_empty():
        return result
    return replace(result, frame=result.frame.filter(pl.col("goal").is_in(reached.implode())))


@report(
    "Conversions",
    columns=[
        TIME_COLUMN,
        Column("goal", "text", "the goal as you named it", key=True),
        Column("visitors", "count", "distinct visitors, whether they convert or not"),
        Column("visits", "count", "distinct visits, whether they convert or not", minor=True),
        Column("conversions", "count", "distinct hits that reach the goal; an order counts once", bar=True),
        Column("converting_visitors", "count", "distinct visitors who reach the goal", minor=True),
        Column("converting_visits", "count", "distinct visits that reach the goal", detail=True),
        Column("visitor_conversion_rate", "share", "converting_visitors / visitors"),
        Column("visitor_conversion_rate_low", "share", "lower end of its 95% interval (Wilson)", detail=True),
        Column("visitor_conversion_rate_high", "share", "upper end of its 95% interval", detail=True),
        Column("visit_conversion_rate", "share", "converting_visits / visits", minor=True),
        Column(
            "visit_conversion_rate_low",
            "share",
            "lower end of its 95% interval (Wilson); too narrow if visitors come often",
            detail=True,
        ),
        Column("visit_conversion_rate_high", "share", "upper end of its 95% interval", detail=True),
        Column(
            "median_seconds_to_convert",
            "seconds",
            "median time from a visitor's first event in the logs to their first conversion",
            minor=True,
        ),
        Column("mean_seconds_to_convert", "seconds", "mean of the same time", detail=True),
        Column("p90_seconds_to_convert", "seconds", "90th percentile of the same time (linear)", detail=True),
        Column(
            "median_visits_to_convert",
            "number",
            "median number of visits up to and with the first conversion",
            detail=True,
        ),
        Column("mean_visits_to_convert", "number", "mean number of these visits", detail=True),
        Column(
            "currency",
            "text",
            "currency of the columns after it; a goal with orders in two currencies has two rows",
            key=True,
            splits=True,
        ),
        Column("orders", "count", "conversions that are purchases with a value in this currency", detail=True),
        Column(
            "revenue",
            "money",
            "values of these orders before refunds, and of goals that have one; null if there are none",
        ),
        Column("net_revenue", "money", "revenue minus refunds", detail=True),
        Column("average_order_value", "price", "revenue of orders / orders", minor=True),
        Column("revenue_per_visitor", "price", "revenue / visitors", minor=True),
    ],
    options=[
        goal_option,
        by_option,
        attribution_option,
        lookback_option,
        top_groups_option,
        every_option,
        revenue_option,
    ],
    options_type=ConversionsOptions,
    caption=_caption,
    present=present_conversions,
    event_columns=_event_columns,
    needs_visits=True,
    needs_all_orders=True,
    needs_whole_visits=True,
)
def conversions(events: pl.LazyFrame, options: ConversionsOptions, run: RunContext) -> pl.LazyFrame:
    """Count the visitors and visits that reach each goal, and show how soon they convert and how much they spend.

    --goal sets the goals. Default: the goals of pixelstat.toml, else purchase, lead, signup and goal if they occur. A
    goal is an event (signup), a page (/thanks, /thanks/*) or a SQL condition ("value > 50"). A name may precede it.

    With --by, a hit counts for its own value, else for the first value of its visit. So a conversion counts for the
    channel of its visit. Orders in several currencies have a row for each currency.

    \b
    pixelstat conversions access.log* --by channel
    pixelstat conversions access.log* --goal signup --every week
    pixelstat conversions access.log* --goal "big: value > 100"
    """
    by, every = options.by, options.every
    goals = options.goal or [parse_step(event) for event in DEFAULT_GOALS]
    groups = {group_column(name): name for name in by}
    order_columns = (*ORDER_COLUMNS, *list_part_columns(options.revenue))
    # All figures come from one pass over the events: a second one would read the logs again.
    rows = events.select(
        "time", "hit", "first", "visit", "visit_number", "first_seen",
        visitor=pl.when(~is_email_event()).then("visitor").cast(pl.Categorical()).to_physical(),
        event=pl.col("event").cast(pl.Categorical()),
        rejected="rejected",
        site=pl.when(is_order_event()).then(name_site(pl.col("host"), run.own_hosts)),
        **{name: pl.when(is_order_event() | is_pixel_goal()).then(name) for name in order_columns},
        **{reaches(index): goal.hit for index, goal in enumerate(goals)},
        **({BUCKET: truncate_local(pl.col("time"), every, run.time_zone)} if every else {}),
        **{group: pl.col(run.column_of(name)) for group, name in groups.items()},
    )  # fmt: skip
    analyze = partial(analyze_batch, goals=goals, groups=[*groups], options=options, run=run)
    figures = rows.map_batches(analyze, schema=analyze(rows.collect_schema().to_frame()).schema)
    if every:
        figures = fill_gaps(figures, every, run.time_zone, [*groups, "goal", "currency"])
    declared = [column.name for column in conversions.columns if column.name != "time"]
    return add_rates(figures).rename(groups).select(*(["time"] if every else []), *by, *declared)


def analyze_batch(
    batch: pl.DataFrame,
    *,
    goals: Sequence[Step],
    groups: list[str],
    options: ConversionsOptions,
    run: RunContext,
) -> pl.DataFrame:
    """Return the counts and sums of each bucket, group, goal and currency, from all events.

    The groups with most visitors come first. `groups` are the columns of --by, under their temporary names.
    """
    keys = [*([BUCKET] if options.every else []), *groups]
    flags = [reaches(index) for index in range(len(goals))]
    if options.goal:
        warn_of_unmatched_goals(batch.filter(pl.col("rejected").is_null()), goals, run.warn)
    own_columns = [group_column(name) for name in options.by if run.column_of(name) == name]
    rows = fill_from_visit(batch, own_columns, run.until)
    hits = drop_later_copies(rows).filter(
        pl.col("rejected").is_null(), pl.col("hit").is_first_distinct(), ~is_email_event() | pl.any_horizontal(flags)
    )
    reached = add_waits(find_conversions(rows, hits, goals, keys, run, revenue=options.revenue), keys)
    if not groups:
        return compute_figures(hits, reached, goals, keys, groups)
    sizes = hits.lazy().group_by(groups).agg(visitors=visitors())
    ranks = top_groups(sizes, groups, "visitors", options.top).select(groups).with_row_index(RANK).collect()
    if options.top:
        hits, reached = (frame.join(ranks, on=groups, how="semi", nulls_equal=True) for frame in (hits, reached))
    figures = compute_figures(hits, reached, goals, keys, groups).join(ranks, on=groups, how="left", nulls_equal=True)
    return figures.sort(RANK, "goal", "currency", nulls_last=True).drop(RANK)


def fill_from_visit(rows: pl.DataFrame, columns: Sequence[str], until: datetime | None) -> pl.DataFrame:
    """Fill nulls in these columns with the first value that an event of the same visit shows.

    Of several values at that time the lowest is taken. Events of the visit before the period show values too.
    """
    visit = ["visitor", "visit_number"]
    for name in columns:
        if not rows[name].null_count():
            continue
        is_shown = pl.col("rejected").is_null() | (pl.col("rejected") == "other_period")
        is_shown &= ~is_outside(None, until)
        values = rows.lazy().filter(pl.col("visit_number").is_not_null(), pl.col(name).is_not_null(), is_shown)
        first = values.filter(pl.col("time") == pl.col("time").min().over(visit))
        first = first.group_by(visit).agg(pl.col(name).min().alias(SHOWN))
        joined = rows.lazy().join(first, on=visit, how="left", maintain_order="left")
        rows = joined.with_columns(pl.coalesce(name, SHOWN).alias(name)).drop(SHOWN).collect()
    return rows


def add_waits(reached: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Add `seconds` and `touches`: the time and the number of visits up to a visitor's first conversion of each goal.

    Both are counted from the first event of the visitor in the logs, also before the period. They are null for later
    conversions and without a visitor. Of conversions of one time the first is the one in the first group, by the
    values' names.
    """
    is_first = pl.col("visitor").is_not_null() & pl.struct("goal", "visitor").is_first_distinct()
    seconds = count_seconds(pl.col("time") - pl.col("first_seen"))
    return (
        reached.sort("time", *keys, nulls_last=True)
        .with_columns(is_first=is_first)
        .with_columns(seconds=pl.when("is_first").then(seconds), touches=pl.when("is_first").then("visit_number"))
    )


def compute_figures(
    hits: pl.DataFrame, reached: pl.DataFrame, goals: Sequence[Step], keys: list[str], groups: list[str]
) -> pl.DataFrame:
    """Count and sum for each key, goal and currency. `hits` has each hit once, `reached` is from `add_waits`."""
    people = {"visitors": visitors(), "visits": pl.col("visit").drop_nulls().n_unique()}
    totals = hits.lazy().group_by(keys).agg(**people) if keys else hits.lazy().select(**people)
    of_goals = (
        reached.lazy()
        .group_by(*keys, "goal")
        .agg(
            conversions=pl.len(),
            converting_visitors=people["visitors"],
            converting_visits=people["visits"],
            median_seconds_to_convert=pl.col("seconds").median(),
            mean_seconds_to_convert=exact_mean(pl.col("seconds")),
            p90_seconds_to_convert=pl.col("seconds").quantile(0.9, "linear"),
            median_visits_to_convert=pl.col("touches").median(),
            mean_visits_to_convert=pl.col("touches").mean(),
        )
    )
    names = pl.LazyFrame({"goal": pl.Series([goal.name for goal in goals], dtype=goal_type(goals))})
    # A goal that has orders in a currency has a figure in it for every hour or day, 0 where there was none.
    sales, on, of_group = reached.lazy().filter(pl.col("value").is_not_null()), [*keys, "goal"], [*groups, "goal"]
    currencies = sales.select(*of_group, "currency", pl.lit(value=True).alias(HAS_SALES)).unique()
    money = sales.group_by(*on, "currency").agg(
        exact_sum(pl.col("value").filter(IS_ORDER)).alias(ORDER_REVENUE),
        orders=pl.col(IS_ORDER).sum(),
        revenue=exact_sum(pl.col("value")),
        net_revenue=exact_sum(pl.col("net")),
    )
    counts = ["visitors", "visits", "conversions", "converting_visitors", "converting_visits", "orders"]
    return (
        totals.join(names, how="cross")
        .join(of_goals, on=on, how="left", nulls_equal=True)
        .join(currencies, on=of_group, how="left", nulls_equal=True)
        .join(money, on=[*on, "currency"], how="left", nulls_equal=True)
        .with_columns(
            pl.col(counts).cast(pl.Int64).fill_null(0),
            pl.when(HAS_SALES).then(pl.col("revenue", "net_revenue").fill_null(0.0)),
        )
        .drop(HAS_SALES)
        .sort(*on, "currency", nulls_last=True)
        .collect()
    )


def add_rates(figures: pl.LazyFrame) -> pl.LazyFrame:
    """Add the rates of counts and sums, with their intervals; null where the denominator is 0."""

    def share(part: str, whole: str) -> pl.Expr:
        return pl.when(pl.col(whole) > 0).then(pl.col(part) / pl.col(whole))

    visitor_low, visitor_high = wilson_interval(pl.col("converting_visitors"), pl.col("visitors"))
    visit_low, visit_high = wilson_interval(pl.col("converting_visits"), pl.col("visits"))
    return figures.with_columns(
        visitor_conversion_rate=share("converting_visitors", "visitors"),
        visitor_conversion_rate_low=visitor_low,
        visitor_conversion_rate_high=visitor_high,
        visit_conversion_rate=share("converting_visits", "visits"),
        visit_conversion_rate_low=visit_low,
        visit_conversion_rate_high=visit_high,
        average_order_value=share(ORDER_REVENUE, "orders"),
        revenue_per_visitor=share("revenue", "visitors"),
    )
