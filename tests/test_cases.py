"""Each case is the whole program: a command line and logs in, the texts and the exit code out.

A case is a TOML file: `args`, `stdin`, `stdout`, `stderr`, `exit`, and `[files]` by name (`[files_base64]` for bytes
that are not text). What is left out is empty, and the exit code is 0. `stderr_has` lists parts where the whole would be
brittle. Several runs over the same files are `[[runs]]`, each with its own keys.

All cases run in this process. Ten of them run as a process too, which has real pipes, a real exit code and its own
environment.
"""

import base64
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.run import Finished, run_in_process, run_process

CASES = sorted((Path(__file__).parent / "cases").glob("*.toml"))
RUN_KEYS = {"args", "stdin", "stdout", "stderr", "stderr_has", "exit"}
CASE_KEYS = {"files", "files_base64", "runs"}
AS_PROCESS = {
    "help_and_version-1": "an answer on stdout, and nothing on stderr",
    "help_and_version-2": "a usage error",
    "standard_input-1": "a log on standard input",
    "standard_input-2": "standard input beside a file",
    "conditions_that_fail-1": "an error with a hint, and exit code 2",
    "logs_of_different_formats-1": "logs of several formats",
    "outputs-1": "CSV on a pipe",
    "outputs-3": "JSON on a pipe",
    "paths-1": "a table with characters beyond ASCII, without a locale",
    "hostile_pages-1": "cells that a spreadsheet would run",
}


def runs() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Each run of each case: its name, the case and the run."""
    for path in CASES:
        case = tomllib.loads(path.read_text("utf-8"))
        for number, run in enumerate(case.get("runs", [case]), start=1):
            yield f"{path.stem}-{number}" if "runs" in case else path.stem, case, run


RUNS = [pytest.param(case, run, id=name) for name, case, run in runs()]
# The fast set has the first run of each case.
MARKED_RUNS = [
    pytest.param(*run.values, id=run.id, marks=[pytest.mark.slow] if re.search("-([2-9]|1.)$", str(run.id)) else [])
    for run in RUNS
]


@pytest.mark.parametrize(("case", "run"), MARKED_RUNS)
def test_the_program_prints_what_the_case_says(case: dict[str, Any], run: dict[str, Any], tmp_path: Path) -> None:
    check_case(run_in_process, case, run, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("case", "run"), [param for param in RUNS if param.id in AS_PROCESS])
def test_a_process_prints_what_the_case_says(case: dict[str, Any], run: dict[str, Any], tmp_path: Path) -> None:
    check_case(run_process, case, run, tmp_path)


def check_case(program: Callable[..., Finished], case: dict[str, Any], run: dict[str, Any], folder: Path) -> None:
    """Write the files of the case, run the program, and compare what it leaves behind."""
    assert run.keys() | case.keys() <= RUN_KEYS | CASE_KEYS, "a key is misspelled"
    for name, text in case.get("files", {}).items():
        (folder / name).write_text(text, "utf-8", newline="")
    for name, text in case.get("files_base64", {}).items():
        (folder / name).write_bytes(base64.b64decode(text))

    finished = program(folder, *run["args"], stdin=run.get("stdin", "").encode())

    assert finished.stdout == run.get("stdout", "")
    if "stderr_has" in run:
        assert [part for part in run["stderr_has"] if part not in finished.stderr] == []
    else:
        assert finished.stderr == run.get("stderr", "")
    assert finished.exit == run.get("exit", 0)


def test_there_are_cases() -> None:
    assert len(CASES) > 20


def test_ten_cases_run_as_a_process_too() -> None:
    assert len(AS_PROCESS) == 10
    assert AS_PROCESS.keys() <= {name for name, _, _ in runs()}
