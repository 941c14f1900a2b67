"""What a unit did second by second, and what its rules say of any two of its seconds."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate

from pixelstat.funnels.rules import Rules

MICROSECONDS = 1_000_000


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


def from_first(seconds: Sequence[Second]) -> Sequence[Second]:
    """The seconds with no other start than the first."""
    first = next((place for place, second in enumerate(seconds) if any(hit & 1 for hit in second.hits)), None)
    return [
        second if place == first else Second(
            second.time, tuple(hit & ~1 for hit in second.hits), second.matches, second.excluded, second.size
        )
        for place, second in enumerate(seconds)
    ]  # fmt: skip


@lru_cache(maxsize=100_000)
def dealt(hits: tuple[int, ...], level: int, steps: int) -> int:
    """The highest step up to which the steps after `level` can be dealt out to different hits (augmenting paths)."""
    owner: dict[int, int] = {}
    number = level
    while number < steps and deal(hits, number + 1, owner, set()):
        number += 1
    return number


def deal(hits: Sequence[int], number: int, owner: dict[int, int], tried: set[int]) -> bool:
    """Deal the step out to a hit, moving others if that is needed; `owner` is the step of each hit that has one."""
    for place, matches in enumerate(hits):
        if matches >> number - 1 & 1 and place not in tried:
            tried.add(place)
            if place not in owner or deal(hits, owner[place], owner, tried):
                owner[place] = number
                return True
    return False
