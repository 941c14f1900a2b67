"""Tables whose first line names the columns are read by these names."""

import csv
import io
import json
from pathlib import Path

import pytest

from pixelstat.sources.tables import TableRows, find_table
from tests.run import run_in_process

NAMES = ["time", "client_ip", "method", "url", "status", "user_agent"]
ROWS = [
    ["2026-09-07T10:00:00Z", "203.0.113.7", "GET", "/pixel.gif?e=page_view&v=a1&p=/x", "200", 'Mozilla/5.0 (X11; "a, b")'],
    ["2026-09-07T10:00:05Z", "203.0.113.7", "GET", "/pixel.gif?e=purchase&v=a1&p=/x", "200", "Mozilla/5.0\nx"],
]  # fmt: skip


def write(delimiter: str = ",", end: str = "\n", quoting: int = csv.QUOTE_MINIMAL) -> str:
    """The table as text."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows([NAMES, *ROWS])  # type: ignore[arg-type]
    return text.getvalue()


def rewrite(text: str, size: int) -> list[str]:
    """The lines that the reader makes of a table which it gets in pieces."""
    table = find_table(b"\n" + text.encode())
    assert table
    reader, rest, lines = TableRows(io.RawIOBase(), table), b"", b""
    for at in range(0, len(text), size):
        ready, rest = reader.rewrite(rest + text.encode()[at : at + size], is_last=False)
        lines += ready
    return (lines + reader.rewrite(rest, is_last=True)[0]).decode().split("\n")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("size", [7, 1 << 16])
def test_each_row_becomes_an_object(delimiter: str, end: str, quoting: int, size: int) -> None:
    header, *objects, nothing = rewrite(write(delimiter, end, quoting), size)
    assert header.startswith("#")
    assert [json.loads(line) for line in objects] == [dict(zip(NAMES, row, strict=True)) for row in ROWS]
    assert nothing == ""


@pytest.mark.parametrize(
    "bad", ['2026-09-07T10:00:01Z,203.0.113.7,GET,"/x', "a,b", "", '2026-09-07T10:00:01Z,203.0.113.7,"x" y" z']
)
def test_what_is_no_row_costs_no_other_row(bad: str) -> None:
    text = "time,ip,url\n2026-09-07T10:00:00Z,203.0.113.7,/a\n" + bad + "\n2026-09-07T10:00:09Z,203.0.113.8,/b\n"
    lines = rewrite(text, 1 << 16)
    assert [json.loads(line)["url"] for line in lines if line.startswith("{")] == ["/a", "/b"]
    assert bad in lines


@pytest.mark.parametrize(
    "text",
    [
        "",
        "time,ip\n",
        "time,ip\na,b,c\n",
        "2026-09-07T10:00:00Z,203.0.113.7,/a\n2026-09-07T10:00:00Z,203.0.113.7,/a\n",
        "#Fields: date time c-ip\n2026-09-07 10:00:00 203.0.113.7\n",
        "203.0.113.7 - - [07/Sep/2026:10:00:00 +0000]\n",
        '{"time":1,"a":2}\n{"time":1,"a":2}\n',
        "a,b\n1,2\n",
        "time,time\n1,2\n",
    ],
)
def test_other_text_is_no_table(text: str) -> None:
    assert find_table(b"\n" + text.encode()) is None


def test_a_table_is_read(tmp_path: Path) -> None:
    (tmp_path / "export.csv").write_text("\ufeff" + write())
    finished = run_in_process(tmp_path, "views", "export.csv")
    assert finished.stdout == "page,views,visitors\n/x,1,1\n"


def test_lines_of_a_log_can_be_a_column(tmp_path: Path) -> None:
    line = (
        '203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "GET /pixel.gif?e=pv&v=a1&p=/x HTTP/1.1" 200 43 "-" "Mozilla/5.0"'
    )
    with (tmp_path / "export.csv").open("w", newline="") as export:
        csv.writer(export).writerows([["@timestamp", "@message"], ["2026-09-07 10:00:00.123", line]])
    finished = run_in_process(tmp_path, "views", "export.csv")
    assert finished.stdout == "page,views,visitors\n/x,1,1\n"
