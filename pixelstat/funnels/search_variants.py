"""Search chains of one actor under other rules: within a grace, in any order, and for every entry.

Chains are tuples of times, by level. The level of a chain is how many required steps it has reached.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from pixelstat.funnels.timeline import (
    SearchLimits,
    Second,
    Timeline,
    assign_step,
    assignable_steps,
    keep_first_start,
)


def match_within_grace(seconds: Sequence[Second], limits: SearchLimits) -> tuple[int, ...]:
    """Return the chain that counts, where a hit may be earlier than one before it by the grace; () if there is none."""
    if limits.rules.entry == "first":
        seconds = keep_first_start(seconds)
    hits = [(second.time, matches) for second in seconds for matches in second.hits]
    times = [time for time, _ in hits]
    candidates: list[tuple[int, int, int, tuple[int, ...]]] = []
    for index, (start, matches) in enumerate(hits):
        if matches & 1:
            chain = _find_earliest_within_grace(hits, times, index, limits)
            candidates.append((-len(chain), max(chain), -start, chain))
    return min(candidates)[3] if candidates else ()


def _find_earliest_within_grace(
    hits: Sequence[tuple[int, int]], times: Sequence[int], first: int, limits: SearchLimits
) -> tuple[int, ...]:
    """Return the chain from the hit with index `first`.

    States that differ only in hits that no later step could use are one state. The best chain of each is kept.
    """
    start = times[first]
    best: tuple[int, ...] = (start,)
    states = {frozenset([first]): (start, best)}  # by the hits used that a later step could use: end, chain
    for level in range(1, limits.steps):
        next_states: dict[frozenset[int], tuple[int, tuple[int, ...]]] = {}
        for used, (latest, chain) in states.items():
            for index in range(bisect_left(times, latest - limits.grace), bisect_right(times, start + limits.window)):
                time, matches = hits[index]
                if index in used or not matches >> level & 1:
                    continue
                end = max(latest, time)
                usable = frozenset(
                    hit for hit in (*used, index) if hits[hit][1] >> level + 1 and times[hit] >= end - limits.grace
                )
                state = (end, (*chain, time))
                if usable not in next_states or state < next_states[usable]:
                    next_states[usable] = state
                if index not in usable and not usable - used:
                    break  # this hit is best: no later step can use it, so no later hit need be tried
        if not next_states:
            break
        states, best = next_states, min(next_states.values())[1]
    return best


def match_unordered(seconds: Sequence[Second], limits: SearchLimits) -> tuple[int, ...]:
    """Return the step times of the window that completes most steps, earliest first; () if there is none."""
    timeline = Timeline(seconds, limits)
    candidates: list[tuple[int, int, int, tuple[int, ...]]] = []
    for index, second in enumerate(seconds):
        if second.hits and second.may_start:
            times = _collect_steps(seconds, index, limits)
            candidates.append((-len(times), times[-1], -second.time, times))
            if limits.rules.entry == "first":
                break
    candidates.sort()
    longest = [candidate for candidate in candidates if candidate[0] == candidates[0][0]]
    best_by_end: dict[int, tuple[int, ...]] = {}
    for _, end, _, times in longest:
        best_by_end.setdefault(end, times)
    for end, times in best_by_end.items():
        if not timeline.is_dropped(len(times), times[0], end):
            return times
    return ()


def _collect_steps(seconds: Sequence[Second], first: int, limits: SearchLimits) -> tuple[int, ...]:
    """Return the times of the hits that each add a step, from the second with index `first` on.

    The chain ends with its conversion window or before the next excluded hit. A hit adds a step
    if the hits so far can be assigned to one more step than without it.
    """
    hits: list[int] = []
    times: list[int] = []
    hit_of_step: dict[int, int] = {}
    start = seconds[first].time
    for second in seconds[first:]:
        if second.time > limits.deadline(start, start) or (second.excluded and second.time > start):
            break
        for matches in second.hits:
            hits.append(matches)
            if _assign_hit(hits, len(hits) - 1, limits.steps, hit_of_step, set()):
                times.append(second.time)
    return tuple(times)


def _assign_hit(hits: Sequence[int], index: int, steps: int, hit_of_step: dict[int, int], tried: set[int]) -> bool:
    """Assign the hit to a step that no other hit has, and move other hits to other steps where needed.

    Changes `hit_of_step`. Returns False, with no change, if it cannot be. `tried` are the steps that have been tried.
    """
    for number in range(1, steps + 1):
        if hits[index] >> number - 1 & 1 and number not in tried:
            tried.add(number)
            if number not in hit_of_step or _assign_hit(hits, hit_of_step[number], steps, hit_of_step, tried):
                hit_of_step[number] = index
                return True
    return False


def match_every_entry(seconds: Sequence[Second], limits: SearchLimits) -> list[tuple[int, ...]]:
    """Return the chain of each entry.

    An entry ends when its chain is complete, when its window is over or when it is excluded; then another may begin.
    With `entry` latest another hit of step 1 moves the start of the current entry; with `entry` first it is ignored.
    """
    finished: list[tuple[int, ...]] = []
    nothing: list[tuple[int, ...]] = [()] * (limits.steps + 1)
    best_by_level = nothing
    current: tuple[int, ...] = ()  # the longest chain of the entry that is not over
    for second in seconds:
        if current and all(not chain or second.time - chain[0] > limits.window for chain in best_by_level):
            finished.append(current)
            current, best_by_level = (), nothing
        if current and second.excluded & limits.exclusions[len(current)] and second.time > current[-1]:
            if limits.rules.exclude_mode == "stop":
                finished.append(current)
            current, best_by_level = (), nothing
            continue
        hits = list(second.hits)
        while hits:
            best_by_level = _advance(hits, second.time, best_by_level, limits, has_entry=bool(current))
            reached = max(level for level in range(limits.steps + 1) if best_by_level[level] or not level)
            if reached > len(current):
                current = best_by_level[reached]
            if reached < limits.steps:
                break
            finished.append(current)
            hits = _unused_hits(hits, current, second.time)
            current, best_by_level = (), nothing
    return [*finished, current] if current else finished


def _advance(
    hits: Sequence[int], time: int, best_by_level: Sequence[tuple[int, ...]], limits: SearchLimits, *, has_entry: bool
) -> list[tuple[int, ...]]:
    """Return the best chain by level after a second with these hits.

    The best chain is the one that starts last; of several, the one with the earliest hits.
    """
    advanced = list(best_by_level)
    for level, chain in enumerate(best_by_level[:-1]):
        if not level and has_entry and limits.rules.entry == "first":
            continue
        if level and (not chain or time > limits.deadline(chain[0], chain[-1])):
            continue
        for number in range(level + 1, assignable_steps(tuple(hits), level, limits.steps) + 1):
            longer = chain + (time,) * (number - level)
            if not advanced[number] or _rank_chain(longer, limits) > _rank_chain(advanced[number], limits):
                advanced[number] = longer
    return advanced


def _rank_chain(chain: tuple[int, ...], limits: SearchLimits) -> tuple[int, ...]:
    """Return a sort key for chains of one level. The better chain has the greater key."""
    if limits.step_window is not None:  # a later hit leaves more time for the next step
        return chain
    return (chain[0], *(-time for time in chain[1:]))


def _unused_hits(hits: Sequence[int], chain: Sequence[int], time: int) -> list[int]:
    """Return the hits of the second at `time` that the chain does not use."""
    step_of_hit: dict[int, int] = {}
    for number, step_time in enumerate(chain, 1):
        if step_time == time:
            assign_step(hits, number, step_of_hit, set())
    return [matches for index, matches in enumerate(hits) if index not in step_of_hit]
