"""Clusters of close times: cases to read, and a plain loop."""

from datetime import datetime, timedelta, timezone

import polars as pl
from hypothesis import given as of
from hypothesis import strategies as st

from pixelstat.frames.clusters import find_cluster_starts

START = datetime(2026, 9, 7, tzinfo=timezone.utc)
ROWS = st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.integers(0, 40)), max_size=40)


@of(rows=ROWS, reach=st.integers(0, 12))
def test_a_cluster_reaches_from_its_first_row_as_a_plain_loop_finds(
    rows: list[tuple[str | None, int]], reach: int
) -> None:
    expected: dict[tuple[str | None, int], int] = {}
    latest: dict[str | None, int] = {}
    for key, second in sorted(rows, key=lambda row: row[1]):
        if key not in latest or second - latest[key] > reach:
            latest[key] = second
        expected[key, second] = latest[key]
    keys = pl.Series([key for key, _ in rows], dtype=pl.String)
    times = pl.Series([START + timedelta(seconds=second) for _, second in rows], dtype=pl.Datetime("us", "UTC"))
    starts = find_cluster_starts(keys, times, timedelta(seconds=reach))
    assert starts.to_list() == [START + timedelta(seconds=expected[row]) for row in rows]
