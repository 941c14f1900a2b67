"""Search chains of one actor at a time: exact under every rule, whatever hits share a second.

The seconds of an actor are visited once, and a `Frontier` holds how far the chains have come. A second advances a chain
from level i to j if the steps i + 1 .. j can be assigned to different hits in it.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby

import polars as pl

from pixelstat.funnels.chain import Chain, match_in_order
from pixelstat.funnels.rules import FunnelRules
from pixelstat.funnels.search_variants import match_every_entry, match_unordered, match_within_grace
from pixelstat.funnels.timeline import SearchLimits, Second, assign_step

ChainTimes = tuple[int | None, ...]  # of the hits of all steps; null for a step that was not reached
HitRow = tuple[int, int, int, int | None, int, bool]  # key, time, matches, group, excluded, universe


def search_chains(rows: pl.DataFrame, rules: FunnelRules) -> pl.DataFrame:
    """Return CHAINS of HITS, in order of key and time; see `match_chains`."""
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
    schema |= dict.fromkeys([*times, "open_until"], pl.Int64())
    frame = pl.DataFrame(chain_rows, schema=schema, orient="row")
    return frame.with_columns(pl.col(*times, "open_until").cast(rows.schema["time"]))


def _search_group(hits: Sequence[HitRow], group: int, limits: SearchLimits) -> Iterator[tuple[int | None, ...]]:
    """Yield the rows of `search_chains` for one key's chains that begin in this group."""
    seconds = list(_split_seconds(hits, group, limits))
    for chain in match_actor(seconds, limits):
        times = _add_optional_steps(seconds, chain.times, limits)
        yield hits[0][0], group, chain.level, *times, chain.open_until


def match_actor(seconds: Sequence[Second], limits: SearchLimits) -> Sequence[Chain]:
    """Return the chains of one actor that count: one, or with `count` totals the chain of each entry."""
    rules = limits.rules
    if rules.count == "totals":
        return match_every_entry(seconds, limits)
    if rules.order == "unordered":
        return [match_unordered(seconds, limits)]
    return [match_within_grace(seconds, limits) if limits.grace else match_in_order(seconds, limits)]


def _split_seconds(hits: Sequence[HitRow], group: int, limits: SearchLimits) -> Iterator[Second]:
    """Yield the seconds of one key, for chains that begin in this group.

    A hit that may not begin a chain of the group does not match step 1, unless the order is unordered.
    """
    is_unordered = limits.rules.order == "unordered"
    required = tuple(limits.rules.required)
    for time, hits_of_second in groupby(hits, key=lambda hit: hit[1]):
        tied = list(hits_of_second)
        by_required_step, by_step = [], []
        for _, _, matches, start_group, _, _ in tied:
            allowed = matches if start_group == group or is_unordered else matches & ~1
            if allowed:
                by_required_step.append(_keep_required(allowed, required))
                by_step.append(allowed)
        excluded = limits.find_broken_levels([(hit[2], hit[4]) for hit in tied]) if limits.rules.exclusions else 0
        may_start = any(hit[3] == group for hit in tied)
        size = sum(hit[5] for hit in tied)
        yield Second(time, tuple(by_required_step), tuple(by_step), excluded, size, may_start)


@lru_cache(maxsize=10_000)
def _keep_required(matches: int, required: tuple[int, ...]) -> int:
    """Return the bits of the required steps, moved together."""
    return sum(1 << index for index, number in enumerate(required) if matches >> number - 1 & 1)


def _add_optional_steps(seconds: Sequence[Second], times: tuple[int, ...], limits: SearchLimits) -> ChainTimes:
    """Return the chain with its optional steps: for each the earliest hit after the chain's step before it.

    The windows and exclusions hold for them, too, also beyond the chain's last required step.
    """
    rules = limits.rules
    if not rules.optional or not times:
        return (*times, *[None] * (len(rules.steps) - len(times)))
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
        level = rules.required.index(step_before) + 1
        for second in seconds:
            if since <= second.time <= until:
                steps = [*steps_by_time.get(second.time, ()), number]
                if _can_assign(second.matches, steps):
                    time_of_step[number] = second.time
                    steps_by_time[second.time] = steps
                    break
            if second.time > since and second.excluded >> level & 1:
                break
    return tuple(time_of_step.get(number) for number in range(1, len(rules.steps) + 1))


def _can_assign(hits: Sequence[int], steps: Iterable[int]) -> bool:
    """Return whether these steps can be assigned to different hits."""
    step_of_hit: dict[int, int] = {}
    return all(assign_step(hits, number, step_of_hit, set()) for number in steps)
