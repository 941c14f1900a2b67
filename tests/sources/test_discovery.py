"""Which files a run reads: names, globs, directories and standard input, and the errors for those that are missing."""

import gzip
import os
from pathlib import Path

from tests.run import Finished, run_in_process
from tests.small_logs import NO_PAGES, TWO, TWO_COUNTED, count_views


def test_an_empty_file_is_reported_as_empty(tmp_path: Path) -> None:
    assert count_views(tmp_path, b"") == Finished(NO_PAGES, "access.log is empty.\n0 events from 0 lines\n", 0)


def test_an_empty_archive_is_reported_as_empty(tmp_path: Path) -> None:
    finished = count_views(tmp_path, gzip.compress(b""), name="access.log.gz")
    assert finished == Finished(NO_PAGES, "access.log.gz is empty.\n0 events from 0 lines\n", 0)


def test_empty_standard_input_is_reported_as_empty(tmp_path: Path) -> None:
    assert run_in_process(tmp_path, "views") == Finished(
        NO_PAGES, "Standard input is empty.\n0 events from 0 lines\n", 0
    )


def test_a_missing_file_stops_the_run_before_anything_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.log")  # whoever opens it waits for a writer
    finished = run_in_process(tmp_path, "views", "missing.log", "fifo.log")
    assert finished.stdout == ""
    assert (
        finished.stderr
        == "Error: There is no file 'missing.log'.\n\nName access logs, directories with logs, or - for standard input.\n"
    )
    assert finished.exit == 2


def test_a_missing_file_named_last_stops_the_run_just_as_early(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_bytes(b"no log at all\n")
    finished = run_in_process(tmp_path, "views", "people.csv", "missing.log")
    assert finished.stderr.startswith("Error: There is no file 'missing.log'.\n")
    assert finished.exit == 2


def test_a_quoted_glob_names_all_that_it_matches(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(TWO.splitlines(keepends=True)[0])
    (tmp_path / "access.log.1.gz").write_bytes(gzip.compress(TWO.splitlines(keepends=True)[1]))
    (tmp_path / "error.log").write_bytes(b"oh no\n")
    assert run_in_process(tmp_path, "views", "access.log*") == TWO_COUNTED


def test_a_glob_that_matches_nothing_is_an_error(tmp_path: Path) -> None:
    finished = run_in_process(tmp_path, "views", "access.log*")
    assert finished.stderr.startswith("Error: No file matches 'access.log*'.\n")
    assert finished.exit == 2


def test_a_directory_gives_its_logs_and_names_the_files_it_skips(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "access.log").write_bytes(TWO.splitlines(keepends=True)[1])
    (logs / "access.log.1").write_bytes(TWO.splitlines(keepends=True)[0])
    (logs / "error.log").write_bytes(b"2026/09/07 10:00:00 [error] 7#7: open() failed\n")
    (logs / ".hidden").write_bytes(TWO)
    (logs / "older").mkdir()
    finished = run_in_process(tmp_path, "views", "logs")
    assert finished == Finished(
        TWO_COUNTED.stdout, "Skipped files that are not logs: logs/error.log.\n" + TWO_COUNTED.stderr, 0
    )


def test_a_directory_without_files_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    finished = run_in_process(tmp_path, "views", "logs")
    assert (
        finished.stderr
        == "Error: The directory 'logs' contains no files.\n\nName access logs, or a directory with logs.\n"
    )
    assert finished.exit == 2


def test_a_directory_without_logs_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"buy milk\n")
    finished = run_in_process(tmp_path, "views", ".")
    assert (
        finished.stderr
        == "Error: The directory contains no logs, only other files: notes.txt.\n\nName the logs, or their format with --log-format.\n"
    )
    assert finished.exit == 2


def test_a_log_with_a_name_of_one_letter_given_twice_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(TWO)
    assert run_in_process(tmp_path, "views", "a", "a").stderr.startswith("Warning: a and a begin alike.")


def test_standard_input_named_twice_is_read_once(tmp_path: Path) -> None:
    finished = run_in_process(tmp_path, "views", "-", "-", stdin=TWO)
    assert finished.stdout == TWO_COUNTED.stdout
