"""Every case runs as the whole program: a command line and logs in, the texts and the exit code out.

A case is a TOML file: `args`, `stdin`, `stdout`, `stderr`, `exit`, and `[files]` by name (`[files_base64]` for bytes
that are no text). What is left out is empty, and the exit 0. `stderr_has` lists parts where the whole would be
brittle. Several runs over the same files are `[[runs]]`, each with keys of its own.
"""

import base64
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.program import pixelstat

CASES = sorted((Path(__file__).parent / "cases").glob("*.toml"))
OF_A_RUN = {"args", "stdin", "stdout", "stderr", "stderr_has", "exit"}
OF_A_FILE = {"files", "files_base64", "runs"}


def runs_of(path: Path) -> Iterator[Any]:
    case = tomllib.loads(path.read_text("utf-8"))
    for number, run in enumerate(case.get("runs", [case]), start=1):
        yield pytest.param(case, run, id=f"{path.stem}-{number}" if "runs" in case else path.stem)


@pytest.mark.parametrize(("case", "run"), [run for path in CASES for run in runs_of(path)])
def test_the_program_answers_as_the_case_says(case: dict[str, Any], run: dict[str, Any], tmp_path: Path) -> None:
    assert run.keys() | case.keys() <= OF_A_RUN | OF_A_FILE, "a key is misspelled"
    for name, text in case.get("files", {}).items():
        (tmp_path / name).write_text(text, "utf-8", newline="")
    for name, text in case.get("files_base64", {}).items():
        (tmp_path / name).write_bytes(base64.b64decode(text))

    ended = pixelstat(tmp_path, *run["args"], stdin=run.get("stdin", "").encode())

    assert ended.stdout == run.get("stdout", "")
    if "stderr_has" in run:
        assert [part for part in run["stderr_has"] if part not in ended.stderr] == []
    else:
        assert ended.stderr == run.get("stderr", "")
    assert ended.exit == run.get("exit", 0)


def test_there_are_cases() -> None:
    assert len(CASES) > 20
