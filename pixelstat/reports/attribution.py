"""Give campaigns and channels credit for conversions and revenue, by several models of attribution.

`analysis.attribution` defines the models, `sessions.touches` what a touch is. A conversion is a distinct hit that
reaches a goal, or an order, which counts once. Each conversion has a lookback of its own, so a touch can count for
several.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby, pairwise

import click
import polars as pl

from pixelstat.analysis.attribution import (
    MODELS,
    PATH,
    find_paths,
)
from pixelstat.analysis.orders import exact_sum
from pixelstat.analysis.revenue import describe_revenue
from pixelstat.conditions import Step, parse_step
from pixelstat.errors import PixelstatError
from pixelstat.frames.columns import internal
from pixelstat.frames.division import count_seconds
from pixelstat.options.shared import by_option, goal_option, revenue_option, top_groups_option
from pixelstat.reports._credit import (
    AMOUNTS,
    GROUP,
    MAX_GROUPS,
    NO_TOUCH,
    OTHER,
    CreditOptions,
    collect_conversions,
    compute_credit,
    describe_truncated,
    find_rules,
    half_life_option,
    ignore_direct_option,
    list_touches,
    lookback_option,
    null_paths_option,
    select_rows,
)
from pixelstat.reports._report import RunContext, group_column, report
from pixelstat.reports.summary import DEFAULT_GOALS
from pixelstat.result import Column, Result
from pixelstat.sessions.touches import IS_TOUCH
from pixelstat.text.durations import format_duration

DEFAULT_BY = ("channel",)
SECONDS = internal("seconds")
NO_CURRENCY = "(no currency)"
LAG_DAYS = (0, 1, 2, 3, 4, 5, 6, 7, 14, 21, 30, 60, 90)  # where the rows of --lag begin
MODEL_ORDER = pl.Enum(MODELS)
CREDIT_COLUMNS = ("conversions", "share", "revenue", "net_revenue", "truncated_conversions")

model_option = click.Option(
    ["--model"], type=click.Choice(["all", *MODELS]), multiple=True, default=["last_non_direct"], show_default=True,
    metavar="MODEL", help=f"Give credit by this model: {', '.join(MODELS)}, or all. Can be repeated.",
)  # fmt: skip
paths_option = click.Option(["--paths"], is_flag=True, help="Show the paths of touches, instead of credit.")
lag_option = click.Option(
    ["--lag"], is_flag=True, help="Show the days from the first touch to the conversion, instead of credit."
)
touches_option = click.Option(
    ["--touches"], is_flag=True, help="Show the number of touches of a conversion, instead of credit."
)


@dataclass(frozen=True, kw_only=True)
class AttributionOptions(CreditOptions):
    """The options of `attribution`. Without a goal, DEFAULT_GOALS that occur count."""

    paths: bool = False  # show paths in place of credit
    lag: bool = False  # show the time from the first touch in place of credit
    touches: bool = False  # show the number of touches in place of credit

    @property
    def groups(self) -> dict[str, str]:
        """The columns of --by, or its default, by their temporary names."""
        return {group_column(name): name for name in self.by or DEFAULT_BY}

    @property
    def shows_credit(self) -> bool:
        """Whether the report shows credit: no other view is chosen."""
        return not (self.paths or self.lag or self.touches)


def _caption(options: AttributionOptions) -> str:
    by, top = ", ".join(options.groups.values()), f", top {options.top}" if options.top else ""
    parts = [f"by {by}{top}"] if options.shows_credit or options.paths else []
    if options.shows_credit:
        parts.append(f"model {options.models[0]}" if len(options.models) == 1 else f"{len(options.models)} models")
    parts.append(f"lookback {format_duration(options.lookback)}")
    if options.shows_credit or options.paths:
        parts.append(f"revenue {describe_revenue(options.revenue)}")
    if options.ignore_direct:
        parts.append("direct touches only where there is no other")
    if "time_decay" in options.models and options.shows_credit:
        parts.append(f"half-life {format_duration(options.half_life)}")
    if "markov" in options.models and options.shows_credit:
        parts.append(f"markov {'with' if options.null_paths else 'without'} paths that do not convert")
    return "; ".join([*parts, "a touch can count for several conversions"])


def _event_columns(options: AttributionOptions) -> Iterable[str]:
    return [*options.groups.values(), *(name for goal in options.goal for name in goal.hit.meta.root_names())]


def present_attribution(result: Result, options: AttributionOptions) -> Result:
    """Put several models side by side in a table, and say how many conversions may lack touches."""
    frame, by = result.frame, [*options.groups.values()]
    if frame.is_empty() or "previous_conversions" in frame.columns:
        return result
    of_one_model = frame.filter(pl.col("model") == options.models[0]) if options.shows_credit else frame
    total, truncated = (round(of_one_model[name].sum()) for name in ("conversions", "truncated_conversions"))
    if truncated:
        result = replace(result, notes=[*result.notes, describe_truncated(truncated, total)])
    if len(options.models) > 1 and options.shows_credit:
        return replace(result, in_table=place_side_by_side(result, by))
    columns = [replace(column, hidden=column.hidden or column.name == "model") for column in result.columns]
    return replace(result, columns=columns)


def place_side_by_side(result: Result, by: Sequence[str]) -> Result:
    """Return the credit with a column for each model: rows of conversions, then rows of revenue."""
    keys, models = [*by, "goal"], result.frame["model"].unique(maintain_order=True).to_list()
    blocks = []
    for name in ("conversions", "revenue"):
        currency = [] if name == "conversions" else ["currency"]
        rows = result.frame.filter(pl.col(name).is_not_null()).group_by(*keys, "model", *currency, maintain_order=True)
        wide = rows.agg(exact_sum(pl.col(name)).alias(name)).pivot(
            "model", index=[*keys, *currency], values=name, maintain_order=True
        )
        unit = pl.col("currency").fill_null(NO_CURRENCY) if currency else pl.lit("conversions")
        blocks.append(
            wide.select(*keys, unit.alias("credit"), pl.col([model for model in models if model in wide.columns]))
        )
    order = internal("order")
    places = result.frame.select(keys).unique(keys, maintain_order=True).with_row_index(order)
    blocks = [
        block.join(places, on=keys, how="left", nulls_equal=True).sort(order, "credit", nulls_last=True).drop(order)
        for block in blocks
    ]
    wide = pl.concat(blocks, how="diagonal").with_columns(pl.col(models).fill_null(0.0))
    declared = {column.name: column for column in result.columns}
    columns = [
        *(declared[name] for name in keys),
        Column("credit", "text", key=True, grouped=True),
        *(Column(model, "figure", needed=index == 0) for index, model in enumerate(models)),
    ]
    if wide["goal"].n_unique() == 1:
        wide, columns = wide.drop("goal"), [column for column in columns if column.name != "goal"]
    units = wide.select(unit=pl.col("credit").replace(NO_CURRENCY, "money"))
    return replace(result, frame=wide.select(column.name for column in columns), columns=columns, units=units)


@report(
    "Attribution",
    columns=[
        Column("goal", "text", "the goal as you named it", key=True, grouped=True),
        Column("model", "text", "the model that gives the credit; not with --paths, --lag or --touches", key=True),
        Column("path", "text", "with --paths: the groups of the touches, from the first to the last", key=True),
        Column("from_days", "count", "with --lag: days from the first touch to the conversion, at least", key=True),
        Column("to_days", "count", "with --lag: upper bound, not included; null for none", key=True),
        Column("touches", "count", "with --paths and --touches: number of touches of a path", key=True),
        Column("currency", "text", "currency of the revenue; null for conversions without a value", key=True),
        Column("conversions", "figure", "credit: the group's part of the conversions in this currency", bar=True),
        Column("share", "share", "conversions / all conversions of the goal"),
        Column("cumulative_share", "share", "with --lag and --touches: share of this row and those above it"),
        Column("revenue", "money", "credit for the values of these conversions before refunds"),
        Column("net_revenue", "money", "credit for the revenue minus refunds", detail=True),
        Column("median_seconds", "seconds", "with --paths: median time from the first touch to the conversion"),
        Column(
            "truncated_conversions",
            "figure",
            "part of conversions whose lookback begins before the logs do, so that touches may be missing",
            hidden=True,
        ),
    ],
    options=[
        goal_option, model_option, by_option, lookback_option, half_life_option, ignore_direct_option,
        null_paths_option, revenue_option, top_groups_option, paths_option, lag_option, touches_option,
    ],
    options_type=AttributionOptions,
    caption=_caption,
    present=present_attribution,
    event_columns=_event_columns,
    attribution=find_rules,
    needs_visits=True,
    needs_all_orders=True,
    needs_touches=True,
    limits_visits=False,
    not_comparable_with=("paths", "lag", "touches"),
)  # fmt: skip
def attribution(events: pl.LazyFrame, options: AttributionOptions, run: RunContext) -> pl.LazyFrame:
    """Show which channel or campaign earned the conversions and the revenue.

    A touch is the start of a visit, or a click in an email, up to --lookback before the conversion. --model chooses
    which touches get the credit. By default, the last visit that is not direct gets all of it. Credits add up to the
    conversions and to the revenue. --goal sets the goals, as in `conversions`.

    --by groups touches by any column, such as source, utm_campaign or entry_page. Add --stitch to join the click in an
    email with the visits of the same person.

    \b
    pixelstat attribution access.log* --by utm_campaign
    pixelstat attribution access.log* --model all
    pixelstat attribution access.log* --paths --top 10
    """
    if sum((options.paths, options.lag, options.touches)) > 1:
        raise PixelstatError("--paths, --lag and --touches cannot be combined.", "Use one of them.")
    goals = options.goal or [parse_step(event) for event in DEFAULT_GOALS]
    rows = select_rows(events, goals, [*options.groups.values()], options, run)
    analyze = partial(analyze_batch, goals=goals, options=options, run=run)
    return rows.map_batches(analyze, schema=analyze(rows.collect_schema().to_frame()).schema)


def analyze_batch(
    batch: pl.DataFrame, *, goals: Sequence[Step], options: AttributionOptions, run: RunContext
) -> pl.DataFrame:
    """Return the credit, the paths or a distribution, from the touches and the conversions among these events."""
    conversions = collect_conversions(batch, goals, options, run, warns_of_goals=bool(options.goal))
    numbers = number_groups(batch.filter(IS_TOUCH), [*options.groups])
    touches = list_touches(batch, [*options.groups], numbers)
    labels = label_groups(numbers, options)
    paths = find_paths(conversions, touches, options.lookback, ignores_direct=options.ignore_direct)
    if options.shows_credit:
        credit = compute_credit(paths, conversions, touches, options, groups=labels.height)
        return rank_groups(credit, labels, options)
    rows = pl.concat(map(summarize_paths, paths))
    return list_paths(rows, labels, options) if options.paths else count_distribution(rows, options)


def number_groups(touches: pl.DataFrame, groups: Sequence[str]) -> pl.DataFrame:
    """Return each combination of values of these columns with its number, GROUP, in the order of the values.

    The groups with fewest touches share the number MAX_GROUPS if there are more than that.
    """
    sizes = (
        touches.group_by(groups).len().sort("len", *groups, descending=[True, *[False] * len(groups)], nulls_last=True)
    )
    shown = sizes.head(MAX_GROUPS).sort(groups, nulls_last=True).with_row_index(GROUP)
    others = sizes.slice(MAX_GROUPS).with_columns(pl.lit(MAX_GROUPS, pl.UInt32).alias(GROUP))
    return pl.concat([shown, others.select(shown.columns)]).drop("len")


def label_groups(numbers: pl.DataFrame, options: AttributionOptions) -> pl.DataFrame:
    """Return each number of a group with the values to show, under the names of --by."""
    values = [
        pl.when(pl.col(GROUP) < MAX_GROUPS).then(group).otherwise(pl.lit(OTHER)).alias(name)
        for group, name in options.groups.items()
    ]
    return numbers.select(GROUP, *values).unique(GROUP, keep="first", maintain_order=True).sort(GROUP)


def rank_groups(credit: pl.DataFrame, labels: pl.DataFrame, options: AttributionOptions) -> pl.DataFrame:
    """Return the credit with the values of its groups: the `top` with most conversions, then one for the others."""
    by, rank = [*options.groups.values()], internal("rank")
    named = credit.join(labels, left_on="group", right_on=GROUP, how="left", maintain_order="left").with_columns(
        pl.when(pl.col("group").is_null()).then(pl.lit(NO_TOUCH)).otherwise(name).alias(name) for name in by
    )
    of_first = pl.col("conversions").filter(pl.col("model") == options.models[0])
    sizes = named.group_by(by).agg(exact_sum(of_first).alias(rank), exact_sum(pl.col("conversions")).alias(SECONDS))
    is_other = pl.all_horizontal(pl.col(name).eq_missing(pl.lit(OTHER)) for name in by)
    order = sizes.sort(is_other, -pl.col(rank), -pl.col(SECONDS), *by, nulls_last=True).select(by).with_row_index(rank)
    ranked = named.join(order, on=by, how="left", nulls_equal=True)
    if options.top and order.height > options.top:
        is_shown = pl.col(rank) < options.top
        ranked = ranked.with_columns(
            pl.when(is_shown).then(rank).otherwise(options.top).alias(rank),
            *(pl.when(is_shown).then(name).otherwise(pl.lit(OTHER)).alias(name) for name in by),
        )
    measures = ("conversions", *AMOUNTS)
    sums = ranked.group_by(rank, *by, "goal", "model", "currency").agg(exact_sum(pl.col(name)) for name in measures)
    has_sales = pl.col("currency").is_not_null() | (pl.col("revenue").abs().sum().over("goal", "currency") > 0)
    total = exact_sum(pl.col("conversions")).over("goal", "model")
    return (
        sums.filter(pl.any_horizontal(pl.col(measures) != 0))
        .with_columns(pl.col("model").cast(MODEL_ORDER), share=pl.col("conversions") / total)
        .with_columns(pl.when(has_sales).then(name).alias(name) for name in ("revenue", "net_revenue"))
        .sort(rank, "goal", "model", "currency", nulls_last=True)
        .select(*by, "goal", "model", "currency", *CREDIT_COLUMNS)
    )


def summarize_paths(paths: pl.DataFrame) -> pl.DataFrame:
    """Return one row a conversion: the groups and the number of its touches, and SECONDS since the first of them."""
    wait = count_seconds(pl.col("time").first() - pl.col("touch_time").first())
    return paths.group_by(PATH, maintain_order=True).agg(
        pl.col("goal", "currency", *AMOUNTS).first(),
        pl.col("group"),
        wait.alias(SECONDS),
        touches=pl.col("group").count().cast(pl.Int64),
    )


def list_paths(rows: pl.DataFrame, labels: pl.DataFrame, options: AttributionOptions) -> pl.DataFrame:
    """Return a row for each path, goal and currency: the `top` paths with most conversions, then one for the others."""
    rank = internal("rank")
    texts = {number: " / ".join(value or "(none)" for value in values) for number, *values in labels.iter_rows()}
    distinct = rows.select("group").unique("group", maintain_order=True)
    distinct = distinct.with_columns(
        path=pl.Series([name_path(path, texts) for path in distinct["group"]], dtype=pl.String)
    )
    named = rows.join(distinct, on="group", how="left", maintain_order="left")
    sizes = named.group_by("path").len().sort("len", "path", descending=[True, False])
    ranked = named.join(sizes.with_row_index(rank).drop("len"), on="path", how="left")
    if options.top and sizes.height > options.top:
        is_shown = pl.col(rank) < options.top
        ranked = ranked.with_columns(
            pl.when(is_shown).then(rank).otherwise(options.top).alias(rank),
            path=pl.when(is_shown).then("path").otherwise(pl.lit(OTHER)),
            touches=pl.when(is_shown).then("touches"),
        )
    has_sales = pl.col("revenue").count() > 0
    sums = ranked.group_by(rank, "path", "touches", "goal", "currency").agg(
        pl.len().cast(pl.Float64).alias("conversions"),
        *(pl.when(has_sales).then(exact_sum(pl.col(name))).alias(name) for name in ("revenue", "net_revenue")),
        exact_sum(pl.col("truncated_conversions")),
        median_seconds=pl.col(SECONDS).median(),
    )
    return (
        sums.with_columns(share=pl.col("conversions") / pl.col("conversions").sum().over("goal"))
        .sort(rank, "goal", "currency", nulls_last=True)
        .select(
            "path", "goal", "touches", "currency", "conversions", "share", "revenue", "net_revenue", "median_seconds",
            "truncated_conversions",
        )
    )  # fmt: skip


def name_path(path: pl.Series, texts: Mapping[int, str]) -> str:
    """Return the groups of a path as one text. A group that repeats is named once with its number of touches."""
    parts = []
    for number, run in groupby(path):
        length = len([*run])
        text = NO_TOUCH if number is None else texts[number]
        parts.append(text if length == 1 else f"{text} ×{length}")
    return " > ".join(parts)


def count_distribution(rows: pl.DataFrame, options: AttributionOptions) -> pl.DataFrame:
    """Return the number of conversions of each goal by days since the first touch, or by number of touches."""
    if options.lag:
        days = pl.col(SECONDS) / 86_400
        begins = pl.when(days.is_not_null()).then(
            pl.max_horizontal(pl.when(days >= day).then(pl.lit(day)) for day in LAG_DAYS)
        )
        ends = pl.coalesce(pl.when(begins == day).then(pl.lit(end)) for day, end in pairwise(LAG_DAYS))
        buckets = {"from_days": begins.cast(pl.Int64), "to_days": ends.cast(pl.Int64)}
    else:
        buckets = {"touches": pl.col("touches")}
    counts = rows.group_by("goal", *(bucket.alias(name) for name, bucket in buckets.items())).agg(
        pl.len().cast(pl.Float64).alias("conversions"), exact_sum(pl.col("truncated_conversions"))
    )
    total = pl.col("conversions").sum().over("goal")
    return (
        counts.sort("goal", next(iter(buckets)), nulls_last=True)
        .with_columns(
            share=pl.col("conversions") / total, cumulative_share=pl.col("conversions").cum_sum().over("goal") / total
        )
        .select("goal", *buckets, "conversions", "share", "cumulative_share", "truncated_conversions")
    )
