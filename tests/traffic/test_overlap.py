"""Two pixels on one page are noticed, whatever the batches are, and two pixels of two sites are not."""

from collections.abc import Mapping
from datetime import timedelta

import polars as pl
import pytest

from pixelstat.schemas import EVENTS
from pixelstat.traffic.overlap import OVERLAP_COLUMNS, Overlap, OverlapCounter
from tests.builders import MIDNIGHT

SCHEMA = {name: EVENTS[name] for name in (*OVERLAP_COLUMNS, "rejected")}
Row = Mapping[str, object]


def seen(protocol: str, second: int, **columns: object) -> Row:
    """A page view by Ann on this pixel, unless the columns say otherwise."""
    row = {"event": "page_view", "client": "203.0.113.1", "user_agent": "Firefox", "rejected": None}
    hit = abs(hash((protocol, second, *columns.items()))) % 2**32
    return {**row, "protocol": protocol, "time": MIDNIGHT + timedelta(seconds=second), "hit": hit, **columns}


def overlap_of(rows: list[Row], size: int = 1_000) -> Overlap | None:
    """What is found in these rows, in batches of this size."""
    counter = OverlapCounter()
    frame = pl.DataFrame(rows, schema=SCHEMA)
    for batch in frame.iter_slices(size):
        counter.add(batch)
    return counter.find()


PAGES = [row for second in range(6) for row in (seen("house", second), seen("ga4", second))]


@pytest.mark.parametrize("size", [1, 2, 3, 1_000])
def test_page_views_of_two_pixels_are_counted_in_batches_of_any_size(size: int) -> None:
    assert overlap_of(PAGES, size) == Overlap(("ga4", "house"), 6)
    earlier = [seen("house", second) for second in range(10, 20)]
    assert overlap_of([*earlier, *PAGES], size) == Overlap(("ga4", "house"), 6)


@pytest.mark.parametrize(
    "change",
    [
        {"client": "203.0.113.2"}, {"client": None}, {"user_agent": "Chrome"}, {"event": "purchase"}, {"event": "click"},
        {"time": MIDNIGHT + timedelta(days=1)}, {"protocol": "house"}, {"rejected": "bot"},
    ],
    ids=str,
)  # fmt: skip
def test_what_differs_or_does_not_count_is_no_overlap(change: Row) -> None:
    assert overlap_of([seen("house", 0), {**seen("ga4", 0), **change}]) is None


def test_an_order_of_one_id_is_an_overlap_at_any_time() -> None:
    order = {"event": "purchase", "hit": 7}
    assert overlap_of([seen("house", 0, **order), seen("ga4", 90, **order)]) == Overlap(("ga4", "house"), 1)


def test_a_few_events_at_the_same_second_are_a_coincidence() -> None:
    views = [
        seen(protocol, second) for protocol, start in (("house", 0), ("ga4", 19)) for second in range(start, start + 20)
    ]
    assert overlap_of(views) is None
    assert overlap_of(views[:30]) == Overlap(("ga4", "house"), 1)


def test_the_two_pixels_with_most_in_common_are_named() -> None:
    others = [seen("meta", second) for second in range(3)]
    assert overlap_of([*PAGES, *others]) == Overlap(("ga4", "house"), 6)
