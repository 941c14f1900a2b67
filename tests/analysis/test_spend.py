"""Spend joins the groups of touches that have the same names, and nothing else."""

from datetime import date

import polars as pl
import pytest

from pixelstat.analysis.spend import OTHER, UNNAMED, find_similar, fold_key, match_groups, number_spend, sum_spend
from pixelstat.sources.spend import SPEND


def spend(*rows: tuple[str | None, str | None, float | None, int]) -> pl.DataFrame:
    """Spend by source, campaign and amount on a day of September."""
    return pl.DataFrame(
        [
            {"date": date(2026, 9, day), "source": source, "campaign": campaign, "spend": amount, "currency": "EUR"}
            for source, campaign, amount, day in rows
        ],
        SPEND,
    )


@pytest.mark.parametrize(
    ("names", "key"),
    [
        (["Spring Sale"], ("spring sale",)),
        (["  SPRING \t sale ", None], ("spring sale", None)),
        (["Straße", ""], ("strasse", None)),
        (["spring-sale"], ("spring-sale",)),
    ],
)
def test_names_are_folded(names: list[str | None], key: tuple[str | None, ...]) -> None:
    assert fold_key(names) == key


def test_groups_of_spend_are_never_among_the_others() -> None:
    touches = pl.DataFrame(
        {"s": ["a"] * 3 + ["b"] * 2 + ["c", "A", "d"], "c": [None] * 8}, {"s": pl.String, "c": pl.String}
    )
    rows = spend(("D ", None, 5.0, 1), ("x", "y", 1.0, 1), (None, None, 2.0, 1), ("d", None, 7.0, 2))
    groups = match_groups(touches, ["s", "c"], rows, ["source", "utm_campaign"], most=1)
    labels = {number: names for number, *names in groups.labels.iter_rows()}
    shown = {source: labels[number] for source, _, number in groups.numbers.iter_rows()}
    other = [OTHER, OTHER]
    assert shown == {"a": ["a", None], "A": ["a", None], "b": other, "c": other, "d": ["d", None]}
    numbered = number_spend(rows, ["source", "utm_campaign"], groups)
    assert [labels[number] for number in numbered["group"]] == [
        ["d", None],
        ["x", "y"],
        [UNNAMED, UNNAMED],
        ["d", None],
    ]


def test_a_sum_without_any_amount_is_null() -> None:
    rows = spend(("a", None, None, 1), ("b", None, 0.1, 1), ("b", None, 0.2, 2), ("b", None, None, 3))
    sums = sum_spend(rows, ["source"], date(2026, 9, 2)).sort("source")
    assert sums.rows() == [("a", None, None, None, None), ("b", 0.3, 0.2, None, None)]


def test_the_most_similar_names_are_found() -> None:
    candidates = [("google", "spring"), ("google", None), ("Bing", "Spring")]
    assert find_similar(("google", "sprimg"), candidates) == "google / spring"
    assert find_similar(("bing ", "SPRING!"), candidates) == "Bing / Spring"
    assert find_similar(("tiktok", "x"), candidates) is None
