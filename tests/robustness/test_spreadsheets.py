"""A spreadsheet runs nothing that a log holds, and a cell stays one cell."""

import json
from pathlib import Path

import pytest

from tests.builders import log, request
from tests.run import run_in_process
from tests.small_logs import ANN


@pytest.mark.slow
def test_a_spreadsheet_runs_nothing_of_what_check_finds(tmp_path: Path) -> None:
    name = "=HYPERLINK(1).log"
    (tmp_path / name).write_text(log(ANN, "=1+1", "@SUM(A1)"))
    cells = [row.split(",")[0] for row in run_in_process(tmp_path, "check", name).stdout.splitlines()[1:]]
    assert set(cells) == {"'=HYPERLINK(1).log"}
    cells = [
        row.split(",")[0] for row in run_in_process(tmp_path, "check", name, "--no-csv-safe").stdout.splitlines()[1:]
    ]
    assert set(cells) == {"=HYPERLINK(1).log"}


@pytest.mark.slow
def test_tabs_and_line_ends_in_what_check_finds_stay_in_their_cell(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(ANN, "a\tbad\tline", request(r"/a\x0ab\x09c/pixel.gif?v=ann", "10:00")))
    rows = run_in_process(tmp_path, "check", "access.log", "--format", "tsv").stdout.splitlines()
    assert {row.count("\t") for row in rows} == {4}
    assert r"/a\nb\tc/pixel.gif" in rows[6]
    assert rows[-2].endswith(r": a\tbad\tline" + "\t\t")
    json_rows = json.loads(run_in_process(tmp_path, "check", "access.log", "--format", "json").stdout)
    assert "/a\nb\tc/pixel.gif" in [row["finding"] for row in json_rows]
