"""Names of output files: dates in them, and folders that are missing."""

import re
from datetime import datetime, timezone
from pathlib import Path

import pytest

from pixelstat.cli.output_files import DIRECTIVES, expand_date
from pixelstat.errors import PixelstatError
from tests.builders import log, view
from tests.run import run_in_process
from tests.small_logs import MESSY, write_log

NOON = datetime(2026, 9, 7, 12, 5, 6, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("name", "expanded"),
    [
        ("report.csv", "report.csv"),
        ("report-%Y-%m-%d.csv", "report-2026-09-07.csv"),
        ("%Y/%m/%H%M%S.csv", "2026/09/120506.csv"),
        ("100%%.csv", "100%.csv"),
        ("%%Y.csv", "%Y.csv"),
        ("%F-week-%V.csv", "2026-09-07-week-37.csv"),
    ],
)
def test_directives_are_replaced(name: str, expanded: str) -> None:
    assert expand_date(name, NOON) == expanded


@pytest.mark.parametrize("name", ["100%.csv", "a%", "%D.csv", "%-d.csv", "%é", "%\n", "%Q"])
def test_a_percent_sign_that_begins_no_directive_is_an_error(name: str) -> None:
    with pytest.raises(PixelstatError, match="is not part of a date"):
        expand_date(name, NOON)


def test_no_directive_leads_into_another_folder() -> None:
    assert "/" not in NOON.strftime("".join(f"%{letter}" for letter in DIRECTIVES))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "access.log").write_text(log(view("ann", "/", "10:00")))
    return tmp_path


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Niue"])  # 25 hours apart
def test_the_date_is_that_of_the_run_in_the_zone_of_the_report(zone: str, folder: Path) -> None:
    assert run_in_process(folder, "views", "access.log", "-o", "%Z %s.csv", "--tz", zone).exit == 0
    written = next(folder.glob("*.csv")).stem
    offset, _, seconds = written.partition(" ")
    assert offset == {"Pacific/Kiritimati": "+14", "Pacific/Niue": "-11"}[zone]
    assert re.fullmatch(r"\d{10}", seconds)


COMMANDS = {
    "views": ["access.log"], "check": ["access.log"], "events": ["access.log"],
    "formats": [], "protocols": [], "schema": ["views"],
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_missing_folders_are_made_on_demand_only(command: str, folder: Path) -> None:
    arguments = COMMANDS[command]
    missing = run_in_process(folder, command, *arguments, "-o", "a/b/out.csv")
    assert (missing.exit, missing.stdout) == (2, "")
    assert missing.stderr == "Error: There is no folder 'a/b' for 'a/b/out.csv'.\n\nCreate it with --mkdir.\n"
    assert not (folder / "a").exists()
    assert run_in_process(folder, command, *arguments, "-o", "a/b/out.csv", "--mkdir").exit == 0
    assert (folder / "a" / "b" / "out.csv").stat().st_size > 0
    assert run_in_process(folder, command, *arguments, "-o", "a/b/out.csv", "--mkdir").exit == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_puts_the_date_into_the_name(command: str, folder: Path) -> None:
    assert run_in_process(folder, command, *COMMANDS[command], "-o", "%s.csv").exit == 0
    assert [path.stem.isdecimal() for path in folder.glob("*.csv")] == [True]


def test_the_folder_of_rejects_is_made_too(folder: Path) -> None:
    write_log(folder, MESSY)
    assert "--mkdir" in run_in_process(folder, "views", "access.log", "--rejects", "bad/lines.tsv").stderr
    assert run_in_process(folder, "views", "access.log", "--rejects", "bad/lines.tsv", "--mkdir").exit == 0
    assert (folder / "bad" / "lines.tsv").exists()


def test_a_folder_that_cannot_be_made_is_an_error(folder: Path) -> None:
    finished = run_in_process(folder, "views", "access.log", "-o", "access.log/b/out.csv", "--mkdir")
    assert (finished.exit, finished.stdout) == (2, "")
    assert "cannot be created: Not a directory." in finished.stderr


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", [f"{'a' * 300}/out.csv", f"{'a' * 300}.csv"])
def test_a_name_that_is_too_long_is_an_error(name: str, command: str, folder: Path) -> None:
    finished = run_in_process(folder, command, *COMMANDS[command], "-o", name)
    assert (finished.exit, finished.stdout) == (2, "")
    assert finished.stderr == f"Error: {name!r} cannot be written: File name too long.\n\nName another file.\n"


def test_rejects_need_a_name_of_a_file_too(folder: Path) -> None:
    finished = run_in_process(folder, "views", "access.log", "--rejects", f"{'a' * 300}.tsv")
    assert (finished.exit, "cannot be written: File name too long." in finished.stderr) == (2, True)
