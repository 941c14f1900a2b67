"""The funnel by trying everything: slow, and so plain that it can be read to be right."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

Hit = tuple[int, frozenset[int]]  # second, and the steps that it matches


def chains(hits: Sequence[Hit], steps: int, window: int) -> Iterator[tuple[int, ...]]:
    """The times of every chain there is: different hits for steps 1..k, never back in time, all within the window."""

    def longer(chain: tuple[int, ...], used: frozenset[int]) -> Iterator[tuple[int, ...]]:
        if chain:
            yield chain
        if len(chain) == steps:
            return
        for place, (second, matches) in enumerate(hits):
            if place in used or len(chain) + 1 not in matches:
                continue
            if not chain or (second >= chain[-1] and second - chain[0] <= window):
                yield from longer((*chain, second), used | {place})

    return longer((), frozenset())


def best(hits: Sequence[Hit], steps: int, window: int) -> tuple[int, ...]:
    """The chain that counts: the longest, of those the first to end, the last to start, with the earliest hits between."""
    found = list(chains(hits, steps, window))
    return min(found, key=lambda chain: (-len(chain), chain[-1], -chain[0], chain)) if found else ()


def funnel(visitors: Sequence[Sequence[Hit]], steps: int, window: int) -> list[tuple[int, float | None]]:
    """Visitors and the median of seconds from the step before, a pair for each step."""
    counted = [best(hits, steps, window) for hits in visitors]
    table: list[tuple[int, float | None]] = []
    for step in range(1, steps + 1):
        reached = [chain for chain in counted if len(chain) >= step]
        waits = [list(pairwise(chain))[step - 2] for chain in reached] if step > 1 else []
        table.append((len(reached), float(median(end - start for start, end in waits)) if waits else None))
    return table
