"""Search chains of one actor under other rules: within a grace, in any order, and for every entry.

Chains are tuples of times, by level. The level of a chain is how many required steps it has reached.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from pixelstat.funnels.chain import Chain, find_earliest_chain, match_in_order
from pixelstat.funnels.timeline import (
    Frontier,
    SearchLimits,
    Second,
    Timeline,
    assign_step,
    assignable_steps,
    keep_first_start,
)


def match_within_grace(seconds: Sequence[Second], limits: SearchLimits) -> Chain:
    """Return the chain that counts, where a hit may be earlier than one before it by the grace."""
    if limits.rules.entry == "first":
        seconds = keep_first_start(seconds)
    hits = [(second.time, matches) for second in seconds for matches in second.hits]
    times = [time for time, _ in hits]
    starts = [index for index, (_, matches) in enumerate(hits) if matches & 1]
    if not starts:
        return Chain(0, (), None)
    chains = [_find_earliest_within_grace(hits, times, index, limits) for index in starts]
    sign = -1 if limits.rules.entry == "latest" else 1
    best = min(chains, key=lambda chain: (-len(chain), max(chain), sign * chain[0], chain))
    return Chain(len(best), best, times[starts[-1]] + limits.window)


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


def match_unordered(seconds: Sequence[Second], limits: SearchLimits) -> Chain:
    """Return the step times of the window that completes most steps, earliest first."""
    timeline = Timeline(seconds, limits)
    starts = [index for index, second in enumerate(seconds) if second.hits and second.may_start]
    if not starts:
        return Chain(0, (), None)
    if limits.rules.entry == "first":
        starts = starts[:1]
    chains = [_collect_steps(timeline, start) for start in starts]
    level = max(map(len, chains))
    if limits.rules.exclude_mode == "drop" and any(second.excluded for second in seconds):
        free_timeline = Timeline(seconds, limits.without_exclusions())
        free_level = max(len(_collect_steps(free_timeline, start)) for start in starts)
        if free_level > level:
            return Chain(free_level, (), None)
    longest = [chain for chain in chains if len(chain) == level]  # by their starts
    latest_start = {chain[-1]: chain[0] for chain in longest}  # by their ends
    clean_ends = [end for end, start in latest_start.items() if not timeline.is_dropped(level, start, end)]
    if not clean_ends:
        return Chain(level, (), None)
    chains = [chain for chain in longest if chain[-1] == min(clean_ends)]
    deadline = timeline.times[starts[-1]] + limits.window
    open_until = deadline if timeline.is_unbroken(starts[-1], len(seconds), level) else None
    return Chain(level, chains[-1 if limits.rules.entry == "latest" else 0], open_until)


def _collect_steps(timeline: Timeline, first: int) -> tuple[int, ...]:
    """Return the times of the hits that each add a step, from the second with index `first` on.

    The chain ends with its conversion window or at the next excluded hit. A hit adds a step
    if the hits so far can be assigned to one more step than without it.
    """
    hits: list[int] = []
    times: list[int] = []
    hit_of_step: dict[int, int] = {}
    for index in range(first, len(timeline.seconds)):
        second = timeline.seconds[index]
        if index > first and not timeline.may_follow(first, index, 1, timeline.times[first]):
            break
        for matches in second.hits:
            hits.append(matches)
            if _assign_hit(hits, len(hits) - 1, timeline.limits.steps, hit_of_step, set()):
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


def match_every_entry(seconds: Sequence[Second], limits: SearchLimits) -> Sequence[Chain]:
    """Return the chain of each entry, which counts like that of an actor.

    An entry begins with a hit of step 1. It ends when a chain is complete or none can go on, and only then the next one
    may begin. A chain may begin with any hit of step 1 in the entry, with `entry` first only with the first. A hit that
    is excluded and ends an entry does not begin the next one.
    """
    remaining, entries, begin = [*seconds], list[Sequence[Second]](), 0
    timeline = Timeline(remaining, limits)
    while begin < len(remaining):
        if remaining[begin].has_start:
            entry, begin = _take_entry(timeline, remaining, begin)
            entries.append(entry)
        else:
            begin += 1
    return [match_in_order(entry, limits) for entry in entries]


def _take_entry(timeline: Timeline, remaining: list[Second], begin: int) -> tuple[Sequence[Second], int]:
    """Return the seconds of the entry that begins in this second, and the index from which the next may begin.

    Remove the hits of its last second that complete it from `remaining`, the seconds of the timeline.
    """
    limits, frontier = timeline.limits, Frontier(timeline)
    for index in range(begin, len(remaining)):
        second, open_levels = remaining[index], frontier.open_levels(index)
        if index > begin and not open_levels:
            return remaining[begin:index], index
        if index > begin and all(_is_broken_off(second, level, limits) for level in open_levels):
            return [*remaining[begin:index], second.without_starts()], index + 1
        level, latest_start = frontier.advance(index, may_start=index == begin or limits.rules.entry != "first")
        if level == limits.steps:
            entry = remaining[begin : index + 1]
            chain = find_earliest_chain(timeline, level, index, latest_start)
            remaining[index] = second._replace(hits=_unused_hits(second.hits, chain, second.time))
            return entry, index
    return remaining[begin:], len(remaining)


def _is_broken_off(second: Second, level: int, limits: SearchLimits) -> bool:
    """Return whether an excluded hit of this second breaks off chains of this level that do not advance in it."""
    return bool(second.excluded >> level & 1) and assignable_steps(second.hits, level, limits.steps) == level


def _unused_hits(hits: Sequence[int], chain: Sequence[int], time: int) -> tuple[int, ...]:
    """Return the hits of the second at `time` that the chain does not use."""
    step_of_hit: dict[int, int] = {}
    for number, step_time in enumerate(chain, 1):
        if step_time == time:
            assign_step(hits, number, step_of_hit, set())
    return tuple(matches for index, matches in enumerate(hits) if index not in step_of_hit)
