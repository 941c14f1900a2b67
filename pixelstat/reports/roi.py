"""Compare what was spent on campaigns with the conversions and the revenue that they get credit for.

`sources.spend` reads the spend, `analysis.spend` joins it with groups of touches, and `_credit` gives the credit, as in
`attribution`. Spend counts on the days of the period that the logs cover. Amounts of two currencies are never added.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import click
import polars as pl

from pixelstat.analysis.attribution import MODELS, PATH, find_paths
from pixelstat.analysis.order_lines import fill_values
from pixelstat.analysis.orders import build_orders, customer_key
from pixelstat.analysis.revenue import describe_revenue
from pixelstat.analysis.spend import FIELDS, Groups, list_columns, match_groups, number_spend, part_days, sum_spend
from pixelstat.conditions import Step
from pixelstat.enrich.currencies import CurrencyRules
from pixelstat.errors import PixelstatError
from pixelstat.frames.columns import internal
from pixelstat.frames.division import count_seconds
from pixelstat.options.shared import revenue_option
from pixelstat.options.types import FileType, PercentType, ProjectNameType
from pixelstat.reports._credit import (
    GROUP,
    MAX_GROUPS,
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
from pixelstat.reports._roi_notes import (
    describe_holdout,
    describe_immature,
    describe_left_out,
    describe_unmatched_spend,
    present_returns,
)
from pixelstat.reports._roi_rows import add_ratios, build_ranks, build_rows, limit_groups
from pixelstat.result import TYPE_OF_KIND, Column, Result
from pixelstat.sessions.touches import IS_TOUCH
from pixelstat.sources.spend import SpendFile, read_spend
from pixelstat.sources.spend_headings import parse_spend_columns
from pixelstat.text.durations import format_duration
from pixelstat.text.plurals import join_words
from pixelstat.vocabulary import is_order_event

MATURE = 0.8  # the share of conversions that have come when the spend of a day is mature
CUSTOMER, WAIT, RANK = internal("customer"), internal("wait"), internal("rank")
CREDIT = ("revenue", "net_revenue", "new_customers")  # what a conversion has, besides itself
NO_HINT = 'Add a column with the campaign, or name it: --spend-columns "Anzeige=campaign"'

spend_option = click.Option(
    ["--spend"], type=FileType(), required=True, metavar="FILE",
    help="Read what was spent from this CSV or Parquet file. It has date, spend and a channel, source, medium or "
    "campaign, and can have currency, impressions and clicks.",
)  # fmt: skip
spend_columns_option = click.Option(
    ["--spend-columns", "spend_columns"], metavar="NAME=COLUMN,...",
    help='Name the columns of --spend that have other headings: "Tag=date,Kosten=spend".',
)  # fmt: skip
by_option = click.Option(
    ["--by"], type=click.Choice([*FIELDS]), multiple=True, metavar="COLUMN",
    help="Join spend and visits by this column: channel, source, medium or utm_campaign. Default: all of them that the "
    "file of --spend has. Can be repeated.",
)  # fmt: skip
goal_option = click.Option(
    ["--goal"], type=ProjectNameType("goals"), multiple=True, default=["purchase"], show_default=True, metavar="GOAL",
    help="Count this goal: an event, a page, an SQL condition or the name of a goal in pixelstat.toml.",
)  # fmt: skip
model_option = click.Option(
    ["--model"], type=click.Choice(MODELS), default="last_non_direct", show_default=True, metavar="MODEL",
    help=f"Give credit by this model: {', '.join(MODELS[:-1])} or {MODELS[-1]}.",
)  # fmt: skip
margin_option = click.Option(
    ["--margin"], type=PercentType(0, 101), metavar="PERCENT",
    help="Show roi, with this share of the revenue left after the cost of the goods. Example: 40%.",
)  # fmt: skip
sensitivity_option = click.Option(
    ["--sensitivity"], is_flag=True, help="Show the rank of each group by roas under every model, not its figures."
)  # fmt: skip
top_option = click.Option(
    ["--top"], type=click.IntRange(min=0), default=20, show_default=True, metavar="N",
    help="Show the N largest groups without spend data; 0 shows all. Groups with spend are always shown.",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class RoiOptions(CreditOptions):
    """The options of `roi`."""

    spend: SpendFile
    margin: float | None = None  # the share of the revenue that is left to pay for the spend
    sensitivity: bool = False  # show the ranks by all models in place of figures

    @property
    def groups(self) -> dict[str, str]:
        """The columns of --by by their temporary names."""
        return {group_column(name): name for name in self.by}


def build_options(
    _: Callable[[str], Step], *, spend: str, spend_columns: str | None, model: str, **options: Any
) -> RoiOptions:
    """Read the file of spend, and choose the columns to join it by.

    Raises PixelstatError for a file that cannot be read, and for a column that it lacks.
    """
    if len(options["goal"]) > 1:
        raise PixelstatError("roi counts one goal.", "Use --goal once.")
    file = read_spend(spend, parse_spend_columns(spend_columns) if spend_columns is not None else None)
    columns = list_columns(file.frame)
    if not columns and not file.frame.is_empty():
        raise PixelstatError(f"{spend} names no channel, source, medium or campaign for its spend.", NO_HINT)
    if missing := next((name for name in options["by"] if name not in columns and columns), None):
        words = f"--by {missing}: {spend} has no column of {FIELDS[missing]}."
        raise PixelstatError(words, f"Try: --by {columns[-1]}")
    options["by"] = options["by"] or tuple(columns) or ("utm_campaign",)
    return RoiOptions(spend=file, model=("all",) if options["sensitivity"] else (model,), **options)


def _caption(options: RoiOptions) -> str:
    model = "all models" if options.sensitivity else f"model {options.models[0]}"
    parts = [
        f"by {', '.join(options.by)}",
        options.goal[0].name,
        model,
        f"lookback {format_duration(options.lookback)}",
    ]
    parts.append(f"revenue {describe_revenue(options.revenue)}")
    if options.margin is not None:
        parts.append(f"margin {100 * options.margin:g}%")
    return "; ".join(parts)


def _event_columns(options: RoiOptions) -> Iterable[str]:
    return [*options.by, *(name for goal in options.goal for name in goal.hit.meta.root_names())]


def present_roi(result: Result, options: RoiOptions) -> Result:
    """Add the headline, hide columns that say nothing, and put the ranks of models side by side in a table."""
    return present_returns(result, options.by, shows_ranks=options.sensitivity)


def _declare_bound(name: str, kind: str, about: str) -> Column:
    return Column(name, kind, about, detail=True, compared=False)


@report(
    "Return on spend",
    columns=[
        Column("model", "text", "with --sensitivity: the model that gives the credit", key=True),
        Column("visits", "count", "touches in the period: starts of visits, and clicks in emails", minor=True),
        Column("conversions", "figure", "credit: the group's part of the conversions in all currencies"),
        _declare_bound("conversions_low", "number", "lower end of its 95% interval (bootstrap over visitors)"),
        _declare_bound("conversions_high", "number", "upper end of its 95% interval"),
        Column("new_customers", "figure", "credit for first orders in the logs; null without orders", detail=True),
        Column(
            "currency",
            "text",
            "currency of the columns after it; a group with two currencies has two rows",
            key=True,
            splits=True,
        ),
        Column("spend", "money", "spend on the days of the period; null without spend data", needed=True),
        Column("immature_spend", "money", "part of it on days that may still earn more", detail=True),
        Column("impressions", "count", "impressions by the file of spend", detail=True),
        Column("clicks", "count", "clicks by the file of spend", detail=True),
        Column("revenue", "money", "credit for the values of these conversions before refunds", needed=True),
        _declare_bound("revenue_low", "price", "lower end of its 95% interval"),
        _declare_bound("revenue_high", "price", "upper end of its 95% interval"),
        Column("net_revenue", "money", "credit for the revenue minus refunds", detail=True),
        Column("cpm", "price", "1000 × spend / impressions", detail=True),
        Column("cpc", "price", "spend / clicks", minor=True),
        Column("cost_per_visit", "price", "spend / visits", minor=True),
        Column("cpa", "price", "spend / conversions; null without conversions"),
        Column("cac", "price", "spend / new_customers", minor=True),
        Column("roas", "number", "revenue / spend; null without spend", needed=True),
        _declare_bound("roas_low", "number", "lower end of its 95% interval"),
        _declare_bound("roas_high", "number", "upper end of its 95% interval"),
        Column("roi", "change", "with --margin: (revenue × margin - spend) / spend"),
        Column("rank", "count", "with --sensitivity: rank by roas under this model and in this currency", key=True),
    ],
    options=[
        spend_option, spend_columns_option, by_option, goal_option, model_option, lookback_option, half_life_option,
        ignore_direct_option, null_paths_option, revenue_option, margin_option, sensitivity_option, top_option,
    ],
    options_type=RoiOptions,
    build_options=build_options,
    caption=_caption,
    present=present_roi,
    event_columns=_event_columns,
    attribution=find_rules,
    needs_visits=True,
    needs_all_orders=True,
    needs_touches=True,
    limits_visits=False,
    not_comparable_with=("sensitivity",),
)  # fmt: skip
def roi(events: pl.LazyFrame, options: RoiOptions, run: RunContext) -> pl.LazyFrame:
    """Compare the spend of campaigns with the conversions and the revenue that they get credit for.

    The spend comes from a file that you export from the ad platforms. A group of visits has the spend that names the
    same channel, source, medium or campaign, in upper or lower case. Spend without visits and groups without spend have
    rows of their own. --model chooses which touches get the credit, as in `attribution`.

    Attribution is not incrementality: it does not show what the shop would earn without the campaign.

    \b
    pixelstat roi access.log* --spend spend.csv
    pixelstat roi access.log* --spend spend.csv --by channel --margin 40%
    pixelstat roi access.log* --spend spend.csv --sensitivity
    """
    customer = pl.when(is_order_event()).then(customer_key()).cast(pl.Categorical()).to_physical()
    rows = select_rows(events, options.goal, options.by, options, run, further={CUSTOMER: customer})
    return rows.map_batches(partial(analyze_batch, options=options, run=run), schema=list_types(options))


def list_types(options: RoiOptions) -> dict[str, pl.DataType]:
    """Return the columns of the report with their types."""
    of_ranks = ("currency", "model", "conversions", "spend", "revenue", "roas", "rank")
    declared = {column.name: TYPE_OF_KIND[column.kind] for column in roi.columns}
    names = of_ranks if options.sensitivity else [name for name in declared if name not in ("model", "rank")]
    return {**dict.fromkeys(options.by, pl.String()), **{name: declared[name] for name in names}}


def select_columns(rows: pl.DataFrame, options: RoiOptions) -> pl.DataFrame:
    """Return the columns of the report."""
    types = list_types(options)
    return rows.select([*types]).cast(types)  # type: ignore[arg-type]


def analyze_batch(batch: pl.DataFrame, *, options: RoiOptions, run: RunContext) -> pl.DataFrame:
    """Return the rows of the report, from the touches and the conversions among these events."""
    spend = select_spend(options.spend, run)
    groups = match_groups(batch.filter(IS_TOUCH), [*options.groups], spend, options.by, MAX_GROUPS)
    touches = list_touches(batch, [*options.groups], groups.numbers.rename({"group": GROUP}))
    conversions = collect_conversions(
        batch, options.goal, options, run, keys=["hit", CUSTOMER], warns_of_goals=not batch.is_empty()
    )
    conversions = add_new_customers(conversions, batch)
    conversions, spend = unify_currencies(conversions, spend, options.spend, run.warn)
    waits: list[pl.DataFrame] = []
    paths = find_paths(conversions, touches, options.lookback, ignores_direct=options.ignore_direct)
    credit = compute_credit(
        note_waits(paths, waits), conversions, touches, options,
        groups=groups.labels.height, amounts=CREDIT, further_keys=[] if options.sensitivity else ["visitor"],
    )  # fmt: skip
    wait = pl.concat(waits)[WAIT].quantile(MATURE, "linear") if waits else None
    first_immature = find_immature_day(wait, run)
    spend = number_spend(spend, options.by, groups)
    sums = sum_spend(spend, ["group", "currency"], first_immature)
    visits = touches.filter(pl.col("rejected").is_null()).group_by("group").agg(visits=pl.len())
    describe_limits(run, groups, touches, conversions, spend)
    if wait is not None and first_immature:
        run.note(describe_immature(sums, wait, first_immature))
    if options.sensitivity:
        return select_columns(build_ranks(credit, sums, groups, options.by), options)
    credit, visits = (limit_groups(frame, credit, groups, options.top) for frame in (credit, visits))
    visits = visits.group_by("group").agg(pl.col("visits").sum())
    rows = build_rows(credit, visits, sums, groups, options.by)
    if conversions.height and not conversions["new_customers"].count():
        rows = rows.with_columns(new_customers=pl.lit(None, pl.Float64))
    return select_columns(add_ratios(rows, options.margin), options)


# -- spend ------------------------------------------------------------------------------------------------------------


def find_days(run: RunContext) -> tuple[date | None, date | None]:
    """Return the first and the last day of the period that the logs cover; None where nothing limits it."""
    zone, (start, end) = ZoneInfo(run.time_zone), run.covered_period()
    last = end - timedelta(microseconds=1) if end else None
    return start and start.astimezone(zone).date(), last and last.astimezone(zone).date()


def select_spend(file: SpendFile, run: RunContext) -> pl.DataFrame:
    """Return the spend of the period in the currency of the run, and say what is left out."""
    first, last = find_days(run)
    within, outside = part_days(file.frame, first, last)
    if within.is_empty() and first and last and not file.frame.is_empty():
        days = file.frame["date"].sort()
        start, end = days[0], days[-1]
        run.warn(f"no day of the spend ({start} to {end}) is a day of the report ({first} to {last}).")
    elif not outside.is_empty():
        run.note(describe_left_out(outside, first, last))
    for sentence in file.notes:
        run.note(f"About the spend: {sentence}.")
    return convert_spend(within, run.currencies, run.time_zone) if run.currencies else within


def convert_spend(spend: pl.DataFrame, rules: CurrencyRules, time_zone: str) -> pl.DataFrame:
    """Convert the spend to one currency, by the rate of its day."""
    noon = pl.col("date").cast(pl.Datetime("us")).dt.offset_by("12h").dt.replace_time_zone(time_zone)
    rows = spend.with_columns(time=noon.dt.convert_time_zone("UTC")).rename({"spend": "value"})
    return rules.convert(rows).rename({"value": "spend"}).select(spend.columns)


def unify_currencies(
    conversions: pl.DataFrame, spend: pl.DataFrame, file: SpendFile, warn: Callable[[str], object]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Take amounts without a currency as those of the only currency there is; warn of several currencies."""
    sales = conversions.filter(pl.col("revenue").is_not_null())
    amounts = spend.filter(pl.col("spend").is_not_null())
    currencies = sorted({*sales["currency"].drop_nulls(), *amounts["currency"].drop_nulls()})
    if len(currencies) > 1:
        advice = f"Add: --currency {currencies[0]} --rates FILE"
        warn(f"there are amounts in {join_words(currencies)}, which are never added or compared. {advice}")
    if len(currencies) != 1:
        return conversions, spend
    [currency] = currencies
    if amounts["currency"].null_count() and not file.has_vague_currency:
        warn(f"spend without a currency is taken as {currency}, the only currency that is stated.")
        spend = spend.with_columns(pl.col("currency").fill_null(currency))
    if sales["currency"].null_count():
        warn(f"revenue without a currency is taken as {currency}, the only currency that is stated.")
        is_sale = pl.col("revenue").is_not_null()
        filled = pl.when(is_sale).then(pl.col("currency").fill_null(currency)).otherwise("currency")
        conversions = conversions.with_columns(currency=filled)
    return conversions, spend


def find_immature_day(wait: float | None, run: RunContext) -> date | None:
    """Return the first day that begins less than this wait, in seconds, before the logs or the period end."""
    _, end = run.covered_period()
    if wait is None or end is None:
        return None
    return (end - timedelta(seconds=wait)).astimezone(ZoneInfo(run.time_zone)).date() + timedelta(days=1)


# -- conversions ------------------------------------------------------------------------------------------------------


def add_new_customers(conversions: pl.DataFrame, batch: pl.DataFrame) -> pl.DataFrame:
    """Add `new_customers`: 1 for the first order of a customer in the logs, else 0; null if none is an order."""
    orders = build_orders(fill_values(batch.filter(is_order_event())).lazy(), ["hit", CUSTOMER]).collect()
    firsts = orders.filter(pl.col(CUSTOMER).is_not_null()).unique(CUSTOMER, keep="first", maintain_order=True)
    is_first = pl.col("hit").is_in(firsts["hit"].implode()).cast(pl.Float64)
    has_orders = pl.col("hit").is_in(orders["hit"].implode()).any()
    return conversions.with_columns(new_customers=pl.when(has_orders).then(is_first)).drop(CUSTOMER)


def note_waits(paths: Iterable[pl.DataFrame], waits: list[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Hand on the paths, and add to `waits` the seconds from the first touch to the conversion of each."""
    for part in paths:
        wait = count_seconds(pl.col("time").first() - pl.col("touch_time").first())
        waits.append(part.filter(pl.col("touch_time").is_not_null()).group_by(PATH).agg(wait.alias(WAIT)))
        yield part


# -- notes ------------------------------------------------------------------------------------------------------------


def describe_limits(
    run: RunContext,
    groups: Groups,
    touches: pl.DataFrame,
    conversions: pl.DataFrame,
    spend: pl.DataFrame,
) -> None:
    """Say what the figures do not show: spend without visits, missing touches, and the effect of the spend itself."""
    counted = touches.filter(pl.col("rejected").is_null())
    visited = {*touches["group"].drop_nulls()}  # a touch before the period earns credit too
    lonely = spend.filter(~pl.col("group").is_in([*visited]))["group"].unique()
    labels = {number: names for number, *names in groups.labels.iter_rows()}
    others = [labels[number] for number in sorted(visited - {*spend["group"]}) if number != groups.other]
    if touches.height:
        for sentence in describe_unmatched_spend([labels[number] for number in lonely.sort()], others):
            run.warn(sentence)
    if truncated := round(conversions["truncated_conversions"].sum()):
        run.note(describe_truncated(truncated, conversions.height))
    visitors = counted.filter(pl.col("visit").is_not_null())["visitor"].drop_nulls().n_unique()
    converting = conversions["visitor"].drop_nulls().n_unique()
    if not spend.is_empty():
        run.note(describe_holdout(converting, visitors))
