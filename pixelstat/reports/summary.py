"""Show visitors, visits, views, conversions and revenue at a glance, as `pixelstat LOGS` without a command does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import polars as pl

from pixelstat.analysis.order_lines import fill_values, is_order_event
from pixelstat.analysis.orders import deduplicate_orders, exact_sum, is_purchase
from pixelstat.analysis.time_series import TIME_COLUMN, bucket_start, truncate_local
from pixelstat.conditions import Step
from pixelstat.frames.columns import internal
from pixelstat.options.shared import by_option, every_option, top_per_section_option
from pixelstat.options.values import ReportOptions
from pixelstat.reports._report import RunContext, group_column, report
from pixelstat.reports.visits import one_row_per_visit
from pixelstat.result import Column
from pixelstat.traffic.deduplication import drop_later_copies
from pixelstat.vocabulary import is_email_event, is_page_view

DEFAULT_GOALS = ("purchase", "lead", "signup")  # events that are counted where pixelstat.toml names no goals
FIGURES = pl.Schema({"section": pl.String(), "name": pl.String(), "value": pl.Float64()})
ORDER_COLUMNS = ("event", "value", "order_id", "product", "products")  # read of order events only
ROW = internal("row")


@dataclass(frozen=True, kw_only=True)
class SummaryOptions(ReportOptions):
    """The options of `summary`."""

    goal: Sequence[Step] = ()  # the goals of pixelstat.toml


def _caption(options: SummaryOptions) -> str:
    rows = [*([options.every] if options.every else []), *options.by]
    return f"by {', '.join(rows)}" if rows else ""


@report(
    "Summary",
    columns=[
        TIME_COLUMN,
        Column("section", "text", "totals, conversions, revenue, pages, channels or devices"),
        Column("name", "text", "what is counted: pages by views, channels by visits, devices by visitors"),
        Column("value", "figure", "how many; revenue in the currency of its name"),
    ],
    options=[by_option, top_per_section_option, every_option],
    options_type=SummaryOptions,
    caption=_caption,
    needs_visits=True,
    needs_goals=True,
    compares_to_previous=True,
)
def summary(events: pl.LazyFrame, options: SummaryOptions, run: RunContext) -> pl.LazyFrame:
    """Visitors, visits, views, conversions and revenue at a glance, and the top pages, channels and devices.

    With --since the period before stands beside it, as --compare previous says. Conversions are the goals of
    pixelstat.toml; without any, purchases, leads and signups, each order once. Revenue is before refunds.
    """
    by, every = options.by, options.every
    goals = {goal.name: goal.hit for goal in options.goal}
    goals = goals or {event: pl.col("event").eq_missing(pl.lit(event)) for event in DEFAULT_GOALS}
    bucket = {"time": truncate_local(pl.col("time"), every, run.time_zone)} if every else {}
    group_values = {**bucket, **{name: pl.col(name) for name in by}}
    groups = {group_column(name): name for name in group_values}
    # All figures come from one pass over the events: a second one would read the logs again.
    rows = events.select(
        "time", "hit", "first", "visit", "visit_start", "visit_seconds", "visit_views", "single_hit",
        "channel", "device_type", "currency",
        visitor=pl.when(~is_email_event()).then("visitor").cast(pl.Categorical()).to_physical(),
        **{name: pl.when(is_order_event()).then(name) for name in ORDER_COLUMNS},
        page=pl.when(is_page_view()).then("page").cast(pl.Categorical()),
        is_view=is_page_view(),
        **{reaches(goal): hit for goal, hit in goals.items()},
        **{group: group_values[name] for group, name in groups.items()},
    )  # fmt: skip
    schema = rows.collect_schema()
    group_types = {group: schema[group] for group in groups}
    summarize = partial(
        summarize_batch,
        group_types=group_types,
        goals=list(goals),
        top=options.top,
        top_groups=options.top if by else 0,
        is_series=bool(every),
        with_zero_goals=bool(options.goal),
    )
    figures = rows.map_batches(summarize, schema=pl.Schema({**group_types, **FIGURES})).rename(groups)
    return figures.with_columns(bucket_start(pl.col("time"), every, run.time_zone)) if every else figures


def reaches(goal: str) -> str:
    """Return the name of the column that is true for hits of the goal."""
    return internal(f"goal {goal}")


def summarize_batch(
    batch: pl.DataFrame,
    *,
    group_types: Mapping[str, pl.DataType],
    goals: Sequence[str],
    top: int,
    top_groups: int = 0,
    is_series: bool = False,
    with_zero_goals: bool = False,
) -> pl.DataFrame:
    """Return the FIGURES of a frame of events with VISITS, behind the values of their group.

    `group_types` are the columns that part the rows into groups, with their types. `is_series`: the first of them is
    a time. `top` limits each section, `top_groups` the groups; 0 does not. For `with_zero_goals` see `list_figures`.
    """
    rows = add_orders(drop_later_copies(batch).filter(pl.col("hit").is_first_distinct()), goals)
    if not group_types:
        return list_figures(rows, goals, top, with_zero_goals=with_zero_goals)
    parts = [pl.DataFrame(schema={**group_types, **FIGURES})]
    for values, part in _largest_groups(rows, list(group_types), top_groups, is_series=is_series):
        group = [
            pl.lit(value, dtype).alias(name) for value, (name, dtype) in zip(values, group_types.items(), strict=True)
        ]
        parts.append(list_figures(part, goals, top, with_zero_goals=with_zero_goals).select(*group, *FIGURES))
    return pl.concat(parts)


def add_orders(rows: pl.DataFrame, goals: Sequence[str]) -> pl.DataFrame:
    """Keep `value` for orders only, and take repeated purchases out of the goals.

    A purchase event that is not an order of its own (a reload of one, say) is not a conversion and has no value.
    """
    purchases = fill_values(rows.filter(is_order_event())).lazy().filter(is_purchase())
    # Few rows are orders: to join them to all would copy every column.
    numbered = rows.lazy().select("hit").with_row_index(ROW)
    orders = numbered.join(deduplicate_orders(purchases), on="hit").collect()
    order_rows, height = orders[ROW], len(rows)
    value = pl.Series("value", [None], pl.Float64).new_from_index(0, height).scatter(order_rows, orders["value"])
    is_order = pl.Series([False]).new_from_index(0, height).scatter(order_rows, values=True)
    is_repeat = is_purchase() & ~is_order
    return rows.with_columns(value, *((pl.col(reaches(goal)) & ~is_repeat).alias(reaches(goal)) for goal in goals))


def _largest_groups(
    rows: pl.DataFrame, groups: list[str], top: int, *, is_series: bool
) -> list[tuple[tuple[object, ...], pl.DataFrame]]:
    """Part the rows by group, and return the `top` groups with most rows: each with its values, the largest first.

    In a series the groups come in the order of time first.
    """
    parts = rows.partition_by(groups, as_dict=True).items()
    largest = sorted(parts, key=lambda part: (-len(part[1]), [str(value) for value in part[0]]))
    largest = largest[:top] if top else largest
    return sorted(largest, key=lambda part: part[0][0]) if is_series else largest  # type: ignore[arg-type, return-value]


def list_figures(rows: pl.DataFrame, goals: Sequence[str], top: int, *, with_zero_goals: bool) -> pl.DataFrame:
    """Return FIGURES of these events, section by section. Goals that nobody reached need `with_zero_goals`."""
    visits = one_row_per_visit(rows.lazy()).collect()
    totals = {
        "visitors": rows["visitor"].drop_nulls().n_unique(),
        "visits": len(visits),
        "page views": rows["is_view"].sum(),
        "single-hit visits": visits["single_hit"].sum(),
        "median visit, seconds": visits["visit_seconds"].median(),
    }
    reached = {goal: rows[reaches(goal)].sum() for goal in goals}
    visitors = pl.col("visitor").drop_nulls().n_unique()
    lazy = rows.lazy()  # each section reads few columns of it
    return pl.concat(
        [
            _list("totals", totals),
            _list("conversions", {goal: count for goal, count in reached.items() if count or with_zero_goals}),
            _rank("revenue", lazy.filter(pl.col("value").is_not_null()), "currency", exact_sum(pl.col("value")), 0),
            _rank("pages", lazy.filter(pl.col("page").is_not_null()), "page", pl.len(), top),
            _rank("channels", lazy.filter(pl.col("visit").is_not_null()), "channel", pl.col("visit").n_unique(), top),
            _rank("devices", lazy.filter(pl.col("visitor").is_not_null()), "device_type", visitors, top),
        ]
    )


def _list(section: str, values: Mapping[str, object]) -> pl.DataFrame:
    rows = {"section": [section] * len(values), "name": list(values), "value": list(values.values())}
    return pl.DataFrame(rows, FIGURES, strict=False)


def _rank(section: str, rows: pl.LazyFrame, name: str, measure: pl.Expr, top: int) -> pl.DataFrame:
    """Return FIGURES with the measure of each value of the column `name`, the highest `top` of them (0: all)."""
    counts = rows.group_by(name=name).agg(value=measure.cast(pl.Float64)).with_columns(pl.col("name").cast(pl.String))
    ranked = counts.sort("value", "name", descending=[True, False], nulls_last=True)
    return (ranked.head(top) if top else ranked).select(pl.lit(section).alias("section"), "name", "value").collect()
