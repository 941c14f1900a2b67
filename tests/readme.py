"""Write the generated parts of README.md and of the manual's topics anew: `python tests/readme.py [FILE ...]`.

A block is a fence with `console` whose first line is a command behind `$`. What follows is the output of the command on
a terminal of 100 columns, stderr behind stdout. The sentence that lists the log formats comes from their registry.
A test checks that all this is what the program prints.
"""

import os
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

from pixelstat import formats

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
TOPICS = sorted((ROOT / "pixelstat" / "manual").glob("*.md"))
BLOCK = re.compile(r"(```console\n\$ (.+?)\n)(.*?)(```)", re.DOTALL)
FORMATS = re.compile(r"^pixelstat detects \d+ log formats: [^.]*\.$", re.MULTILINE)
LINE_LENGTH = 120
TEXT_COMMANDS = ("snippet", "help", "schema", "completion")  # commands that print the same text to a pipe
TEXT_OPTIONS = ("--format", "--explain", "--help", "--help-all")  # options that choose the output


def run_block(command: str) -> str:
    """Return what the command prints in the root of the checkout; a table where a terminal would get it."""
    program, *arguments = shlex.split(command)
    assert program == "pixelstat", f"a block runs {program}"
    names = [name for argument in arguments for name in expand_glob(argument)]
    is_text = names[0] in TEXT_COMMANDS or not {*names}.isdisjoint(TEXT_OPTIONS)
    finished = subprocess.run(
        [sys.executable, "-m", "pixelstat", *names, *([] if is_text else ["--format", "table"])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"COLUMNS": "100"},
    )
    return "".join(f"{line.rstrip()}\n" for line in (finished.stdout + finished.stderr).splitlines())


def expand_glob(argument: str) -> list[str]:
    """Return the sample logs that an argument names, as a shell does; any other argument stays as it is."""
    if not (argument.startswith("sample_logs/") and "*" in argument):
        return [argument]
    return [str(path.relative_to(ROOT)) for path in sorted(ROOT.glob(argument))]


def list_formats() -> str:
    """Return the sentence that lists the log formats, wrapped."""
    sentence = f"pixelstat detects {len(formats.NAMES)} log formats: {', '.join(formats.NAMES)}."
    return textwrap.fill(sentence, LINE_LENGTH)


def write_outputs(text: str) -> str:
    """Return the text of a page with its generated parts as the program has them now."""
    text = FORMATS.sub(lambda _: list_formats(), text)
    return BLOCK.sub(lambda block: block[1] + run_block(block[2]) + block[4], text)


if __name__ == "__main__":
    for page in [Path(name) for name in sys.argv[1:]] or [README, *TOPICS]:
        page.write_text(write_outputs(page.read_text("utf-8")), "utf-8")
