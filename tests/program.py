"""Runs the program the way a shell does: a process of its own, in a folder of its own, with an empty environment."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

COMMAND = (sys.executable, "-m", "pixelstat")
ENVIRONMENT: dict[str, str] = {}  # neither HOME nor TERM nor LANG, as under cron


@dataclass(frozen=True)
class Ended:
    """What a run left behind. Both texts are decoded strictly: the program writes UTF-8 whatever it reads."""

    stdout: str
    stderr: str
    exit: int


def pixelstat(folder: Path, *arguments: str | bytes, stdin: bytes = b"") -> Ended:
    """The program's end, with the folder as its working directory and nothing piped in unless given."""
    done = subprocess.run(
        [*COMMAND, *arguments], cwd=folder, input=stdin, capture_output=True, env=ENVIRONMENT, timeout=120, check=False
    )
    return Ended(done.stdout.decode(), done.stderr.decode(), done.returncode)


def started(
    folder: Path, arguments: Sequence[str], stdout: int = subprocess.PIPE, **environment: str
) -> "subprocess.Popen[bytes]":
    """The program while it runs, with pipes at its ends."""
    return subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**ENVIRONMENT, **environment},
    )
