"""There is a man page of pixelstat and of each command, with all options, and a wheel holds them."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import click
import pytest

from pixelstat.cli.command_line import COMMANDS
from pixelstat.cli.commands import load_command
from pixelstat.cli.man_pages import EXIT_STATUS, build_man_pages, write_man_pages
from pixelstat.cli.report_command import ReportCommand
from pixelstat.errors import Exit
from pixelstat.reports import NAMES as REPORTS
from pixelstat.reports import load_report
from tests.architecture.imports import PACKAGE

PAGES = build_man_pages()


def test_there_is_a_page_of_pixelstat_and_of_each_command(tmp_path: Path) -> None:
    write_man_pages(tmp_path / "man")
    names = {path.name for path in (tmp_path / "man").iterdir()}
    assert names == {"pixelstat.1", *(f"pixelstat-{name}.1" for name in COMMANDS)}
    titles = {name: f"pixelstat-{name}(1)".replace("-", "\\-") for name in COMMANDS}
    assert [name for name, title in titles.items() if title not in PAGES["pixelstat.1"]] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_a_page_has_every_option_of_its_command(name: str) -> None:
    command = ReportCommand(load_report(name)) if name in REPORTS else load_command(name)
    options = [option.opts[-1].replace("-", "\\-") for option in command.params if isinstance(option, click.Option)]
    terms = re.findall(r"^\.TP\n\\fB(.*)\\fR$", PAGES[f"pixelstat-{name}.1"], re.MULTILINE)
    assert [option for option in options if not any(option in term.split(" ") for term in terms)] == []


def test_every_exit_code_is_explained() -> None:
    assert [*EXIT_STATUS] == [*Exit]
    section = PAGES["pixelstat.1"].partition('.SH "EXIT STATUS"\n')[2]
    assert re.findall(r"^\.TP\n\\fB(\d+)\\fR$", section, re.MULTILINE) == [str(int(code)) for code in Exit]


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_sound(name: str, tmp_path: Path) -> None:
    page = PAGES[name]
    assert page.startswith(".TH ")
    assert [line for line in page.splitlines() if line.startswith("'") or re.match(r"\.(?![A-Za-z]{2}\b)", line)] == []
    if shutil.which("groff"):
        done = subprocess.run(
            ["groff", "-ww", "-man", "-Tutf8", "-Kutf8"], input=page.encode(), capture_output=True, check=True
        )
        assert done.stderr == b""


@pytest.mark.slow
def test_a_wheel_holds_the_man_pages_and_the_manual(tmp_path: Path) -> None:
    source, wheels = tmp_path / "source", tmp_path / "wheels"
    root = PACKAGE.parent
    shutil.copytree(PACKAGE, source / "pixelstat", ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / name, source / name)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(wheels), str(source)],
        check=True,
    )
    (wheel,) = wheels.iterdir()
    names = zipfile.ZipFile(wheel).namelist()
    pages = {name.rpartition("/")[2] for name in names if ".data/data/share/man/man1/" in name}
    assert pages == {*PAGES}
    topics = {name.rpartition("/")[2] for name in names if name.startswith("pixelstat/manual/")}
    assert topics == {path.name for path in (PACKAGE / "manual").glob("*.md")}
    assert not (source / "build" / "man").exists()
