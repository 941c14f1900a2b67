"""Split events by actor and group, and choose which chain of each actor counts.

An actor is who goes through a funnel: a visitor, a visit or a user.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from pixelstat.analysis.time_series import truncate_local
from pixelstat.frames.columns import internal
from pixelstat.funnels.hits import HITS, condition_bits
from pixelstat.funnels.matching import match_chains
from pixelstat.funnels.observed_steps import ObservedSteps
from pixelstat.funnels.rules import FunnelRules
from pixelstat.sessions.sessionize import SessionRules, session_open_until
from pixelstat.traffic.deduplication import drop_later_copies

ACTOR_COLUMNS = {"visitor": "visitor", "visit": "visit", "user": "user_id"}
OTHER_GROUPS = "(other)"  # the label of the groups beyond the first, taken together
ACTOR, HELD_VALUE, VISIT = internal("actor"), internal("held value"), internal("visit")
ACTOR_OPEN_UNTIL = internal("actor open until")  # the last time at which a visit may go on; null: it is over


@dataclass(frozen=True)
class FunnelBreakdown:
    """How a funnel splits events into actors, and actors into groups with a funnel of their own."""

    actor: str = "visitor"  # a key of ACTOR_COLUMNS
    held_column: str | None = None  # all hits of a chain have one value of this column
    by: Sequence[str] = ()  # columns that groups are made by
    # The hit whose values of `by` choose a chain's group: first, last, step:K, all. None: that of the last step for
    # columns that are `attributed`, the first for others.
    touch: str | None = None
    top: int = 0  # how many groups have rows of their own; the others are one; 0: all
    every: str | None = None  # a funnel for each hour, day, ... that chains begin in
    tz: str = "UTC"
    session_rules: SessionRules = field(default_factory=SessionRules)  # when a visit is over
    since: datetime | None = None  # earlier hits may be part of chains, but do not choose a group
    attributed: Mapping[str, str] = field(default_factory=dict)  # the column that holds the values of one of `by`

    @property
    def labels(self) -> list[str]:
        """The internal columns that hold the values of `by`."""
        return [internal(f"by {name}") for name in self.by]

    @property
    def is_default(self) -> bool:
        """Whether it splits nothing: visitors go through one funnel."""
        return self.actor == "visitor" and not (self.held_column or self.by or self.every)

    @property
    def end_labels(self) -> list[str]:
        """The labels that have the value at the last step of a chain."""
        return [internal(f"by {name}") for name in self.by if self.touch is None and name in self.attributed]

    @property
    def actor_labels(self) -> list[str]:
        """The labels that have one value for an actor: the first or the last that their events show."""
        has_one_value = self.touch in (None, "first", "last")
        return [label for label in self.labels if has_one_value and label not in self.end_labels]

    @property
    def key_labels(self) -> list[str]:
        """The labels of which all hits of a chain have one value."""
        return [label for label in self.labels if label not in (*self.end_labels, *self.actor_labels)]

    @property
    def touch_step(self) -> int:
        """The number K where `touch` is step:K, else 0."""
        return int(self.touch.removeprefix("step:")) if self.touch and self.touch.startswith("step:") else 0


def relevant_hits(
    events: pl.LazyFrame, rules: FunnelRules, breakdown: FunnelBreakdown, period: pl.Expr, observed: ObservedSteps
) -> pl.LazyFrame:
    """Keep the EVENTS that can influence a funnel.

    Those are the events that match a step or an exclusion, that belong to the universe of a strict order, or that show
    the actor's value of the breakdown. `observed` sees all events. `period` is true where a chain may begin.

    Returns ACTOR, time, hit, first, the bit masks `matches` and `excluded`, `universe` and `may_start`; also VISIT,
    ACTOR_OPEN_UNTIL, HELD_VALUE and the labels, where the rules or the breakdown need them.
    """
    actor = pl.col(ACTOR_COLUMNS[breakdown.actor])
    matches = condition_bits([step.hit for step in rules.steps], pl.UInt64())
    universe = (matches > 0) | (pl.lit(value=True) if rules.universe is None else rules.universe)
    shows_labels = pl.lit(value=True)
    if breakdown.since:
        shows_labels = pl.col("time") >= breakdown.since
    labels = []
    for name, label in zip(breakdown.by, breakdown.labels, strict=True):
        value = pl.col(breakdown.attributed.get(name, name)).cast(pl.String)
        labels.append((pl.when(shows_labels).then(value) if label in breakdown.actor_labels else value).alias(label))
    rows = events.select(
        "time", "hit", "first", "event",
        actor.alias(ACTOR) if breakdown.actor == "visit" else actor.cast(pl.Categorical()).alias(ACTOR),
        *([pl.col("visit").alias(VISIT)] if rules.count == "visits" else []),
        *([session_open_until(breakdown.session_rules).alias(ACTOR_OPEN_UNTIL)] if breakdown.actor == "visit" else []),
        *([pl.col(breakdown.held_column).cast(pl.String).alias(HELD_VALUE)] if breakdown.held_column else []),
        *labels,
        matches=matches,
        excluded=condition_bits([exclusion.hit for exclusion in rules.exclusions], pl.UInt32()),
        universe=universe if rules.order == "strict" else pl.lit(value=False),
        may_start=period,
    )  # fmt: skip
    is_relevant = _may_be_in_chain()
    if breakdown.actor_labels:
        is_relevant |= pl.any_horizontal(pl.col(breakdown.actor_labels).is_not_null())
    rows = observed.observe(rows, find_matched_steps, pl.col("matches") == 0)
    return rows.filter(pl.col(ACTOR).is_not_null() & is_relevant).drop("event")


def _may_be_in_chain() -> pl.Expr:
    """Return whether chains can contain the hit, or be broken off by it."""
    return (pl.col("matches") > 0) | (pl.col("excluded") > 0) | pl.col("universe")


def find_matched_steps(rows: pl.DataFrame) -> set[int]:
    """Return the numbers of the steps that a hit of any actor matches."""
    bits = rows.filter(pl.col(ACTOR).is_not_null())["matches"].bitwise_or() if rows.height else 0
    return {number for number in range(1, 65) if isinstance(bits, int) and bits >> number - 1 & 1}


def deduplicate_hits(rows: pl.DataFrame) -> pl.DataFrame:
    """Keep each hit once, at its earliest time, and drop `hit` and `first`."""
    return drop_later_copies(rows).unique("hit").drop("hit", "first")


def chains_per_actor(
    rows: pl.DataFrame, rules: FunnelRules, breakdown: FunnelBreakdown, log_end: datetime | None
) -> pl.DataFrame:
    """Return the chains that count: one for each actor in each group, or with `count` totals every entry.

    Takes the rows of `relevant_hits`, each hit once. Returns CHAINS, see `match_chains`, with ACTOR and the labels.
    """
    hits, keys = build_hits(rows, rules, breakdown)
    chains = match_chains(hits, rules, log_end).join(keys.drop(HELD_VALUE, strict=False), on="key")
    if breakdown.actor == "visit":
        chains = close_with_visits(chains, rows)
    if breakdown.actor_labels:
        labels = label_actors(rows, breakdown.actor_labels, is_last=breakdown.touch == "last")
        chains = chains.join(labels, on=ACTOR, how="left")
    if rules.exclusions and rules.exclude_mode == "drop":
        chains = drop_excluded_actors(chains, rules, breakdown)
    if not breakdown.end_labels:
        return select_best_chains(limit_groups(chains, rules, breakdown), rules, breakdown)
    chains = label_chain_ends(select_best_chains(chains, rules, breakdown), rows, breakdown.end_labels)
    return limit_groups(chains, rules, breakdown)


def build_hits(rows: pl.DataFrame, rules: FunnelRules, breakdown: FunnelBreakdown) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return HITS, and what their `key` means: ACTOR, with HELD_VALUE and labels where chains have one value of them.

    Takes the rows of `relevant_hits`, each hit once. Hits without a value of the held column are left out.
    """
    key_columns = [ACTOR, *([HELD_VALUE] if breakdown.held_column else [])]
    if breakdown.held_column:
        rows = rows.filter(pl.col(HELD_VALUE).is_not_null())
    if breakdown.by and breakdown.touch_step:
        rows = split_by_step_labels(rows, breakdown)
    key_columns += breakdown.key_labels
    rows = add_start_group(rows, rules, breakdown)
    keys = rows.select(key_columns).unique().with_row_index("key")
    hits = rows.join(keys, on=key_columns, nulls_equal=True).select(HITS.names()).filter(_may_be_in_chain())
    return hits, keys


def add_start_group(rows: pl.DataFrame, rules: FunnelRules, breakdown: FunnelBreakdown) -> pl.DataFrame:
    """Add `group`: which of an actor's chains may begin with the hit, by visit and bucket of time; null: none may."""
    may_start = pl.col("may_start") & (pl.col("matches") > 0)
    if rules.order != "unordered":
        may_start &= pl.col("matches") % 2 == 1
    parts = [pl.col(VISIT)] if rules.count == "visits" else []
    parts += [truncate_local(pl.col("time"), breakdown.every, breakdown.tz)] if breakdown.every else []
    group = pl.struct(parts).rank("dense") if parts else pl.lit(0)
    if rules.count == "visits":
        may_start &= pl.col(VISIT).is_not_null()
    return rows.with_columns(group=pl.when(may_start).then(group.cast(pl.UInt32)))


def label_actors(rows: pl.DataFrame, labels: Sequence[str], *, is_last: bool) -> pl.DataFrame:
    """Return each ACTOR with the first value of each label that their hits show, or with `is_last` the last value.

    Of the values in one second the lowest counts. An actor whose hits show no value has null.
    """
    actors = rows.select(ACTOR).unique()
    for label in labels:
        ordered = rows.filter(pl.col(label).is_not_null()).sort("time", label, descending=[is_last, False])
        values = ordered.unique(ACTOR, keep="first", maintain_order=True).select(ACTOR, label)
        actors = actors.join(values, on=ACTOR, how="left")
    return actors


def label_chain_ends(chains: pl.DataFrame, rows: pl.DataFrame, labels: Sequence[str]) -> pl.DataFrame:
    """Add to CHAINS the value of each label at the last hit of the chain. Of values in one second the lowest counts."""
    end = internal("end of the chain")
    times = [name for name in chains.columns if name.startswith("time_")]
    hits = rows.filter(pl.col("matches") > 0).group_by(ACTOR, pl.col("time").alias(end)).agg(pl.col(labels).min())
    return chains.with_columns(pl.max_horizontal(times).alias(end)).join(hits, on=[ACTOR, end], how="left").drop(end)


def split_by_step_labels(rows: pl.DataFrame, breakdown: FunnelBreakdown) -> pl.DataFrame:
    """Repeat an actor's rows for each combination of labels that their hits of the breakdown's step show.

    In each copy only the hits with these labels match that step. Actors without a hit of the step have null labels.
    """
    labels, bit = breakdown.labels, 1 << breakdown.touch_step - 1
    is_step = (pl.col("matches") // bit) % 2 == 1
    step_labels = [internal(f"step {name}") for name in breakdown.by]
    renamed = [pl.col(label).alias(step_label) for label, step_label in zip(labels, step_labels, strict=True)]
    combinations = rows.filter(is_step).select(ACTOR, *renamed).unique()
    copies = rows.join(combinations, on=ACTOR, how="left")
    is_other = pl.any_horizontal(
        pl.col(label).ne_missing(pl.col(step_label)) for label, step_label in zip(labels, step_labels, strict=True)
    )
    matches = pl.when(is_step & is_other).then(pl.col("matches") - bit).otherwise("matches").cast(pl.UInt64)
    return copies.with_columns(
        matches.alias("matches"),
        *(pl.col(step_label).alias(label) for label, step_label in zip(labels, step_labels, strict=True)),
    )


def close_with_visits(chains: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Return CHAINS of visits with `open_until` no later than the visit can go on; null where it is over."""
    visits = rows.select(ACTOR, ACTOR_OPEN_UNTIL).unique()
    last_times = [pl.col("open_until"), pl.col(ACTOR_OPEN_UNTIL)]
    is_open = pl.all_horizontal(time.is_not_null() for time in last_times)
    open_until = pl.when(is_open).then(pl.min_horizontal(last_times))
    return chains.join(visits, on=ACTOR, how="left").with_columns(open_until=open_until).drop(ACTOR_OPEN_UNTIL)


def drop_excluded_actors(chains: pl.DataFrame, rules: FunnelRules, breakdown: FunnelBreakdown) -> pl.DataFrame:
    """Drop the CHAINS of actors whose longest chains are all dropped by an exclusion.

    An actor whom one value of a held column drops still counts for another. With `count` totals, check each entry
    separately.
    """
    is_clean = pl.col("time_1").is_not_null()
    if not breakdown.held_column or rules.count == "totals":  # a chain is all that an actor or an entry has
        return chains.filter(is_clean)
    per = [ACTOR, "group", *breakdown.actor_labels, *breakdown.key_labels]
    is_longest = pl.col("level") == pl.col("level").max().over(per)
    return chains.filter(is_clean & (is_clean & is_longest).any().over(per))


def limit_groups(chains: pl.DataFrame, rules: FunnelRules, breakdown: FunnelBreakdown) -> pl.DataFrame:
    """Replace the labels of CHAINS by OTHER_GROUPS, except those of the `top` groups with most actors (or entries)."""
    labels = breakdown.labels
    if not breakdown.top or not labels:
        return chains
    size = pl.len() if rules.count == "totals" else pl.col(ACTOR).n_unique()
    return merge_other_groups(chains, chains.group_by(labels).agg(actors=size), breakdown)


def merge_other_groups(rows: pl.DataFrame, sizes: pl.DataFrame, breakdown: FunnelBreakdown) -> pl.DataFrame:
    """Replace labels by OTHER_GROUPS, except those of the `top` groups with most `actors`, as `sizes` has them."""
    labels = breakdown.labels
    if not breakdown.top or sizes.height <= breakdown.top:
        return rows
    largest = sizes.sort("actors", *labels, descending=[True, *[False] * len(labels)])
    shown = largest.head(breakdown.top).select(labels).with_columns(is_shown=True)
    joined = rows.join(shown, on=labels, how="left", nulls_equal=True)
    return joined.with_columns(
        pl.when("is_shown").then(pl.col(label)).otherwise(pl.lit(OTHER_GROUPS)).alias(label) for label in labels
    ).drop("is_shown")


def select_best_chains(chains: pl.DataFrame, rules: FunnelRules, breakdown: FunnelBreakdown) -> pl.DataFrame:
    """Keep for each actor and group the one chain that counts; with `count` totals keep all.

    The longest chain counts; of several, the one that ends first; of those, the one that `entry` prefers.
    """
    if rules.count == "totals":
        return chains
    per = [ACTOR, "group", *breakdown.actor_labels, *breakdown.key_labels]
    times = [name for name in chains.columns if name.startswith("time_")]
    end = pl.max_horizontal(times)
    has_several = breakdown.held_column or breakdown.by
    open_until = pl.col("open_until").max().over(per) if has_several else pl.col("open_until")
    prefers_last = rules.entry == "latest"
    return (
        chains.with_columns(end=end, open_until=open_until)
        .sort("level", "end", *times, descending=[True, False, prefers_last, *[False] * (len(times) - 1)])
        .unique(per, keep="first", maintain_order=True)
        .drop("end")
    )
