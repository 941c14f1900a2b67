"""The values of options name the keys of a report's rows."""

from collections.abc import Sequence

import pytest

from pixelstat.options.values import ReportOptions


@pytest.mark.parametrize(
    ("options", "default_by", "keys"),
    [
        (ReportOptions(), [], []),
        (ReportOptions(), ["message"], ["message"]),
        (ReportOptions(every="day"), [], ["day"]),
        (ReportOptions(every="day", by=["host", "page"]), ["message"], ["day", "host", "page"]),
    ],
)
def test_rows_have_a_time_and_the_columns_of_a_breakdown(
    options: ReportOptions, default_by: Sequence[str], keys: list[str]
) -> None:
    assert options.list_row_keys(default_by) == keys
