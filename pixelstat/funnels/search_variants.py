"""Chains by search under other rules: within a grace, in any order, and every entry."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from pixelstat.funnels.timeline import Limits, Second, Walk, deal, dealt, from_first


def within_grace(seconds: Sequence[Second], limits: Limits) -> tuple[int, ...]:
    """The chain that counts where each hit may be by so much earlier than one before it, () if there is none."""
    if limits.rules.entry == "first":
        seconds = from_first(seconds)
    hits = [(second.time, matches) for second in seconds for matches in second.hits]
    times = [time for time, _ in hits]
    found: list[tuple[int, int, int, tuple[int, ...]]] = []
    for place, (start, matches) in enumerate(hits):
        if matches & 1:
            chain = _earliest_within_grace(hits, times, place, limits)
            found.append((-len(chain), max(chain), -start, chain))
    return min(found)[3] if found else ()


def _earliest_within_grace(
    hits: Sequence[tuple[int, int]], times: Sequence[int], first: int, limits: Limits
) -> tuple[int, ...]:
    """The chain from this hit. Of its states those are kept that differ in hits which a later step could still take."""
    start = times[first]
    best: tuple[int, ...] = (start,)
    states = {frozenset([first]): (start, best)}
    for level in range(1, limits.top):
        longer: dict[frozenset[int], tuple[int, tuple[int, ...]]] = {}
        for used, (latest, chain) in states.items():
            for place in range(bisect_left(times, latest - limits.grace), bisect_right(times, start + limits.window)):
                time, matches = hits[place]
                if place in used or not matches >> level & 1:
                    continue
                end = max(latest, time)
                later = frozenset(
                    one for one in (*used, place) if hits[one][1] >> level + 1 and times[one] >= end - limits.grace
                )
                state = (end, (*chain, time))
                if later not in longer or state < longer[later]:
                    longer[later] = state
                if place not in later and not later - used:
                    break  # whatever comes later could be taken then, too
        if not longer:
            break
        states, best = longer, min(longer.values())[1]
    return best


def unordered(seconds: Sequence[Second], limits: Limits) -> tuple[int, ...]:
    """The times at which the first, the second, ... distinct step is done, in the window that holds most of them."""
    walk = Walk(seconds, limits)
    found: list[tuple[int, int, int, tuple[int, ...]]] = []
    for place, second in enumerate(seconds):
        if second.hits and second.starts:
            times = _collected(seconds, place, limits)
            found.append((-len(times), times[-1], -second.time, times))
            if limits.rules.entry == "first":
                break
    found.sort()
    longest = [chain for chain in found if chain[0] == found[0][0]]
    ends: dict[int, tuple[int, ...]] = {}
    for _, end, _, times in longest:
        ends.setdefault(end, times)
    for end, times in ends.items():
        if not walk.is_broken_off(len(times), times[0], end):
            return times
    return ()


def _collected(seconds: Sequence[Second], first: int, limits: Limits) -> tuple[int, ...]:
    pool: list[int] = []
    times: list[int] = []
    owner: dict[int, int] = {}
    for second in seconds[first:]:
        if second.time - seconds[first].time > limits.window or (second.excluded and second is not seconds[first]):
            break
        for matches in second.hits:
            pool.append(matches)
            if _take(pool, len(pool) - 1, limits.top, owner, set()):
                times.append(second.time)
    return tuple(times)


def _take(pool: Sequence[int], place: int, steps: int, owner: dict[int, int], tried: set[int]) -> bool:
    """Give the hit a step that no other has, moving others if that is needed; `owner` is the hit of each step."""
    for number in range(1, steps + 1):
        if pool[place] >> number - 1 & 1 and number not in tried:
            tried.add(number)
            if number not in owner or _take(pool, owner[number], steps, owner, tried):
                owner[number] = place
                return True
    return False


def entries(seconds: Sequence[Second], limits: Limits) -> list[tuple[int, ...]]:
    """Each entry's chain: it ends when it is whole, when its window is over or it is excluded; then another begins.

    With `entry` latest a further hit of step 1 moves the start of the entry that is open, else it is passed over.
    """
    found: list[tuple[int, ...]] = []
    nothing: list[tuple[int, ...]] = [()] * (limits.top + 1)
    levels = nothing
    furthest: tuple[int, ...] = ()  # of the entry that is open
    for second in seconds:
        if furthest and all(not chain or second.time - chain[0] > limits.window for chain in levels):
            found.append(furthest)
            furthest, levels = (), nothing
        if furthest and second.excluded & limits.guards[len(furthest)] and second.time > furthest[-1]:
            if limits.rules.exclude_mode == "stop":
                found.append(furthest)
            furthest, levels = (), nothing
            continue
        hits = list(second.hits)
        while hits:
            levels = _lifted(hits, second.time, levels, limits, is_open=bool(furthest))
            reached = max(number for number in range(limits.top + 1) if levels[number] or not number)
            if reached > len(furthest):
                furthest = levels[reached]
            if reached < limits.top:
                break
            found.append(furthest)
            hits = _left_over(hits, furthest, second.time)
            furthest, levels = (), nothing
    return [*found, furthest] if furthest else found


def _lifted(
    hits: Sequence[int], time: int, levels: Sequence[tuple[int, ...]], limits: Limits, *, is_open: bool
) -> list[tuple[int, ...]]:
    """By level the chain that starts last, of those the one with the earliest hits, after a second with these hits."""
    after = list(levels)
    for level, chain in enumerate(levels[:-1]):
        if not level and is_open and limits.rules.entry == "first":
            continue
        if level and (not chain or time > limits.end(chain[0], chain[-1])):
            continue
        for number in range(level + 1, dealt(tuple(hits), level, limits.top) + 1):
            longer = chain + (time,) * (number - level)
            if not after[number] or _rank(longer, limits) > _rank(after[number], limits):
                after[number] = longer
    return after


def _rank(chain: tuple[int, ...], limits: Limits) -> tuple[int, ...]:
    if limits.step_window is not None:  # where the next step must be soon, the later hit is the better one
        return chain
    return (chain[0], *(-time for time in chain[1:]))


def _left_over(hits: Sequence[int], chain: Sequence[int], time: int) -> list[int]:
    """The hits of a second that are none of the chain's."""
    owner: dict[int, int] = {}
    for number, own in enumerate(chain, 1):
        if own == time:
            deal(hits, number, owner, set())
    return [matches for place, matches in enumerate(hits) if place not in owner]
