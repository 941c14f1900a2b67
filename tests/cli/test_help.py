"""Help is read on a terminal, and most of those have 80 columns."""

from pathlib import Path

import pytest

from pixelstat.cli.commands import NAMES as COMMANDS
from pixelstat.reports import NAMES as REPORTS
from tests.run import run_in_process


@pytest.mark.parametrize("name", ["", *REPORTS, *COMMANDS])
def test_no_line_of_help_is_longer_than_a_terminal(tmp_path: Path, name: str) -> None:
    help_of_it = run_in_process(tmp_path, *filter(None, [name]), "--help").stdout
    assert [line for line in help_of_it.splitlines() if len(line) > 80] == []


def test_the_help_lists_all_reports_and_commands(tmp_path: Path) -> None:
    listed = {
        line.split()[0] for line in run_in_process(tmp_path, "--help").stdout.splitlines() if line.startswith("  ")
    }
    assert listed >= {*REPORTS, *COMMANDS}
