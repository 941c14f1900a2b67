"""The README's blocks of output, made by the program: `python tests/readme.py` writes them anew, a test checks them.

A block is a fence with `console` whose first line is a command behind `$`; what follows is its output on a
terminal of 100 columns, stderr behind stdout.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
BLOCK = re.compile(r"(```console\n\$ (.+?)\n)(.*?)(```)", re.DOTALL)


def output(command: str) -> str:
    """What the command prints, in the README's folder; the table where a terminal would get it."""
    program, *arguments = shlex.split(command)
    assert program == "pixelstat", f"the README runs {program}"
    expanded = [
        str(path.relative_to(ROOT))
        for given in arguments
        if "*" in given and given.startswith("sample")
        for path in sorted(ROOT.glob(given))
    ]
    plain = [given for given in arguments if not ("*" in given and given.startswith("sample"))]
    as_table = (
        []
        if plain[0] == "snippet" or "--format" in plain or "--explain" in plain or "--help" in plain or "|" in command
        else ["--format", "table"]
    )
    done = subprocess.run(
        [sys.executable, "-m", "pixelstat", *plain, *expanded, *as_table], cwd=ROOT, capture_output=True, text=True, check=False,
        env=os.environ | {"COLUMNS": "100"},
    )  # fmt: skip
    return "".join(f"{line.rstrip()}\n" for line in (done.stdout + done.stderr).splitlines())


def generated(text: str) -> str:
    """The README with the output of each block as the program prints it now."""
    return BLOCK.sub(lambda block: block[1] + output(block[2]) + block[4], text)


if __name__ == "__main__":
    README.write_text(generated(README.read_text()))
