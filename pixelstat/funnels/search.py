"""Chains by search: one unit at a time, exact under every rule, whatever hits share a second.

The seconds of a unit are walked once. For every level the latest second that it can be reached in is kept, with the
latest start that leads there: whatever can follow an earlier one can follow that, too. A second lifts a chain of level
i to j if the steps i + 1 .. j can be dealt out to different hits of it.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby

import polars as pl

from pixelstat.funnels.rules import Rules
from pixelstat.funnels.search_variants import entries, unordered, within_grace
from pixelstat.funnels.timeline import Limits, Second, Walk, deal, dealt, from_first

Times = tuple[int | None, ...]  # of the hits of all steps; null for a step that was not reached


def searched(rows: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """HITS in order of key and time -> each chain that counts: key, group, level, time_1 ..., latest."""
    limits = Limits.of(rules)
    columns = ["key", "time", "matches", "group", "excluded", "universe"]
    plain = rows.select(*columns).with_columns(pl.col("time").to_physical()).rows()
    found = []
    for key, own in groupby(plain, key=lambda row: row[0]):
        hits = list(own)
        groups = {hit[3]: None for hit in hits if hit[3] is not None}
        for group in groups:
            seconds = list(_seconds(hits, group, rules))
            counting = chains(seconds, limits)
            last = max(hit[1] for hit in hits if hit[3] == group)
            for chain in counting:
                # No later start prolongs an entry that is over, nor one that begins with the first.
                is_prolonged = rules.entry == "latest" and chain is counting[-1]
                found.append((key, group, *_row(chain, rules), last if is_prolonged else chain[0]))
    times = [f"time_{number}" for number in range(1, len(rules.steps) + 1)]
    schema = {"key": rows.schema["key"], "group": rows.schema["group"], "level": pl.UInt8()}
    schema |= dict.fromkeys([*times, "latest"], pl.Int64())
    frame = pl.DataFrame(found, schema=schema, orient="row")
    return frame.with_columns(pl.col(*times, "latest").cast(rows.schema["time"]))


def chains(seconds: Sequence[Second], limits: Limits) -> list[Times]:
    """The times of the chains of one unit that count, by the number of the step: one, or with totals each entry's."""
    rules = limits.rules
    if rules.count == "totals":
        return [_whole(seconds, times, limits) for times in entries(seconds, limits)]
    if rules.order == "unordered":
        one = unordered(seconds, limits)
    elif limits.grace:
        one = within_grace(seconds, limits)
    else:
        one = in_order(seconds, limits)
    return [_whole(seconds, one, limits)] if one else []


def _row(chain: Times, rules: Rules) -> tuple[int | None, ...]:
    return (sum(chain[number - 1] is not None for number in rules.required), *chain)


def _seconds(hits: Sequence[tuple[int, int, int, int | None, int, bool]], group: int, rules: Rules) -> Iterator[Second]:
    """The seconds of a unit, its chains beginning in this group. Step 1 is no step of a hit that may not be a start."""
    is_unordered = rules.order == "unordered"
    for time, tied in groupby(hits, key=lambda hit: hit[1]):
        own = list(tied)
        of_steps, of_all, excluded = [], [], 0
        for _, _, matches, begins, _, _ in own:
            mine = matches if begins == group or is_unordered else matches & ~1
            if mine:
                of_steps.append(_of_required(mine, tuple(rules.required)))
                of_all.append(mine)
        for place in range(len(rules.exclusions)):
            if any(hit[4] >> place & 1 for hit in own) and all(hit[4] >> place & 1 for hit in own if hit[2]):
                excluded |= 1 << place
        starts = any(hit[3] == group for hit in own)
        yield Second(time, tuple(of_steps), tuple(of_all), excluded, sum(hit[5] for hit in own), starts)


@lru_cache(maxsize=10_000)
def _of_required(matches: int, required: tuple[int, ...]) -> int:
    return sum(1 << place for place, number in enumerate(required) if matches >> number - 1 & 1)


def in_order(seconds: Sequence[Second], limits: Limits) -> tuple[int, ...]:
    """The chain that counts, () if there is none."""
    if limits.rules.entry == "first":
        seconds = from_first(seconds)
    walk = Walk(seconds, limits)
    last: list[tuple[int, int] | None] = [None] * (limits.top + 1)  # by level: the second, and the start
    ends: list[list[tuple[int, int]]] = [[] for _ in range(limits.top + 1)]
    for place, second in enumerate(seconds):
        if not second.hits:
            continue
        lifts = []
        for level in range(limits.top):
            state = (place, second.time) if not level else last[level]
            if state and (not level or walk.may_follow(state[0], place, level, state[1])):
                furthest = dealt(second.hits, level, limits.top)
                lifts += [(number, level, state[1]) for number in range(level + 1, furthest + 1)]
        # The latest start wins: it comes last.
        for number, level, start in sorted(lifts, key=lambda lift: lift[2]):
            if not ends[number] or ends[number][-1][0] != place:
                ends[number].append((place, start))
            else:
                ends[number][-1] = (place, start)
            if not limits.is_strict or start == second.time or number - level == second.size:
                last[number] = (place, start)
    level = max((number for number in range(limits.top + 1) if ends[number]), default=0)
    for place, start in ends[level]:
        if not walk.is_broken_off(level, start, seconds[place].time):
            return _between(walk, level, start, place)
    return ()


def _between(walk: Walk, level: int, start: int, end: int) -> tuple[int, ...]:
    """The chain with the earliest hits of those from this start to this end."""
    seconds, limits = walk.seconds, walk.limits
    first = bisect_left(walk.times, start)
    dead: set[tuple[int, int]] = set()

    def go(place: int, reached: int) -> tuple[int, ...] | None:
        if reached == level:
            return () if place == end else None
        if (place, reached) in dead:
            return None
        for there in range(place + 1, end + 1):
            hits = seconds[there].hits
            if hits and walk.may_follow(place, there, reached, start):
                rest = lifted(there, reached, min(dealt(hits, reached, limits.top), level))
                if rest is not None:
                    return rest
        dead.add((place, reached))
        return None

    def lifted(place: int, reached: int, furthest: int) -> tuple[int, ...] | None:
        for number in range(furthest, reached, -1):
            is_all = number - reached == seconds[place].size or place in (first, end)
            if (place == end) == (number == level) and (is_all or not limits.is_strict):
                rest = go(place, number)
                if rest is not None:
                    return (seconds[place].time,) * (number - reached) + rest
        return None

    found = lifted(first, 0, min(dealt(seconds[first].hits, 0, limits.top), level))
    assert found is not None  # there is one, or this end had not been found
    return found


def _whole(seconds: Sequence[Second], times: tuple[int, ...], limits: Limits) -> Times:
    """The chain with the steps that it could leave out: each the earliest hit after the one before that it has.

    Beyond the chain's last required step the rules hold for what follows, too.
    """
    rules = limits.rules
    if rules.order == "unordered" or not rules.optional:
        return (*times, *[None] * (limits.top - len(times)))
    found: dict[int, int] = dict(zip(rules.required, times, strict=False))
    by_second: dict[int, list[int]] = {}
    for number, time in found.items():
        by_second.setdefault(time, []).append(number)
    for number in sorted(rules.optional):
        before = rules.step_before(number)
        if before not in found:
            continue
        since = found[max(one for one in found if one < number)]
        until = min((time for one, time in found.items() if one > number), default=limits.end(times[0], since))
        guards = limits.guards[rules.required.index(before) + 1]
        for second in seconds:
            if since <= second.time <= until:
                taken = [*by_second.get(second.time, ()), number]
                if _can_be_dealt(second.matches, taken):
                    found[number] = second.time
                    by_second[second.time] = taken
                    break
            if second.time > since and second.excluded & guards:
                break
    return tuple(found.get(number) for number in range(1, len(rules.steps) + 1))


def _can_be_dealt(hits: Sequence[int], steps: Iterable[int]) -> bool:
    owner: dict[int, int] = {}
    return all(deal(hits, number, owner, set()) for number in steps)
