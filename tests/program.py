"""Runs the program the way a shell does: a process of its own, in a folder of its own, with next to no environment."""

import atexit
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

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
