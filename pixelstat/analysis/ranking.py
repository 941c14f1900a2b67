"""Rank groups by a measure and keep the first of them."""

from collections.abc import Sequence

import polars as pl


def top_groups(
    counts: pl.LazyFrame, groups: Sequence[str], measure: str, top: int, *, over: bool = False
) -> pl.LazyFrame:
    """Return the rows of the groups with the highest measure, the highest first; `top` 0 keeps all.

    `over`: each group has several rows. Their measures add up to the group's, and the rows come in no order.
    """
    if not over:
        ordered = counts.sort(measure, *groups, descending=[True, *[False] * len(groups)], nulls_last=True)
        return ordered.head(top) if top else ordered
    if not top:
        return counts
    totals = counts.group_by(groups).agg(pl.col(measure).sum())
    shown = top_groups(totals, groups, measure, top).select(groups)
    return counts.join(shown, on=groups, how="semi", nulls_equal=True)
