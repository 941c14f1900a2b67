"""Show visitors, visits, views, conversions and revenue at a glance, as `pixelstat LOGS` without a command does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import polars as pl

from pixelstat.analysis.order_lines import fill_values
from pixelstat.analysis.orders import deduplicate_orders, exact_mean, exact_sum
from pixelstat.analysis.time_series import TIME_COLUMN, bucket_start, truncate_local
from pixelstat.conditions import Step
from pixelstat.frames.columns import internal
from pixelstat.frames.division import divide_by
from pixelstat.options.shared import by_option, every_option, top_per_section_option
from pixelstat.options.values import ReportOptions
from pixelstat.reports._report import RunContext, group_column, report
from pixelstat.reports.visits import one_row_per_visit
from pixelstat.result import Column, Result
from pixelstat.text.plurals import format_count
from pixelstat.traffic.deduplication import drop_later_copies, name_site
from pixelstat.vocabulary import is_email_event, is_order_event, is_page_view, is_purchase

DEFAULT_GOALS = ("purchase", "lead", "signup", "goal")  # events that are counted where pixelstat.toml names no goals
FIGURES = pl.Schema(
    {"section": pl.String(), "name": pl.String(), "unit": pl.String(), "value": pl.Float64(), "share": pl.Float64()}
)
ORDER_COLUMNS = ("event", "value", "order_id", "product", "products")  # read of order events only
ROW = internal("row")


@dataclass(frozen=True, kw_only=True)
class SummaryOptions(ReportOptions):
    """The options of `summary`."""

    goal: Sequence[Step] = ()  # the goals of pixelstat.toml


def _caption(options: SummaryOptions) -> str:
    counted = "pages by views, channels by visits, devices by visitors"
    return "; ".join([*([f"by {', '.join(keys)}"] if (keys := options.list_row_keys()) else []), counted])


def present_summary(result: Result, options: SummaryOptions) -> Result:
    """Add the numbers of visitors and visits, unless the figures are broken down."""
    if options.by or options.every:
        return result
    totals = result.frame.filter(pl.col("section") == "totals").select("name", "value").rows()
    values = {name: int(value or 0) for name, value in totals}
    visitors = format_count(values["visitors"], "visitor", "visitors")
    visits = format_count(values["visits"], "visit", "visits")
    return replace(result, headline=f"{visitors}, {visits}")


@report(
    "Summary",
    columns=[
        TIME_COLUMN,
        Column(
            "section",
            "text",
            "totals, conversions, revenue, average order value, pages, channels or devices",
            grouped=True,
        ),
        Column("name", "text", "the figure, goal, currency, page, channel or device type", needed=True),
        Column(
            "unit",
            "text",
            "unit of the value: visitors, visits, views, conversions, seconds, share, EUR or EUR per order",
            minor=True,
        ),
        Column("value", "figure", "the figure", needed=True),
        Column("share", "share", "of all views of pages, visits of channels, visitors of devices", compared=False),
    ],
    options=[by_option, top_per_section_option, every_option],
    options_type=SummaryOptions,
    caption=_caption,
    present=present_summary,
    needs_visits=True,
    needs_goals=True,
    needs_all_orders=True,
    compares_to_previous=True,
)
def summary(events: pl.LazyFrame, options: SummaryOptions, run: RunContext) -> pl.LazyFrame:
    """Show visitors, visits, views, conversions and revenue, with the top pages, channels and devices.

    With --since, the summary also shows the previous period, as --compare previous does. Conversions are the goals of
    pixelstat.toml, else purchase, lead, signup and goal. An order counts once. Revenue is before refunds.

    \b
    pixelstat access.log*
    pixelstat summary access.log* --since 7d --top 3
    """
    by, every = options.by, options.every
    goals = {goal.name: goal.hit for goal in options.goal}
    goals = goals or {event: pl.col("event").eq_missing(pl.lit(event)) for event in DEFAULT_GOALS}
    bucket = {"time": truncate_local(pl.col("time"), every, run.time_zone)} if every else {}
    group_values = {**bucket, **{name: pl.col(name) for name in by}}
    groups = {group_column(name): name for name in group_values}
    # All figures come from one pass over the events: a second one would read the logs again.
    rows = events.select(
        "time", "hit", "first", "visit", "visit_start", "visit_seconds", "visit_views", "is_bounce",
        "channel", "device_type", "currency",
        visitor=pl.when(~is_email_event()).then("visitor").cast(pl.Categorical()).to_physical(),
        rejected="rejected",
        site=pl.when(is_order_event()).then(name_site(pl.col("host"), run.own_hosts)),
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
    is_counted = pl.col("rejected").is_null() & pl.col("hit").is_first_distinct()
    rows = add_orders(drop_later_copies(batch).filter(is_counted), batch.filter(is_order_event()), goals)
    if not group_types:
        return list_figures(rows, goals, top, with_zero_goals=with_zero_goals)
    parts = [pl.DataFrame(schema={**group_types, **FIGURES})]
    for values, part in _largest_groups(rows, list(group_types), top_groups, is_series=is_series):
        group = [
            pl.lit(value, dtype).alias(name) for value, (name, dtype) in zip(values, group_types.items(), strict=True)
        ]
        parts.append(list_figures(part, goals, top, with_zero_goals=with_zero_goals).select(*group, *FIGURES))
    return pl.concat(parts)


def add_orders(rows: pl.DataFrame, order_events: pl.DataFrame, goals: Sequence[str]) -> pl.DataFrame:
    """Keep `value` for orders only, and take repeated purchases out of the goals.

    A purchase event that is not an order of its own (a reload of one, say) is not a conversion and has no value. `rows`
    has each hit once, `order_events` has all copies, and those that the filters of the report rejected.
    """
    purchases = fill_values(order_events).lazy().filter(is_purchase())
    # Few rows are orders: to join them to all would copy every column.
    numbered = rows.lazy().select("hit").with_row_index(ROW)
    orders = numbered.join(deduplicate_orders(purchases), on="hit").collect()
    order_rows, height = orders[ROW], len(rows)
    value = pl.Series("value", [None], pl.Float64).new_from_index(0, height).scatter(order_rows, orders["value"])
    currency = rows["currency"].scatter(order_rows, orders["currency"])
    is_order = pl.Series([False]).new_from_index(0, height).scatter(order_rows, values=True)
    is_repeat = is_purchase() & ~is_order
    return rows.with_columns(
        value, currency, *((pl.col(reaches(goal)) & ~is_repeat).alias(reaches(goal)) for goal in goals)
    )


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
    visitors = rows["visitor"].drop_nulls().n_unique()
    totals: list[Figure] = [
        ("visitors", "visitors", visitors),
        ("visits", "visits", len(visits)),
        ("page views", "views", rows["is_view"].sum()),
        ("bounce rate", "share", visits["is_bounce"].mean()),
        ("median visit duration", "seconds", visits["visit_seconds"].median()),
    ]
    conversions: list[Figure] = []
    for goal in goals:
        reaching = rows.select("visitor", "visit", is_reached=reaches(goal)).filter("is_reached")
        if len(reaching) or with_zero_goals:
            people, converting = (reaching[name].drop_nulls().n_unique() for name in ("visitor", "visit"))
            conversions += [
                (goal, "conversions", len(reaching)),
                (f"{goal} rate (visitors)", "share", _share(people, visitors)),
                (f"{goal} rate (visits)", "share", _share(converting, len(visits))),
            ]
    lazy = rows.lazy()  # each section reads few columns of it
    orders, value = lazy.filter(pl.col("value").is_not_null()), pl.col("value")
    pages = lazy.filter(pl.col("page").is_not_null()).rename({"page": "name"})
    channels = lazy.filter(pl.col("visit").is_not_null()).rename({"channel": "name"})
    devices = lazy.filter(pl.col("visitor").is_not_null()).rename({"device_type": "name"})
    return pl.concat(
        [
            _list("totals", totals),
            _list("conversions", conversions),
            _list_money("revenue", orders, exact_sum(value)),
            _list_money("average order value", orders, exact_mean(value), per=" per order"),
            _rank("pages", "views", pages, pl.len(), rows["page"].count(), top),
            _rank("channels", "visits", channels, pl.col("visit").n_unique(), len(visits), top),
            _rank("devices", "visitors", devices, pl.col("visitor").n_unique(), visitors, top),
        ]
    )


Figure = tuple[str, str, object]  # name, unit, value


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _list(section: str, figures: Sequence[Figure]) -> pl.DataFrame:
    rows = [(section, *figure, None) for figure in figures]
    return pl.DataFrame(rows, FIGURES, orient="row", strict=False)


def _list_money(section: str, orders: pl.LazyFrame, measure: pl.Expr, *, per: str = "") -> pl.DataFrame:
    """Return FIGURES with the measure of each currency, the highest first.

    The unit is the currency, or `money` if it is unknown, with `per` behind it.
    """
    amounts = orders.group_by(name="currency").agg(value=measure)
    amounts = amounts.sort("value", "name", descending=[True, False], nulls_last=True)
    unit, share = pl.col("name").fill_null("money") + pl.lit(per), pl.lit(None, pl.Float64)
    return amounts.select(section=pl.lit(section), name="name", unit=unit, value="value", share=share).collect()


def _rank(  # noqa: PLR0917 - one line for each section
    section: str, unit: str, rows: pl.LazyFrame, measure: pl.Expr, whole: int, top: int
) -> pl.DataFrame:
    """Return FIGURES with the measure of each `name`, the highest `top` of them (0: all).

    `whole` is the measure of all rows together, of which each row has its `share`.
    """
    counts = rows.group_by("name").agg(value=measure.cast(pl.Float64)).with_columns(pl.col("name").cast(pl.String))
    ranked = counts.sort("value", "name", descending=[True, False], nulls_last=True)
    shown = (ranked.head(top) if top else ranked).collect()
    share = divide_by(pl.col("value"), whole)
    return shown.select(section=pl.lit(section), name="name", unit=pl.lit(unit), value="value", share=share)
