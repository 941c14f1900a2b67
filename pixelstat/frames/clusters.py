"""Group rows of one key whose times are close: a cluster begins with its first row and reaches no further than that."""

from datetime import timedelta

import polars as pl


def find_cluster_starts(keys: pl.Series, times: pl.Series, reach: timedelta) -> pl.Series:
    """Return for each row the time at which its cluster begins.

    A row belongs to the cluster of its key that begins no more than `reach` before it. Any other row begins a cluster.
    `times` are datetimes in microseconds without nulls, and rows may come in any order. Equal keys are one key, nulls
    too.
    """
    width = reach // timedelta(microseconds=1)
    rows = pl.DataFrame({"key": keys, "time": times.to_physical()}).with_row_index("row").sort("key", "time")
    is_near = pl.col("key").eq_missing(pl.col("key").shift()) & (pl.col("time") - pl.col("time").shift() <= width)
    rows = rows.with_columns(is_near=is_near.fill_null(value=False))
    if not rows["is_near"].any():
        return times
    rows = rows.with_columns(start=pl.when(~pl.col("is_near")).then("time").forward_fill())
    is_long = pl.col("time") - pl.col("start") > width  # a chain of near rows that reaches too far is cut
    if rows.select(is_long.any()).item():
        starts: list[int] = []
        for time, near, start in rows.select("time", "is_near", "start").iter_rows():
            starts.append(starts[-1] if near and time - starts[-1] <= width else time if near else start)
        rows = rows.with_columns(start=pl.Series(starts, dtype=pl.Int64))
    return rows.sort("row")["start"].cast(times.dtype)
