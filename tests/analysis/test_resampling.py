"""Bootstrap intervals of sums: their draws, known distributions, and what must not change them."""

from math import exp, factorial, sqrt

import polars as pl
import pytest

from pixelstat.analysis.resampling import DRAWS, MOST_DRAWN, bootstrap_sum, bootstrap_sums, draw_weights


def test_weights_have_a_poisson_distribution() -> None:
    weights = draw_weights()
    assert len(weights) == DRAWS * MOST_DRAWN
    for times in range(5):
        share = (weights == times).mean()
        assert share == pytest.approx(exp(-1) / factorial(times), abs=5 / sqrt(len(weights)) / 2)


def find_poisson_quantile(mean: float, share: float) -> int:
    total, times = 0.0, -1
    while total < share:
        times += 1
        total += exp(-mean) * mean**times / factorial(times)
    return times


@pytest.mark.parametrize("number", [1, 4, 25, 100])
def test_counts_have_the_interval_of_a_poisson_distribution(number: int) -> None:
    interval = bootstrap_sum(pl.Series([1.0] * number))
    assert interval
    tolerance = 1 + sqrt(number) / 10
    assert interval[0] == pytest.approx(find_poisson_quantile(number, 0.025), abs=tolerance)
    assert interval[1] == pytest.approx(find_poisson_quantile(number, 0.975), abs=tolerance)


def test_many_visitors_have_the_interval_of_a_normal_distribution() -> None:
    amounts = pl.Series([float(number % 7) for number in range(MOST_DRAWN + 1)])
    few, many = bootstrap_sum(amounts.head(MOST_DRAWN)), bootstrap_sum(amounts)
    assert few
    assert many
    total, half = sum(amounts), 1.959964 * sqrt(sum(amount**2 for amount in amounts))
    assert many == pytest.approx((total - half, total + half))
    assert few == pytest.approx(many, rel=0.02)


def test_the_order_of_visitors_and_a_missing_amount_do_not_matter() -> None:
    amounts = [0.1, 20.5, 3.0, 3.0, 89.0]
    assert bootstrap_sum(pl.Series(amounts)) == bootstrap_sum(pl.Series([None, *reversed(amounts)]))
    assert bootstrap_sum(pl.Series([], dtype=pl.Float64)) is None


def test_each_group_has_the_interval_of_its_own_amounts() -> None:
    rows = pl.DataFrame({"group": ["a", "b", "a"], "currency": [None, "EUR", None], "revenue": [5.0, 2.0, 7.0]})
    intervals = bootstrap_sums(rows, ["group", "currency"], "revenue").sort("group")
    assert intervals.rows() == [
        ("a", None, *(bootstrap_sum(pl.Series([5.0, 7.0])) or ())),
        ("b", "EUR", *(bootstrap_sum(pl.Series([2.0])) or ())),
    ]
