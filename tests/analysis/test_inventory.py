"""The names in a log are counted as a reader with a pencil would count them."""

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from urllib.parse import quote_plus, unquote_plus

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelstat.analysis.inventory import EVENT_COLUMNS, INVENTORY_COLUMNS, Inventory
from pixelstat.result import KIND_OF_TYPE
from pixelstat.schemas import EVENTS
from tests.builders import MIDNIGHT

SCHEMA = {name: EVENTS[name] for name in EVENT_COLUMNS}
Row = dict[str, object]
Key = tuple[object, str, object]

names = st.sampled_from(["a", "b", "a b", "é", "%61", "x" * 50, "\x1b[2J", "=1"])
parts = st.one_of(
    st.tuples(names.map(quote_plus), names.map(quote_plus)).map("=".join),
    st.sampled_from(["", "a", "a=", "=1", "%61=1", "a=1", "%zz=1", "%ff=1", "a==2"]),
)
queries = st.none() | st.lists(parts, max_size=5).map("&".join)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "time": st.integers(0, 100).map(lambda minutes: MIDNIGHT + timedelta(minutes=minutes)),
            "protocol": st.sampled_from(["house", "matomo"]),
            "event": st.none() | names,
            "page": st.none() | names,
            "query": queries,
            "hit": st.integers(0, 30),
        }
    ),
    max_size=40,
)


def count(rows: list[Row]) -> dict[Key, list[datetime]]:
    """The times of each name, of the first row of each hit."""
    times: dict[Key, list[datetime]] = defaultdict(list)
    passed = set()
    for row in rows:
        if row["hit"] in passed:
            continue
        passed.add(row["hit"])
        pairs = [part.partition("=") for part in str(row["query"] or "").split("&")]
        parameters = {unquote_plus(name) for name, _, value in pairs if name and value}
        found = [("event", row["event"]), ("page", row["page"]), *(("parameter", name) for name in parameters)]
        for kind, name in found:
            if name is not None:
                assert isinstance(row["time"], datetime)
                times[row["protocol"], kind, name].append(row["time"])
    return times


@pytest.mark.slow
@given(rows, st.integers(1, 50), st.integers(0, 3))
def test_names_are_counted_in_any_batches(rows: list[Row], size: int, top: int) -> None:
    inventory = Inventory()
    for start in range(0, len(rows), size):
        inventory.add(pl.DataFrame(rows[start : start + size], SCHEMA))
    ranked = inventory.rank(0, "UTC")
    times = count(rows)
    assert {row[:3]: row[3:] for row in ranked.iter_rows()} == {
        key: (len(each), min(each), max(each)) for key, each in times.items()
    }
    events: Counter[object] = Counter()
    for (protocol, kind, _), each in times.items():
        events[protocol] += len(each) * (kind == "event")
    kinds = ["event", "page", "parameter"]
    order = [(-events[row[0]], row[0], kinds.index(row[1]), -row[3], row[2]) for row in ranked.iter_rows()]
    assert order == sorted(order, key=lambda key: (*key[:4], key[4].encode()))
    shown = inventory.rank(top, "UTC")
    sections = Counter(row[:2] for row in shown.iter_rows())
    assert all(number <= (top or len(rows) * 9) for number in sections.values())
    assert [row for row in ranked.iter_rows() if row in set(shown.iter_rows())] == [*shown.iter_rows()]


def test_an_empty_inventory_has_all_columns_in_their_types() -> None:
    ranked = Inventory().rank(5, "Europe/Berlin")
    assert ranked.columns == [column.name for column in INVENTORY_COLUMNS]
    assert [KIND_OF_TYPE[dtype.base_type()] for dtype in ranked.dtypes] == [column.kind for column in INVENTORY_COLUMNS]
