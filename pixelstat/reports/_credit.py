"""Give groups of touches credit for conversions: what `attribution` and `roi` share.

A report selects rows of events, collects its conversions and its touches, numbers the groups of the touches, and sums
the credit of each group. `analysis.attribution` defines the models.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import click
import polars as pl

from pixelstat.analysis.attribution import (
    AMOUNT_DIGITS,
    CREDIT_DIGITS,
    MODELS,
    PATH,
    count_transitions,
    number_places,
    share_by_removal,
    sum_credits,
)
from pixelstat.analysis.markov import CONVERSION, END
from pixelstat.analysis.orders import exact_sum
from pixelstat.analysis.revenue import GROSS, list_part_columns
from pixelstat.conditions import Step
from pixelstat.frames.columns import internal
from pixelstat.options.types import DurationType
from pixelstat.options.values import ReportOptions
from pixelstat.reports._conversions import (
    CONVERSION_COLUMNS,
    ORDER_COLUMNS,
    find_conversions,
    is_pixel_goal,
    reaches,
    warn_of_unmatched_goals,
)
from pixelstat.reports._report import RunContext, group_column
from pixelstat.sessions.touches import ATTRIBUTED_CHANNEL, DIRECT_CHANNEL, IS_TOUCH, AttributionRules
from pixelstat.text.plurals import format_part
from pixelstat.traffic.deduplication import drop_later_copies, name_site
from pixelstat.vocabulary import is_order_event

NO_TOUCH = "(no touch)"  # of conversions without a visitor
OTHER = "(other)"  # the groups beyond the first, taken together
MAX_GROUPS = 200  # the others are one group, because markov solves an equation for each
IS_DIRECT, GROUP = internal("is direct"), internal("group")
AMOUNTS = ("revenue", "net_revenue", "truncated_conversions")

lookback_option = click.Option(
    ["--lookback"], type=DurationType(), default="30d", show_default=True, metavar="TIME",
    help="Count touches up to this time before the conversion.",
)  # fmt: skip
half_life_option = click.Option(
    ["--half-life", "half_life"], type=DurationType(), default="7d", show_default=True, metavar="TIME",
    help="With time_decay: halve the weight of a touch for each such time before the last touch.",
)  # fmt: skip
ignore_direct_option = click.Option(
    ["--ignore-direct", "ignore_direct"], is_flag=True, help="Drop direct touches from paths that have another touch.",
)  # fmt: skip
null_paths_option = click.Option(
    ["--null-paths/--no-null-paths", "null_paths"], default=True, show_default=True,
    help="With markov: count the paths of visitors who do not convert.",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class CreditOptions(ReportOptions):
    """The options of a report that gives credit to touches."""

    goal: Sequence[Step] = ()
    model: Sequence[str] = ("last_non_direct",)  # of MODELS, or all
    revenue: str = GROSS  # or NET, without tax and shipping
    lookback: timedelta = timedelta(days=30)
    half_life: timedelta = timedelta(days=7)  # of time_decay
    ignore_direct: bool = False
    null_paths: bool = True  # markov counts the paths of visitors who do not convert

    @property
    def models(self) -> list[str]:
        """The models in the order of MODELS."""
        return [model for model in MODELS if model in self.model or "all" in self.model]


def find_rules(options: CreditOptions) -> AttributionRules:
    """Return the rules by which a touch has its own values."""
    return AttributionRules("visit", options.lookback)


def select_rows(
    events: pl.LazyFrame,
    goals: Sequence[Step],
    by: Sequence[str],
    options: CreditOptions,
    run: RunContext,
    *,
    further: Mapping[str, pl.Expr] | None = None,
) -> pl.LazyFrame:
    """Select the rows and columns of EVENTS that say what a touch, an order or a conversion is.

    The columns `by` have temporary names, those of `group_column`. `further` columns are added.
    """
    flags = {reaches(index): goal.hit for index, goal in enumerate(goals)}
    order_columns = (*ORDER_COLUMNS, *list_part_columns(options.revenue))
    is_touch = pl.col(IS_TOUCH)
    return events.filter(is_touch | is_order_event() | pl.any_horizontal(flags.values())).select(
        "time", "hit", "first", "visit", "visit_number", "first_seen", "rejected",
        visitor=pl.col("visitor").cast(pl.Categorical()).to_physical(),
        event=pl.col("event").cast(pl.Categorical()),
        site=pl.when(is_order_event()).then(name_site(pl.col("host"), run.own_hosts)),
        **{name: pl.when(is_order_event() | is_pixel_goal()).then(name) for name in order_columns},
        **flags,
        **{IS_TOUCH: is_touch, IS_DIRECT: pl.col(ATTRIBUTED_CHANNEL) == DIRECT_CHANNEL},
        **{group_column(name): pl.col(run.column_of(name)).cast(pl.String) for name in by},
        **(further or {}),
    )  # fmt: skip


def collect_conversions(
    batch: pl.DataFrame,
    goals: Sequence[Step],
    options: CreditOptions,
    run: RunContext,
    *,
    keys: Sequence[str] = (),
    warns_of_goals: bool,
) -> pl.DataFrame:
    """Return a row for each conversion among the rows of `select_rows`, in the currency of the run.

    Columns: those of `find_conversions` with these keys, `revenue`, `net_revenue` and `truncated_conversions`: 1 if the
    lookback begins before the logs. `warns_of_goals` warns of goals that no event reaches.
    """
    if warns_of_goals:
        warn_of_unmatched_goals(batch.filter(pl.col("rejected").is_null()), goals, run.warn)
    hits = drop_later_copies(batch).filter(pl.col("rejected").is_null(), pl.col("hit").is_first_distinct())
    conversions = find_conversions(batch, hits, goals, [*keys], run, revenue=options.revenue)
    start = run.log_start()
    is_truncated = (pl.col("time") - options.lookback < start) if start else pl.lit(value=False)
    return conversions.select(
        *CONVERSION_COLUMNS,
        *keys,
        "goal",
        "currency",
        revenue="value",
        net_revenue="net",
        truncated_conversions=is_truncated.cast(pl.Float64),
    )


def describe_truncated(truncated: int, total: int) -> str:
    """Return the sentence on conversions whose lookback begins before the logs."""
    words = f"{format_part(truncated, total, 'conversions')} have a lookback that begins before the logs"
    return f"{words}: earlier touches may be missing."


def list_touches(batch: pl.DataFrame, groups: Sequence[str], numbers: pl.DataFrame) -> pl.DataFrame:
    """Return the touches among these rows, each with the number of its group."""
    touches = batch.filter(IS_TOUCH).join(numbers, on=groups, how="left", nulls_equal=True)
    return touches.select(
        "visitor", "visit", "time", "rejected", group=GROUP, is_direct=pl.col(IS_DIRECT).fill_null(value=False)
    )


def compute_credit(
    paths: Iterable[pl.DataFrame],
    conversions: pl.DataFrame,
    touches: pl.DataFrame,
    options: CreditOptions,
    *,
    groups: int,
    amounts: Sequence[str] = AMOUNTS,
    further_keys: Sequence[str] = (),
) -> pl.DataFrame:
    """Return the credit of each group, goal, model and currency for `conversions` and `amounts`.

    `paths` are those of `find_paths`, and `groups` is the number of all groups. `further_keys` of the conversions split
    the credit, except that of markov.
    """
    keys = ["goal", "currency"]
    base = [model for model in options.models if model != "markov"] or ["last"]
    sums, transitions = [], []
    for part in paths:
        sums.append(sum_credits(part, base, options.half_life, [*keys, *further_keys], amounts))
        if "markov" in options.models:
            transitions.append(count_transitions(part, "goal", CONVERSION))
    on = [*keys, *further_keys, "model", "group"]
    digits = {"conversions": CREDIT_DIGITS, **dict.fromkeys(amounts, AMOUNT_DIGITS)}
    credit = pl.concat(sums).group_by(on).agg(exact_sum(pl.col(name), number) for name, number in digits.items())
    if "markov" in options.models:
        if options.null_paths:
            reached = conversions["goal"].unique(maintain_order=True).cast(pl.String)
            transitions += [count_null_transitions(conversions, touches, goal, options) for goal in reached]
        of_base = credit.filter(pl.col("model") == base[0])
        shared = share_credit(of_base, pl.concat(transitions), groups, amounts)
        credit = pl.concat([credit, shared], how="diagonal_relaxed")
    return credit.filter(pl.col("model").is_in(options.models))


def count_null_transitions(
    conversions: pl.DataFrame, touches: pl.DataFrame, goal: str, options: CreditOptions
) -> pl.DataFrame:
    """Count the transitions of visitors who do not reach the goal: one path each, of their touches in the report."""
    converting = conversions.filter(pl.col("goal") == goal).select("visitor")
    others = touches.filter(pl.col("rejected").is_null()).join(converting, on="visitor", how="anti")
    paths = others.sort("visitor", "time", "is_direct", "group").with_columns(
        pl.col("visitor").alias(PATH), goal=pl.lit(goal, conversions.schema["goal"])
    )
    return count_transitions(number_places(paths, ignores_direct=options.ignore_direct), "goal", END)


def share_credit(
    credit: pl.DataFrame, transitions: pl.DataFrame, groups: int, amounts: Sequence[str] = AMOUNTS
) -> pl.DataFrame:
    """Return the credit by `markov`: the sums of any other model, shared out by the removal effects of each goal."""
    frames = []
    for (goal,), of_goal in credit.group_by("goal", maintain_order=True):
        shares = share_by_removal(transitions.filter(pl.col("goal") == goal), groups)
        numbered = pl.DataFrame({"group": range(groups), "part": shares}, {"group": pl.UInt32, "part": pl.Float64})
        sums = of_goal.filter(pl.col("group").is_not_null()).group_by("goal", "currency").agg(
            exact_sum(pl.col(name)) for name in ("conversions", *amounts)
        )  # fmt: skip
        shared = sums.join(numbered.filter(pl.col("part") > 0), how="cross")
        frames.append(
            shared.with_columns(pl.col(name) * pl.col("part") for name in ("conversions", *amounts)).drop("part")
        )
        frames.append(of_goal.filter(pl.col("group").is_null()).drop("model"))
    return pl.concat([credit.clear().drop("model"), *frames], how="diagonal_relaxed").with_columns(
        model=pl.lit("markov")
    )
