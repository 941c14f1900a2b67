"""A quotient is rounded correctly, however many rows are divided together."""

from datetime import timedelta

import polars as pl
import pytest

from pixelstat.frames.division import count_seconds, divide_by

DIVIDENDS = [0, 10, 86, 96, 1_500_001, 999_999_999_999]


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
@pytest.mark.parametrize("rows", [1, 2, 1_000])
@pytest.mark.parametrize("divisor", [3, 96, 1_000_000, 0.1])
def test_a_quotient_is_that_of_python(rows: int, divisor: float, engine: pl.QueryOptFlags | str) -> None:
    for dividend in DIVIDENDS:
        frame = pl.LazyFrame({"dividend": [dividend] * rows})
        quotients = frame.select(divide_by(pl.col("dividend"), divisor)).collect(engine=engine).to_series()  # type: ignore[call-overload]
        assert quotients.to_list() == [dividend / divisor] * rows


def test_seconds_have_their_microseconds() -> None:
    microseconds = [1, 299_999, 1_500_001, None]
    durations = [None if n is None else timedelta(microseconds=n) for n in microseconds]
    frame = pl.DataFrame({"duration": durations}).select(count_seconds(pl.col("duration")))
    assert frame.to_series().to_list() == [None if n is None else n / 1e6 for n in microseconds]
