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


@pytest.mark.parametrize(
    "front",
    ["shop.example - {client} - -", "shop.example {client} - -", "{client} shop.example - -", "{client} -"],
)
def test_a_line_with_fewer_words_in_front_keeps_its_client(tmp_path: Path, front: str) -> None:
    rest = '[07/Sep/2026:10:00:00 +0000] "GET /pixel.gif?e=page_view&v={} HTTP/1.1" 200 43 "-" "Mozilla/5.0 (X11)"'
    own = [f"{front.format(client=f'203.0.113.{number}')} {rest.format(number)}" for number in range(3)]
    combined = f"198.51.100.7 - - {rest.format('combined')}"
    (tmp_path / "access.log").write_text(log(*own, combined))
    output = run_in_process(tmp_path, "events", "access.log", "--format", "ndjson", "--reveal-ids").stdout
    clients = [json.loads(line)["client"] for line in output.splitlines()]
    assert clients == ["203.0.113.0", "203.0.113.1", "203.0.113.2", "198.51.100.7"]
