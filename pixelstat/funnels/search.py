"""Search chains of one actor at a time: exact under every rule, whatever hits share a second.

The seconds of an actor are visited once. The level of a chain is how many required steps it has reached. For each level
the search remembers one state: the latest second that reaches the level, and the latest start that leads there. Earlier
states are not needed, because this one leaves at least as much time and has no more hits between it and the next. A
second advances a chain from level i to j if the steps i + 1 .. j can be assigned to different hits in it.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby

import polars as pl

from pixelstat.funnels.rules import FunnelRules
from pixelstat.funnels.search_variants import match_every_entry, match_unordered, match_within_grace
from pixelstat.funnels.timeline import (
    SearchLimits,
    Second,
    Timeline,
    assign_step,
    assignable_steps,
    keep_first_start,
)

ChainTimes = tuple[int | None, ...]  # of the hits of all steps; null for a step that was not reached
HitRow = tuple[int, int, int, int | None, int, bool]  # key, time, matches, group, excluded, universe


def search_chains(rows: pl.DataFrame, rules: FunnelRules) -> pl.DataFrame:
    """Return each chain that counts of HITS, in order of key and time: key, group, level, time_1 ..., latest."""
    limits = SearchLimits.from_rules(rules)
    columns = ["key", "time", "matches", "group", "excluded", "universe"]
    all_hits = rows.select(*columns).with_columns(pl.col("time").to_physical()).rows()
    chain_rows: list[tuple[int | None, ...]] = []
    for _, hits_of_key in groupby(all_hits, key=lambda row: row[0]):
        hits = list(hits_of_key)
        groups = {hit[3]: None for hit in hits if hit[3] is not None}  # in the order of their first hits
        for group in groups:
            chain_rows += _search_group(hits, group, limits)
    times = [f"time_{number}" for number in range(1, len(rules.steps) + 1)]
    schema = {"key": rows.schema["key"], "group": rows.schema["group"], "level": pl.UInt8()}
    schema |= dict.fromkeys([*times, "latest"], pl.Int64())
    frame = pl.DataFrame(chain_rows, schema=schema, orient="row")
    return frame.with_columns(pl.col(*times, "latest").cast(rows.schema["time"]))


def _search_group(hits: Sequence[HitRow], group: int, limits: SearchLimits) -> Iterator[tuple[int | None, ...]]:
    """Yield the rows of `search_chains` for one key's chains that begin in this group."""
    rules = limits.rules
    chains = match_actor(list(_split_seconds(hits, group, rules)), limits)
    last_start = max(hit[1] for hit in hits if hit[3] == group)
    for chain in chains:
        level = sum(chain[number - 1] is not None for number in rules.required)
        # A later start cannot extend an entry that is over, nor a chain that must begin with the first hit.
        may_grow = rules.entry == "latest" and chain is chains[-1]
        yield hits[0][0], group, level, *chain, last_start if may_grow else chain[0]


def match_actor(seconds: Sequence[Second], limits: SearchLimits) -> list[ChainTimes]:
    """Return the chains of one actor that count: one at most, or with `count` totals the chain of each entry."""
    rules = limits.rules
    if rules.count == "totals":
        return [_add_optional_steps(seconds, times, limits) for times in match_every_entry(seconds, limits)]
    if rules.order == "unordered":
        best = match_unordered(seconds, limits)
    elif limits.grace:
        best = match_within_grace(seconds, limits)
    else:
        best = match_in_order(seconds, limits)
    return [_add_optional_steps(seconds, best, limits)] if best else []


def _split_seconds(hits: Sequence[HitRow], group: int, rules: FunnelRules) -> Iterator[Second]:
    """Yield the seconds of one key, for chains that begin in this group.

    A hit that may not begin a chain of the group does not match step 1, unless the order is unordered.
    """
    is_unordered = rules.order == "unordered"
    required = tuple(rules.required)
    for time, hits_of_second in groupby(hits, key=lambda hit: hit[1]):
        tied = list(hits_of_second)
        by_required_step, by_step, excluded = [], [], 0
        for _, _, matches, start_group, _, _ in tied:
            allowed = matches if start_group == group or is_unordered else matches & ~1
            if allowed:
                by_required_step.append(_keep_required(allowed, required))
                by_step.append(allowed)
        for index in range(len(rules.exclusions)):
            if any(hit[4] >> index & 1 for hit in tied) and all(hit[4] >> index & 1 for hit in tied if hit[2]):
                excluded |= 1 << index
        may_start = any(hit[3] == group for hit in tied)
        size = sum(hit[5] for hit in tied)
        yield Second(time, tuple(by_required_step), tuple(by_step), excluded, size, may_start)


@lru_cache(maxsize=10_000)
def _keep_required(matches: int, required: tuple[int, ...]) -> int:
    """Return the bits of the required steps, moved together."""
    return sum(1 << index for index, number in enumerate(required) if matches >> number - 1 & 1)


def match_in_order(seconds: Sequence[Second], limits: SearchLimits) -> tuple[int, ...]:
    """Return the times of the required steps of the chain that counts; () if there is none."""
    if limits.rules.entry == "first":
        seconds = keep_first_start(seconds)
    timeline = Timeline(seconds, limits)
    # By level: index of the latest second in which it is reached, and latest start.
    last: list[tuple[int, int] | None] = [None] * (limits.steps + 1)
    ends: list[list[tuple[int, int]]] = [[] for _ in range(limits.steps + 1)]  # by level: all such seconds and starts
    for index, second in enumerate(seconds):
        if not second.hits:
            continue
        advances = []  # level after this second, level before, start
        for level in range(limits.steps):
            state = (index, second.time) if not level else last[level]
            if state and (not level or timeline.may_follow(state[0], index, level, state[1])):
                furthest = assignable_steps(second.hits, level, limits.steps)
                advances += [(number, level, state[1]) for number in range(level + 1, furthest + 1)]
        # The latest start wins: it comes last.
        for number, level, start in sorted(advances, key=lambda advance: advance[2]):
            if not ends[number] or ends[number][-1][0] != index:
                ends[number].append((index, start))
            else:
                ends[number][-1] = (index, start)
            if not limits.is_strict or start == second.time or number - level == second.size:
                last[number] = (index, start)
    level = max((number for number in range(limits.steps + 1) if ends[number]), default=0)
    for index, start in ends[level]:
        if not timeline.is_dropped(level, start, seconds[index].time):
            return _find_earliest_chain(timeline, level, start, index)
    return ()


def _find_earliest_chain(timeline: Timeline, level: int, start: int, end: int) -> tuple[int, ...]:
    """Return the chain of this level from the time `start` to the second `end` that has the earliest hits."""
    seconds, limits = timeline.seconds, timeline.limits
    first = bisect_left(timeline.times, start)
    dead_ends: set[tuple[int, int]] = set()

    def continue_from(current: int, reached: int) -> tuple[int, ...] | None:
        """Return the times of the rest of a chain that has reached this level in this second; None: there is none."""
        if reached == level:
            return () if current == end else None
        if (current, reached) in dead_ends:
            return None
        for following in range(current + 1, end + 1):
            hits = seconds[following].hits
            if hits and timeline.may_follow(current, following, reached, start):
                rest = advance(following, reached)
                if rest is not None:
                    return rest
        dead_ends.add((current, reached))
        return None

    def advance(index: int, reached: int) -> tuple[int, ...] | None:
        """Return the rest of the chain with as many steps as possible in this second; None: there is none."""
        second = seconds[index]
        furthest = min(assignable_steps(second.hits, reached, limits.steps), level)
        for number in range(furthest, reached, -1):
            uses_all = number - reached == second.size or index in (first, end)
            if (index == end) == (number == level) and (uses_all or not limits.is_strict):
                rest = continue_from(index, number)
                if rest is not None:
                    return (second.time,) * (number - reached) + rest
        return None

    chain = advance(first, 0)
    assert chain is not None  # there is one, or the search had not reached this end
    return chain


def _add_optional_steps(seconds: Sequence[Second], times: tuple[int, ...], limits: SearchLimits) -> ChainTimes:
    """Return the chain with its optional steps: for each the earliest hit after the chain's step before it.

    The windows and exclusions hold for them, too, also beyond the chain's last required step.
    """
    rules = limits.rules
    if rules.order == "unordered" or not rules.optional:
        return (*times, *[None] * (limits.steps - len(times)))
    time_of_step: dict[int, int] = dict(zip(rules.required, times, strict=False))
    steps_by_time: dict[int, list[int]] = {}
    for number, time in time_of_step.items():
        steps_by_time.setdefault(time, []).append(number)
    for number in sorted(rules.optional):
        step_before = rules.step_before(number)
        if step_before not in time_of_step:
            continue
        since = time_of_step[max(step for step in time_of_step if step < number)]
        until = min(
            (time for step, time in time_of_step.items() if step > number), default=limits.deadline(times[0], since)
        )
        exclusions = limits.exclusions[rules.required.index(step_before) + 1]
        for second in seconds:
            if since <= second.time <= until:
                steps = [*steps_by_time.get(second.time, ()), number]
                if _can_assign(second.matches, steps):
                    time_of_step[number] = second.time
                    steps_by_time[second.time] = steps
                    break
            if second.time > since and second.excluded & exclusions:
                break
    return tuple(time_of_step.get(number) for number in range(1, len(rules.steps) + 1))


def _can_assign(hits: Sequence[int], steps: Iterable[int]) -> bool:
    """Return whether these steps can be assigned to different hits."""
    step_of_hit: dict[int, int] = {}
    return all(assign_step(hits, number, step_of_hit, set()) for number in steps)
