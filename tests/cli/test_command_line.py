"""Common options may be in front of the command, and a word that is not a command is explained."""

from pathlib import Path

import click
import pytest

from pixelstat import reports
from pixelstat.cli import commands
from pixelstat.cli.command_line import COMMANDS, SYNONYMS, arrange_arguments
from pixelstat.errors import PixelstatError
from tests.builders import log, view
from tests.run import run_in_process


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "access.log").write_text(log(view("ann", "/", "10:00"), view("bob", "/a", "10:05")))
    (tmp_path / "own.toml").write_text('[columns]\nplan = "p"\n')
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "arranged"),
    [
        ("views x.log", "views x.log"),
        ("-q views x.log", "views -q x.log"),
        ("--format csv --quiet funnel --steps a,b x.log", "funnel --format csv --quiet --steps a,b x.log"),
        ("--format=csv -ofile views x.log", "views --format=csv -ofile x.log"),
        ("--where -1 views", "views --where -1"),
        ("--since 7d -", "summary --since 7d -"),
        ("-", "summary -"),
        ("--help", "--help"),
        ("-q --help", "--help"),
        ("-q --version views", "--version"),
        ("views --help", "views --help"),
        ("veiws -q", "veiws -q"),
        ("", ""),
    ],
)
def test_options_in_front_of_the_command_move_behind_it(arguments: str, arranged: str) -> None:
    assert arrange_arguments(arguments.split()) == arranged.split()


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    ["-q", "--quiet --format json", "--format tsv", "-o out.csv", "--config own.toml --by plan", "--bots only --debug"],
)
def test_an_option_means_the_same_in_front_of_the_command_and_behind_it(folder: Path, options: str) -> None:
    common, _, own = options.partition(" --by ")
    own_options = ["--by", own] if own else []
    behind = run_in_process(folder, "views", "access.log", *common.split(), *own_options)
    written = [path.read_text() for path in folder.glob("out.*")]
    before = run_in_process(folder, *common.split(), "views", "access.log", *own_options)
    assert (before, [path.read_text() for path in folder.glob("out.*")]) == (behind, written)
    assert behind.exit == 0


def test_an_option_behind_the_command_outranks_the_one_in_front_of_it(folder: Path) -> None:
    finished = run_in_process(folder, "-q", "--format", "json", "views", "access.log", "--format", "csv")
    assert finished.stdout.startswith("page,views,visitors\n")


@pytest.mark.slow
def test_options_in_front_of_a_log_are_those_of_the_summary(folder: Path) -> None:
    before, named = run_in_process(folder, "-q", "access.log"), run_in_process(folder, "summary", "-q", "access.log")
    assert before == named


@pytest.mark.parametrize("arguments", ["--by page views", "--nonsense views", "--format", "--bots maybe views"])
def test_an_option_that_not_every_report_has_is_refused_in_front_of_the_command(folder: Path, arguments: str) -> None:
    finished = run_in_process(folder, *arguments.split())
    assert (finished.exit, finished.stdout) == (2, "")
    assert finished.stderr.startswith("Error: ")
    assert "Try: pixelstat " in finished.stderr


def test_options_without_a_command_are_an_error() -> None:
    with pytest.raises(PixelstatError, match="neither a command nor a log"):
        arrange_arguments(["-q", "--since", "7d"])


@pytest.mark.parametrize("name", SYNONYMS)
def test_a_synonym_leads_to_a_command_that_exists(tmp_path: Path, name: str) -> None:
    finished = run_in_process(tmp_path, name, "access.log")
    assert finished.exit == 2
    assert finished.stderr == f"Error: There is no command {name!r}.\n\nTry: pixelstat {SYNONYMS[name]}\n"
    command, *options = SYNONYMS[name].split()
    assert name not in COMMANDS
    parsed = load(command).make_context(
        command, [*options, "x.log"] if options else ["--help-all"], resilient_parsing=True
    )
    assert parsed.command.name == command


def load(name: str) -> click.Command:
    """The command of this name."""
    from pixelstat.cli.report_command import ReportCommand

    return ReportCommand(reports.load_report(name)) if name in reports.NAMES else commands.load_command(name)


@pytest.mark.parametrize("name", ["acess.log", "logs/", "*.log", "log.gz", "./pages", "old?.log*"])
def test_a_word_that_looks_like_a_file_is_a_file_that_does_not_exist(tmp_path: Path, name: str) -> None:
    finished = run_in_process(tmp_path, name)
    assert finished.exit == 2
    assert finished.stderr.startswith(f"Error: There is no file {name!r}.\n")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("veiws", "There is no command 'veiws'. Did you mean views?\n"),
        ("Utm", "There is no command 'Utm'.\n\nTry: pixelstat sources --by utm_source"),
        ("page-views", "There is no command 'page-views'.\n\nTry: pixelstat views\n"),
        ("xyzzy", "There is no command 'xyzzy'.\n\nTry: pixelstat --help\n"),
        ("", "There is no command ''."),
    ],
)
def test_another_unknown_word_is_explained(tmp_path: Path, name: str, sentence: str) -> None:
    finished = run_in_process(tmp_path, name)
    assert finished.exit == 2
    assert finished.stderr.startswith(f"Error: {sentence}")
