"""No run writes over what it reads."""

from pathlib import Path

import pytest

from tests.run import Finished, run_in_process
from tests.small_logs import MESSY, TWO, write_log


@pytest.mark.parametrize("command", ["views", "check"])
@pytest.mark.parametrize("name", ["access.csv", "./access.csv", "../logs/access.csv", "soft.csv", "hard.csv"])
@pytest.mark.parametrize("option", ["--rejects", "-o"])
def test_no_log_is_ever_written_over(option: str, name: str, command: str, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    write_log(folder, MESSY, "access.csv")
    (folder / "soft.csv").symlink_to("access.csv")
    (folder / "hard.csv").hardlink_to(folder / "access.csv")
    finished = run_in_process(folder, command, "access.csv", option, name)
    assert (folder / "access.csv").read_bytes() == MESSY
    assert finished == Finished("", f"Error: {name!r} is one of the logs.\n\nName another file to write to.\n", 2)


def test_no_log_out_of_a_directory_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    write_log(tmp_path / "logs", MESSY, "access.log")
    finished = run_in_process(tmp_path, "views", "logs", "--rejects", "logs/access.log")
    assert (tmp_path / "logs/access.log").read_bytes() == MESSY
    assert finished.exit == 2


def test_bad_lines_and_report_do_not_share_a_file(tmp_path: Path) -> None:
    write_log(tmp_path, MESSY)
    finished = run_in_process(tmp_path, "views", "access.log", "-o", "out.csv", "--rejects", "out.csv")
    assert finished.stderr.startswith("Error: ")
    assert finished.exit == 2


def test_a_log_is_never_overwritten_by_its_own_report(tmp_path: Path) -> None:
    (tmp_path / "access.csv").write_bytes(TWO)
    finished = run_in_process(tmp_path, "views", "access.csv", "-o", "access.csv")
    assert (tmp_path / "access.csv").read_bytes() == TWO
    assert finished.stderr.startswith("Error: ")
    assert finished.exit == 2
