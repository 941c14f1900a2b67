"""Wilson's interval equals the values of statsmodels and those of the formula by hand."""

import polars as pl
import pytest

from pixelstat.analysis.confidence import wilson_interval


def interval(successes: int | None, trials: int | None) -> tuple[float | None, float | None]:
    frame = pl.DataFrame({"k": [successes], "n": [trials]}, {"k": pl.Int64, "n": pl.Int64})
    low, high = frame.select(
        *(end.alias(name) for end, name in zip(wilson_interval(pl.col("k"), pl.col("n")), "lh", strict=True))
    ).row(0)
    return low, high


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        (0, 10, 0, 0.277533),
        (1, 10, 0.017876, 0.404150),
        (3, 40, 0.025836, 0.198642),
        (5, 100, 0.021544, 0.111750),
        (0, 77, 0, 0.047518),
        (38, 38, 0.908190, 1),
    ],
)
def test_the_interval_is_that_of_wilson_by_hand(successes: int, trials: int, low: float, high: float) -> None:
    assert interval(successes, trials) == pytest.approx((low, high), abs=5e-7)


def test_the_interval_equals_that_of_statsmodels_to_the_last_digits() -> None:
    assert interval(19, 38) == pytest.approx((0.348499283643951, 0.651500716356049), abs=1e-14)


def test_the_interval_ends_at_0_or_1_where_nothing_or_everything_succeeded() -> None:
    assert (interval(0, 3)[0], interval(38, 38)[1]) == (0.0, 1.0)


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (3, 2), (-1, 2), (1, None), (None, 1)])
def test_numbers_that_are_not_a_rate_have_no_interval(successes: int | None, trials: int | None) -> None:
    assert interval(successes, trials) == (None, None)
