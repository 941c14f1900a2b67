"""Match the hits of one actor to the chain that counts, in the order of the steps."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pixelstat.funnels.timeline import Frontier, SearchLimits, Second, Timeline, assignable_steps, keep_first_start


@dataclass(frozen=True, slots=True)
class Chain:
    """The chain of an actor or an entry that counts, with times in microseconds."""

    level: int  # how many required steps it reached; 0: there is no start
    times: tuple[int, ...]  # of the required steps; none where an exclusion drops the actor
    open_until: int | None  # the last time at which a hit could still lead further


def match_in_order(seconds: Sequence[Second], limits: SearchLimits) -> Chain:
    """Return the chain of these seconds that counts."""
    if limits.rules.entry == "first":
        seconds = keep_first_start(seconds)
    timeline = Timeline(seconds, limits)
    frontier = Frontier(timeline)
    level, ends = _find_ends(frontier)
    may_be_dropped = limits.rules.exclude_mode == "drop" and level < limits.steps
    if may_be_dropped and any(second.excluded for second in seconds):
        free_level, _ = _find_ends(Frontier(Timeline(seconds, limits.without_exclusions())))
        if free_level > level:
            return Chain(free_level, (), None)
    for index, latest_start in ends:
        end = timeline.times[index]
        if not timeline.is_dropped(level, latest_start, end):
            first = latest_start if limits.rules.entry == "latest" else end - limits.window
            open_until = frontier.open_until() if level < limits.steps else None
            return Chain(level, find_earliest_chain(timeline, level, index, first), open_until)
    return Chain(level, (), None)


def _find_ends(frontier: Frontier) -> tuple[int, Sequence[tuple[int, int]]]:
    """Return the highest level that chains reach, and each second that reaches it with the latest start before it."""
    highest, ends = 0, list[tuple[int, int]]()
    for index, second in enumerate(frontier.timeline.seconds):
        if second.hits:
            level, latest_start = frontier.advance(index)
            if level > highest:
                highest, ends = level, [(index, latest_start)]
            elif level == highest > 0:
                ends.append((index, latest_start))
    return highest, ends


def find_earliest_chain(timeline: Timeline, level: int, end: int, start: int) -> tuple[int, ...]:
    """Return the times of the earliest chain of this level that ends in the second `end`, from the time `start` on.

    It starts first, and then has the earliest hits. The seconds are visited from the last to the first.
    """
    if level == 1:
        return (timeline.times[end],)
    # By level: the first of the seconds so far from which a chain leads on to the end; None: the chain ends.
    next_second: dict[int, int | None] = {level: None}
    advances: dict[tuple[int, int], tuple[int, int | None]] = {}  # by second and level: level after it, next second
    for index in range(end, bisect_left(timeline.times, start) - 1, -1):
        if not timeline.seconds[index].hits:
            continue
        level_after = {reached: _find_advance(timeline, index, reached, next_second) for reached in range(level)}
        level_after = {reached: number for reached, number in level_after.items() if number}
        advances |= {(index, reached): (number, next_second[number]) for reached, number in level_after.items()}
        next_second.pop(level, None)  # only the second `end` ends it
        next_second.update(dict.fromkeys(level_after, index))
    second, reached, times = next_second[0], 0, tuple[int, ...]()
    while second is not None:
        number, following = advances[second, reached]
        times += (timeline.times[second],) * (number - reached)
        second, reached = following, number
    return times


def _find_advance(timeline: Timeline, index: int, reached: int, next_second: Mapping[int, int | None]) -> int:
    """Return the highest level that a chain may advance to in this second and lead on from; 0 if there is none."""
    second, limits = timeline.seconds[index], timeline.limits
    for number in range(assignable_steps(second.hits, reached, limits.steps), reached, -1):
        if number not in next_second:
            continue
        following = next_second[number]
        if following is None:
            return number
        must_use_all = limits.is_strict and reached > 0
        if must_use_all and number - reached != second.size:
            continue
        if timeline.may_follow(index, following, number, timeline.times[following]):
            return number
    return 0
