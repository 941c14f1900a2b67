"""Observe which steps have hits and which other events occur, as events stream past."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Lock

import polars as pl

from pixelstat.conditions import Step
from pixelstat.errors import suggest

MAX_OTHER_EVENTS = 200_000  # events without a step that are looked at: enough to know what they are called
MAX_SUGGESTIONS = 8  # events that a warning names


@dataclass
class ObservedSteps:
    """The steps and events that occurred in the batches so far. Batches may come from several threads."""

    steps: set[int] = field(default_factory=set)  # numbers of the steps that an actor's event matches
    events: set[str] = field(default_factory=set)  # names of events that match no step
    has_events: bool = False  # whether any event occurred
    _remaining: int = MAX_OTHER_EVENTS
    _lock: Lock = field(default_factory=Lock)

    def observe(
        self, rows: pl.LazyFrame, find_steps: Callable[[pl.DataFrame], set[int]], is_other: pl.Expr
    ) -> pl.LazyFrame:
        """Return the rows unchanged, and record the steps and events of each batch as it passes.

        The rows have an `event`. `find_steps` returns the numbers of the steps in a batch; `is_other` is true for
        events that match no step.
        """
        record_batch = partial(self._record_batch, find_steps=find_steps, is_other=is_other)
        return rows.map_batches(record_batch, projection_pushdown=False, streamable=True)

    def _record_batch(
        self, batch: pl.DataFrame, find_steps: Callable[[pl.DataFrame], set[int]], is_other: pl.Expr
    ) -> pl.DataFrame:
        """Record the steps and events of a batch, and return the batch."""
        steps = find_steps(batch)
        is_full = self._remaining <= 0
        others = batch["event"].clear() if is_full else batch.filter(is_other)["event"].head(self._remaining)
        names = {name for name in others.unique().to_list() if name}
        with self._lock:
            self.has_events |= len(batch) > 0
            self.steps |= steps
            self.events |= names
            self._remaining -= len(others)
        return batch

    def describe_missing(self, steps: Sequence[Step]) -> Iterator[str]:
        """Yield a sentence for each step that no event matches."""
        for number, step in enumerate(steps, 1):
            if number not in self.steps:
                yield f"step {number}, {step.name!r}, matches no event.{self._suggest(step, steps)}"

    def _suggest(self, step: Step, steps: Sequence[Step]) -> str:
        """Return a sentence that names the most similar event, else some that occur; or an empty text."""
        if step.event is None:
            return ""
        matched = {other.event for number, other in enumerate(steps, 1) if other.event and number in self.steps}
        names = sorted(self.events | matched)
        if suggestion := suggest(step.event, names, 0.5):
            return suggestion
        if not names:
            return ""
        more = " and others" if len(names) > MAX_SUGGESTIONS else ""
        return f" The logs contain {', '.join(names[:MAX_SUGGESTIONS])}{more}."
