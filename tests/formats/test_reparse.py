"""Lines of another format than their log's are parsed again as what they are."""

import json
from pathlib import Path

import pytest

from pixelstat import formats
from tests.builders import log
from tests.run import run_in_process


@pytest.mark.slow
def test_a_log_may_change_its_format_at_every_line(tmp_path: Path) -> None:
    lines = [
        sample.line.replace("/p.gif", "/pixel.gif") for form in formats.load_all_formats() for sample in form.samples
        if not sample.header
    ]  # fmt: skip
    (tmp_path / "access.log").write_text(log(*lines, *reversed(lines)))
    rows = json.loads(run_in_process(tmp_path, "check", "access.log", "--format", "json").stdout)
    counts = {row["finding"]: row["count"] for row in rows if row["check"] == "lines"}
    assert counts == {"all": 2 * len(lines), "read": 2 * len(lines)}
