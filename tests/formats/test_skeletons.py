"""For a log of an unknown format the error suggests a format that reads its first line."""

import re
import shlex
from pathlib import Path

import pytest

from pixelstat.formats.skeletons import suggest_format
from tests.run import run_in_process

REQUEST = '"GET /pixel.gif?e=page_view&v=a1&p=/x HTTP/1.1" 200 43 "https://shop.example/" "Mozilla/5.0 (X11)"'
LINES = {  # what is unusual -> a line that no format reads
    "slashes": f"203.0.113.7 [07/09/2026 10:00:00] {REQUEST}",
    "an offset": f"203.0.113.7 [07/09/2026 12:00:00 +0200] {REQUEST}",
    "milliseconds": f"203.0.113.7 [07/09/2026 10:00:00.123] {REQUEST}",
    "the month first": f"203.0.113.7 [08/17/2026 10:00:00] {REQUEST}",
    "dashes": f"203.0.113.7 - [07-09-2026 10:00:00] {REQUEST}",
    "no method": "07/Sep/2026:10:00:00 +0000 203.0.113.7 /pixel.gif?e=page_view&v=a1&p=/x 200 43",
    "a percent sign": f"100% 203.0.113.7 [07/09/2026 10:00:00] {REQUEST}",
    "IPv6": f"2001:db8::7 [07/09/2026 10:00:00] {REQUEST}",
}  # fmt: skip
UNREADABLE = ["", "hello", "203.0.113.7 [07/09/2026 10:00:00] hello", '{"a": 1}', "[1, 2]", '"' * 99, "%" * 99, "$x $y"]


@pytest.mark.parametrize("kind", LINES)
def test_the_suggested_format_reads_the_log(kind: str, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(f"{LINES[kind]}\n")
    refused = run_in_process(tmp_path, "views", "access.log")
    assert refused.exit == 2
    suggestion = re.search(r"^    --log-format (.*)$", refused.stderr, re.MULTILINE)
    assert suggestion, refused.stderr
    checked = run_in_process(tmp_path, "check", "access.log")
    assert f"--log-format {suggestion[1]}".replace('"', '""') in checked.stdout
    (template,) = shlex.split(suggestion[1])
    columns = ("--columns", "client,page,event", "--reveal-ids")
    report = run_in_process(tmp_path, "events", "access.log", "--log-format", template, *columns)
    assert report.exit == 0, report.stderr
    client = "2001:db8::7" if kind == "IPv6" else "203.0.113.7"
    assert report.stdout.splitlines()[1:] == [f"{client},/x,page_view"]


@pytest.mark.parametrize("line", UNREADABLE)
def test_nothing_is_suggested_for_a_line_without_a_time_or_a_request(line: str) -> None:
    assert suggest_format(line) is None


def test_a_named_format_that_does_not_fit_can_be_left_out(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(f"203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] {REQUEST}\n")
    refused = run_in_process(tmp_path, "views", "access.log", "--log-format", "s3")
    assert refused.exit == 2
    assert "Leave the option out: pixelstat reads the log as combined." in refused.stderr


@pytest.mark.parametrize("month", ["Eyl", "říj", "sausis"])
def test_an_unknown_month_is_named(month: str, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(f"203.0.113.7 - - [07/{month}/2026:10:00:00 +0000] {REQUEST}\n")
    assert f"The name of its month, {month}, is unknown" in run_in_process(tmp_path, "views", "access.log").stderr
    assert f"The name of its month, {month}, is unknown" in run_in_process(tmp_path, "check", "access.log").stdout
