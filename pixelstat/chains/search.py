"""Chains by search: one unit at a time, exact under every rule, whatever hits share a second.

The seconds of a unit are walked once. For every level the latest second that it can be reached in is kept, with the
latest start that leads there: whatever can follow an earlier one can follow that, too. A second lifts a chain of level
i to j if the steps i + 1 .. j can be dealt out to different hits of it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate, groupby

import polars as pl

from pixelstat.chains.rules import Rules

MICROSECONDS = 1_000_000

Times = tuple[int | None, ...]  # of the hits of all steps; null for a step that was not reached


@dataclass(frozen=True, slots=True)
class Second:
    """What a unit did at one time. Bit k - 1 of a hit is set where it matches the kth required step."""

    time: int
    hits: tuple[int, ...]  # those that match a step, the chain's start only where it may be one
    matches: tuple[int, ...] = ()  # of the same hits, by the numbers of all steps
    excluded: int = 0  # bit e is set where exclusion e has a hit here that no other hit shares the second with
    size: int = 0  # hits of the universe
    starts: bool = True  # an unordered chain may begin here


@dataclass(frozen=True, slots=True)
class Limits:
    """The rules as whole numbers, of the required steps alone."""

    rules: Rules
    top: int
    window: int
    step_window: int | None
    grace: int
    guards: Sequence[int]  # by level: the exclusions that look between it and the next
    is_strict: bool = field(default=False)

    @classmethod
    def of(cls, rules: Rules) -> "Limits":
        steps = rules.required
        following = [*steps[1:], len(rules.steps) + 1]
        guards = [0, *(sum(1 << place for place in rules.guarding(*gap)) for gap in zip(steps, following, strict=True))]
        if rules.order == "unordered":
            guards = [(1 << len(rules.exclusions)) - 1] * (len(steps) + 1)
        step_window = None if rules.step_window is None else int(rules.step_window.total_seconds() * MICROSECONDS)
        return cls(
            rules,
            len(steps),
            int(rules.window.total_seconds() * MICROSECONDS),
            step_window,
            int(rules.grace.total_seconds() * MICROSECONDS),
            guards,
            rules.order == "strict",
        )

    def end(self, start: int, here: int) -> int:
        """Until when a chain of this start that stands here may go on."""
        return start + self.window if self.step_window is None else min(start + self.window, here + self.step_window)


class Walk:
    """The seconds of a unit under its rules, with counts that tell at once what lies between two of them."""

    def __init__(self, seconds: Sequence[Second], limits: Limits) -> None:
        self.seconds, self.limits = seconds, limits
        self.times = [second.time for second in seconds]
        self._sizes = [0, *accumulate(second.size for second in seconds)] if limits.is_strict else []
        self._excluded: dict[int, list[int]] = {}

    def may_follow(self, here: int, there: int, level: int, start: int) -> bool:
        """Whether a chain of this level that stands at one second may go on at a later one."""
        limits = self.limits
        if self.times[there] > limits.end(start, self.times[here]):
            return False
        if limits.is_strict and self._sizes[there] > self._sizes[here + 1]:
            return False
        return not (limits.guards[level] and self.excluded(level, here + 1, there))

    def is_broken_off(self, level: int, start: int, end: int) -> bool:
        """Whether an excluded hit follows a chain that is not whole while its window lasts, and is to take it away."""
        limits = self.limits
        if limits.rules.exclude_mode != "drop" or level == limits.top or not limits.guards[level]:
            return False
        until = start + limits.window
        return self.excluded(level, bisect_right(self.times, end), bisect_right(self.times, until))

    def excluded(self, level: int, since: int, until: int) -> bool:
        """Whether an excluded hit that matters at this level lies in these seconds."""
        guards = self.limits.guards[level]
        if guards not in self._excluded:
            self._excluded[guards] = [0, *accumulate(bool(second.excluded & guards) for second in self.seconds)]
        return self._excluded[guards][until] > self._excluded[guards][since]


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


# -- in order ----------------------------------------------------------------------------------------------------


def in_order(seconds: Sequence[Second], limits: Limits) -> tuple[int, ...]:
    """The chain that counts, () if there is none."""
    if limits.rules.entry == "first":
        seconds = _from_first(seconds)
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


def _from_first(seconds: Sequence[Second]) -> Sequence[Second]:
    """The seconds with no other start than the first."""
    first = next((place for place, second in enumerate(seconds) if any(hit & 1 for hit in second.hits)), None)
    return [
        second if place == first else Second(
            second.time, tuple(hit & ~1 for hit in second.hits), second.matches, second.excluded, second.size
        )
        for place, second in enumerate(seconds)
    ]  # fmt: skip


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


@lru_cache(maxsize=100_000)
def dealt(hits: tuple[int, ...], level: int, steps: int) -> int:
    """The highest step up to which the steps after `level` can be dealt out to different hits (augmenting paths)."""
    owner: dict[int, int] = {}
    number = level
    while number < steps and _deal(hits, number + 1, owner, set()):
        number += 1
    return number


def _deal(hits: Sequence[int], number: int, owner: dict[int, int], tried: set[int]) -> bool:
    """Deal the step out to a hit, moving others if that is needed; `owner` is the step of each hit that has one."""
    for place, matches in enumerate(hits):
        if matches >> number - 1 & 1 and place not in tried:
            tried.add(place)
            if place not in owner or _deal(hits, owner[place], owner, tried):
                owner[place] = number
                return True
    return False


# -- steps that may be left out ----------------------------------------------------------------------------------


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
    return all(_deal(hits, number, owner, set()) for number in steps)


# -- within a grace ----------------------------------------------------------------------------------------------


def within_grace(seconds: Sequence[Second], limits: Limits) -> tuple[int, ...]:
    """The chain that counts where each hit may be by so much earlier than one before it, () if there is none."""
    if limits.rules.entry == "first":
        seconds = _from_first(seconds)
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


# -- in any order ------------------------------------------------------------------------------------------------


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


# -- every entry -------------------------------------------------------------------------------------------------


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
            _deal(hits, number, owner, set())
    return [matches for place, matches in enumerate(hits) if place not in owner]
