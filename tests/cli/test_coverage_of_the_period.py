"""A period that the logs do not cover is named on stderr."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from pixelstat.cli.run import begins_late
from tests.builders import log, view
from tests.run import run_in_process

START = datetime(2026, 9, 7, tzinfo=timezone.utc)
CONTENT = log(*(view("ann", "/", "10:00", day=f"2026-09-{day:02}") for day in range(7, 14)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "warning"),
    [
        ("views", ""),
        ("views --since 2026-09-07", ""),
        ("views --since 2026-09-07T09:30", ""),
        ("views --since 2026-09-01", "the pixel requests in the logs begin at 2026-09-07 10:00:00 UTC, so they cover only a part of the time from 2026-09-01 00:00:00."),
        ("views --since 2027-01-01", "the pixel requests in the logs end at 2026-09-13 10:00:00 UTC, before the period begins. Try an earlier --since."),
        ("views --until 2026-09-01", "the pixel requests in the logs begin at 2026-09-07 10:00:00 UTC, after the period ends. Try a later --until."),
        ("views --since 2026-09-10 --where page='/nowhere'", ""),
        ("summary --since 2026-09-11 --until 2026-09-12", ""),
        ("summary --since 2026-09-09 --until 2026-09-12", "the pixel requests in the logs begin at 2026-09-07 10:00:00 UTC, so they cover only a part of the time from 2026-09-05 00:00:00."),
    ],
)  # fmt: skip
def test_a_period_beyond_the_logs_is_warned_of(arguments: str, warning: str, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(CONTENT)
    finished = run_in_process(tmp_path, *arguments.split(), "access.log")
    assert finished.exit == 0, finished.stderr
    warnings = [line for line in finished.stderr.splitlines() if line.startswith("Warning: the pixel requests")]
    assert warnings == ([f"Warning: {warning}"] if warning else [])


@pytest.mark.parametrize(
    ("length", "missing", "is_late"),
    [
        (timedelta(hours=5), timedelta(minutes=59), False),
        (timedelta(hours=5), timedelta(minutes=61), True),
        (timedelta(days=1), timedelta(hours=2), False),
        (timedelta(days=1), timedelta(hours=3), True),
        (timedelta(days=365), timedelta(hours=23), False),
        (timedelta(days=365), timedelta(hours=25), True),
    ],
)
def test_logs_begin_late_if_they_miss_a_tenth_or_a_day_of_the_period(
    length: timedelta, missing: timedelta, is_late: bool
) -> None:
    assert begins_late(START, START + length, START + missing) is is_late
