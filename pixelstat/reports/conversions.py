"""conversions: how many visitors and visits reach each goal, how soon, and what it earns.

A goal is reached by each distinct hit that its condition holds for; an order counts once, as its first hit. With --by a
hit belongs to the value that it shows itself, else to the first that its visit shows (of one second the least), so that
a conversion has the source of its visit and nothing converts in a group that it is not counted in. Where it has no
visit it belongs to its own. A visitor's first conversion, which tells how long it took, is the first in these events.
"""

from collections.abc import Callable, Sequence

import polars as pl

from pixelstat.analysis.confidence import wilson_interval
from pixelstat.analysis.order_lines import fill_values, is_order_event
from pixelstat.analysis.orders import build_orders, exact_mean, exact_sum, is_purchase, order_warnings
from pixelstat.analysis.ranking import top_groups
from pixelstat.analysis.time_series import BUCKET, fill_gaps, truncate_local
from pixelstat.conditions import Step, parse_step, warn_of_unmatched
from pixelstat.options.shared import by_option, every_option, goal_option, top_groups_option
from pixelstat.reports._report import report
from pixelstat.reports.summary import CONVERSIONS
from pixelstat.result import Column
from pixelstat.text.plurals import format_count
from pixelstat.traffic.deduplication import drop_later_copies
from pixelstat.vocabulary import is_email_event, visitors

MONEY = ("user_id", "order_id", "value", "currency", "product", "products")  # what is looked at only of orders
TOLD = ("time", "visitor", "visit", "first_seen")  # of each conversion


def _caption(every: str | None, top: int, by: Sequence[str], **_: object) -> str:
    rows = ", ".join([*([every] if every else []), *by])
    most = f", the {top} with most visitors" if by and top else ""
    return f"by {rows}{most}; the rows overlap" if rows else "the rows overlap"


@report(
    "Conversions",
    columns=[
        Column("time", "time", "with --every: where the hour, day, week (from Monday) or month begins"),
        Column("goal", "text", "as it was given", key=True),
        Column("visitors", "count", "distinct visitors; the same in the rows of every goal and currency"),
        Column("visits", "count", "distinct visits; the same in the rows of every goal and currency", minor=True),
        Column("conversions", "count", "distinct hits that reach the goal, an order once; in all currencies", bar=True),
        Column("converting_visitors", "count", "distinct visitors of these hits", minor=True),
        Column("converting_visits", "count", "distinct visits of these hits", detail=True),
        Column("visitor_rate", "share", "converting visitors of the visitors"),
        Column("visitor_rate_low", "share", "the lower end of its 95% interval (Wilson)", detail=True),
        Column("visitor_rate_high", "share", "the upper end", detail=True),
        Column("visit_rate", "share", "converting visits of the visits", minor=True),
        Column(
            "visit_rate_low",
            "share",
            "the lower end of its 95% interval (Wilson), which is too narrow where visitors come often",
            detail=True,
        ),
        Column("visit_rate_high", "share", "the upper end", detail=True),
        Column(
            "median_seconds",
            "seconds",
            "from a visitor's first event in the logs to their first conversion",
            minor=True,
        ),
        Column("mean_seconds", "seconds", "the same", detail=True),
        Column("p90_seconds", "seconds", "the same, the 90th percentile (between two values by the line)", detail=True),
        Column("median_touches", "number", "visits up to that conversion, its own included", detail=True),
        Column("mean_touches", "number", "the same", detail=True),
        Column(
            "currency",
            "text",
            "of what stands behind it: a row for each that the goal's orders have; the rest repeats",
            key=True,
            splits=True,
        ),
        Column("orders", "count", "of these conversions the purchases with a value in this currency", detail=True),
        Column("revenue", "number", "the value of these orders; empty where the goal has none"),
        Column("net_revenue", "number", "the same without what was refunded", detail=True),
        Column("average_order_value", "number", "revenue / orders", minor=True),
        Column("revenue_per_visitor", "number", "revenue / visitors"),
    ],
    options=[goal_option, by_option, top_groups_option, every_option],
    caption=_caption,
    of_visits=True,
)
def conversions(
    events: pl.LazyFrame,
    *,
    goal: Sequence[Step],
    by: Sequence[str],
    top: int,
    every: str | None,
    tz: str,
    warn: Callable[[str], object],
) -> pl.LazyFrame:
    """How many visitors and visits reach each goal, how soon, and what it earns.

    Goals are those of pixelstat.toml, else what occurs of purchase, lead and signup. A goal is an event (signup), a
    page (/thanks, /thanks/*) or a condition in SQL ("value > 50"), with a name in front if you like.

    With --by a hit belongs to the value that it shows, else to the first that its visit shows: a conversion to the
    channel of its visit. Orders of several currencies have a row each, in which all but the money repeats.

    \b
    pixelstat conversions access.log* --by channel
    pixelstat conversions access.log* --goal signup --every week
    pixelstat conversions access.log* --goal "big: value > 100"
    """
    wanted = goal or [parse_step(event) for event in CONVERSIONS]
    # All figures come from one look at the events: a second one would read the logs again.
    rows = events.select(
        "time", "hit", "first", "visit", "first_seen",
        visitor=pl.when(~is_email_event()).then("visitor").cast(pl.Categorical()).to_physical(),
        event=pl.col("event").cast(pl.Categorical()),
        **{name: pl.when(is_order_event()).then(name) for name in MONEY},
        **{f"goal {place}": one.hit for place, one in enumerate(wanted)},
        **({BUCKET: truncate_local(pl.col("time"), every, tz)} if every else {}),
        **{f"by {name}": pl.col(name) for name in by},
    )  # fmt: skip
    groups = [f"by {name}" for name in by]
    keys = [*([BUCKET] if every else []), *groups]

    def batch(held: pl.DataFrame) -> pl.DataFrame:
        if goal:
            for place, one in enumerate(wanted):
                for sentence in warn_of_unmatched(held, f"goal {place}", one, "event"):
                    warn(f"the goal {sentence}")
        held = with_shown(held, groups)
        is_asked = ~is_email_event() | pl.any_horizontal(f"goal {place}" for place in range(len(wanted)))
        once = drop_later_copies(held).filter(pl.col("hit").is_first_distinct(), is_asked)
        reached = with_waits(reaching(held, once, wanted, keys, warn), once, keys)
        if not by:
            return asked(figures(once, reached, wanted, keys, groups), reached)
        most = top_groups(once.lazy().group_by(groups).agg(visitors=visitors()), groups, "visitors", top)
        ranked = most.select(groups).with_row_index("its rank").collect()
        if top:
            once, reached = (rows.join(ranked, on=groups, how="semi", nulls_equal=True) for rows in (once, reached))
        found = figures(once, reached, wanted, keys, groups).join(ranked, on=groups, how="left", nulls_equal=True)
        return asked(found.sort("its rank", "goal", "currency", nulls_last=True).drop("its rank"), reached)

    def asked(found: pl.DataFrame, reached: pl.DataFrame) -> pl.DataFrame:
        """Of goals that nobody named those that are reached, if any is."""
        return found if goal or reached.is_empty() else found.filter(pl.col("goal").is_in(reached["goal"].implode()))

    nothing = pl.DataFrame(schema=rows.collect_schema())
    found = rows.map_batches(batch, schema=batch(nothing).schema)
    if every:
        found = fill_gaps(found, every, tz, [*groups, "goal", "currency"])
    declared = [column.name for column in conversions.columns if column.name != "time"]
    rated = with_rates(found).rename(dict(zip(groups, by, strict=True)))
    return rated.select(*(["time"] if every else []), *by, *declared)


def with_shown(rows: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Rows of events in which these columns are their own, else the first that their visit shows."""
    time, visit = pl.col("time"), pl.col("visit")
    for name in columns:
        if not rows[name].null_count():
            continue
        shown = rows.lazy().filter(visit.is_not_null(), pl.col(name).is_not_null())
        first = shown.filter(time == time.min().over("visit")).group_by("visit").agg(pl.col(name).min().alias("shown"))
        joined = rows.lazy().join(first, on="visit", how="left", maintain_order="left")
        rows = joined.with_columns(pl.coalesce(name, "shown").alias(name)).drop("shown").collect()
    return rows


def reaching(
    rows: pl.DataFrame, once: pl.DataFrame, goals: Sequence[Step], keys: list[str], warn: Callable[[str], object]
) -> pl.DataFrame:
    """Rows of events, and each hit `once` -> a row for each goal that a hit or an order reaches.

    `value`, `net` and `currency` are an order's; null for all else.
    """
    flags = [f"goal {place}" for place in range(len(goals))]
    told = [*TOLD, *keys, *flags]
    others = once.filter(pl.any_horizontal(flags), ~is_purchase()).select(told)
    sold = fill_values(rows.filter(is_order_event())).lazy()
    bought = build_orders(sold, [*keys, *flags, "visit", "first_seen"]).filter(pl.any_horizontal(flags)).collect()
    if len(bought):
        for sentence in order_warnings(sold):
            warn(sentence)
    if worthless := bought["value"].null_count():
        words = ("purchase has no value: it is", "purchases have no value: they are")
        warn(f"{format_count(worthless, *words)} counted as conversions only.")
    hits = pl.concat([others, bought.select(*told, "value", "net", "currency")], how="diagonal")
    return pl.concat(
        hits.filter(flag).drop(flags).with_columns(goal=pl.lit(one.name, _named(goals)))
        for flag, one in zip(flags, goals, strict=True)
    )


def with_waits(reached: pl.DataFrame, once: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Conversions with `seconds` and `touches`, which it took the visitor; null for all but the first of each goal.

    Of conversions of one time the first is the one in the first group, by the values' names.
    """
    column = pl.col
    # Visits are numbered visitor by visitor in the order of time.
    of_visitor = once.lazy().filter(column("visit").is_not_null()).select("visitor", "visit").unique().sort("visit")
    numbered = of_visitor.select("visit", touches=pl.int_range(1, pl.len() + 1).over("visitor"))
    is_first = column("visitor").is_not_null() & pl.struct("goal", "visitor").is_first_distinct()
    seconds = (column("time") - column("first_seen")).dt.total_microseconds() / 1_000_000
    return (
        reached.lazy()
        .sort("time", *keys, nulls_last=True)
        .join(numbered, on="visit", how="left", maintain_order="left")
        .with_columns(is_first=is_first)
        .with_columns(seconds=pl.when("is_first").then(seconds), touches=pl.when("is_first").then("touches"))
        .collect()
    )


def figures(
    once: pl.DataFrame, reached: pl.DataFrame, goals: Sequence[Step], keys: list[str], groups: list[str]
) -> pl.DataFrame:
    """Each hit `once`, and the conversions -> a row for each key, goal and currency with what is counted and summed."""
    column = pl.col
    counted = {"visitors": visitors(), "visits": column("visit").drop_nulls().n_unique()}
    of_all = once.lazy().group_by(keys).agg(**counted) if keys else once.lazy().select(**counted)
    of_goals = (
        reached.lazy()
        .group_by(*keys, "goal")
        .agg(
            conversions=pl.len(),
            converting_visitors=counted["visitors"],
            converting_visits=counted["visits"],
            median_seconds=column("seconds").median(),
            mean_seconds=exact_mean(column("seconds")),
            p90_seconds=column("seconds").quantile(0.9, "linear"),
            median_touches=column("touches").median(),
            mean_touches=column("touches").mean(),
        )
    )
    names = pl.LazyFrame({"goal": pl.Series([one.name for one in goals], dtype=_named(goals))})
    # A goal that has orders in a currency has a figure in it for every hour or day, 0 where there was none.
    sold, on, of_goal = reached.lazy().filter(column("value").is_not_null()), [*keys, "goal"], [*groups, "goal"]
    currencies = sold.select(*of_goal, "currency", sells=pl.lit(value=True)).unique()
    money = sold.group_by(*on, "currency").agg(
        orders=pl.len(), revenue=exact_sum(column("value")), net_revenue=exact_sum(column("net"))
    )
    counts = ["visitors", "visits", "conversions", "converting_visitors", "converting_visits", "orders"]
    return (
        of_all.join(names, how="cross")
        .join(of_goals, on=on, how="left", nulls_equal=True)
        .join(currencies, on=of_goal, how="left", nulls_equal=True)
        .join(money, on=[*on, "currency"], how="left", nulls_equal=True)
        .with_columns(
            column(counts).cast(pl.Int64).fill_null(0),
            pl.when("sells").then(column("revenue", "net_revenue").fill_null(0.0)),
        )
        .drop("sells")
        .sort(*on, "currency", nulls_last=True)
        .collect()
    )


def with_rates(found: pl.LazyFrame) -> pl.LazyFrame:
    """Counts and sums with the rates that they make; null without a denominator."""
    column = pl.col

    def share(part: str, whole: str) -> pl.Expr:
        return pl.when(column(whole) > 0).then(column(part) / column(whole))

    visitor_low, visitor_high = wilson_interval(column("converting_visitors"), column("visitors"))
    visit_low, visit_high = wilson_interval(column("converting_visits"), column("visits"))
    return found.with_columns(
        visitor_rate=share("converting_visitors", "visitors"),
        visitor_rate_low=visitor_low,
        visitor_rate_high=visitor_high,
        visit_rate=share("converting_visits", "visits"),
        visit_rate_low=visit_low,
        visit_rate_high=visit_high,
        average_order_value=share("revenue", "orders"),
        revenue_per_visitor=share("revenue", "visitors"),
    )


def _named(goals: Sequence[Step]) -> pl.Enum:
    """The names as a type that sorts them as they were given."""
    return pl.Enum([one.name for one in goals])
