"""Help is read on a terminal, and most of those have 80 columns."""

from pathlib import Path

import click
import pytest

from pixelstat.cli.commands import NAMES as COMMANDS
from pixelstat.cli.commands import load_command
from pixelstat.cli.report_command import ReportCommand
from pixelstat.reports import NAMES as REPORTS
from pixelstat.reports import load_report
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


@pytest.mark.parametrize("name", [*REPORTS, *COMMANDS])
def test_every_option_says_in_a_sentence_what_it_does(name: str) -> None:
    command = ReportCommand(load_report(name)) if name in REPORTS else load_command(name)
    helps = {option.opts[0]: option.help or "" for option in command.params if isinstance(option, click.Option)}
    first_sentences = {name: help_text.partition(". ")[0] for name, help_text in helps.items()}
    assert {name: text for name, text in helps.items() if not text.endswith(".")} == {}
    assert {name: text for name, text in first_sentences.items() if not 2 < len(text.split()) <= 25} == {}
