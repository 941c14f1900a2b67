"""Describe what a report returns: a frame with declared columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

KIND_OF_TYPE = {  # of columns of the events
    pl.String: "text",
    pl.Datetime: "instant",
    pl.Float64: "number",
    pl.Int16: "count",
    pl.Int64: "count",
    pl.Boolean: "flag",
    pl.List: "list",
}
TYPE_OF_KIND: dict[str, pl.DataType] = {  # a promise to every reader of CSV and Parquet
    "text": pl.String(),
    "count": pl.Int64(),
    "share": pl.Float64(),  # 0..1
    "seconds": pl.Float64(),
    "number": pl.Float64(),
    "figure": pl.Float64(),  # a number of any kind, whole or not
    "money": pl.Float64(),  # an amount in the currency of its row
    "price": pl.Float64(),  # an amount for one of something, such as an average: it does not add up
    "change": pl.Float64(),  # a change as a share of the figure before
    "points": pl.Float64(),  # a difference of two shares: 0.01 is one percentage point
    "probability": pl.Float64(),  # of chance, such as a p-value: a small one is not 0
    "flag": pl.Boolean(),
    "time": pl.Datetime("us"),  # in the time zone of the report
    "instant": pl.Datetime("us"),  # the same, shown to the second
}
TIME_KINDS = ("time", "instant")
NUMBER_KINDS = (
    "count",
    "share",
    "seconds",
    "number",
    "figure",
    "money",
    "price",
    "change",
    "points",
    "probability",
)  # kinds that a table aligns to the right


@dataclass(frozen=True)
class Column:
    """A column of a report. Its name and kind are a promise to users."""

    name: str
    kind: str = "text"
    about: str = ""
    bar: bool = False  # a table draws a bar beside it
    key: bool = False  # it identifies the row, although its kind is that of a measure
    splits: bool = False  # rows that differ only in this text repeat the figures before it, and split those behind it
    detail: bool = False  # a table leaves it out where there is not much room
    minor: bool = False  # where there is still less room, it goes before the others
    hidden: bool = False  # no table shows it, unless --columns names it
    needed: bool = False  # every table shows it, however narrow
    label: str = ""  # its heading in a table; empty: the name
    tree: bool = False  # steps separated by ` > ` or ` < `; a table draws it below the row that it begins with
    grouped: bool = False  # a table shows only the first of equal values in a row
    compared: bool = True  # --compare puts the figure of the other period and the change beside it

    @property
    def heading(self) -> str:
        """The heading in a table: words instead of underscores, and no unit, because cells show it."""
        words = self.label or self.name.replace("_", " ")
        return words.replace("seconds", "time") if self.kind == "seconds" else words


def event_column(name: str, dtype: pl.DataType, about: str = "") -> Column:
    """Return the declaration of a column of the events, which identifies a row of a report."""
    return Column(name, KIND_OF_TYPE[dtype.base_type()], about, key=True)


@dataclass(frozen=True)
class Result:
    """The result of a report: the frame with its declared columns, and what its readers must know."""

    title: str
    columns: Sequence[Column]
    frame: pl.DataFrame
    subtitle: Sequence[str] = ()  # period, time zone, window and other settings
    headline: str = ""  # the one figure that the report is about, such as "399 of 2,966 visitors (13.5%) convert"
    marked: tuple[str, int] | None = None  # column and row of the cell to look at first
    notes: Sequence[str] = ()  # what a reader of the table must know, below it
    units: pl.DataFrame | None = None  # the columns unit and currency of the rows, where --columns leaves them out
    in_table: "Result | None" = None  # what a table shows instead, such as figures side by side
    csv_safe: bool = True  # neutralize cells that a spreadsheet would run as a formula
    tags: Mapping[str, str] = field(default_factory=dict)  # metadata of a Parquet file of it

    def total(self, name: str) -> int:
        """Return the sum of a column of counts."""
        return int(self.frame[name].sum())

    @property
    def heading(self) -> str:
        """The title, with the headline if there is one."""
        return f"{self.title}: {self.headline}" if self.headline else self.title
