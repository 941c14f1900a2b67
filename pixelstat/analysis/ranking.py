"""Rank groups by a measure and keep the first of them."""

from collections.abc import Sequence

import polars as pl


def top_groups(
    found: pl.LazyFrame, groups: Sequence[str], measure: str, top: int, *, over: bool = False
) -> pl.LazyFrame:
    """Rows of the groups with the highest measure, the highest first; `top` 0 means all of them.

    `over`: the groups have several rows each, which add up, and the rows need no order.
    """
    if not over:
        ordered = found.sort(measure, *groups, descending=[True, *[False] * len(groups)], nulls_last=True)
        return ordered.head(top) if top else ordered
    if not top:
        return found
    totals = found.group_by(groups).agg(pl.col(measure).sum())
    return found.join(top_groups(totals, groups, measure, top).select(groups), on=groups, how="semi", nulls_equal=True)
