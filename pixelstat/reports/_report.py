"""Declare a pure function from EVENTS to a frame as a report: its columns, its options, its caption."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import click
import polars as pl

from pixelstat.result import DTYPES, TIMES, Column, Result, event_column


def columns_of_goals(by: Sequence[str] = (), goal: Sequence[Any] = (), **_: object) -> Iterable[str]:
    """The columns of the events that --by and goals ask for."""
    return [*by, *(name for one in goal for name in one.hit.meta.root_names())]


@dataclass(frozen=True)
class Report:
    """A registered report. `function(events, **options)` is lazy and pure."""

    title: str
    columns: Sequence[Column]
    options: Sequence[click.Parameter]
    function: Callable[..., pl.LazyFrame]
    caption: Callable[..., str] = field(default=lambda **_: "")
    defaults: Mapping[str, str] = field(default_factory=dict)  # of common options, where they are others here
    of_visits: bool = False  # it looks at VISITS, too
    compares: bool = False  # with --since, it has the period before beside it without being asked
    prepared: Callable[[dict[str, Any], Callable[[str], Any]], dict[str, Any]] = lambda given, _: given  # its options
    named: Callable[..., Iterable[str]] = columns_of_goals  # the columns of the events that its options ask for
    ahead: Callable[..., timedelta] = lambda **_: timedelta(0)  # how far it reads beyond the period
    groups: Sequence[str] = ()  # what --by may name beside the columns of the events

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def about(self) -> str:
        return (self.function.__doc__ or "").strip()

    def result(self, frame: pl.DataFrame) -> Result:
        """The collected frame as declared: the same columns in the same order and types, every time.

        What is not declared is a column of the events that was asked for by its name.
        """
        declared = {column.name: column for column in self.columns}
        shown = [declared.get(name) or event_column(name, dtype) for name, dtype in frame.schema.items()]
        frame = frame.cast({column.name: DTYPES[column.kind] for column in shown if column.kind not in TIMES})
        return Result(self.title, shown, frame)


def report(
    title: str,
    columns: Sequence[Column],
    options: Sequence[click.Parameter] = (),
    caption: Callable[..., str] = lambda **_: "",
    **further: Any,
) -> Callable[[Callable[..., pl.LazyFrame]], Report]:
    """Declare a function to be a report. Its name is the command, its docstring the help; `further` as in Report."""

    def declare(function: Callable[..., pl.LazyFrame]) -> Report:
        return Report(title, columns, options, function, caption, **further)

    return declare
