"""JSON documents are read object by object, however their objects are laid out in lines."""

import gzip
import io
import json
from pathlib import Path

import pytest

from pixelstat.sources.json_objects import ObjectLines, is_document, split_objects
from tests.run import run_in_process

VALUES = [
    {"a": 1, "b": {"c": ["x", {"d": None}]}},
    {"a": 'br{ace} "quote" \\', "b": "]["},
    {},
]
LAYOUTS = {
    "an indented array": json.dumps(VALUES, indent=2),
    "an array in one line": json.dumps(VALUES),
    "objects in one line": "".join(map(json.dumps, VALUES)),
    "objects with commas in one line": ", ".join(map(json.dumps, VALUES)),
    "indented objects": "\n".join(json.dumps(value, indent=4) for value in VALUES),
    "indented objects with commas": ",\r\n".join(json.dumps(value, indent="\t") for value in VALUES),
}
LINE_BY_LINE = {
    "an object in a line": "\n".join(map(json.dumps, VALUES)),
    "an array with an object in a line": "[\n" + ",\n".join(map(json.dumps, VALUES)) + "\n]",
    "an array that begins in the line of its first object": "[" + ",\n".join(map(json.dumps, VALUES)) + "]",
    "a line that was cut": '{"a": "b\n' + json.dumps(VALUES[0]),
    "a line that was cut behind a comma": '{"a": "b",\n203.0.113.7 - -',
    "text": "203.0.113.7 - - {x} {y}\n",
    "a time in brackets": '[07/Sep/2026:10:00:00 +0000] {"a": 1}{"b": 2}\n',
    "nothing": "",
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", [1, 7, 1 << 16])
def test_each_object_becomes_a_line(layout: str, size: int) -> None:
    text = LAYOUTS[layout].encode()
    assert is_document(b"\n" + text)
    lines, rest = b"", b""
    for at in range(0, len(text), size):
        ready, rest = split_objects(rest + text[at : at + size], is_last=False)
        lines += ready
    lines += split_objects(rest, is_last=True)[0]
    assert [json.loads(line) for line in lines.splitlines()] == VALUES


@pytest.mark.parametrize("layout", LINE_BY_LINE)
def test_a_log_with_an_object_in_a_line_is_no_document(layout: str) -> None:
    assert not is_document(b"\n" + LINE_BY_LINE[layout].encode())


def test_a_broken_string_costs_no_other_object(tmp_path: Path) -> None:
    text = b'{\n "a": 1\n}\n{\n "a": "x\n}\n{\n "a": 2\n}\ntext\n{"a": 3}'
    path = tmp_path / "document.json"
    path.write_bytes(text)
    with io.FileIO(path) as document:
        lines = (ObjectLines(document).readall() or b"").splitlines()
    objects = [json.loads(line) for line in lines if line.endswith(b"}") and line.startswith(b"{ ")]
    assert objects == [{"a": 1}, {"a": 2}]
    assert lines[-2:] == [b"text", b'{"a": 3}']


def request(event: str, second: int) -> dict[str, object]:
    """A request for the pixel."""
    return {
        "time": f"2026-09-07T10:00:0{second}Z", "status": 200,
        "client": {"ip": "203.0.113.7"}, "url": f"/pixel.gif?e={event}&v=a1&p=/x", "agent": "Mozilla/5.0 (X11; Linux)",
    }  # fmt: skip


@pytest.mark.parametrize("indent", [None, 2])
def test_an_exported_array_is_read(indent: int | None, tmp_path: Path) -> None:
    text = json.dumps([request("page_view", 0), request("purchase", 5)], indent=indent)
    (tmp_path / "plain.json").write_text(text)
    (tmp_path / "packed.json.gz").write_bytes(gzip.compress(text.replace("a1", "a2").encode()))
    finished = run_in_process(tmp_path, "views", "plain.json", "packed.json.gz")
    assert finished.stdout == "page,views,visitors\n/x,2,2\n"
    assert finished.stderr.startswith("4 events from 4 lines\n")
