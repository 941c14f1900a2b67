"""`formats` lists every log format once, by names that --log-format takes."""

import json
from pathlib import Path

import pytest

from pixelstat import formats
from tests.builders import log
from tests.marks import slow_after
from tests.run import Finished, run_in_process
from tests.small_logs import findings_of, write_log


def test_every_format_is_listed_once_in_the_order_in_which_a_line_is_tried(tmp_path: Path) -> None:
    finished = run_in_process(tmp_path, "formats", "--format", "json")
    listed = json.loads(finished.stdout)
    assert [row["format"] for row in listed] == list(formats.NAMES)
    assert all(row["about"] and row["layout"] for row in listed)
    assert (finished.stderr, finished.exit) == ("", 0)


def test_the_formats_are_listed_as_csv_and_in_a_file(tmp_path: Path) -> None:
    rows = run_in_process(tmp_path, "formats").stdout.splitlines()
    assert rows[0] == "format,about,layout"
    assert [row.partition(",")[0] for row in rows[1:]] == list(formats.NAMES)
    assert run_in_process(tmp_path, "formats", "-o", "formats.csv") == Finished("", "", 0)
    assert (tmp_path / "formats.csv").read_text().splitlines() == rows


@pytest.mark.slow
@pytest.mark.parametrize("name", slow_after(8, formats.NAMES))
def test_every_listed_format_can_be_given_by_its_name(name: str, tmp_path: Path) -> None:
    form = formats.load_formats(name)[0]
    sample = form.samples[0]
    write_log(tmp_path, log(*([sample.header] if sample.header else []), sample.line))
    rows = findings_of(tmp_path, "access.log", "--log-format", name)
    assert ("lines", "read", 1) in rows
    assert rows[1] == ("format", f"{name}: 1 of its first 1 lines match", None)
