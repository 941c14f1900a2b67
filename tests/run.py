"""Run the program: in a process of its own, as a shell does, or in this one, which saves a third of a second a start."""

import atexit
import contextlib
import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import polars as pl

from pixelstat.cli import main

COMMAND = (sys.executable, "-m", "pixelstat")
KEY = "5e" * 32
_data = TemporaryDirectory()
atexit.register(_data.cleanup)
_key = Path(_data.name, "pixelstat", "key")
_key.parent.mkdir()
_key.touch(0o600)
_key.write_text(KEY)
# Neither HOME nor TERM nor LANG, as under cron; a key, so that no run makes one in the home of whoever tests.
ENVIRONMENT = {"XDG_DATA_HOME": _data.name}


@dataclass(frozen=True)
class Finished:
    """What a run left behind. Both texts are decoded strictly: the program writes UTF-8 whatever it reads."""

    stdout: str
    stderr: str
    exit: int


def run_process(folder: Path, *arguments: str | bytes, stdin: bytes = b"") -> Finished:
    """Run the program as a process, with the folder as its working directory and nothing piped in unless given."""
    done = subprocess.run(
        [*COMMAND, *arguments], cwd=folder, input=stdin, capture_output=True, env=ENVIRONMENT, timeout=120, check=False
    )
    return Finished(done.stdout.decode(), done.stderr.decode(), done.returncode)


def start_process(
    folder: Path, arguments: Sequence[str], stdout: int = subprocess.PIPE, **environment: str
) -> "subprocess.Popen[bytes]":
    """Start the program as a process, with pipes at its ends, and return while it runs."""
    return subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**ENVIRONMENT, **environment},
    )


def run_in_process(folder: Path, *arguments: str | bytes, stdin: bytes = b"") -> Finished:
    """Run the program in this process, with the folder as its working directory. It does not handle signals here."""
    given = TextIOWrapper(BytesIO(stdin), "utf-8")
    out, err = TextIOWrapper(BytesIO(), "utf-8"), TextIOWrapper(BytesIO(), "utf-8")
    code: object = None
    with (
        contextlib.chdir(folder),
        patch.dict(os.environ, ENVIRONMENT),
        patch.multiple(sys, stdin=given, stdout=out, stderr=err),
        patch.object(main, "_leave_on_signals"),
    ):
        try:
            main.main([os.fsdecode(argument) for argument in arguments])
        except SystemExit as left:
            code = left.code
        out.flush()
        err.flush()
    assert isinstance(code, int)
    return Finished(_content(out), _content(err), code)


def _content(text: TextIOWrapper) -> str:
    stream = text.detach()
    assert isinstance(stream, BytesIO)
    return stream.getvalue().decode()


def csv_rows(finished: Finished) -> list[dict[str, str]]:
    """Return the rows of a report in CSV, by its columns."""
    assert finished.exit == 0, finished.stderr
    return list(csv.DictReader(io.StringIO(finished.stdout)))


def export_rows(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """Return the events that `events` writes, by their columns."""
    finished = run_in_process(folder, "events", "--reveal-ids", "-q", "--format", "ndjson", *arguments)
    assert finished.exit == 0, finished.stderr
    return [json.loads(line) for line in finished.stdout.splitlines()]


def export_frame(folder: Path, *arguments: str, name: str = "events.parquet") -> pl.DataFrame:
    """Return the events that `events` writes to this file of Parquet."""
    finished = run_in_process(folder, "events", "--reveal-ids", "-q", *arguments, "-o", name)
    assert finished.exit == 0, finished.stderr
    return pl.read_parquet(folder / name)
