"""Find the conversions among events: the hits and orders that reach a goal, with what they earn.

A goal is reached by each distinct hit that its condition is true for. An order counts once, as its first hit. Only
orders, goals of the pixel and goals with a value of their own earn money.
"""

from collections.abc import Callable, Sequence

import polars as pl

from pixelstat.analysis.order_lines import fill_values
from pixelstat.analysis.orders import build_orders, find_order_warnings
from pixelstat.analysis.revenue import GROSS, find_revenue_warnings, list_part_columns, state_revenue
from pixelstat.conditions import Step, describe_unmatched
from pixelstat.frames.columns import internal
from pixelstat.reports._report import RunContext
from pixelstat.text.plurals import format_count
from pixelstat.vocabulary import is_order_event, is_purchase

ORDER_COLUMNS = ("user_id", "order_id", "value", "currency", "product", "products")  # read of order events only
CONVERSION_COLUMNS = ("time", "visitor", "visit", "visit_number", "first_seen")
PIXEL_GOAL = "goal"  # the event of a goal that the pixel's own settings define, such as a goal of Matomo
IS_ORDER = internal("is order")


def is_pixel_goal() -> pl.Expr:
    """Return whether an event reaches a goal of the pixel. The value that it states is the goal's revenue."""
    return (pl.col("event") == PIXEL_GOAL) & pl.col("goal").is_not_null()


def reaches(goal: int) -> str:
    """Return the name of the column that is true for hits of the goal, by its index."""
    return internal(f"goal {goal}")


def warn_of_unmatched_goals(rows: pl.DataFrame, goals: Sequence[Step], warn: Callable[[str], object]) -> None:
    """Warn of each goal that no row reaches."""
    for index, goal in enumerate(goals):
        for sentence in describe_unmatched(rows, reaches(index), goal, "event"):
            warn(f"the goal {sentence}")


def find_conversions(
    rows: pl.DataFrame,
    hits: pl.DataFrame,
    goals: Sequence[Step],
    keys: list[str],
    run: RunContext,
    *,
    revenue: str = GROSS,
) -> pl.DataFrame:
    """Return a row for each goal that a hit or an order reaches, in the currency of the run.

    `rows` are all rows of events, those of orders that the filters of the report rejected included, `hits` each hit
    once. The result has CONVERSION_COLUMNS, `keys`, `goal`, `value`, `net` (the value without refunds) and `currency`.
    The last three are null for hits that earn nothing: only orders, goals of the pixel and goals with a value of their
    own do. `revenue` states orders with or without tax and shipping.
    """
    flags = [reaches(index) for index in range(len(goals))]
    columns = [*CONVERSION_COLUMNS, *keys, *flags]
    earned = pl.when(pl.col("event") == PIXEL_GOAL).then("value")
    others = hits.filter(pl.any_horizontal(flags), ~is_purchase())
    others = others.select(*columns, "currency", value=earned, net=earned, **{IS_ORDER: pl.lit(value=False)})
    order_events = fill_values(rows.filter(is_order_event())).lazy()
    extra_columns = [*keys, *flags, "visit", "visit_number", "first_seen", *list_part_columns(revenue)]
    orders = state_revenue(build_orders(order_events, extra_columns), revenue)
    orders_reaching = orders.filter(pl.any_horizontal(flags), pl.col("rejected").is_null()).collect()
    if len(orders_reaching):
        in_doubt = find_revenue_warnings(orders_reaching.lazy(), revenue)
        for sentence in (*find_order_warnings(order_events), *in_doubt):
            run.warn(sentence)
    valueless = [flag for flag, goal in zip(flags, goals, strict=True) if goal.value is None]
    counts_only = orders_reaching.filter(pl.col("value").is_null(), pl.any_horizontal(pl.lit(value=False), *valueless))
    if without_value := counts_only.height:
        words = ("purchase without a value counts", "purchases without a value count")
        run.warn(f"{format_count(without_value, *words)} as conversions only.")
    orders_reaching = orders_reaching.select(*columns, "value", "net", "currency", pl.lit(value=True).alias(IS_ORDER))
    reaching = pl.concat([others, orders_reaching], how="diagonal")
    reached = pl.concat(
        add_own_value(reaching.filter(flag).drop(flags), goal).with_columns(goal=pl.lit(goal.name, goal_type(goals)))
        for flag, goal in zip(flags, goals, strict=True)
    )
    return run.currencies.convert(reached) if run.currencies else reached


def add_own_value(conversions: pl.DataFrame, goal: Step) -> pl.DataFrame:
    """Give the goal's own value, if it has one, to conversions that state no revenue."""
    if goal.value is None:
        return conversions
    has_none, amount = pl.col("value").is_null(), pl.lit(goal.value.amount)
    currency = pl.lit(goal.value.currency, pl.String)
    return conversions.with_columns(
        *(pl.when(has_none).then(amount).otherwise(name).alias(name) for name in ("value", "net")),
        currency=pl.when(has_none).then(currency).otherwise("currency"),
    )


def goal_type(goals: Sequence[Step]) -> pl.Enum:
    """Return the type of the goals' names, which sorts them in the order that people gave."""
    return pl.Enum([goal.name for goal in goals])
