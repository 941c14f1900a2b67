"""Which steps have hits at all, and what other events there are: noticed as the events stream past."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from threading import Lock

import polars as pl

from pixelstat.conditions import Step

LOOKED_AT = 200_000  # events that are no step's: as many as it takes to know how they are called
NAMED = 8  # events in a warning


@dataclass
class Seen:
    """What went past."""

    steps: set[int] = field(default_factory=set)  # numbers of those that somebody's event is a hit of
    events: set[str] = field(default_factory=set)  # names of those that are none's
    is_any: bool = False  # event of whatever kind
    _left: int = LOOKED_AT
    _lock: Lock = field(default_factory=Lock)

    def past(self, rows: pl.LazyFrame, steps: Callable[[pl.DataFrame], set[int]], is_other: pl.Expr) -> pl.LazyFrame:
        """The rows, which have an `event`, untouched. `steps` tells which occur in a batch."""

        def look(batch: pl.DataFrame) -> pl.DataFrame:
            found = steps(batch)
            others = batch.filter(is_other)["event"].head(self._left) if self._left > 0 else batch["event"].clear()
            names = {name for name in others.unique().to_list() if name}
            with self._lock:
                self.is_any |= len(batch) > 0
                self.steps |= found
                self.events |= names
                self._left -= len(others)
            return batch

        return rows.map_batches(look, projection_pushdown=False, streamable=True)

    def missing(self, steps: Sequence[Step]) -> Iterator[str]:
        """A sentence for each step that nothing matches."""
        for number, step in enumerate(steps, 1):
            if number not in self.steps:
                yield f"step {number}, {step.name!r}, matches no event.{self._instead(step, steps)}"

    def _instead(self, step: Step, steps: Sequence[Step]) -> str:
        if step.event is None:
            return ""
        there = sorted(
            self.events | {other.event for place, other in enumerate(steps, 1) if other.event and place in self.steps}
        )
        near = get_close_matches(step.event, there, 1, 0.5)
        if near:
            return f" Did you mean {near[0]}?"
        return f" There are {', '.join(there[:NAMED])}{' and others' if len(there) > NAMED else ''}." if there else ""
