"""Which hits are one."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone

import polars as pl
import pytest

from pixelstat import native
from pixelstat.traffic import deduplication
from pixelstat.traffic.deduplication import CONTENT, SAME, with_content, with_hit
from pixelstat.vocabulary import hits

NOON = datetime(2026, 9, 7, 12, tzinfo=timezone.utc)
HIT = {
    "time": NOON, "visitor": "v:ann", "path": "/p.gif", "query": "e=pv", "http_referer": None, "forwarded_for": None,
    "client": "203.0.113.1", "user_agent": "Firefox", "protocol": "segment", "key": None, "order": None,
}  # fmt: skip
TYPES = {**dict.fromkeys(HIT, pl.String()), "time": pl.Datetime("us", "UTC")}


def distinct_hits(*differences: Mapping[str, object]) -> int:
    """How many hits these are, each told by how it differs from HIT."""
    rows = pl.LazyFrame([{**HIT, **difference} for difference in differences], schema=TYPES)
    count: int = with_hit(with_content(rows), may_lack_visitors=True).select(hits()).collect().item()
    return count


def test_what_a_pixel_sends_again_is_one_hit_at_any_time_by_its_key() -> None:
    assert distinct_hits({"key": "m1"}, {"key": "m1", "time": NOON.replace(hour=13), "query": "e=pv&retry=1"}) == 1


def test_another_key_is_another_hit_though_all_else_is_the_same() -> None:
    assert distinct_hits({"key": "m1"}, {"key": "m2"}) == 2


def test_the_same_key_of_two_protocols_is_two_hits() -> None:
    assert distinct_hits({"key": "m1"}, {"key": "m1", "protocol": "rudderstack"}) == 2


def test_two_keys_of_one_protocol_and_the_same_two_of_another_are_four_hits() -> None:
    keyed = [{"key": key, "protocol": protocol} for key in ("m1", "m2") for protocol in ("segment", "rudderstack")]
    assert distinct_hits(*keyed) == 4


def test_an_order_is_one_hit_whatever_its_key() -> None:
    assert distinct_hits({"order": "A1", "key": "m1"}, {"order": "A1", "key": "m2"}) == 1


def test_who_is_no_visitor_is_told_by_address_and_agent() -> None:
    nobody = {"visitor": None}
    assert distinct_hits(nobody, nobody, {**nobody, "client": "203.0.113.2"}, {**nobody, "user_agent": "curl"}) == 3
    assert distinct_hits({}, {"client": "203.0.113.2"}) == 1


@pytest.fixture(params=["natively", "by expressions"])
def each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is the same is told natively and, where nothing was compiled, by expressions."""
    if request.param == "by expressions":
        monkeypatch.setattr(deduplication, "plain", None)
    elif native.plain is None:
        pytest.skip("nothing was compiled where pixelstat was installed")


def contents(rows: Mapping[str, Sequence[str | None]]) -> list[int]:
    given = pl.LazyFrame({**{name: [None] for name in SAME}, **rows}, dict.fromkeys(SAME, pl.String()))
    return with_content(given).collect(engine="streaming")[CONTENT].to_list()


@pytest.mark.usefixtures("each_way")
@pytest.mark.parametrize("column", SAME)
def test_every_byte_of_every_text_tells_two_hits_apart(column: str) -> None:
    texts: list[str | None] = [None, "-", "é", "\0", "\0\0"]
    for length in range(100):
        same = "é" * (length % 3) + "a" * length
        texts += [same, *(same[:at] + "b" + same[at + 1 :] for at in range(len(same)))]
    others: dict[str, Sequence[str | None]] = {name: [None] * len(texts) for name in SAME}
    found = contents({**others, column: texts})
    assert len({*found}) == len({*texts})
    assert found == contents({**others, column: texts})


@pytest.mark.usefixtures("each_way")
def test_what_stands_in_another_column_is_another_hit() -> None:
    rows = [
        ("a", "b", None, None),
        ("b", "a", None, None),
        ("a", None, "b", None),
        ("a", None, None, "b"),
        ("ab", "", None, None),
    ]
    assert len({*contents(dict(zip(SAME, zip(*rows, strict=True), strict=True)))}) == len(rows)


@pytest.mark.skipif(native.plain is None, reason="nothing was compiled where pixelstat was installed")
@pytest.mark.parametrize(
    ("columns", "rows"),
    [([[1, 2]], 2), ([["a", "b"]], 1), ([["a", "b"]], 3), ([["a"], ["a", "b"]], 1), ([["a"]], -1)],
    ids=["numbers", "too long", "too short", "of two lengths", "no length"],
)
def test_other_columns_are_refused(columns: Sequence[Sequence[object]], rows: int) -> None:
    with pytest.raises(ValueError, match="rows"):
        native.plain.content([pl.Series(column) for column in columns], rows)
