"""Deduplication: which hits are one."""

from collections.abc import Mapping
from datetime import datetime, timezone

import polars as pl

from pixelstat.fastpath import hash_requests
from pixelstat.traffic.deduplication import HitRules, number_hits
from pixelstat.vocabulary import hits

NOON = datetime(2026, 9, 7, 12, tzinfo=timezone.utc)
HIT = {
    "time": NOON, "visitor": "v:ann", "path": "/p.gif", "query": "e=pv", "http_referer": None, "forwarded_for": None,
    "client": "203.0.113.1", "user_agent": "Firefox", "protocol": "segment", "dedup_key": None, "order": None,
}  # fmt: skip
TYPES = {**dict.fromkeys(HIT, pl.String()), "time": pl.Datetime("us", "UTC")}


def distinct_hits(*differences: Mapping[str, object]) -> int:
    """How many hits these are, each told by how it differs from HIT."""
    rows = pl.LazyFrame([{**HIT, **difference} for difference in differences], schema=TYPES)
    count: int = number_hits(hash_requests(rows), HitRules(may_lack_visitors=True)).select(hits()).collect().item()
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


def test_an_order_is_one_hit_whatever_its_key() -> None:
    assert distinct_hits({"order": "A1", "dedup_key": "m1"}, {"order": "A1", "dedup_key": "m2"}) == 1


def test_hits_without_a_visitor_are_compared_by_address_and_agent() -> None:
    nobody = {"visitor": None}
    assert distinct_hits(nobody, nobody, {**nobody, "client": "203.0.113.2"}, {**nobody, "user_agent": "curl"}) == 3
    assert distinct_hits({}, {"client": "203.0.113.2"}) == 1
