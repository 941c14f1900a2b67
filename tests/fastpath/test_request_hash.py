"""The request hash differs wherever two requests differ, natively and by Polars."""

from collections.abc import Mapping, Sequence

import polars as pl
import pytest

from pixelstat.fastpath import extension, hash_requests, request_hash
from pixelstat.schemas import EVENTS
from pixelstat.traffic.deduplication import HASHED_COLUMNS, REQUEST_HASH


@pytest.fixture(params=["natively", "by expressions"])
def each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test with the extension and without it."""
    if request.param == "by expressions":
        monkeypatch.setattr(request_hash, "native", None)
    elif extension.native is None:
        pytest.skip("nothing was compiled where pixelstat was installed")


def hashes(rows: Mapping[str, Sequence[str | int | None]]) -> list[int]:
    schema = {**dict.fromkeys(HASHED_COLUMNS, pl.String()), "event_number": EVENTS["event_number"]}
    height = len(next(iter(rows.values())))
    events = pl.LazyFrame({**{name: [None] * height for name in schema}, **rows}, schema)
    return hash_requests(events).collect(engine="streaming")[REQUEST_HASH].to_list()


@pytest.mark.usefixtures("each_way")
@pytest.mark.parametrize("column", HASHED_COLUMNS)
def test_every_byte_of_every_text_changes_the_hash(column: str) -> None:
    texts: list[str | None] = [None, "-", "é", "\0", "\0\0"]
    for length in range(100):
        text = "é" * (length % 3) + "a" * length
        texts += [text, *(text[:at] + "b" + text[at + 1 :] for at in range(len(text)))]
    others: dict[str, Sequence[str | None]] = {name: [None] * len(texts) for name in HASHED_COLUMNS}
    numbers = hashes({**others, column: texts})
    assert len({*numbers}) == len({*texts})
    assert numbers == hashes({**others, column: texts})


@pytest.mark.usefixtures("each_way")
def test_a_text_in_another_column_changes_the_hash() -> None:
    rows = [
        ("a", "b", None, None),
        ("b", "a", None, None),
        ("a", None, "b", None),
        ("a", None, None, "b"),
        ("ab", "", None, None),
    ]
    assert len({*hashes(dict(zip(HASHED_COLUMNS, zip(*rows, strict=True), strict=True)))}) == len(rows)


@pytest.mark.usefixtures("each_way")
def test_each_event_of_a_request_has_another_hash_and_the_only_one_has_that_of_its_texts() -> None:
    alone = hashes({"path": ["/e"]})
    parts = hashes({"path": ["/e"] * 5, "event_number": [None, 0, 1, 2, 100]})
    assert len({*parts}) == 5
    assert parts[:1] == alone


@pytest.mark.skipif(extension.native is None, reason="nothing was compiled where pixelstat was installed")
@pytest.mark.parametrize(
    ("columns", "rows"),
    [([[1, 2]], 2), ([["a", "b"]], 1), ([["a", "b"]], 3), ([["a"], ["a", "b"]], 1), ([["a"]], -1)],
    ids=["numbers", "too long", "too short", "of two lengths", "no length"],
)
def test_the_extension_refuses_columns_that_are_not_text_in_all_rows(
    columns: Sequence[Sequence[object]], rows: int
) -> None:
    with pytest.raises(ValueError, match="rows"):
        extension.native.hash_texts([pl.Series(column) for column in columns], rows)
