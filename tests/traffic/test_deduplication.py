"""Deduplication: which hits are one."""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import polars as pl
import pytest

from pixelstat.fastpath import hash_requests
from pixelstat.schemas import Reason
from pixelstat.traffic.deduplication import HitRules, drop_later_copies, number_hits, reject_later_copies
from pixelstat.vocabulary import hits

NOON = datetime(2026, 9, 7, 12, tzinfo=timezone.utc)
HIT = {
    "time": NOON, "visitor": "v:ann", "path": "/p.gif", "query": "e=pv", "http_referer": None, "forwarded_for": None,
    "client": "203.0.113.1", "user_agent": "Firefox", "protocol": "segment", "dedup_key": None, "order": None,
    "order_host": "shop.example", "value": None, "rejected": None, "event_number": None,
}  # fmt: skip
TYPES = {
    **dict.fromkeys(HIT, pl.String()), "time": pl.Datetime("us", "UTC"), "value": pl.Float64(), "rejected": Reason,
    "event_number": pl.Int16(),
}  # fmt: skip


def number(*differences: Mapping[str, object], **rules: Any) -> pl.DataFrame:
    """The hits of these rows, each told by how it differs from HIT."""
    rows = pl.LazyFrame([{**HIT, **difference} for difference in differences], schema=TYPES)
    return number_hits(hash_requests(rows), HitRules(may_lack_visitors=True, **rules)).collect()


def distinct_hits(*differences: Mapping[str, object]) -> int:
    """How many hits these are, each told by how it differs from HIT."""
    count: int = number(*differences).select(hits()).item()
    return count


def test_hits_with_one_key_are_one_hit_at_any_time() -> None:
    assert (
        distinct_hits({"dedup_key": "m1"}, {"dedup_key": "m1", "time": NOON.replace(hour=13), "query": "e=pv&retry=1"})
        == 1
    )


def test_another_key_is_another_hit_though_all_else_is_the_same() -> None:
    assert distinct_hits({"dedup_key": "m1"}, {"dedup_key": "m2"}) == 2


def test_the_same_key_of_two_protocols_is_two_hits() -> None:
    assert distinct_hits({"dedup_key": "m1"}, {"dedup_key": "m1", "protocol": "rudderstack"}) == 2


def test_two_keys_of_one_protocol_and_the_same_two_of_another_are_four_hits() -> None:
    keyed = [
        {"dedup_key": key, "protocol": protocol} for key in ("m1", "m2") for protocol in ("segment", "rudderstack")
    ]
    assert distinct_hits(*keyed) == 4


def test_the_events_of_one_request_are_hits_of_their_own_and_those_of_its_copy_are_the_same() -> None:
    assert distinct_hits(*[{"event_number": number} for number in (1, 2, 3, 1, 2, 3)]) == 3
    assert distinct_hits({}, {"event_number": 0}, {"event_number": 1}) == 3


def test_an_order_is_one_hit_whatever_its_key() -> None:
    assert distinct_hits({"order": "A1", "dedup_key": "m1"}, {"order": "A1", "dedup_key": "m2"}) == 1


def test_hits_without_a_visitor_are_compared_by_address_and_agent() -> None:
    nobody = {"visitor": None}
    assert distinct_hits(nobody, nobody, {**nobody, "client": "203.0.113.2"}, {**nobody, "user_agent": "curl"}) == 3
    assert distinct_hits({}, {"client": "203.0.113.2"}) == 1


def test_an_order_of_another_site_is_another_hit() -> None:
    orders = [{"order": "A1", "order_host": host} for host in ("shop.example", "www.shop.example", "pay.example", None)]
    assert distinct_hits(*orders) == 3
    assert number(*orders, own_hosts=["shop.example", "pay.example"]).select(hits()).item() == 2


@pytest.mark.parametrize("is_reversed", [False, True])
def test_of_copies_at_one_time_a_value_comes_before_none_and_the_lowest_first(*, is_reversed: bool) -> None:
    copies = [
        {"order": "A1", "value": value, "visitor": visitor}
        for value, visitor in ((None, "v:ann"), (50.0, "v:ann"), (10.0, "v:ben"), (10.01, "v:ann"))
    ]
    earlier = {"order": "A1", "time": NOON - timedelta(seconds=1), "value": 99.0}
    rows = copies[::-1] if is_reversed else copies
    assert drop_later_copies(number(*rows)).select("value", "visitor").rows() == [(10.0, "v:ben")]
    assert drop_later_copies(number(*rows, earlier))["value"].to_list() == [99.0]
    assert drop_later_copies(number(*rows[::3]))["value"].to_list() == [10.01]


def test_a_later_copy_is_rejected_even_if_a_filter_rejected_the_first() -> None:
    later = NOON + timedelta(days=1)
    rows = number(
        {"order": "A1", "time": later},
        {"order": "A1", "time": NOON, "rejected": "other_period"},
        {"order": "A1", "time": later, "value": 5.0, "rejected": "other"},
        {"order": "B1", "time": later},
        {"dedup_key": "m1"},
        {"dedup_key": "m1", "time": later},
        {},
        {},
    )
    rejected = reject_later_copies(rows.lazy()).collect()["rejected"].to_list()
    assert rejected == ["duplicate", "other_period", "other", None, None, "duplicate", None, None]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([0.0, 0.2], 1),
        ([0.9, 1.1], 1),  # over the second of the clock
        ([0.0, 0.999], 1),
        ([0.0, 1.0], 2),
        ([0.1, 0.9, 1.2], 2),  # less than a second after the one before, but not after the first
        ([0.1, 0.9, 1.2, 1.9, 2.15], 2),
    ],
)
def test_the_same_request_within_less_than_a_second_is_one_hit(seconds: list[float], expected: int) -> None:
    rows = [{"time": NOON + timedelta(seconds=second)} for second in seconds]
    others = [{"query": "e=other"}, {"order": "A1"}, {"rejected": "bot"}]
    found = number(*rows[::-1], *others, has_fractions=True)
    assert found.select(hits()).item() == expected + len(others)
