"""What a table leaves out where there is not much room, and in what order."""

import polars as pl
import pytest

from pixelstat.cli.comparison import join_periods
from pixelstat.outputs.table import render
from pixelstat.result import Column, Result

COLUMNS = [
    Column("goal"),
    Column("source", key=True),
    Column("visits", "count", minor=True),
    Column("rate", "share"),
    Column("rate_low", "share", detail=True),
    Column("orders", "count"),
    Column("revenue", "money"),
]
FRAME = pl.DataFrame(
    {"goal": ["purchase"], "source": [None], "visits": [7], "rate": [0.5], "rate_low": [0.2], "orders": [2], "revenue": [12.0]},
    schema_overrides={"source": pl.String},
)  # fmt: skip


@pytest.mark.parametrize(
    ("width", "shown", "left_out"),
    [
        (60, "goal source visits rate rate_low orders revenue", ""),
        (52, "goal source visits rate orders revenue", "more columns in every other --format"),
        (42, "goal source rate orders revenue", "no room for visits: every other --format has all columns"),
        (34, "goal source rate orders", "no room for visits, revenue: every other --format has all columns"),
        (18, "goal source", "no room for visits, rate, orders, revenue: every other --format has all columns"),
        (10, "goal", "no room for source, visits, rate, orders, revenue: every other --format has all columns"),
    ],
)
def test_what_is_minor_goes_before_the_last_columns_and_what_tells_rows_apart_goes_last(
    width: int, shown: str, left_out: str
) -> None:
    table = render(Result("Goals", COLUMNS, FRAME), width)
    assert " ".join(str(column.header).replace("\n", "_").replace(" ", "_") for column in table.columns) == shown
    assert str(table.caption or "") == left_out


def test_of_many_columns_without_room_the_first_five_are_named() -> None:
    names = [f"column{place}" for place in range(8)]
    result = Result("Many", [Column(name, "count") for name in names], pl.DataFrame({name: [1] for name in names}))
    assert "no room for column1, column2, column3, column4, column5 and 2 more:" in str(render(result, 9).caption)


def test_amounts_of_money_have_two_decimals_whole_or_not() -> None:
    result = Result("Money", [Column("revenue", "money")], pl.DataFrame({"revenue": [4_785.0, 12.5]}))
    assert [str(cell) for cell in render(result, 40).columns[0].cells] == ["4,785.00", "12.50"]


def test_what_stands_beside_a_detail_is_a_detail_too() -> None:
    result = Result("Goals", COLUMNS, FRAME)
    details = [column.name for column in join_periods(result, result).columns if column.detail]
    assert details == ["rate_low", "previous_rate_low", "change_rate_low"]
