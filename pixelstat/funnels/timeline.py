"""Describe what one actor did, second by second, and answer what the rules allow between two seconds."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, reduce
from itertools import accumulate
from operator import or_
from typing import NamedTuple

from pixelstat.funnels.rules import FunnelRules

US_PER_SECOND = 1_000_000


class Second(NamedTuple):
    """What an actor did at one time. Bit k - 1 of a hit is set where the hit matches the kth required step."""

    time: int  # microseconds since 1970
    hits: tuple[int, ...]  # those that match a step; the first step only where the hit may be a start
    matches: tuple[int, ...] = ()  # the same hits, by the numbers of all steps
    excluded: int = 0  # bit l is set where an excluded hit breaks off chains of level l
    size: int = 0  # hits of the universe
    may_start: bool = True  # whether an unordered chain may begin here

    @property
    def has_start(self) -> bool:
        """Whether a hit matches step 1."""
        return any(hit & 1 for hit in self.hits)

    def without_starts(self) -> "Second":
        """Return the second with step 1 removed from all hits."""
        return self._replace(hits=tuple(hit & ~1 for hit in self.hits))


@dataclass(frozen=True, slots=True)
class SearchLimits:
    """The rules as whole numbers, for the required steps alone. Times are in microseconds."""

    rules: FunnelRules
    steps: int  # how many are required
    window: int
    step_window: int | None
    grace: int
    exclusions: Sequence[int]  # by level: bit e is set where exclusion e applies between it and the next level
    neighbours: Sequence[int]  # by level: bit k - 1 is set where step k is one of those that this level lies between
    is_strict: bool = False

    @classmethod
    def from_rules(cls, rules: FunnelRules) -> "SearchLimits":
        """Convert the rules."""
        steps = rules.required
        next_steps = [*steps[1:], len(rules.steps) + 1]
        gaps = [*zip(steps, next_steps, strict=True)]
        exclusions = [0, *(sum(1 << index for index in rules.covering_exclusions(*gap)) for gap in gaps)]
        neighbours = [0, *(sum(1 << step - 1 for step in range(first, last + 1)) for first, last in gaps)]
        if rules.order == "unordered":
            exclusions = [(1 << len(rules.exclusions)) - 1] * (len(steps) + 1)
            neighbours = [(1 << len(steps)) - 1] * (len(steps) + 1)
        step_window = None if rules.step_window is None else int(rules.step_window.total_seconds() * US_PER_SECOND)
        return cls(
            rules,
            len(steps),
            int(rules.window.total_seconds() * US_PER_SECOND),
            step_window,
            int(rules.grace.total_seconds() * US_PER_SECOND),
            exclusions,
            neighbours,
            rules.order == "strict",
        )

    def without_exclusions(self) -> "SearchLimits":
        """Return the limits of the same rules without exclusions."""
        return replace(self, exclusions=[0] * (self.steps + 1))

    def deadline(self, start: int, latest: int) -> int:
        """Return the last time at which a chain may continue that began at `start` and has its last hit at `latest`."""
        end = start + self.window
        return end if self.step_window is None else min(end, latest + self.step_window)

    def find_broken_levels(self, hits: Sequence[tuple[int, int]]) -> int:
        """Return the levels, as bits, whose chains an excluded hit of these breaks off. They share a second.

        Takes `matches` and `excluded` of each hit. A hit that is not excluded and matches a neighbouring step excuses
        the others, because nobody can tell which came first.
        """
        occurring = reduce(or_, (excluded for _, excluded in hits))
        if not occurring:
            return 0
        levels = 0
        for level, (exclusions, neighbours) in enumerate(zip(self.exclusions, self.neighbours, strict=True)):
            breaking = exclusions & occurring
            for matches, excluded in hits if breaking else ():
                if matches & neighbours:
                    breaking &= excluded
            levels |= bool(breaking) << level
        return levels


class Timeline:
    """The seconds of one actor, with running counts that tell at once what lies between two of them.

    Methods take seconds by their index. The level of a chain is how many required steps it has reached.
    """

    def __init__(self, seconds: Sequence[Second], limits: SearchLimits) -> None:
        self.seconds, self.limits = seconds, limits
        self.times = [second.time for second in seconds]
        self._sizes = [0, *accumulate(second.size for second in seconds)] if limits.is_strict else []
        self._excluded: dict[int, list[int]] = {}  # by level: how many seconds before each index break its chains off

    def may_follow(self, current: int, following: int, level: int, start: int) -> bool:
        """Return whether a chain of this level and start whose last hit is in `current` may continue in `following`."""
        is_in_time = self.times[following] <= self.limits.deadline(start, self.times[current])
        return is_in_time and self.is_unbroken(current, following, level)

    def is_unbroken(self, current: int, following: int, level: int) -> bool:
        """Return whether nothing between these seconds breaks off a chain of this level."""
        if self.limits.is_strict and self._sizes[following] > self._sizes[current + 1]:
            return False
        return not self.has_exclusion(level, current + 1, following)

    def is_dropped(self, level: int, start: int, end: int) -> bool:
        """Return whether an excluded hit takes an incomplete chain away, from `start` to `end` (times).

        That is so where `exclude_mode` is drop and the hit follows the chain while its window lasts.
        """
        if self.limits.rules.exclude_mode != "drop" or level == self.limits.steps:
            return False
        window_end = start + self.limits.window
        return self.has_exclusion(level, bisect_right(self.times, end), bisect_right(self.times, window_end))

    def has_exclusion(self, level: int, since: int, until: int) -> bool:
        """Return whether a second from `since` up to, and without, `until` breaks off chains of this level."""
        if not self.limits.exclusions[level]:
            return False
        if level not in self._excluded:
            self._excluded[level] = [0, *accumulate(second.excluded >> level & 1 for second in self.seconds)]
        return self._excluded[level][until] > self._excluded[level][since]


class Frontier:
    """How far the chains of one actor have come, second by second.

    For each level it holds the latest second that reaches the level, and the latest start that leads there. Earlier
    states are not needed: this one leaves at least as much time and has no more hits between it and the next.
    """

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self._states: list[tuple[int, int] | None] = [None] * (timeline.limits.steps + 1)  # index of second, start

    def advance(self, index: int, *, may_start: bool = True) -> tuple[int, int]:
        """Advance all chains in this second. Return the highest level that it reaches, and the latest start for it.

        The level is 0 where no chain advances.
        """
        timeline, states, second = self.timeline, self._states, self.timeline.seconds[index]
        hits, steps, is_strict = second.hits, timeline.limits.steps, timeline.limits.is_strict
        highest, latest_start = 0, second.time
        # A lower level has a start that is as late or later, so it comes last and replaces what a higher one reaches.
        for level in range(steps - 1, -1 if may_start else 0, -1):
            state = states[level] if level else (index, second.time)
            if state is None:
                continue
            furthest = assignable_steps(hits, level, steps)
            if furthest == level or (level and not timeline.may_follow(state[0], index, level, state[1])):
                continue
            start = state[1]
            if furthest >= highest:
                highest, latest_start = furthest, start
            for number in range(level + 1, furthest + 1):
                if not is_strict or start == second.time or number - level == second.size:
                    states[number] = (index, start)
        return highest, latest_start

    def open_levels(self, index: int) -> list[int]:
        """Return the levels of incomplete chains that may continue in this second."""
        return [
            level
            for level, state in enumerate(self._states[:-1])
            if state and self.timeline.may_follow(state[0], index, level, state[1])
        ]

    def open_until(self) -> int | None:
        """Return the last time at which a chain may continue after all seconds; None if none may."""
        timeline = self.timeline
        deadlines = [
            timeline.limits.deadline(state[1], timeline.times[state[0]])
            for level, state in enumerate(self._states[:-1])
            if state and timeline.is_unbroken(state[0], len(timeline.seconds), level)
        ]
        return max(deadlines, default=None)


def keep_first_start(seconds: Sequence[Second]) -> Sequence[Second]:
    """Return the seconds with step 1 removed from all hits but those of the first second that has it."""
    first = next((index for index, second in enumerate(seconds) if second.has_start), None)
    return [second if index == first else second.without_starts() for index, second in enumerate(seconds)]


@lru_cache(maxsize=100_000)
def assignable_steps(hits: tuple[int, ...], level: int, steps: int) -> int:
    """Return the highest step such that it and all steps above `level` can be assigned to different hits."""
    step_of_hit: dict[int, int] = {}
    number = level
    while number < steps and assign_step(hits, number + 1, step_of_hit, set()):
        number += 1
    return number


def assign_step(hits: Sequence[int], number: int, step_of_hit: dict[int, int], tried: set[int]) -> bool:
    """Assign the step to a hit, and move other steps to other hits where needed (an augmenting path).

    Changes `step_of_hit`, by the index of each hit that has a step. Returns False, with no change, if it cannot be.
    `tried` are the hits that have been tried.
    """
    for index, matches in enumerate(hits):
        if matches >> number - 1 & 1 and index not in tried:
            tried.add(index)
            if index not in step_of_hit or assign_step(hits, step_of_hit[index], step_of_hit, tried):
                step_of_hit[index] = number
                return True
    return False
