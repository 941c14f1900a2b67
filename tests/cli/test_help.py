"""Help is read on a terminal: a page has 80 columns and at most 60 lines, and all options are one page further."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from pixelstat.cli.commands import NAMES as COMMANDS
from pixelstat.cli.commands import load_command
from pixelstat.cli.report_command import ReportCommand
from pixelstat.reports import NAMES as REPORTS
from pixelstat.reports import load_report
from tests.run import run_in_process

MAX_LINES = 60  # of a help page: one large terminal
LOG_COMMANDS = ("events", "check", "init")


def load(name: str) -> click.Command:
    """The command of this name."""
    return ReportCommand(load_report(name)) if name in REPORTS else load_command(name)


@pytest.mark.parametrize("name", ["", *REPORTS, *COMMANDS])
def test_a_help_page_fits_a_terminal(tmp_path: Path, name: str) -> None:
    lines = run_in_process(tmp_path, *filter(None, [name]), "--help").stdout.splitlines()
    assert [line for line in lines if len(line) > 80] == []
    assert len(lines) <= MAX_LINES


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["help"], ["help", "limits"]])
def test_help_answers_without_loading_polars(arguments: list[str]) -> None:
    script = f"""
import sys
from pixelstat.cli import main
try:
    main.main({arguments})
except SystemExit as left:
    print("polars" in sys.modules, left.code)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("\nFalse 0\n")


@pytest.mark.parametrize("name", [*REPORTS, *LOG_COMMANDS])
def test_the_whole_help_names_every_option_and_the_short_one_points_to_it(tmp_path: Path, name: str) -> None:
    short, full = (run_in_process(tmp_path, name, option) for option in ("--help", "--help-all"))
    assert (short.exit, full.exit, full.stderr) == (0, 0, "")
    options = [option.opts[-1] for option in load(name).params if isinstance(option, click.Option)]
    assert [option for option in options if f"{option} " not in full.stdout and f"{option}\n" not in full.stdout] == []
    assert [line for line in full.stdout.splitlines() if len(line) > 80] == []
    assert "--help-all" in short.stdout.splitlines()[-1]


def test_the_short_help_has_the_examples_of_the_text_and_leaves_rare_options_out(tmp_path: Path) -> None:
    short, full = (run_in_process(tmp_path, "funnel", option).stdout for option in ("--help", "--help-all"))
    for text in (short, full):
        assert "\n  pixelstat funnel access.log* --by channel --top 5\n" in text
        assert "--step-window TIME" in text
    assert ("--burst-links" in short, "--burst-links" in full) == (False, True)
    assert ("Bots, machines and consent:" in short, "Bots, machines and consent:" in full) == (False, True)


def test_the_help_lists_all_reports_and_commands(tmp_path: Path) -> None:
    listed = {
        line.split()[0] for line in run_in_process(tmp_path, "--help").stdout.splitlines() if line.startswith("  ")
    }
    assert listed >= {*REPORTS, *COMMANDS}


@pytest.mark.parametrize("name", [*REPORTS, *COMMANDS])
def test_every_option_says_in_a_sentence_what_it_does(name: str) -> None:
    helps = {option.opts[0]: option.help or "" for option in load(name).params if isinstance(option, click.Option)}
    first_sentences = {name: help_text.partition(". ")[0] for name, help_text in helps.items()}
    assert {name: text for name, text in helps.items() if not text.endswith(".")} == {}
    assert {name: text for name, text in first_sentences.items() if not 2 < len(text.split()) <= 25} == {}
