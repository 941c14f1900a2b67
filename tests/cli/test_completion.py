"""A shell completes commands, options, choices, columns, names of pixelstat.toml and files, and never shows an error."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pytest

from pixelstat.cli.command_line import COMMANDS
from pixelstat.cli.manual import list_topic_names
from pixelstat.errors import Exit
from pixelstat.schemas import CONDITION_COLUMNS
from tests.architecture.imports import PACKAGE
from tests.run import Finished, run_in_process

CONFIG = """
[funnels]
checkout = ["/cart", "purchase"]
short = ["/", "purchase"]

[goals]
signup = "event = 'signup'"

[columns]
plan = "p"
"""
SHELLS = ("bash", "zsh", "fish")


def answer(folder: Path, line: str, shell: str = "bash") -> Finished:
    """What pixelstat answers a shell whose cursor is at the end of the line."""
    words = line.split(" ")
    position = words[-1] if shell == "fish" else str(len(words) - 1)
    request = {"_PIXELSTAT_COMPLETE": f"{shell}_complete", "COMP_WORDS": line, "COMP_CWORD": position}
    with patch.dict(os.environ, request):
        return run_in_process(folder)


def completions(folder: Path, line: str) -> list[str]:
    """The words that a shell offers in place of the last one."""
    finished = answer(folder, line)
    assert finished.stderr == ""
    return [word.removeprefix("plain,") for word in finished.stdout.splitlines() if word]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pixelstat.toml").write_text(CONFIG)
    return tmp_path


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("pixelstat ", [*COMMANDS]),
        ("pixelstat vi", ["views", "visitors", "visits"]),
        ("pixelstat -q vie", ["views"]),
        ("pixelstat --format js", ["json"]),
        ("pixelstat --format json vie", ["views"]),
        ("pixelstat --form", ["--format"]),
        ("pixelstat acce", ["file,acce"]),
        ("pixelstat views acce", ["file,acce"]),
        ("pixelstat views -o ou", ["file,ou"]),
        ("pixelstat views --config x", ["file,x"]),
        ("pixelstat funnel --step-", ["--step-window"]),
        ("pixelstat funnel --order s", ["strict"]),
        ("pixelstat funnel --touch s", ["step:"]),
        ("pixelstat views --by utm_sou", ["utm_source", "utm_source_platform"]),
        ("pixelstat views --by pla", ["plan"]),
        ("pixelstat funnel --hold pla", ["plan"]),
        ("pixelstat views --by entry", ["entry_page"]),
        ("pixelstat views --by produ", ["product"]),
        ("pixelstat products --by categ", ["category"]),
        ("pixelstat funnel --funnel ", ["checkout", "short"]),
        ("pixelstat conversions --goal ", ["signup"]),
        ("pixelstat paths --from s", ["signup"]),
        ("pixelstat views --tz Europe/Berl", ["Europe/Berlin"]),
        ("pixelstat schema even", ["events"]),
        ("pixelstat help lim", ["limits"]),
        ("pixelstat help check", ["check"]),
        ("pixelstat completion ", [*SHELLS]),
        ("pixelstat snippet ng", ["nginx"]),
        ("pixelstat nonsense --step-", []),
        ("pixelstat funnel --nonsense --step-", ["--step-window"]),
        ("pixelstat --nonsense vie", ["views"]),
    ],
)
def test_a_word_is_completed(project: Path, line: str, words: list[str]) -> None:
    assert completions(project, line) == words


def test_options_behind_a_log_are_those_of_the_summary(project: Path) -> None:
    (project / "access.log").touch()
    assert completions(project, "pixelstat access.log --ev") == ["--every"]


def test_all_topics_and_commands_are_offered_to_help(project: Path) -> None:
    assert {*completions(project, "pixelstat help ")} == {*list_topic_names(), *COMMANDS}


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_gets_an_answer(project: Path, shell: str) -> None:
    finished = answer(project, "pixelstat funnel --funnel che", shell)
    assert (finished.exit, finished.stderr) == (0, "")
    assert "checkout" in finished.stdout


@pytest.mark.parametrize(
    "content", [None, b"", b"[funnels", b"\xff\xfe", b"funnels = 3", b"[funnels]\nx = 3\n[goal]\n"]
)
@pytest.mark.parametrize(
    "line", ["pixelstat funnel --funnel ", "pixelstat conversions --goal ", "pixelstat views --by pag"]
)
def test_a_missing_or_broken_file_shows_no_error(tmp_path: Path, content: bytes | None, line: str) -> None:
    if content is not None:
        (tmp_path / "pixelstat.toml").write_bytes(content)
    finished = answer(tmp_path, line)
    assert (finished.exit, finished.stderr) == (0, "")


@pytest.mark.parametrize("instruction", ["bogus", "bash_bogus", "bogus_complete"])
def test_an_unknown_instruction_fails(instruction: str, tmp_path: Path) -> None:
    with patch.dict(os.environ, {"_PIXELSTAT_COMPLETE": instruction}):
        assert run_in_process(tmp_path) == Finished("", "", Exit.USAGE)


def test_names_are_those_of_the_file_that_config_names(project: Path) -> None:
    (project / "other.toml").write_text("[funnels]\nother = []\n")
    assert completions(project, "pixelstat funnel --config other.toml --funnel ") == ["other"]
    assert completions(project, "pixelstat --config other.toml funnel --funnel ") == ["other"]
    assert completions(project, "pixelstat funnel --config none.toml --funnel ") == []


def test_columns_are_all_that_by_may_name(tmp_path: Path) -> None:
    assert completions(tmp_path, "pixelstat views --by ") == [
        name for name in CONDITION_COLUMNS if name not in ("time", "products")
    ]


def test_a_command_is_completed_without_loading_polars(tmp_path: Path) -> None:
    script = """
import sys
from pixelstat.cli import main
try:
    main.main([])
except SystemExit as left:
    print("polars" in sys.modules, left.code)
"""
    request = {"_PIXELSTAT_COMPLETE": "bash_complete", "COMP_WORDS": "pixelstat fun", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, **request}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "plain,funnel\nFalse 0\n"


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_says_where_to_put_it(tmp_path: Path, shell: str) -> None:
    finished = run_in_process(tmp_path, "completion", shell)
    assert (finished.exit, finished.stderr) == (0, "")
    assert f"    pixelstat completion {shell} > ~/" in finished.stdout
    assert f"_PIXELSTAT_COMPLETE={shell}_complete" in finished.stdout
    if shell == "zsh":
        assert finished.stdout.startswith("#compdef pixelstat\n")


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_one_that_the_shell_can_read(tmp_path: Path, shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "script").write_text(run_in_process(tmp_path, "completion", shell).stdout)
    subprocess.run([shell, "-n", "script"], cwd=tmp_path, check=True)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
def test_bash_completes_with_the_script(project: Path) -> None:
    program = project / "bin" / "pixelstat"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pixelstat "$@"\n')
    program.chmod(0o755)
    script = """
set -e
eval "$(pixelstat completion bash)"
complete -p pixelstat
for words in "fun" "funnel --funnel che" "-q views --format js"; do
    COMP_WORDS=(pixelstat $words); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=()
    _pixelstat_completion pixelstat
    echo "${COMPREPLY[@]}"
done
"""
    environment = {"PATH": f"{program.parent}:{os.environ['PATH']}", "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(
        ["bash", "--norc", "-c", script], cwd=project, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    registered, *answers = done.stdout.splitlines()
    assert registered == "complete -o nosort -F _pixelstat_completion pixelstat"
    assert answers == ["funnel", "checkout", "json"]
