"""Arguments that cannot be meant are a sentence with a hint."""

from pathlib import Path

import pytest

from tests.builders import log, request
from tests.run import run_in_process
from tests.small_logs import TWO


@pytest.mark.parametrize("pixel", ["", "?x=1"])
def test_a_pixel_without_a_name_would_be_every_page_and_is_refused(pixel: str, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(request("/", "10:00"), request("/cart/", "10:01")))
    finished = run_in_process(tmp_path, "views", "access.log", "--pixel", pixel)
    assert finished.stdout == ""
    assert finished.exit == 2


def test_a_series_with_top_says_that_top_has_no_effect(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(TWO)
    finished = run_in_process(tmp_path, "views", "access.log", "--every", "day", "--top", "3")
    assert "--top" in finished.stderr


def test_a_line_to_explain_that_is_not_utf8_is_unreadable(tmp_path: Path) -> None:
    finished = run_in_process(tmp_path, "views", "--explain", b"\xff\xfe")
    assert "result  excluded: unreadable\n" in finished.stdout
    assert finished.exit == 0
