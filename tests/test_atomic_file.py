"""A file that is written appears whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from tests.run import Finished, run_in_process
from tests.small_logs import TWO, TWO_COUNTED

WRITABLE = "Name a file in a folder where you can write."


@pytest.mark.parametrize(
    ("output", "error", "hint"),
    [
        ("missing/pages.csv", "There is no folder 'missing' for 'missing/pages.csv'.", "Create it with --mkdir."),
        ("folder.csv", "'folder.csv' cannot be written: Is a directory.", WRITABLE),
        ("access.log/pages.csv", "'access.log/pages.csv' cannot be written: Not a directory.", WRITABLE),
    ],
)
def test_a_file_that_cannot_be_written_is_an_error_and_leaves_nothing(
    output: str, error: str, hint: str, tmp_path: Path
) -> None:
    (tmp_path / "access.log").write_bytes(TWO)
    (tmp_path / "folder.csv").mkdir()
    finished = run_in_process(tmp_path, "views", "access.log", "-o", output)
    assert finished == Finished("", f"Error: {error}\n\n{hint}\n", 2)
    assert {path.name for path in tmp_path.iterdir()} == {"access.log", "folder.csv"}


def test_a_file_that_is_replaced_keeps_its_mode_and_the_links_to_it(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(TWO)
    (tmp_path / "pages.csv").write_text("yesterday's\n")
    (tmp_path / "pages.csv").chmod(0o640)
    (tmp_path / "latest.csv").symlink_to("pages.csv")
    assert run_in_process(tmp_path, "views", "access.log", "-q", "-o", "latest.csv").exit == 0
    assert (tmp_path / "latest.csv").is_symlink()
    assert (tmp_path / "pages.csv").read_text() == TWO_COUNTED.stdout
    assert stat.S_IMODE((tmp_path / "pages.csv").stat().st_mode) == 0o640


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(TWO)
    (tmp_path / "pages.csv").write_text("yesterday's\n")
    assert (
        run_in_process(tmp_path, "views", "access.log", "--where", "regexp_like(page, '(')", "-o", "pages.csv").exit
        == 2
    )
    assert (tmp_path / "pages.csv").read_text() == "yesterday's\n"


def test_a_pipe_or_device_named_as_output_is_never_replaced_by_a_file(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(TWO)
    os.mkfifo(tmp_path / "pages.csv")
    reader = os.open(tmp_path / "pages.csv", os.O_RDONLY | os.O_NONBLOCK)
    finished = run_in_process(tmp_path, "views", "access.log", "-o", "pages.csv")
    received = os.read(reader, 1_000).decode()
    os.close(reader)
    assert stat.S_ISFIFO((tmp_path / "pages.csv").stat().st_mode)
    assert (received, finished.exit) in [(TWO_COUNTED.stdout, 0), ("", 2)]  # written through or refused
