"""Files with hostile names, and devices, sockets, pipes and links where a log is expected."""

import contextlib
import gzip
import os
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from tests.builders import log, view
from tests.run import COMMAND, Finished, run_in_process, run_process
from tests.small_logs import ANN, ONE_PAGE, TWO, TWO_COUNTED, count_views


def test_a_name_too_long_for_a_file_is_an_error(tmp_path: Path) -> None:
    name = view("ann", "/", "10:00").replace("/", "-") * 2  # a line pasted where a file belongs
    finished = run_in_process(tmp_path, "views", name)
    assert finished.stderr.startswith(("Error: There is no file ", "Error: No file matches "))
    assert finished.exit == 2


def test_an_empty_name_is_an_error_and_not_this_directory(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(TWO)
    finished = run_in_process(tmp_path, "views", "")
    assert finished.stdout == ""
    assert finished.stderr.startswith("Error: There is no file ''.\n")
    assert finished.exit == 2


def test_a_file_named_like_a_pattern_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "x1.log").write_bytes(TWO + TWO)
    assert count_views(tmp_path, TWO, name="x[1].log") == TWO_COUNTED


@pytest.mark.slow
def test_a_file_with_a_name_that_is_not_utf8_is_read(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.log")).write_bytes(TWO)
    assert run_in_process(tmp_path, "views", b"caf\xe9.log") == TWO_COUNTED
    assert run_in_process(tmp_path, "views", b"caf\xe9.log", b"caf\xe9.log").stderr.startswith(
        "Warning: caf\\udce9.log and caf\\udce9.log begin alike."
    )


@pytest.mark.slow
def test_a_named_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo.log"
    os.mkfifo(fifo)
    writer = threading.Thread(target=fifo.write_bytes, args=(gzip.compress(TWO),), daemon=True)
    writer.start()
    assert run_process(tmp_path, "views", "fifo.log") == TWO_COUNTED


def test_a_device_is_not_read_as_a_log(tmp_path: Path) -> None:
    finished = run_in_process(tmp_path, "views", "/dev/zero")
    assert finished.stderr.startswith("Error: '/dev/zero' is not a regular file.\n")
    assert finished.exit == 2


@pytest.mark.slow
def test_a_file_name_that_a_shell_would_run_is_only_a_name(tmp_path: Path) -> None:
    name = "|touch owned;$(touch owned)`touch owned`.log"
    (tmp_path / name).write_text(log(ANN))
    assert run_in_process(tmp_path, "views", name, "-q", "-o", "|touch owned.csv").exit == 0
    assert run_in_process(tmp_path, "check", name, "-q").exit == 0
    assert {path.name for path in tmp_path.iterdir()} == {name, "|touch owned.csv"}


def test_a_link_to_itself_is_an_error_and_hides_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "one.log").symlink_to("two.log")
    (tmp_path / "two.log").symlink_to("one.log")
    finished = run_in_process(tmp_path, "views", "one.log")
    assert finished.stderr.startswith("Error: There is no file 'one.log'.\n")
    assert finished.exit == 2
    (tmp_path / "good.log").write_text(log(ANN))
    (tmp_path / "gone.log").symlink_to("nowhere")
    (tmp_path / "self").symlink_to(".")
    assert run_in_process(tmp_path, "views", ".", "-q") == Finished(ONE_PAGE, "", 0)


def test_a_directory_that_holds_itself_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/access.log").write_text(log(ANN))
    (tmp_path / "logs/again").symlink_to("../logs")
    assert run_in_process(tmp_path, "views", "logs/**/*.log", "-q").stdout == ONE_PAGE


@pytest.mark.parametrize("command", ["views", "funnel", "check"])
@pytest.mark.parametrize("name", ["/dev/zero", "/dev/null", "/dev/tty", "/dev/urandom"])
def test_a_device_is_not_read_as_a_log_by_any_command(name: str, command: str, tmp_path: Path) -> None:
    finished = run_in_process(tmp_path, command, name)
    assert finished.stderr.startswith(f"Error: '{name}' is not a regular file.\n")
    assert (finished.stdout, finished.exit) == ("", 2)


def test_a_socket_is_not_read_as_a_log(tmp_path: Path) -> None:
    with contextlib.chdir(tmp_path), socket.socket(socket.AF_UNIX) as listening:
        listening.bind("access.sock")
        finished = run_in_process(tmp_path, "views", "access.sock")
    assert finished.stderr.startswith("Error: 'access.sock' is not a regular file.\n")
    assert finished.exit == 2


@pytest.mark.slow
def test_a_named_pipe_is_checked_and_its_bad_lines_kept_though_it_is_read_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.log")
    script = '(printf "%s\\noops\\n" "$LINE" > fifo.log) & exec "$@"'
    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", *COMMAND, "check", "fifo.log", "--rejects", "bad.tsv"],
        cwd=tmp_path, capture_output=True, text=True, env={"LINE": ANN}, timeout=60, check=False,
    )  # fmt: skip
    assert "fifo.log,lines,read,1,0.5\n" in done.stdout
    assert (tmp_path / "bad.tsv").read_text() == "file\tline\treason\traw\nfifo.log\t2\tno_format\toops\n"
    assert (done.stderr, done.returncode) == ("1 bad line in bad.tsv\n", 0)


def test_a_log_named_like_a_pattern_is_that_log_for_check_and_its_bad_lines(tmp_path: Path) -> None:
    (tmp_path / "x1.log").write_text(log(ANN, ANN))
    (tmp_path / "x[1].log").write_text(log(ANN, "oops"))
    finished = run_in_process(tmp_path, "check", "x[1].log", "--rejects", "bad.tsv", "-q")
    assert "x[1].log,lines,all,2,\n" in finished.stdout
    assert (tmp_path / "bad.tsv").read_text() == "file\tline\treason\traw\nx[1].log\t2\tno_format\toops\n"
