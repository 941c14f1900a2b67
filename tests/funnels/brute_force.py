"""Funnels by trying everything: slow, and so plain that it can be read to be right."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from statistics import mean, median

from pixelstat.funnels.rules import FunnelRules

Times = tuple[int | None, ...]  # by step


@dataclass(frozen=True)
class Hit:
    """What one hit is to a funnel."""

    second: int
    steps: frozenset[int] = frozenset()
    exclusions: frozenset[int] = frozenset()  # by their places
    in_universe: bool = True
    may_start: bool = True


def best(hits: Sequence[Hit], rules: FunnelRules) -> Times | None:
    """The chain that counts, by the words of the rules; null where none does."""
    found = list(unordered(hits, rules) if rules.order == "unordered" else chains(hits, rules))
    if not found:
        return None
    longest = max(map(len, found))
    ends: dict[int, list[tuple[int, ...]]] = {}
    for chain in found:
        if len(chain) == longest:
            ends.setdefault(max(chain), []).append(chain)
    for end in sorted(ends):
        start = max(chain[0] for chain in ends[end])
        if not broken_off(hits, rules, longest, start, end):
            chain = min(chain for chain in ends[end] if chain[0] == start)
            return with_optional(hits, chain, rules)
    return None


def seconds(delta: object) -> int:
    return int(delta.total_seconds()) if delta is not None else 10**9  # type: ignore[attr-defined]


def chains(hits: Sequence[Hit], rules: FunnelRules) -> Iterator[tuple[int, ...]]:
    """The times of every chain of required steps there is."""
    required = rules.required
    starts = [hit.second for hit in hits if 1 in hit.steps and hit.may_start]

    def longer(chain: tuple[Hit, ...]) -> Iterator[tuple[int, ...]]:
        if chain:
            yield tuple(hit.second for hit in chain)
        if len(chain) == len(required):
            return
        for hit in hits:
            is_new = required[len(chain)] in hit.steps and not any(hit is other for other in chain)
            if is_new and holds(hits, (*chain, hit), rules, starts):
                yield from longer((*chain, hit))

    return longer(())


def holds(hits: Sequence[Hit], chain: Sequence[Hit], rules: FunnelRules, starts: Sequence[int]) -> bool:
    first, last = chain[0].second, chain[-1].second
    if len(chain) == 1:
        return chain[0].may_start and (rules.entry == "latest" or first == min(starts))
    before = chain[-2].second
    highest = max(hit.second for hit in chain[:-1])
    if last < highest - seconds(rules.grace) or last - first > seconds(rules.window):
        return False
    if last - before > seconds(rules.step_window):
        return False
    if rules.order == "strict":
        between = [hit for hit in hits if hit.in_universe and first < hit.second < last]
        if not all(any(hit is other for other in chain) for hit in between):
            return False
    gap = rules.required[len(chain) - 2], rules.required[len(chain) - 1]
    guards = set(rules.covering_exclusions(*gap))
    return not any(before < second < last and guards & which for second, which in excluded(hits, rules).items())


def excluded(hits: Sequence[Hit], rules: FunnelRules) -> dict[int, set[int]]:
    """By second the exclusions that have a hit there which no hit of a step shares the second with, but itself."""
    found: dict[int, set[int]] = {}
    for place in range(len(rules.exclusions)):
        for second in {hit.second for hit in hits if place in hit.exclusions}:
            if all(place in hit.exclusions for hit in hits if hit.second == second and hit.steps):
                found.setdefault(second, set()).add(place)
    return found


def broken_off(hits: Sequence[Hit], rules: FunnelRules, level: int, start: int, end: int) -> bool:
    """Whether somebody who came so far is dropped for what they did then."""
    required = rules.required
    if rules.exclude_mode != "drop" or level == len(required):
        return False
    guards = set(range(len(rules.exclusions)))
    if rules.order != "unordered":
        guards = set(rules.covering_exclusions(required[level - 1], required[level]))
    until = start + seconds(rules.window)
    return any(end < second <= until and guards & which for second, which in excluded(hits, rules).items())


def unordered(hits: Sequence[Hit], rules: FunnelRules) -> Iterator[tuple[int, ...]]:
    """The times of every set of hits that match as many distinct steps, within the window."""
    starts = [hit.second for hit in hits if hit.steps and hit.may_start]
    for number in range(1, len(rules.steps) + 1):
        for chosen in combinations([hit for hit in hits if hit.steps], number):
            times = sorted(hit.second for hit in chosen)
            if times[-1] - times[0] > seconds(rules.window) or not can_be_dealt(chosen, range(1, len(rules.steps) + 1)):
                continue
            if not any(hit.may_start for hit in chosen if hit.second == times[0]):
                continue
            if rules.entry == "first" and times[0] != min(starts):
                continue
            if not any(times[0] < second <= times[-1] for second in excluded(hits, rules)):
                yield tuple(times)


def can_be_dealt(hits: Sequence[Hit], steps: Sequence[int]) -> bool:
    """Whether every hit can have a step of its own."""
    return any(
        all(step in hit.steps for hit, step in zip(hits, own, strict=True)) for own in permutations(steps, len(hits))
    )


def with_optional(hits: Sequence[Hit], chain: tuple[int, ...], rules: FunnelRules) -> Times:
    """The chain with each step that may be left out at its first hit after the one before that nothing else takes."""
    if not rules.optional:
        return (*chain, *[None] * (len(rules.steps) - len(chain)))
    found = dict(zip(rules.required, chain, strict=False))
    for number in sorted(rules.optional):
        if rules.step_before(number) not in found:
            continue
        since = found[max(step for step in found if step < number)]
        until = min(
            [time for step, time in found.items() if step > number], default=last_second(hits, chain, since, rules)
        )
        for second in sorted({hit.second for hit in hits if since <= hit.second <= until and number in hit.steps}):
            steps = [*(step for step, time in found.items() if time == second), number]
            tied = [hit for hit in hits if hit.second == second]
            if any(can_take(chosen, steps) for chosen in permutations(tied, len(steps))):
                found[number] = second
                break
    return tuple(found.get(number) for number in range(1, len(rules.steps) + 1))


def last_second(hits: Sequence[Hit], chain: tuple[int, ...], since: int, rules: FunnelRules) -> int:
    """Until when a step that may be left out is looked for, behind the chain's end."""
    after = [*rules.required, len(rules.steps) + 1]
    guards = set(rules.covering_exclusions(after[len(chain) - 1], after[len(chain)]))
    barred = [second for second, which in excluded(hits, rules).items() if second > since and guards & which]
    return min([chain[0] + seconds(rules.window), since + seconds(rules.step_window), *barred])


def can_take(hits: Sequence[Hit], steps: Sequence[int]) -> bool:
    return all(step in hit.steps and (step != 1 or hit.may_start) for hit, step in zip(hits, steps, strict=True))


def entries(hits: Sequence[Hit], rules: FunnelRules) -> list[Times]:
    """Every entry's chain, of a funnel whose steps share no hit: one after the other."""
    left = sorted(hits, key=lambda hit: hit.second)
    found: list[Times] = []
    while starts := [hit for hit in left if 1 in hit.steps and hit.may_start]:
        opened = [starts[0]]  # the starts of this entry
        for hit in starts[1:]:
            if rules.entry == "latest" and hit.second - opened[-1].second <= seconds(rules.window):
                opened.append(hit)
        of_entry = [hit for hit in left if 1 not in hit.steps or any(hit is start for start in opened)]
        of_entry = [hit for hit in of_entry if hit.second >= opened[0].second]
        whole = [chain for chain in chains(of_entry, rules) if len(chain) == len(rules.steps)]
        if whole:
            end = min(chain[-1] for chain in whole)
            start = max(chain[0] for chain in whole if chain[-1] == end)
            found.append(min(chain for chain in whole if chain[-1] == end and chain[0] == start))
            used = [
                next(hit for hit in left if hit.second == time and step in hit.steps)
                for step, time in enumerate(found[-1], 1)
            ]
            left = [hit for hit in left if hit.second >= end and not any(hit is other for other in used)]
            continue
        chain = best(of_entry, rules)
        assert chain is not None
        found.append(chain)
        left = [hit for hit in left if hit.second > opened[-1].second + seconds(rules.window)]
    return found


def table(chains: Sequence[Times], rules: FunnelRules) -> list[tuple[int, float | None, float | None]]:
    """How many have each step, and the median and mean of seconds from the required step before."""
    rows: list[tuple[int, float | None, float | None]] = []
    for step in range(1, len(rules.steps) + 1):
        before = rules.step_before(step) if rules.order != "unordered" else step - 1
        waits = [chain[step - 1] - chain[before - 1] for chain in chains if before and chain[step - 1] is not None]  # type: ignore[operator]
        there = sum(chain[step - 1] is not None for chain in chains)
        rows.append((there, float(median(waits)) if waits else None, mean(map(float, waits)) if waits else None))
    return rows
