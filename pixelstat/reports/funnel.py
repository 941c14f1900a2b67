"""Count the visitors who reach each step of a funnel, and show where they drop out.

`pixelstat.funnels.rules` defines what a chain of hits is and which of a visitor's chains counts. A funnel of plain
events buffers its hits in little memory and matches them all at once. Any other keeps a row for each relevant hit.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

import polars as pl

from pixelstat.analysis.time_series import BUCKET, bucket_end, fill_gaps, truncate_local
from pixelstat.frames.columns import internal
from pixelstat.funnels.actors import (
    ACTOR,
    OTHER_GROUPS,
    FunnelBreakdown,
    chains_per_actor,
    deduplicate_hits,
    find_matched_steps,
    relevant_hits,
)
from pixelstat.funnels.from_options import FunnelOptions, build_funnel_options, describe_funnel, list_event_columns
from pixelstat.funnels.hit_buffer import HitBuffer, unpack_in_order
from pixelstat.funnels.observed_steps import ObservedSteps
from pixelstat.funnels.open_funnel import count_open_funnel
from pixelstat.funnels.rules import MAX_STEPS, FunnelRules
from pixelstat.funnels.step_counts import add_shares, count_durations, count_steps, list_actors
from pixelstat.funnels.vectorized import find_best_chains
from pixelstat.options.shared import FUNNEL
from pixelstat.reports._report import RunContext, report
from pixelstat.result import Column, Result
from pixelstat.text.durations import format_duration
from pixelstat.text.plurals import format_part
from pixelstat.traffic.rejection import is_outside

COUNT_COLUMNS = {"visitor": "visitors", "visit": "visits", "user": "users"}  # the column of what is counted, by actor
SHORTER_WINDOWS = (timedelta(days=1), timedelta(hours=1))  # what to try where the window is longer than the log
ID_COLUMNS = {"visitor": "visitor", "user": "user_id"}  # the column of a list of actors, by actor
FIGURES = (
    "conversion_rate", "step_rate", "dropped", "median_seconds", "pending", "conversion_rate_low",
    "conversion_rate_high", "step_rate_low", "step_rate_high", "mean_seconds", "p90_seconds",
    "total_median_seconds", "total_mean_seconds", "total_p90_seconds",
)  # fmt: skip

Count = Callable[[pl.DataFrame], pl.DataFrame]


def present_funnel(result: Result, options: FunnelOptions) -> Result:
    """Add how many convert, mark the largest drop, and say in a note where all dropped visitors are still pending."""
    frame = result.frame
    if "step" not in frame.columns:
        return result
    result = present_pending(result, options)
    if frame.is_empty() or options.is_open or options.by or options.every:
        return result
    noun = find_count_column(frame)
    counts, names, drops = frame[noun].to_list(), frame["name"].to_list(), frame["dropped"].to_list()
    result = replace(result, headline=f"{format_part(counts[-1], counts[0], noun)} convert")
    row = max(range(len(drops)), key=lambda index: drops[index] or 0)
    if not drops[row]:
        return result
    before = counts[row] + drops[row]
    note = f"Largest drop: {format_part(drops[row], before, noun)} do not go on to {names[row]}."
    return replace(result, marked=("dropped", row), notes=[*result.notes, note])


def find_count_column(frame: pl.DataFrame) -> str:
    """Return the name of the column that counts who reached each step."""
    return next(name for name in (*COUNT_COLUMNS.values(), "entries") if name in frame.columns)


def present_pending(result: Result, options: FunnelOptions) -> Result:
    """Hide `pending` in the table where it is the same for all rows: none of the dropped are pending, or all are."""
    dropped = result.frame.filter(pl.col("dropped") > 0)
    pending = dropped["pending"]
    if (
        pending.is_empty()
        or pending.null_count()
        or not ((pending == 0).all() or (pending == dropped["dropped"]).all())
    ):
        return result
    columns = [replace(column, hidden=column.hidden or column.name == "pending") for column in result.columns]
    result = replace(result, columns=columns)
    if (pending == 0).all() or 0 in result.frame[find_count_column(result.frame)]:
        return result  # a step that matches nothing is warned of, and no window would help
    window = options.rules.window
    shorter = next((length for length in SHORTER_WINDOWS if length < window), None)
    advice = f" Try --window {format_duration(shorter)}." if shorter else ""
    note = (
        f"All who dropped out may still convert: their window of {format_duration(window)} was open when the log ended."
    )
    return replace(result, notes=[*result.notes, note + advice])


@report(
    "Funnel",
    columns=[
        Column("time", "time", "with --every: start of the day, week (Monday) or month in which step 1 happened"),
        Column("step", "count", "number of the step, from 1; with --order unordered, number of steps done", key=True),
        Column("name", "text", "the step as you named it"),
        Column("visitors", "count", "distinct visitors who reached this step", bar=True),
        Column("visits", "count", "replaces visitors with --unit visit or --count visits", bar=True),
        Column("users", "count", "replaces visitors with --unit user", bar=True),
        Column("entries", "count", "replaces visitors with --count totals", bar=True),
        Column("conversion_rate", "share", "share of the visitors of step 1 who reached this step"),
        Column(
            "step_rate", "share", "share of the visitors of the previous required step who reached this one; null for 1"
        ),
        Column("dropped", "count", "visitors who reached the previous step but not this one; null for step 1"),
        Column("median_seconds", "seconds", "median time since the previous step, of those who reached this one"),
        Column("pending", "count", "dropped visitors who could still go on when the log ended"),
        Column("entered", "count", "with --open: visitors who reached this step without the previous one"),
        Column("conversion_rate_low", "share", "lower end of its 95% interval (Wilson)", detail=True),
        Column("conversion_rate_high", "share", "upper end of its 95% interval", detail=True),
        Column("step_rate_low", "share", "lower end of its 95% interval (Wilson)", detail=True),
        Column("step_rate_high", "share", "upper end of its 95% interval", detail=True),
        Column("mean_seconds", "seconds", "mean time since the previous step", detail=True),
        Column("p90_seconds", "seconds", "90th percentile of the time since the previous step", detail=True),
        Column(
            "total_median_seconds", "seconds", "median time since step 1, of those who reached this one", detail=True
        ),
        Column("total_mean_seconds", "seconds", "mean time since step 1", detail=True),
        Column("total_p90_seconds", "seconds", "90th percentile of the time since step 1", detail=True),
        Column("incomplete", "flag", "with --every: the window was still open for some visitors when the log ended"),
        Column(
            "from_seconds", "seconds", "with --histogram: lower bound of the time from first to last step", key=True
        ),
        Column("to_seconds", "seconds", "with --histogram: upper bound, not included", key=True),
        Column("visitor", "text", "with --list: the visitor"),
        Column("user_id", "text", "with --list and --unit user: the user"),
        Column("furthest_step", "count", "with --list: number of the furthest step that was reached", key=True),
        Column("first_time", "instant", "with --list: time of step 1"),
        Column("last_time", "instant", "with --list: time of the furthest step"),
    ],
    options=FUNNEL,
    options_type=FunnelOptions,
    caption=describe_funnel,
    event_columns=list_event_columns,
    present=present_funnel,
    lookbehind=lambda options: options.rules.grace,
    lookahead=lambda options: options.rules.longest_time,
    limits_visits=False,
    build_options=build_funnel_options,
    not_comparable_with=("actor_list", "histogram"),
)
def funnel(events: pl.LazyFrame, options: FunnelOptions, run: RunContext) -> pl.LazyFrame:
    """Count the visitors who reach each step, and show where they drop out.

    A step is an event (add_to_cart), a page (/cart, /products/*) or a SQL condition ("value > 50"). A name may precede
    it ("big order: event = 'purchase' and value > 50"). A goal of pixelstat.toml is a step by its name, and so is a
    page group with --group-pages. Without steps, pixelstat uses the steps of a shop that occur in the log.

    A visitor reaches a step if their hits contain the steps in this order within the conversion window. Other hits may
    occur in between. Step 1 must happen in the period. Later steps may happen up to one window after its end. With
    --by you get a funnel for each value of a column: by default the first value that any event of a visitor has.

    \b
    pixelstat funnel access.log* --steps "/products/*,purchase" --window 1d
    pixelstat funnel access.log* --by channel --top 5
    pixelstat funnel access.log* --steps /cart,purchase --list dropped:2
    """
    counter = FunnelCounter(
        options,
        breakdown=FunnelBreakdown(
            options.actor,
            options.held_column,
            options.by,
            options.touch,
            options.top,
            options.every,
            run.time_zone,
            run.session_rules,
            run.since,
            {name: run.column_of(name) for name in options.by if run.column_of(name) != name},
        ),
        period=~is_outside(run.since, run.until),
        log_end=run.log_end,
        warn=run.warn,
    )
    count: Count = counter.count_buffered if counter.may_buffer else counter.count_relevant
    rows = counter.select_hits(events)
    empty = count(pl.DataFrame(schema=rows.collect_schema()))
    return rows.map_batches(partial(counter.count_and_warn, count), schema=empty.schema)


@dataclass(frozen=True)
class FunnelCounter:
    """Count one funnel: its options, and what it gathers as events stream past."""

    options: FunnelOptions
    breakdown: FunnelBreakdown
    period: pl.Expr  # whether a chain may begin with the event
    log_end: Callable[[], datetime | None]  # known once all events are read
    warn: Callable[[str], object]
    observed: ObservedSteps = field(default_factory=ObservedSteps)
    buffer: HitBuffer = field(default_factory=HitBuffer)

    @property
    def rules(self) -> FunnelRules:
        return self.options.rules

    @property
    def may_buffer(self) -> bool:
        """Whether step and time of each visitor's hits are all that the report needs."""
        needs_rows = self.options.is_open or self.options.listed_step
        return self.rules.is_vectorizable and self.breakdown.is_default and not needs_rows

    @property
    def count_column(self) -> str:
        """The name of the column of what is counted."""
        return {"totals": "entries", "visits": "visits"}.get(self.rules.count, COUNT_COLUMNS[self.breakdown.actor])

    def select_hits(self, events: pl.LazyFrame) -> pl.LazyFrame:
        """Return what is needed of the events at the end: nothing, if they can be buffered as they stream past."""
        if self.may_buffer:
            return buffer_hits(events, self.rules, self.observed, self.buffer)
        return relevant_hits(events, self.rules, self.breakdown, self.period, self.observed)

    def count_and_warn(self, count: Count, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the result of `count`, and warn of steps that no event matches.

        The result is empty if none of the default steps occurs.
        """
        result = count(rows)
        for sentence in self.describe_unmatched_steps():
            self.warn(sentence)
        return result if self.observed.steps or not self.options.has_default_steps else result.clear()

    def describe_unmatched_steps(self) -> Iterator[str]:
        """Yield a sentence for each step that no event matches, or one if no matching event names a user."""
        if self.breakdown.actor == "user" and self.observed.has_events and not self.observed.steps:
            yield "no event of these steps has a user id."
        elif not self.options.has_default_steps:
            yield from self.observed.describe_missing(self.rules.steps)

    def count_buffered(self, _: pl.DataFrame) -> pl.DataFrame:
        """Return the result for the hits in the buffer."""
        rules, numbers = self.rules, list(range(1, len(self.rules.steps) + 1))
        if self.options.has_default_steps:
            rules, numbers = keep_occurring_steps(rules, self.observed.steps), sorted(self.observed.steps)
        return self.build_result(match_buffered_chains(self.buffer, rules, numbers, self.period), rules)

    def count_relevant(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the result for the rows of `relevant_hits`."""
        rows, rules = deduplicate_hits(rows), self.rules
        for sentence in describe_idle_exclusions(rows, rules):
            self.warn(sentence)
        if self.options.has_default_steps:
            occurring = find_matched_steps(rows)
            rows, rules = renumber_matches(rows, occurring), keep_occurring_steps(rules, occurring)
        if self.options.is_open:
            counts = count_open_funnel(rows, rules, self.breakdown, self.log_end())
            return name_rows(counts, rules, self.breakdown, self.count_column, ["entered"])
        return self.build_result(chains_per_actor(rows, rules, self.breakdown, self.log_end()), rules)

    def build_result(self, chains: pl.DataFrame, rules: FunnelRules) -> pl.DataFrame:
        """Return the histogram, the list or the table of CHAINS, whichever the settings ask for."""
        if self.options.histogram:
            return count_durations(chains, rules).rename({"counted": self.count_column})
        if self.options.listed_step:
            return list_reached_or_dropped(
                chains, rules, self.options.listed_step, self.breakdown, lists_dropped=self.options.lists_dropped
            )
        return build_table(chains, rules, self.breakdown, self.count_column, self.log_end())


def buffer_hits(events: pl.LazyFrame, rules: FunnelRules, observed: ObservedSteps, buffer: HitBuffer) -> pl.LazyFrame:
    """Return a frame without rows that puts the hits of visitors into `buffer` when it is collected.

    `observed` sees all EVENTS. No event may match two steps.
    """
    # Not replace_strict: the streaming engine would hold all rows back for it.
    numbers = [pl.when(step.hit).then(pl.lit(number, pl.UInt8)) for number, step in enumerate(rules.steps, 1)]
    # A number in place of the visitor. That two of ten million share one happens in one of 300,000 runs.
    key = pl.when(pl.col("visitor").is_not_null()).then(pl.col("visitor").hash())
    hits = events.select("time", "hit", "first", "event", key=key, step=pl.coalesce(numbers))
    hits = observed.observe(hits, _find_steps_of_visitors, pl.col("step").is_null())
    return buffer.collect(hits.filter(pl.col("key").is_not_null() & pl.col("step").is_not_null()))


def _find_steps_of_visitors(hits: pl.DataFrame) -> set[int]:
    """Return the numbers of the steps that a visitor's hit matches."""
    return {*hits.select(pl.col("step").filter(pl.col("key").is_not_null()).unique())["step"].drop_nulls()}


def match_buffered_chains(
    buffer: HitBuffer, rules: FunnelRules, numbers: Sequence[int], period: pl.Expr
) -> pl.DataFrame:
    """Return CHAINS of the buffered hits. They begin in the period.

    `numbers` are the steps of `rules` as the buffer numbers them.
    """
    positions = [sum(step <= number for step in numbers) for number in range(MAX_STEPS + 1)]
    match_part = partial(_match_part, rules=rules, period=period, position=pl.lit(pl.Series(positions, dtype=pl.UInt8)))
    with ThreadPoolExecutor(2) as threads:  # much of the work on a part runs on one core
        return pl.concat(threads.map(match_part, buffer.drain()))


def _match_part(hits: pl.DataFrame, rules: FunnelRules, period: pl.Expr, position: pl.Expr) -> pl.DataFrame:
    """Return CHAINS of PACKED_HITS; `position` is the new number of each step, by its old number."""
    rows = unpack_in_order(hits.lazy()).with_columns(step=position.gather("step"))
    rows = rows.filter((pl.col("step") > 1) | period)
    return find_best_chains(rows.collect(), len(rules.steps), rules)


def renumber_matches(rows: pl.DataFrame, steps: set[int]) -> pl.DataFrame:
    """Return the rows with `matches` of these steps alone, numbered from 1."""
    bits = [(pl.col("matches") // (1 << number - 1) % 2) * (1 << index) for index, number in enumerate(sorted(steps))]
    return rows.with_columns(matches=pl.sum_horizontal(bits).cast(pl.UInt64)) if bits else rows


def keep_occurring_steps(rules: FunnelRules, steps: set[int]) -> FunnelRules:
    """Return the rules with these steps alone; with all steps if there is none."""
    return replace(rules, steps=[rules.steps[number - 1] for number in sorted(steps)] or rules.steps)


def describe_idle_exclusions(rows: pl.DataFrame, rules: FunnelRules) -> list[str]:
    """Return a sentence for each exclusion that applies to none of the rows. Without rows there is none."""
    bits = rows["excluded"].bitwise_or()
    if not isinstance(bits, int):
        return []
    idle = [exclusion.name for index, exclusion in enumerate(rules.exclusions) if not bits >> index & 1]
    return [f"--exclude {name} matches no event, so it changes nothing." for name in idle]


def build_table(
    chains: pl.DataFrame, rules: FunnelRules, breakdown: FunnelBreakdown, count_column: str, log_end: datetime | None
) -> pl.DataFrame:
    """Return a row for each step of CHAINS, for each group, and with `every` for each bucket of time."""
    labels, every = breakdown.labels, breakdown.every
    if not every:
        counts = count_steps(chains, rules, labels, log_end)
        return name_rows(add_shares(counts, rules), rules, breakdown, count_column)
    chains = chains.with_columns(truncate_local(pl.col("time_1"), every, breakdown.tz).alias(BUCKET))
    counts = count_steps(chains, rules, [BUCKET, *labels], log_end)
    counts = fill_gaps(counts.lazy(), every, breakdown.tz, [*labels, "step"]).collect()
    end = bucket_end(pl.col("time"), every, breakdown.tz) + rules.longest_time
    is_incomplete = pl.lit(None, pl.Boolean) if log_end is None else end > log_end
    counts = counts.with_columns(incomplete=is_incomplete)
    return name_rows(add_shares(counts, rules), rules, breakdown, count_column, ["incomplete"])


def name_rows(
    counts: pl.DataFrame,
    rules: FunnelRules,
    breakdown: FunnelBreakdown,
    count_column: str,
    extra_columns: Sequence[str] = (),
) -> pl.DataFrame:
    """Return figures by step with the names, columns and order of the report. The largest group comes first."""
    rank, labels, order = internal("rank"), breakdown.labels, ["step"]
    if labels:
        sizes = counts.filter(pl.col("step") == 1).group_by(labels).agg(actors=pl.col("counted").sum())
        is_other = pl.any_horizontal(pl.col(label) == OTHER_GROUPS for label in labels).fill_null(value=False)
        ranked = sizes.sort(is_other, -pl.col("actors"), *labels).select(labels).with_row_index(rank)
        counts, order = counts.join(ranked, on=labels, nulls_equal=True), [rank, "step"]
    time = ["time"] if breakdown.every else []
    numbers = range(1, len(rules.steps) + 1)
    names = pl.DataFrame({"step": numbers, "name": rules.step_names}, {"step": pl.Int64, "name": pl.String})
    rows = counts.join(names, on="step").sort(*time, *order)
    groups = [pl.col(label).alias(name) for label, name in zip(labels, breakdown.by, strict=True)]
    counted = pl.col("counted").alias(count_column)
    return rows.select(*time, *groups, "step", "name", counted, *FIGURES, *extra_columns)


def list_reached_or_dropped(
    chains: pl.DataFrame, rules: FunnelRules, step: int, breakdown: FunnelBreakdown, *, lists_dropped: bool
) -> pl.DataFrame:
    """Return the actors of CHAINS who reached a step, or who dropped out before it, by the time of step 1."""
    id_column = ID_COLUMNS[breakdown.actor]
    actors = list_actors(chains, rules, step, lost=lists_dropped).with_columns(
        pl.col(ACTOR).cast(pl.String).alias(id_column)
    )
    times = pl.col("first_time", "last_time").dt.convert_time_zone(breakdown.tz)
    return actors.sort("first_time", id_column).select(id_column, "furthest_step", times)
