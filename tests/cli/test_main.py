"""The command line as a whole: help, misspelled commands and exit codes."""

from pathlib import Path

import pytest

from tests.run import run_in_process, run_process
from tests.small_logs import FOUR_OF_EIGHT, MESSY, write_log


@pytest.mark.slow
def test_a_process_ends_with_exit_code_4_for_bad_lines(tmp_path: Path) -> None:
    write_log(tmp_path, MESSY)
    assert run_process(tmp_path, "check", "access.log", "--strict", "-q").exit == 4
    finished = run_process(tmp_path, "views", "--strict", "--rejects", "bad.tsv", stdin=MESSY)
    assert finished.stderr.startswith("4 bad lines in bad.tsv\n" + FOUR_OF_EIGHT)
    assert (finished.stdout, finished.exit) == ("", 4)


def test_without_a_command_the_help_is_shown_and_not_called_an_error(tmp_path: Path) -> None:
    finished = run_process(tmp_path)
    assert "Error" not in finished.stdout + finished.stderr
    assert (finished.stdout + finished.stderr).startswith("Usage: pixelstat [OPTIONS] COMMAND [ARGS]...")


def test_a_misspelled_command_is_an_error_with_a_suggestion(tmp_path: Path) -> None:
    finished = run_process(tmp_path, "veiws")
    assert finished.stderr.startswith("Error: There is no command 'veiws'. Did you mean views?\n")
    assert finished.exit == 2


@pytest.mark.slow
def test_help_ends_well_and_no_arguments_are_an_error_that_shows_the_help(tmp_path: Path) -> None:
    asked, mistaken = run_process(tmp_path, "--help"), run_process(tmp_path)
    assert (asked.exit, mistaken.exit) == (0, 2)
    assert asked.stdout == mistaken.stdout
    assert "funnel" in asked.stdout


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["views", "--by"], "Try: pixelstat views --help"),
        (["-q", "views", "x.log", "--nosuch"], "Try: pixelstat views --help"),
        (["--nosuch"], "Try: pixelstat --help"),
    ],
)
def test_an_error_of_an_option_points_to_the_help_of_its_command(
    arguments: list[str], hint: str, tmp_path: Path
) -> None:
    assert run_in_process(tmp_path, *arguments).stderr.endswith(f"\n\n{hint}\n")
