"""Every shell example of README.md and the manual runs: in a folder with the files that it names, and ends well."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from pixelstat.errors import Exit
from tests.builders import request
from tests.enrich.test_geo import BERLIN, EXAMPLE_NET, database
from tests.readme import README, ROOT, TOPICS
from tests.run import ENVIRONMENT, run_in_process

BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)
OTHER_PROGRAMS = ("pip ", "duckdb ", "python3 -m venv ")  # lines that do not show how to use pixelstat
PLACES = {
    "/srv/shop-stats": ".",
    "/etc/nginx/nginx.conf": "nginx.conf",
    "~/.local/share/bash-completion/completions/": "completion-of-",
}
CONFIG = """
logs = ["access.log*"]

[columns]
payment_method = "pm"

[page_groups]
"/rooms/:id/photos" = "photos"
"/rooms/*" = "room"
"""
OWN_FORMAT = '$remote_addr [$time_iso8601] "$request" $status "$http_user_agent"'
OWN_LINE = '203.0.113.7 [2026-09-07T10:00:00+00:00] "GET /pixel.gif?v=ann&p=/ HTTP/1.1" 200 "Firefox/140.0"\n'


# Runs the program, and notes the exit code and the arguments of each run: a script may go on after any of them.
PROGRAM = f"""#!/bin/sh
{sys.executable} -m pixelstat "$@"
code=$?
echo "$code $*" >> "$RUNS"
exit $code
"""


def list_examples() -> list[tuple[str, str]]:
    """Return the page and the commands of each block of commands that use pixelstat."""
    blocks = []
    for page in (README, *TOPICS):
        for block in BLOCK.findall(page.read_text("utf-8")):
            lines = [line for line in block.replace("\\\n", " ").splitlines() if not line.startswith(OTHER_PROGRAMS)]
            if any("pixelstat " in line for line in lines):
                blocks.append((page.stem, "\n".join(lines)))
    return blocks


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the examples name."""
    folder = tmp_path_factory.mktemp("examples")
    for name in ("access.log", "access.log.1"):
        shutil.copy(ROOT / "sample_logs" / name, folder)
    with (folder / "access.log").open("a") as file:  # a click and a scanner, which the sample does not have
        file.write(request("/link/0-0-0-0-1/0-0-0-0-2/0-0-0-0-3", "10:00", day="2026-09-13") + "\n")
    (folder / "pixelstat.toml").write_text(CONFIG)
    (folder / "sent.csv").write_text("message,sent\nlaunch,1000\nlast-call,800\n")
    (folder / "rates.csv").write_text("currency,rate\nEUR,1\nUSD,0.92\n")
    (folder / "scanners.csv").write_text("198.51.100.0/24,Mail scanner\n")
    database(folder / "GeoLite2-City.mmdb", {"203.0.113.0/24": BERLIN})
    database(folder / "GeoLite2-ASN.mmdb", {"203.0.113.0/25": EXAMPLE_NET}, "GeoLite2-ASN", 4)
    exported = run_in_process(folder, "events", "access.log", "-q", "-o", "events.parquet")
    assert exported.exit == Exit.DONE, exported.stderr
    assert len(pl.read_parquet(folder / "events.parquet")) > 1_000
    (folder / "pixelstat").write_text(PROGRAM)
    (folder / "pixelstat").chmod(0o755)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(("page", "commands"), list_examples())
def test_the_examples_of_a_page_end_well(page: str, commands: str, files: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(files, tmp_path / "work"))
    if page == "config":
        (folder / "pixelstat.toml").unlink()  # `init` writes it
    if page == "formats":
        (folder / "access.log").write_text(OWN_LINE)
        (folder / "nginx.conf").write_text(f"http {{ log_format own '{OWN_FORMAT}'; }}\n")
    for place, here in PLACES.items():
        commands = commands.replace(place, here)
    runs = tmp_path / "runs"
    path = f"{folder}:{os.environ['PATH']}"
    environment = {**ENVIRONMENT, "PATH": path, "PYTHONPATH": str(ROOT), "RUNS": str(runs)}
    done = subprocess.run(["bash", "-c", commands], cwd=folder, env=environment, capture_output=True, check=False)
    ended = [line.partition(" ") for line in runs.read_text().splitlines()]
    assert len(ended) == len(re.findall(r"^(?:\w+=\S+ )?pixelstat ", commands, re.MULTILINE)), done.stderr.decode()
    for code, _, arguments in ended:
        alarm = {Exit.CONDITION_MET} if "--fail-if" in arguments else set()
        assert int(code) in {Exit.DONE, *alarm}, f"{arguments}\n{done.stderr.decode()}"


def test_there_are_examples_of_many_pages() -> None:
    assert len({page for page, _ in list_examples()}) > 15
