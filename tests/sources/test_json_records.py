"""Records that a JSON document wraps in objects and arrays are read one by one."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from pixelstat.sources.json_records import RecordLines, find_records
from tests.run import run_in_process

RECORDS: list[dict[str, Any]] = [{"time": "a", "b": {"records": [{"c": "]}"}]}}, {"d": ['"\\']}]
DOCUMENTS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "records": ({"records": RECORDS}, ("records",)),
    "behind other keys": ({"count": 2, "more": {"records": 1, "x": [{}]}, "data": RECORDS, "next": {"a": [{}]}}, ("data",)),
    "hits": ({"took": 1, "_shards": {"total": 1}, "hits": {"total": {"value": 2}, "hits": RECORDS}}, ("hits", "hits")),
    "several arrays": (
        {"resourceLogs": [{"resource": {}, "scopeLogs": [{"scope": {}, "logRecords": RECORDS}]}]},
        ("resourceLogs", "scopeLogs", "logRecords"),
    ),
}  # fmt: skip


def rewrite(text: bytes, keys: tuple[str, ...], size: int) -> list[Any]:
    """The records that the reader makes of a document which it gets in pieces."""
    reader, rest, lines = RecordLines(io.RawIOBase(), keys), b"", b""
    for at in range(0, len(text), size):
        ready, rest = reader.rewrite(rest + text[at : at + size], is_last=False)
        lines += ready
    return [json.loads(line) for line in (lines + reader.rewrite(rest, is_last=True)[0]).splitlines()]


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("size", [1, 7, 1 << 16])
def test_each_record_becomes_a_line(name: str, indent: int | None, size: int) -> None:
    document, keys = DOCUMENTS[name]
    text = json.dumps(document, indent=indent).encode()
    assert find_records(b"\n" + text) == keys
    assert rewrite(text, keys, size) == RECORDS
    assert rewrite(text + b"\n" + text, keys, size) == RECORDS * 2


def test_pairs_and_lists_of_names_become_objects() -> None:
    loki = {
        "status": "success",
        "data": {"result": [{"stream": {"a": "b"}, "values": [["1", "line"], ["2", "x", {}]]}]},
    }
    text = json.dumps(loki).encode()
    keys = find_records(text)
    assert rewrite(text, keys, 9) == [{"timestamp": "1", "line": "line"}, {"timestamp": "2", "line": "x"}]
    insights = {
        "results": [[{"field": "@message", "value": "line"}, {"field": "@ptr", "value": "x"}]],
        "status": "Complete",
    }
    text = json.dumps(insights).encode()
    assert rewrite(text, find_records(text), 9) == [{"@message": "line", "@ptr": "x"}]


@pytest.mark.parametrize(
    "value",
    [
        {"time": "2026-09-07T10:00:00Z", "url": "/a", "events": [{"name": "x"}]},
        {"outcome": "ok", "logs": [{"message": "x"}], "event": {"request": {"url": "/a"}}},
        {"records": []},
        {"headers": [{"name": "a", "value": "b"}]},
        [{"records": [{}]}],
        {"a": 1},
    ],
)
def test_a_request_is_no_document_of_records(value: object) -> None:
    assert find_records(b"\n" + json.dumps(value).encode()) == ()


def test_an_object_without_records_stays_a_line() -> None:
    text = b'{"records":[{"a":1}]}\n{"b":[{"c":2}]}\n{"records":[{"d":3}]}\n'
    assert rewrite(text, ("records",), 5) == [{"a": 1}, {"b": [{"c": 2}]}, {"d": 3}]


def test_a_broken_document_loses_no_record_in_front() -> None:
    reader = RecordLines(io.RawIOBase(), ("records",))
    ready, _ = reader.rewrite(b'{"records":[{"a":1},{"b":"x\n},{"c":3}]}\n', is_last=True)
    assert ready.splitlines()[0] == b'{"a":1}'


def test_a_document_is_read(tmp_path: Path) -> None:
    record = {
        "time": "2026-09-07T10:00:00Z",
        "clientIp": "203.0.113.7",
        "requestUri": "/pixel.gif?e=pv&v=a1&p=/x",
        "status": 200,
    }
    (tmp_path / "blob.json").write_text(json.dumps({"records": [record, {**record, "time": "2026-09-07T10:00:05Z"}]}))
    finished = run_in_process(tmp_path, "views", "blob.json")
    assert finished.stdout == "page,views,visitors\n/x,2,1\n"
