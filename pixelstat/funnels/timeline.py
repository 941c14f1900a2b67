"""Describe what one actor did, second by second, and answer what the rules allow between two seconds."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from pixelstat.funnels.rules import FunnelRules

US_PER_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Second:
    """What an actor did at one time. Bit k - 1 of a hit is set where the hit matches the kth required step."""

    time: int  # microseconds since 1970
    hits: tuple[int, ...]  # those that match a step; the first step only where the hit may be a start
    matches: tuple[int, ...] = ()  # the same hits, by the numbers of all steps
    excluded: int = 0  # bit e is set where exclusion e has a hit here and no other hit shares the second with it
    size: int = 0  # hits of the universe
    may_start: bool = True  # whether an unordered chain may begin here


@dataclass(frozen=True, slots=True)
class SearchLimits:
    """The rules as whole numbers, for the required steps alone. Times are in microseconds."""

    rules: FunnelRules
    steps: int  # how many are required
    window: int
    step_window: int | None
    grace: int
    exclusions: Sequence[int]  # by level: bit e is set where exclusion e applies between it and the next level
    is_strict: bool = False

    @classmethod
    def from_rules(cls, rules: FunnelRules) -> "SearchLimits":
        """Convert the rules."""
        steps = rules.required
        next_steps = [*steps[1:], len(rules.steps) + 1]
        gaps = zip(steps, next_steps, strict=True)
        exclusions = [0, *(sum(1 << index for index in rules.covering_exclusions(*gap)) for gap in gaps)]
        if rules.order == "unordered":
            exclusions = [(1 << len(rules.exclusions)) - 1] * (len(steps) + 1)
        step_window = None if rules.step_window is None else int(rules.step_window.total_seconds() * US_PER_SECOND)
        return cls(
            rules,
            len(steps),
            int(rules.window.total_seconds() * US_PER_SECOND),
            step_window,
            int(rules.grace.total_seconds() * US_PER_SECOND),
            exclusions,
            rules.order == "strict",
        )

    def deadline(self, start: int, latest: int) -> int:
        """Return the last time at which a chain may continue that began at `start` and has its last hit at `latest`."""
        end = start + self.window
        return end if self.step_window is None else min(end, latest + self.step_window)


class Timeline:
    """The seconds of one actor, with running counts that tell at once what lies between two of them.

    Methods take seconds by their index. The level of a chain is how many required steps it has reached.
    """

    def __init__(self, seconds: Sequence[Second], limits: SearchLimits) -> None:
        self.seconds, self.limits = seconds, limits
        self.times = [second.time for second in seconds]
        self._sizes = [0, *accumulate(second.size for second in seconds)] if limits.is_strict else []
        self._excluded: dict[int, list[int]] = {}  # by exclusions: how many seconds before each index have one of them

    def may_follow(self, current: int, following: int, level: int, start: int) -> bool:
        """Return whether a chain of this level and start whose last hit is in `current` may continue in `following`."""
        limits = self.limits
        if self.times[following] > limits.deadline(start, self.times[current]):
            return False
        if limits.is_strict and self._sizes[following] > self._sizes[current + 1]:
            return False
        return not (limits.exclusions[level] and self.has_exclusion(level, current + 1, following))

    def is_dropped(self, level: int, start: int, end: int) -> bool:
        """Return whether an excluded hit takes an incomplete chain away, from `start` to `end` (times).

        That is so where `exclude_mode` is drop and the hit follows the chain while its window lasts.
        """
        limits = self.limits
        if limits.rules.exclude_mode != "drop" or level == limits.steps or not limits.exclusions[level]:
            return False
        window_end = start + limits.window
        return self.has_exclusion(level, bisect_right(self.times, end), bisect_right(self.times, window_end))

    def has_exclusion(self, level: int, since: int, until: int) -> bool:
        """Return whether the seconds from `since` up to, and without, `until` have a hit that is excluded here."""
        exclusions = self.limits.exclusions[level]
        if exclusions not in self._excluded:
            counts = accumulate(bool(second.excluded & exclusions) for second in self.seconds)
            self._excluded[exclusions] = [0, *counts]
        return self._excluded[exclusions][until] > self._excluded[exclusions][since]


def keep_first_start(seconds: Sequence[Second]) -> Sequence[Second]:
    """Return the seconds with step 1 removed from all hits but those of the first second that has it."""
    first = next((index for index, second in enumerate(seconds) if any(hit & 1 for hit in second.hits)), None)
    return [
        second if index == first else Second(
            second.time, tuple(hit & ~1 for hit in second.hits), second.matches, second.excluded, second.size
        )
        for index, second in enumerate(seconds)
    ]  # fmt: skip


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
