"""Builders of units' stories: `a0 b5` is event a at second 0 and b at second 5; without numbers a minute apart."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import polars as pl

from pixelstat.conditions import parse_step
from pixelstat.funnels.rules import Exclusion, FunnelRules
from pixelstat.reports.funnel import funnel
from pixelstat.schemas import EVENTS, VISITS
from tests.builders import distinct_events

START = datetime(2026, 9, 7, tzinfo=timezone.utc)
MATCHES = {"a or b": "event = 'a' or event = 'b'", "any": "event <> ''"}

Story = Sequence[tuple[int, str]]  # second, event


def did(story: str) -> list[tuple[int, str]]:
    words = story.split()
    return [(int(word[1:]) if word[1:] else place * 60, word[0]) for place, word in enumerate(words)]


def events(visitors: Sequence[Story], **columns: Sequence[Sequence[object]]) -> pl.LazyFrame:
    """EVENTS of these visitors, v:0, v:1, ..., in a scrambled order; further columns hold a value for each hit.

    With a column `visit` the visits have a start and a length.
    """
    rows = [
        {"visitor": f"v:{number}", "time": START + timedelta(seconds=second), "event": event, "page": "/"}
        | {name: values[number][place] for name, values in columns.items()}
        for number, hits in enumerate(visitors)
        for place, (second, event) in enumerate(hits)
    ]
    random.Random(0).shuffle(rows)
    if "visit" not in columns:
        return distinct_events(rows)
    first, last = pl.col("time").min().over("visit"), pl.col("time").max().over("visit")
    length = pl.when(last > first).then((last - first).dt.total_seconds().cast(pl.Float64))
    return distinct_events(rows, {**EVENTS, **VISITS}).with_columns(visit_start=first, visit_seconds=length)


def rules(steps: Sequence[str], window: int = 7 * 86_400, **further: Any) -> FunnelRules:
    """Rules of these steps, with lengths of time in seconds, and exclusions as `x` or `x:1-2`."""
    for name in ("step_window", "grace"):
        if name in further:
            further[name] = timedelta(seconds=further[name])
    further["exclusions"] = [exclusion(text) for text in further.pop("exclude", [])]
    further["optional"] = frozenset(further.pop("optional", []))
    return FunnelRules([parse_step(MATCHES.get(text, text)) for text in steps], timedelta(seconds=window), **further)


def exclusion(text: str) -> Exclusion:
    event, _, steps = text.partition(":")
    after, before = map(int, steps.split("-")) if steps else (None, None)
    return Exclusion(event, parse_step(event).hit, after, before)


def table(visitors: Sequence[Story], of: FunnelRules, **options: Any) -> pl.DataFrame:
    """The funnel of these visitors."""
    return funnel.compute(events(visitors), rules=of, **options).collect()


def counted(visitors: Sequence[Story], of: FunnelRules, **options: Any) -> list[int]:
    """Visitors, or what else is counted, by step."""
    found = table(visitors, of, **options)
    noun = next(name for name in ("visitors", "visits", "users", "entries") if name in found.columns)
    return found[noun].to_list()
