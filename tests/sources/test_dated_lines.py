"""W3C logs whose lines have only a clock: the date is that of the `#Date:` line above."""

from io import BytesIO
from pathlib import Path
from typing import cast

import pytest

from pixelstat.sources import dated_lines
from pixelstat.sources.dated_lines import DatedLines, LineDates
from tests.run import run_in_process
from tests.small_logs import count_views

FIELDS = "#Fields: c-ip time cs-uri"


def days(*lines: str, fields: str = FIELDS) -> list[str]:
    """The date that each line with a clock gets, "" for none."""
    dates = LineDates()
    dates.complete(fields.encode())
    completed = [(line, dates.complete(line.encode()).decode()) for line in lines if line]
    return [new.removesuffix(line).strip() for line, new in completed if not line.startswith("#")]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(["#Date: 2026-09-07", "c 23:30:00 /"], ["2026-09-07"], id="a day"),
        pytest.param(["#Date:\t2026-09-07\t09:00:00", "c\t10:00:00\t/"], ["2026-09-07"], id="tabs"),
        pytest.param(["#Date: 07-Sep-2026 09:00:00", "c '10:00:00' /"], ["2026-09-07"], id="the month by its name"),
        pytest.param(["#Start-Date: 2026-09-07 09:00:00", "c 10:00:00 /"], ["2026-09-07"], id="the start"),
        pytest.param(
            ["#Date: 2026-09-07 23:59:58", "c 00:00:01 /", "c 23:59:59 /", "c 00:00:02 /", "c 11:00:00 /"],
            ["2026-09-08", "2026-09-07", "2026-09-08", "2026-09-08"], id="midnight, and a line that is late",
        ),
        pytest.param(["#Date: 2026-09-07 10:00:00", "c 09:30:00 /", "c 10:20:00 /"], ["2026-09-07"] * 2, id="out of order"),
        pytest.param(
            ["#Date: 2026-09-07 22:00:00", "c 11:00:00 /", "c 23:00:00 /", "#Date: 2026-09-09", "c 01:00:00 /"],
            ["", "", "2026-09-09"], id="a day that is not clear",
        ),
        pytest.param(["c 10:00:00 /", "#Date: 2026-13-07", "c 10:00:00 /"], ["", ""], id="no date"),
        pytest.param(["#Date: 2026-09-07", "c 25:00:00 /", "c - /", "10:00:00 /"], ["", "", ""], id="no clock"),
        pytest.param(["#Date: 2026-09-07", "#Fields: date time cs-uri", "2026-09-08 10:00:00 /"], [""], id="a date of its own"),
    ],
)  # fmt: skip
def test_a_line_gets_the_day_of_its_clock(lines: list[str], expected: list[str]) -> None:
    assert days(*lines) == expected


def test_lines_are_dated_whatever_the_size_of_the_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    log = f"#Date: 2026-09-07\n{FIELDS}\nc 10:00:00 /a\nc 10:00:01 /b".encode()
    expected = b"#Date: 2026-09-07\n#Fields: date c-ip time cs-uri\n2026-09-07 c 10:00:00 /a\n2026-09-07 c 10:00:01 /b"
    for size in (30, 1 << 20):
        monkeypatch.setattr(dated_lines, "CHUNK", size)
        assert DatedLines(cast("DatedLines", BytesIO(log))).read() == expected


def test_a_log_with_dates_in_directives_is_read(tmp_path: Path) -> None:
    content = (
        f"#Date: 2026-09-07 23:00:00\n{FIELDS}\n"
        "203.0.113.1 23:10:00 /pixel.gif?p=/a\n203.0.113.1 00:10:00 /pixel.gif?p=/b\n"
    )
    finished = count_views(tmp_path, content)
    assert finished.stdout == "page,views,visitors\n/a,1,1\n/b,1,1\n"
    assert finished.stderr.endswith("from 2026-09-07 23:10:00 to 2026-09-08 00:10:00 UTC\n")


def test_a_log_without_any_date_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(f"{FIELDS}\n203.0.113.1 23:10:00 /pixel.gif?p=/a\n")
    finished = run_in_process(tmp_path, "views", "access.log")
    assert finished.stderr.startswith("Error: The lines of access.log have a time but no date.")
