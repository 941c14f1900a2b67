"""What a report yields: a frame with declared columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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


def event_column(name: str, dtype: pl.DataType) -> Column:
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
