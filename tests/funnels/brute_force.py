"""Funnels by trying everything: slow, and so plain that it can be read to be right."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, permutations
from statistics import mean, median

from pixelstat.funnels.rules import FunnelRules

Times = tuple[float | None, ...]  # by step


@dataclass(frozen=True)
class Hit:
    """What one hit is to a funnel."""

    second: float
    steps: frozenset[int] = frozenset()
    exclusions: frozenset[int] = frozenset()  # by their places
    in_universe: bool = True
    may_start: bool = True


def best(hits: Sequence[Hit], rules: FunnelRules) -> Times | None:
    """The chain that counts, by the words of the rules; null where none does."""
    found = all_chains(hits, rules)
    if not found:
        return None
    longest = max(map(len, found))
    if rules.exclude_mode == "drop" and max(map(len, all_chains(hits, replace(rules, exclusions=())))) > longest:
        return None
    ends: dict[float, list[tuple[float, ...]]] = {}
    for chain in found:
        if len(chain) == longest:
            ends.setdefault(max(chain), []).append(chain)
    for end in sorted(ends):
        latest = max(chain[0] for chain in ends[end])
        if not broken_off(hits, rules, longest, latest, end):
            start = latest if rules.entry == "latest" else min(chain[0] for chain in ends[end])
            chain = min(chain for chain in ends[end] if chain[0] == start)
            return with_optional(hits, chain, rules)
    return None


def may_go_on(hits: Sequence[Hit], rules: FunnelRules, log_end: float) -> bool:
    """Whether the actor, who counts, would come further by doing all other steps right after the log ends."""
    steps = frozenset(range(1, len(rules.steps) + 1))
    further = [Hit(log_end + 0.5, steps, may_start=False) for _ in rules.steps]  # no two are one hit
    now, then = best(hits, rules), best([*hits, *further], rules)
    assert now is not None
    return then is not None and level(then, rules) > level(now, rules)


def level(chain: Times, rules: FunnelRules) -> int:
    return sum(chain[step - 1] is not None for step in rules.required)


def all_chains(hits: Sequence[Hit], rules: FunnelRules) -> list[tuple[float, ...]]:
    return list(unordered(hits, rules) if rules.order == "unordered" else chains(hits, rules))


def seconds(delta: object) -> int:
    return int(delta.total_seconds()) if delta is not None else 10**9  # type: ignore[attr-defined]


def chains(hits: Sequence[Hit], rules: FunnelRules) -> Iterator[tuple[float, ...]]:
    """The times of every chain of required steps there is."""
    required = rules.required
    starts = [hit.second for hit in hits if 1 in hit.steps and hit.may_start]

    def longer(chain: tuple[Hit, ...]) -> Iterator[tuple[float, ...]]:
        if chain:
            yield tuple(hit.second for hit in chain)
        if len(chain) == len(required):
            return
        for hit in hits:
            is_new = required[len(chain)] in hit.steps and not any(hit is other for other in chain)
            if is_new and holds(hits, (*chain, hit), rules, starts):
                yield from longer((*chain, hit))

    return longer(())


def holds(hits: Sequence[Hit], chain: Sequence[Hit], rules: FunnelRules, starts: Sequence[float]) -> bool:
    first, last = chain[0].second, chain[-1].second
    if len(chain) == 1:
        return chain[0].may_start and (rules.entry != "first" or first == min(starts))
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
    return not any(before < second < last for second in excluded(hits, rules, len(chain) - 1))


def excluded(hits: Sequence[Hit], rules: FunnelRules, level: int) -> set[float]:
    """The seconds with an excluded hit that breaks off a chain of this many required steps.

    A hit of a step on either side, or between them, shares none of them, unless it is excluded itself.
    """
    steps = [*rules.required, len(rules.steps) + 1]
    before, after = steps[level - 1], steps[level]
    places, near = set(rules.covering_exclusions(before, after)), set(range(before, after + 1))
    if rules.order == "unordered":
        places, near = set(range(len(rules.exclusions))), set(range(1, len(rules.steps) + 1))
    return {
        hit.second
        for hit in hits
        for place in hit.exclusions & places
        if all(place in other.exclusions for other in hits if other.second == hit.second and other.steps & near)
    }


def broken_off(hits: Sequence[Hit], rules: FunnelRules, level: int, start: float, end: float) -> bool:
    """Whether somebody who came so far is dropped for what they did then."""
    if rules.exclude_mode != "drop" or level == len(rules.required):
        return False
    return any(end < second <= start + seconds(rules.window) for second in excluded(hits, rules, level))


def unordered(hits: Sequence[Hit], rules: FunnelRules) -> Iterator[tuple[float, ...]]:
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
            if not any(times[0] < second < times[-1] for second in excluded(hits, rules, 1)):
                yield tuple(times)


def can_be_dealt(hits: Sequence[Hit], steps: Sequence[int]) -> bool:
    """Whether every hit can have a step of its own."""
    return any(
        all(step in hit.steps for hit, step in zip(hits, own, strict=True)) for own in permutations(steps, len(hits))
    )


def with_optional(hits: Sequence[Hit], chain: tuple[float, ...], rules: FunnelRules) -> Times:
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


def last_second(hits: Sequence[Hit], chain: tuple[float, ...], since: float, rules: FunnelRules) -> float:
    """Until when a step that may be left out is looked for, behind the chain's end."""
    barred = [second for second in excluded(hits, rules, len(chain)) if second > since]
    return min([chain[0] + seconds(rules.window), since + seconds(rules.step_window), *barred])


def can_take(hits: Sequence[Hit], steps: Sequence[int]) -> bool:
    return all(step in hit.steps and (step != 1 or hit.may_start) for hit, step in zip(hits, steps, strict=True))


def entries(hits: Sequence[Hit], rules: FunnelRules) -> Iterator[list[Hit]]:
    """The hits of each entry, of a funnel whose steps share no hit: one after the other."""
    left = sorted(hits, key=lambda hit: hit.second)
    while starts := [hit for hit in left if 1 in hit.steps and hit.may_start]:
        entry, left = next_entry([hit for hit in left if hit.second >= starts[0].second], rules)
        yield entry


def next_entry(hits: Sequence[Hit], rules: FunnelRules) -> tuple[list[Hit], list[Hit]]:
    """The hits of the entry that begins with the first of these, and those that are left for later ones."""
    entry: list[Hit] = []
    for second in sorted({hit.second for hit in hits}):
        now, later = [hit for hit in hits if hit.second == second], [hit for hit in hits if hit.second > second]
        if entry:
            no_starts = [replace(hit, may_start=False) for hit in now]
            going_on = [chain for chain in chains(entry, rules) if can_go_on(entry, chain, second, rules)]
            if not going_on:
                return entry, now + later
            longer = {chain[:-1] for chain in chains(entry + no_starts, rules) if chain[-1] == second}
            if all(second in excluded(now, rules, len(chain)) and chain not in longer for chain in going_on):
                return entry + no_starts, later
            now = no_starts if rules.entry == "first" else now
        entry += now
        whole = [chain for chain in chains(entry, rules) if len(chain) == len(rules.steps)]
        if whole:
            start = max(chain[0] for chain in whole)
            chain = min(chain for chain in whole if chain[0] == start)
            used = [
                next(hit for hit in now if step in hit.steps) for step, time in enumerate(chain, 1) if time == second
            ]
            return entry, [hit for hit in now if not any(hit is other for other in used)] + later
    return entry, []


def can_go_on(hits: Sequence[Hit], chain: tuple[float, ...], second: float, rules: FunnelRules) -> bool:
    """Whether the chain, which is not complete, could have its next hit in this second."""
    in_time = second - chain[0] <= seconds(rules.window) and second - chain[-1] <= seconds(rules.step_window)
    broken = any(chain[-1] < moment < second for moment in excluded(hits, rules, len(chain)))
    return in_time and not broken


def table(
    chains: Sequence[tuple[Times, bool]], rules: FunnelRules
) -> list[tuple[int, float | None, int | None, float | None]]:
    """How many have each step, the median of seconds since the required step before, who may still come, and the mean.

    Takes each chain with whether it may go on.
    """
    rows: list[tuple[int, float | None, int | None, float | None]] = []
    for step in range(1, len(rules.steps) + 1):
        before = rules.step_before(step) if rules.order != "unordered" else step - 1
        waits = [chain[step - 1] - chain[before - 1] for chain, _ in chains if before and chain[step - 1] is not None]  # type: ignore[operator]
        there = sum(chain[step - 1] is not None for chain, _ in chains)
        missing = [may for chain, may in chains if chain[before - 1] is not None and chain[step - 1] is None]
        pending = sum(missing) if before and step not in rules.optional else None
        rows.append(
            (there, float(median(waits)) if waits else None, pending, mean(map(float, waits)) if waits else None)
        )
    return rows
