"""Parquet keeps the declared types, also of an empty report and through a pipe."""

import subprocess
from pathlib import Path

import polars as pl
import pytest

from tests.builders import request
from tests.run import COMMAND, ENVIRONMENT, run_in_process
from tests.small_logs import TWO

PLAIN = request("/style.css", "10:00").encode() + b"\n"


@pytest.mark.slow
def test_parquet_keeps_the_declared_types(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(TWO)
    assert (
        run_in_process(
            tmp_path, "views", "access.log", "-q", "--every", "day", "--tz", "Europe/Berlin", "-o", "days.parquet"
        ).exit
        == 0
    )
    days = pl.read_parquet(tmp_path / "days.parquet")
    assert days.schema == {"time": pl.Datetime("us", "Europe/Berlin"), "views": pl.Int64, "visitors": pl.Int64}
    assert days["time"].dt.to_string("iso:strict").to_list() == ["2026-09-07T00:00:00.000000+02:00"]
    assert run_in_process(tmp_path, "funnel", "access.log", "-q", "--steps", "/,/cart", "-o", "steps.parquet").exit == 0
    steps = pl.read_parquet(tmp_path / "steps.parquet")
    assert steps.schema == {
        "step": pl.Int64, "name": pl.String, "visitors": pl.Int64, "conversion_rate": pl.Float64, "step_rate": pl.Float64,
        "dropped": pl.Int64, "median_seconds": pl.Float64, "pending": pl.Int64, "conversion_rate_low": pl.Float64,
        "conversion_rate_high": pl.Float64, "step_rate_low": pl.Float64, "step_rate_high": pl.Float64,
        "mean_seconds": pl.Float64, "p90_seconds": pl.Float64, "total_median_seconds": pl.Float64,
        "total_mean_seconds": pl.Float64, "total_p90_seconds": pl.Float64,
    }  # fmt: skip
    assert steps.rows()[0][:8] == (1, "/", 1, 1.0, None, None, None, None)
    assert steps.rows()[1][:8] == (2, "/cart", 0, 0.0, 0.0, 1, None, 1)


@pytest.mark.slow
def test_an_empty_report_has_the_same_types(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(PLAIN)
    for arguments in (["views"], ["views", "--every", "day"], ["funnel"]):
        assert run_in_process(tmp_path, *arguments, "access.log", "-q", "-o", "empty.parquet").exit == 0
        (tmp_path / "full.log").write_bytes(TWO)
        assert run_in_process(tmp_path, *arguments, "full.log", "-q", "-o", "full.parquet").exit == 0
        empty, full = pl.read_parquet(tmp_path / "empty.parquet"), pl.read_parquet(tmp_path / "full.parquet")
        assert empty.height == 0
        assert empty.schema == full.schema


@pytest.mark.slow
def test_parquet_goes_through_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(TWO)
    done = subprocess.run(
        [*COMMAND, "views", "access.log", "-q", "--format", "parquet"],
        cwd=tmp_path,
        capture_output=True,
        env=ENVIRONMENT,
        check=True,
    )
    assert pl.read_parquet(done.stdout).rows() == [("/", 1, 1), ("/cart", 1, 1)]
