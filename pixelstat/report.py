"""A report is a pure function from EVENTS to a frame, with declared columns and options: here it becomes a command."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import click
import polars as pl

KINDS = {
    pl.String: "text",
    pl.Datetime: "instant",
    pl.Float64: "number",
    pl.Int16: "count",
    pl.Int64: "count",
    pl.Boolean: "flag",
    pl.List: "list",
}
DTYPES: dict[str, pl.DataType] = {  # a column's kind: its type, a promise to every reader of CSV and Parquet
    "text": pl.String(),
    "count": pl.Int64(),
    "share": pl.Float64(),  # 0..1
    "seconds": pl.Float64(),
    "number": pl.Float64(),
    "figure": pl.Float64(),  # a number of any kind, whole or not
    "money": pl.Float64(),  # an amount in the currency of its row
    "flag": pl.Boolean(),
    "time": pl.Datetime("us"),  # with the time zone of the report
    "instant": pl.Datetime("us"),  # the same, to the second
}


TIMES = ("time", "instant")
NUMBERS = ("count", "share", "seconds", "number", "figure", "money")  # kinds that stand to the right


@dataclass(frozen=True)
class Column:
    """A column of a report: its name and kind are a promise. A table draws a `bar`, and the branches of a `tree`.

    `splits`: rows that differ only in this text have the same figures before it, and figures of its own behind it.
    """

    name: str
    kind: str = "text"
    about: str = ""
    bar: bool = False
    key: bool = False  # it tells which row it is, and not what was counted
    splits: bool = False
    detail: bool = False  # a table does without it where there is not much room
    minor: bool = False  # where there is still less, it goes before the others
    tree: bool = False  # steps parted by ` > ` or ` < `; rows lead on from those above that they begin with


def of_events(name: str, dtype: pl.DataType) -> Column:
    """A column of the events as one of a report: it tells which row it is."""
    return Column(name, KINDS[dtype.base_type()], key=True)


@dataclass(frozen=True)
class Result:
    """What a report found: the frame with its declared columns, and what a reader must know beside it."""

    title: str
    columns: Sequence[Column]
    frame: pl.DataFrame
    notes: Sequence[str] = ()  # the caption: zone, window, what the figures stand on
    csv_safe: bool = True  # defuse cells that a spreadsheet would run
    tags: Mapping[str, str] = field(default_factory=dict)  # what Parquet of it says of itself


def of_goals(by: Sequence[str] = (), goal: Sequence[Any] = (), **_: object) -> Iterable[str]:
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
    named: Callable[..., Iterable[str]] = of_goals  # the columns of the events that its options ask for
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
        shown = [declared.get(name) or of_events(name, dtype) for name, dtype in frame.schema.items()]
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
