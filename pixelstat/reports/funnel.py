"""funnel: how many visitors go each step of the way, and where they leave.

`pixelstat.funnels.rules` defines what a chain of hits is and which of a visitor's chains counts. A funnel of plain
events buffers its hits in little memory and matches them all at once. Any other keeps a row for each relevant hit.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

import polars as pl

from pixelstat.analysis.time_series import BUCKET, EVERY, fill_gaps, truncate_local
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
from pixelstat.funnels.vectorized import find_chain_starts, select_best
from pixelstat.options.shared import FUNNEL
from pixelstat.reports._report import RunContext, report
from pixelstat.result import Column
from pixelstat.traffic.rejection import is_outside

COUNT_COLUMNS = {"visitor": "visitors", "visit": "visits", "user": "users"}  # the column of what is counted, by actor
ID_COLUMNS = {"visitor": "visitor", "user": "user_id"}  # the column of a list of actors, by actor
FIGURES = (
    "from_first", "from_previous", "lost", "median_seconds", "pending", "from_first_low", "from_first_high",
    "from_previous_low", "from_previous_high", "mean_seconds", "p90_seconds",
    "total_median_seconds", "total_mean_seconds", "total_p90_seconds",
)  # fmt: skip

Count = Callable[[pl.DataFrame], pl.DataFrame]


@report(
    "Funnel",
    columns=[
        Column("time", "time", "with --every: where the day, week (from Monday) or month of step 1 begins"),
        Column("step", "count", "1 for the first; with --order unordered, how many steps are done", key=True),
        Column("name", "text", "as it was given"),
        Column("visitors", "count", "who reached this step", bar=True),
        Column("visits", "count", "in place of visitors with --unit visit or --count visits", bar=True),
        Column("users", "count", "in place of visitors with --unit user", bar=True),
        Column("entries", "count", "in place of visitors with --count totals", bar=True),
        Column("from_first", "share", "of those who reached step 1"),
        Column(
            "from_previous",
            "share",
            "of those who reached the step before that none may leave out; empty for step 1",
        ),
        Column("lost", "count", "who reached the step before and not this one; empty for step 1"),
        Column("median_seconds", "seconds", "from the step before, of those who reached this one; empty for step 1"),
        Column("pending", "count", "of the lost, whose window was not over when the log ended: they may still come"),
        Column("entered", "count", "with --open: who reached this step, but not from the one before"),
        Column("from_first_low", "share", "the lower end of its 95% interval (Wilson)", detail=True),
        Column("from_first_high", "share", "the upper end", detail=True),
        Column("from_previous_low", "share", "the same of from_previous", detail=True),
        Column("from_previous_high", "share", "the upper end", detail=True),
        Column("mean_seconds", "seconds", "as median_seconds, the mean", detail=True),
        Column("p90_seconds", "seconds", "as median_seconds, what 90 of 100 do not exceed", detail=True),
        Column("total_median_seconds", "seconds", "from step 1, of those who reached this one", detail=True),
        Column("total_mean_seconds", "seconds", "the mean", detail=True),
        Column("total_p90_seconds", "seconds", "what 90 of 100 do not exceed", detail=True),
        Column("incomplete", "flag", "with --every: whether chains of that time may still grow after the log's end"),
        Column("from_seconds", "seconds", "with --histogram: from first step to last at least so long", key=True),
        Column("to_seconds", "seconds", "with --histogram: and less than that", key=True),
        Column("visitor", "text", "with --list: who"),
        Column("user_id", "text", "with --list and --unit user: who"),
        Column("level", "count", "with --list: the furthest step they reached", key=True),
        Column("first_time", "instant", "with --list: of step 1"),
        Column("last_time", "instant", "with --list: of the furthest step"),
    ],
    options=FUNNEL,
    options_type=FunnelOptions,
    caption=describe_funnel,
    event_columns=list_event_columns,
    lookahead=lambda options: options.rules.window,
    build_options=build_funnel_options,
    not_comparable_with=("actor_list", "histogram"),
)
def funnel(events: pl.LazyFrame, options: FunnelOptions, run: RunContext) -> pl.LazyFrame:
    """How many visitors go each step of the way, and where they leave.

    A step is an event (add_to_cart), a page (/cart, /products/*) or a condition in SQL ("value > 50"),
    with a name in front if you like ("big order: event = 'purchase' and value > 50"), a goal of pixelstat.toml,
    or with --group-pages a group's name; /cart is then still the page itself.
    Without steps it is the usual shop funnel, as far as its events occur.

    A visitor reaches a step by hits in the order of the steps within the window; others may lie between. Step 1 lies
    in the period, later steps also up to a window after its end. With --by there is a funnel for each value, of the
    visitors of whom it is the first that any of their events shows (--touch).

    \b
    pixelstat funnel access.log* --steps "/products/*,purchase" --window 1d
    pixelstat funnel access.log* --by channel --top 5
    pixelstat funnel access.log* --steps /cart,purchase --list dropped:2
    """
    counter = FunnelCounter(
        options,
        breakdown=FunnelBreakdown(
            options.actor, options.held_column, options.by, options.touch, options.top, options.every, run.time_zone
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
            yield "no event of these steps names a user."
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
        return self.build_result(chains_per_actor(rows, rules, self.breakdown), rules)

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
    return select_best(find_chain_starts(rows, len(rules.steps), rules.window)).collect()


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
    end = pl.col("time").dt.offset_by(EVERY[every]).dt.convert_time_zone("UTC") + rules.window
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
    return actors.sort("first_time", id_column).select(id_column, "level", times)
