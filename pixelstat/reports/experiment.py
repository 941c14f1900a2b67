"""Compare the variants of an experiment: who converts after the exposure, what it earns, and how certain that is.

`analysis.exposures` says who belongs to a variant and who converts, `analysis.experiments` has the statistics. The
p-values of all goals are one family for --correction, those of revenue in all currencies another.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from math import ceil
from typing import Any

import polars as pl

from pixelstat.analysis.distributions import chance_to_win
from pixelstat.analysis.experiments import (
    Correction,
    Estimate,
    adjust_p_values,
    check_sample_ratio,
    compare_means,
    compare_rates,
    compute_lift,
    compute_visitors_needed,
)
from pixelstat.analysis.exposures import IS_EXPOSURE, VARIANT, Sales, Variant, collect_variants
from pixelstat.analysis.order_lines import fill_values
from pixelstat.analysis.orders import find_order_warnings
from pixelstat.conditions import Step, parse_step
from pixelstat.options.shared import EXPERIMENT
from pixelstat.options.types import Shares
from pixelstat.options.values import ReportOptions
from pixelstat.reports._conversions import ORDER_COLUMNS, reaches, warn_of_unmatched_goals
from pixelstat.reports._experiment_notes import LEAST_VISITORS, RATIO_ALARM, describe_split, present_comparisons
from pixelstat.reports._report import RunContext, report
from pixelstat.result import TYPE_OF_KIND, Column, Result
from pixelstat.text.durations import format_duration
from pixelstat.text.plurals import join_words
from pixelstat.traffic.deduplication import name_site
from pixelstat.traffic.rejection import is_outside
from pixelstat.vocabulary import is_email_event, is_order_event

USUAL_CONTROLS = ("control", "a")  # names of the control, in lower case
MOST_VARIANTS = 20  # more values make no experiment


@dataclass(frozen=True, kw_only=True)
class ExperimentOptions(ReportOptions):
    """The options of `experiment`."""

    variant_column: str = "variant"
    goal: Sequence[Step] = ()  # those of --goal or pixelstat.toml; without any, purchase
    window: timedelta | None = None  # after the exposure; None: until the end of the period or the logs
    control: str | None = None
    shares: Shares | None = None  # None: equal
    is_sequential: bool = False
    is_bayesian: bool = False
    correction: Correction = "holm"
    shows_power: bool = False
    lift: float | None = None  # to plan for; None: the observed one
    power_level: float = 0.8
    is_forced: bool = False

    @property
    def goals(self) -> Sequence[Step]:
        """The goals."""
        return self.goal or [parse_step("purchase")]

    @property
    def plans(self) -> bool:
        """Whether the report shows how many visitors are needed."""
        return self.shows_power or self.lift is not None


def _caption(options: ExperimentOptions) -> str:
    end = "until the end of the period" if options.window is None else f"within {format_duration(options.window)}"
    intervals = "always-valid 95% intervals" if options.is_sequential else "95% intervals"
    return f"by {options.variant_column}; conversions {end}; {intervals}"


def _event_columns(options: ExperimentOptions) -> Iterable[str]:
    return [options.variant_column, *(name for goal in options.goal for name in goal.hit.meta.root_names())]


def _read_window(options: ExperimentOptions) -> timedelta:
    return options.window or timedelta(0)


def present_experiment(result: Result, options: ExperimentOptions) -> Result:
    """Add the headline and notes, and hide the columns of options that are not set."""
    return present_comparisons(
        result,
        is_sequential=options.is_sequential,
        hidden=[
            *([] if options.is_bayesian else ["chance_to_win"]),
            *([] if options.plans else ["visitors_needed", "visitors_missing"]),
            *([] if options.window else ["pending"]),
        ],
    )


def _statistic(name: str, kind: str, about: str, **layout: Any) -> Column:
    """Return a column that --compare leaves as it is: it is a comparison itself."""
    return replace(Column(name, kind, about, compared=False), **layout)


@report(
    "Experiment",
    columns=[
        Column("variant", "text", "the variant, the control first", key=True),
        Column("goal", "text", "the goal as you named it", key=True),
        Column("visitors", "count", "distinct visitors who saw this variant and no other"),
        Column("converting_visitors", "count", "visitors who reach the goal after the exposure", minor=True),
        Column("conversion_rate", "share", "converting_visitors / visitors", needed=True),
        Column("conversion_rate_low", "share", "lower end of its 95% interval (Wilson)", detail=True),
        Column("conversion_rate_high", "share", "upper end of its 95% interval", detail=True),
        _statistic("difference", "points", "conversion_rate minus that of the control", detail=True),
        _statistic("difference_low", "points", "lower end of its 95% interval (Newcombe)", detail=True),
        _statistic("difference_high", "points", "upper end of its 95% interval", detail=True),
        _statistic("lift", "change", "difference / conversion_rate of the control", needed=True),
        _statistic("lift_low", "change", "lower end of its 95% interval (delta method)"),
        _statistic("lift_high", "change", "upper end of its 95% interval"),
        _statistic(
            "p_value",
            "probability",
            "p-value of the difference: pooled z test, or Fisher's for small counts; null if all or none convert",
            needed=True,
        ),
        _statistic("adjusted_p_value", "probability", "p_value by --correction, over all variants and goals"),
        _statistic("chance_to_win", "share", "with --bayes: chance that the true rate is above that of the control"),
        _statistic("visitors_needed", "count", "with --power: visitors that this variant needs to show the lift"),
        _statistic("visitors_missing", "count", "with --power: those of them that are still missing"),
        Column("pending", "count", "with --window: visitors who may still convert when the logs end", detail=True),
        _statistic("excluded_visitors", "count", "visitors of several variants; the same in all rows", detail=True),
        _statistic("planned_share", "share", "share of the visitors by --shares", detail=True),
        _statistic(
            "sample_ratio_p_value",
            "probability",
            "p-value of a split that differs from the planned shares (chi-square); the same in all rows",
            detail=True,
        ),
        Column("is_control", "flag", "true for the variant that the others are compared with", hidden=True),
        Column(
            "currency",
            "text",
            "currency of the columns after it; orders in two currencies make two rows for each goal",
            key=True,
            splits=True,
        ),
        Column("orders", "count", "orders after the exposure that have a value in this currency", detail=True),
        Column("revenue", "money", "sum of their values before refunds; null without any orders", detail=True),
        Column("revenue_per_visitor", "price", "revenue / visitors", minor=True),
        _statistic("revenue_difference", "price", "revenue_per_visitor minus that of the control", detail=True),
        _statistic("revenue_difference_low", "price", "lower end of its 95% interval (Welch)", detail=True),
        _statistic("revenue_difference_high", "price", "upper end of its 95% interval", detail=True),
        _statistic("revenue_lift", "change", "revenue_difference / revenue_per_visitor of the control", minor=True),
        _statistic("revenue_lift_low", "change", "lower end of its 95% interval (delta method)", detail=True),
        _statistic("revenue_lift_high", "change", "upper end of its 95% interval", detail=True),
        _statistic("revenue_p_value", "probability", "p-value of revenue_difference (Welch's t test)", minor=True),
        _statistic(
            "adjusted_revenue_p_value",
            "probability",
            "revenue_p_value by --correction, over all variants and currencies",
            detail=True,
        ),
    ],
    options=EXPERIMENT,
    options_type=ExperimentOptions,
    caption=_caption,
    present=present_experiment,
    event_columns=_event_columns,
    lookahead=_read_window,
    needs_all_orders=True,
)
def experiment(events: pl.LazyFrame, options: ExperimentOptions, run: RunContext) -> pl.LazyFrame:
    """Compare the variants of an experiment: conversion rates, revenue, lift and how certain it is.

    The first event on the site that names a variant exposes its visitor. Visitors of several variants are excluded. A
    visitor converts if an event reaches the goal at that time or later. Orders count in the same way.

    Each variant is compared with the control. A variant with fewer than 150 visitors is shown, but not compared, unless
    you use --force. If the visitors are not split as planned, a warning says so: do not trust the lift then. Looking
    every day until something is significant finds differences by chance; --sequential allows it.

    `pixelstat experiment plan` tells how many visitors an experiment needs before it starts.

    \b
    pixelstat experiment access.log* --goal signup --window 7d
    pixelstat experiment access.log* --sequential --shares a=90,b=10
    pixelstat experiment plan --baseline 3% --lift 10%
    """
    name = pl.col(options.variant_column).cast(pl.String)
    is_named = name.is_not_null() & (name != "") & pl.col("visitor").is_not_null() & ~is_email_event()
    is_exposure = is_named & pl.col("rejected").is_null() & ~is_outside(run.since, run.until)
    flags = {reaches(index): goal.hit for index, goal in enumerate(options.goals)}
    # No other event says anything, except the copies that decide which hit of several is the first.
    is_relevant = pl.any_horizontal(IS_EXPOSURE, *flags, pl.col("first").is_not_null(), is_order_event())
    rows = events.with_columns(is_exposure.alias(IS_EXPOSURE), **flags).filter(is_relevant)
    rows = rows.select(
        "time", "hit", "first", "rejected", IS_EXPOSURE, *flags,
        pl.when(IS_EXPOSURE).then(name).cast(pl.Categorical()).alias(VARIANT),
        visitor=pl.when(pl.col("visitor").is_not_null()).then(pl.col("visitor").hash()),  # equal where the keys are
        event=pl.col("event").cast(pl.Categorical()),
        site=pl.when(is_order_event()).then(name_site(pl.col("host"), run.own_hosts)),
        **{column: pl.when(is_order_event()).then(column) for column in ORDER_COLUMNS},
    )  # fmt: skip
    analyze = partial(analyze_batch, options=options, run=run)
    return rows.map_batches(analyze, schema={column.name: TYPE_OF_KIND[column.kind] for column in experiment.columns})


def analyze_batch(batch: pl.DataFrame, *, options: ExperimentOptions, run: RunContext) -> pl.DataFrame:
    """Return the rows of the report, from all events that are relevant."""
    flags = [reaches(index) for index in range(len(options.goals))]
    order_events = fill_values(batch.filter(is_order_event()))
    variants, excluded = collect_variants(batch, order_events, flags, options.window, run.log_end())
    warn_of_events(batch, order_events, flags, options, run.warn)
    control = choose_control([variant.name for variant in variants], options.control)
    variants.sort(key=lambda variant: (variant.name != control, variant.name))
    for sentence in find_doubts(variants, excluded, control, options):
        run.warn(sentence)
    rows = build_rows(variants, excluded, control, options)
    return pl.DataFrame(rows, {column.name: TYPE_OF_KIND[column.kind] for column in experiment.columns})


def warn_of_events(
    batch: pl.DataFrame,
    order_events: pl.DataFrame,
    flags: Sequence[str],
    options: ExperimentOptions,
    warn: Callable[[str], object],
) -> None:
    """Warn of goals that no event reaches, and of doubtful orders."""
    counted = batch.lazy().filter(pl.col("rejected").is_null()).select("event", *flags).collect()
    warn_of_unmatched_goals(counted, options.goals, warn)
    if len(order_events):
        for sentence in find_order_warnings(order_events.lazy()):
            warn(sentence)


def choose_control(names: Sequence[str], control: str | None) -> str | None:
    """Return the control: the one of --control, else `control`, else `a`, else the first by name.

    None where no visitor saw the one of --control, or any variant.
    """
    if control is not None:
        return control if control in names else None
    usual = [name for word in USUAL_CONTROLS for name in sorted(names) if name.lower() == word]
    return next(iter([*usual, *sorted(names)]), None)


def plan_shares(variants: Sequence[Variant], shares: Shares | None) -> dict[str, float] | None:
    """Return the planned share of each variant by name, also of one without visitors. Together they are 1.

    None where --shares does not name these variants, or has another number of them.
    """
    names = [variant.name for variant in variants]
    planned = dict.fromkeys(names, 1.0)
    if shares:
        if not {*names} <= {*(shares.names or names)} or len(shares.names or names) != len(shares.values):
            return None
        planned = dict(zip(shares.names or names, shares.values, strict=True))
    whole = sum(planned.values())
    return {name: share / whole for name, share in planned.items()}


def compute_sample_ratio(variants: Sequence[Variant], shares: Shares | None) -> float | None:
    """Return the p-value of a split that differs from the planned shares; None where it cannot be checked."""
    planned = plan_shares(variants, shares)
    if not planned:
        return None
    visitors = {variant.name: variant.visitors for variant in variants}
    return check_sample_ratio([visitors.get(name, 0) for name in planned], [*planned.values()])


def find_doubts(
    variants: Sequence[Variant], excluded: int, control: str | None, options: ExperimentOptions
) -> Iterable[str]:
    """Yield sentences on what keeps the figures from answering the question, the worst first."""
    names = join_words([variant.name for variant in variants[:MOST_VARIANTS]]) if variants else ""
    if not variants and excluded:
        yield f"every visitor with a variant ({excluded:,}) saw several variants, so none is left."
    elif not variants:
        yield f"no visitor on the site has a {options.variant_column}. Name another column: --variant COLUMN."
    if not variants:
        return
    ratio = compute_sample_ratio(variants, options.shares)
    if ratio is not None and ratio < RATIO_ALARM:
        yield describe_split([variant.visitors for variant in variants], ratio)
    if plan_shares(variants, options.shares) is None:
        yield f"--shares does not fit the variants {names}, so the split is not checked."
    if control is None:
        yield f"no visitor saw the control {options.control!r}, so nothing is compared; there is {names}."
    elif len(variants) == 1:
        yield f"there is only one variant, {names}, so nothing is compared."
    if len(variants) > MOST_VARIANTS:
        yield f"{options.variant_column} has {len(variants):,} values. Does it name the variants of an experiment?"
    small = [variant.name for variant in variants if variant.visitors < LEAST_VISITORS]
    if small and control is not None and len(variants) > 1 and not options.is_forced:
        less = join_words(small) if len(small) <= MOST_VARIANTS else f"{len(small):,} variants"
        verb = "has" if len(small) == 1 else "have"
        yield f"{less} {verb} fewer than {LEAST_VISITORS} visitors, too few to compare; --force compares anyway."
    if all(rate.successes == rate.trials for variant in variants for rate in variant.rates):
        yield "every visitor converts. Send the variant with the page that shows it, not with the conversion alone."


def build_rows(
    variants: Sequence[Variant], excluded: int, control: str | None, options: ExperimentOptions
) -> list[dict[str, Any]]:
    """Return the rows of the report, by goal, variant and currency. `variants` begins with the control."""
    planned = plan_shares(variants, options.shares) or {}
    currencies = sorted({currency for variant in variants for currency in variant.sales}, key=lambda name: name or "~")
    shared = {
        "excluded_visitors": excluded,
        "sample_ratio_p_value": compute_sample_ratio(variants, options.shares),
    }
    of_goals = [
        {"goal": goal.name, **figures}
        for index, goal in enumerate(options.goals)
        for figures in compare_goal(variants, index, control, options)
    ]
    of_money = [
        {"currency": currency, **figures}
        for currency in currencies
        for figures in compare_revenue(variants, currency, control, options)
    ]
    for name, rows in (("p_value", of_goals), ("revenue_p_value", of_money)):
        adjusted = adjust_p_values([row[name] for row in rows], options.correction)
        for row, p_value in zip(rows, adjusted, strict=True):
            row[f"adjusted_{name}"] = p_value
    return [
        {
            **shared,
            "planned_share": planned.get(row["variant"]),
            "is_control": row["variant"] == control,
            **row,
            **money,
        }
        for row in of_goals
        for money in ([money for money in of_money if money["variant"] == row["variant"]] or [{"orders": 0}])
    ]


def compare_goal(
    variants: Sequence[Variant], goal: int, control: str | None, options: ExperimentOptions
) -> list[dict[str, Any]]:
    """Return the figures of each variant for a goal, compared with those of the control."""
    rows = []
    for variant in variants:
        rate, base = variant.rates[goal], variants[0].rates[goal]
        difference = lift = Estimate()
        row: dict[str, Any] = {"chance_to_win": None}
        if is_compared(variant, variants[0], control, options):
            difference = compare_rates(base, rate, is_sequential=options.is_sequential)
            lift = compute_lift(base.sample, rate.sample, is_sequential=options.is_sequential)
            if options.is_bayesian:
                row["chance_to_win"] = chance_to_win((base.successes, base.trials), (rate.successes, rate.trials))
        row |= {
            "variant": variant.name,
            "visitors": variant.visitors,
            "converting_visitors": rate.successes,
            "conversion_rate": rate.share,
            "conversion_rate_low": rate.low,
            "conversion_rate_high": rate.high,
            "pending": variant.pending[goal],
            "p_value": difference.p_value,
            **list_estimate("difference", difference),
            **list_estimate("lift", lift),
        }
        rows.append(row)
    if options.plans and control is not None:
        add_needed_visitors(rows, options)
    return rows


def compare_revenue(
    variants: Sequence[Variant], currency: str | None, control: str | None, options: ExperimentOptions
) -> list[dict[str, Any]]:
    """Return the revenue of each variant in a currency, compared with that of the control."""
    rows = []
    base = variants[0].describe_revenue(currency)
    for variant in variants:
        sales, sample = variant.sales.get(currency, Sales()), variant.describe_revenue(currency)
        difference = lift = Estimate()
        if is_compared(variant, variants[0], control, options):
            difference = compare_means(base, sample, is_sequential=options.is_sequential)
            lift = compute_lift(base, sample, is_sequential=options.is_sequential)
        rows.append(
            {
                "variant": variant.name,
                "orders": sales.orders,
                "revenue": sales.revenue,
                "revenue_per_visitor": sample.mean,
                "revenue_p_value": difference.p_value,
                **list_estimate("revenue_difference", difference),
                **list_estimate("revenue_lift", lift),
            }
        )
    return rows


def is_compared(variant: Variant, first: Variant, control: str | None, options: ExperimentOptions) -> bool:
    """Return whether a variant is compared with the control, which is the first one, and has enough visitors."""
    is_large = min(variant.visitors, first.visitors) >= LEAST_VISITORS
    return control is not None and variant.name != control and (is_large or options.is_forced)


def list_estimate(name: str, estimate: Estimate) -> dict[str, float | None]:
    """Return the columns of an estimate."""
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def add_needed_visitors(rows: Sequence[dict[str, Any]], options: ExperimentOptions) -> None:
    """Add how many visitors each variant needs in all, and how many are missing. The control needs the most of them."""
    comparisons = max(len(rows) - 1, 1) if options.correction != "none" else 1
    for row in rows[1:]:
        lift = row["lift"] if options.lift is None else options.lift
        needed = None
        if lift is not None:
            base = rows[0]["conversion_rate"]
            needed = compute_visitors_needed(base, lift, power=options.power_level, comparisons=comparisons)
        row["visitors_needed"] = None if needed is None else ceil(needed)
    rows[0]["visitors_needed"] = max((row["visitors_needed"] or 0 for row in rows[1:]), default=0) or None
    for row in rows:
        needed = row["visitors_needed"]
        row["visitors_missing"] = None if needed is None else max(0, needed - row["visitors"])
