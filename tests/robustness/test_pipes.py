"""Readers that go away, full disks, a closed stdout and signals end a run cleanly."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.builders import log, view
from tests.run import COMMAND, ENVIRONMENT, run_in_process, start_process
from tests.small_logs import MANY, TWO, TWO_COUNTED


@pytest.mark.slow
def test_a_closed_pipe_behind_stdout_ends_the_run_silently(tmp_path: Path) -> None:
    running = start_process(tmp_path, ["views", "--top", "0"])
    assert running.stdout is not None
    running.stdout.close()
    running.stdout = None
    _, said = running.communicate(MANY, timeout=120)
    assert said == b""
    assert running.returncode == 0


@pytest.mark.slow
def test_head_ends_the_run_silently(tmp_path: Path) -> None:
    pages = log(*(view("ann", f"/{number:05d}", "10:00") for number in range(20_000)))  # more than a pipe holds
    (tmp_path / "access.log").write_text(pages)
    script = '"$0" -m pixelstat views access.log --top 0 -q | head -n 2; echo "${PIPESTATUS[0]}"'
    done = subprocess.run(
        ["/bin/bash", "-c", script, sys.executable],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PATH": os.defpath},
        check=False,
    )
    assert done.stdout == "page,views,visitors\n/00000,1,1\n0\n"
    assert done.stderr == ""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(TWO)
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, "views", "access.log"],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
            check=False,
        )
    assert "No space left on device" in done.stderr
    assert "bug" not in done.stderr
    assert done.returncode == 2


@pytest.mark.slow
def test_a_file_is_written_where_there_is_no_stdout(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(TWO)
    script = '"$0" -m pixelstat views access.log -o pages.csv >&-'
    done = subprocess.run(
        ["/bin/sh", "-c", script, sys.executable],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        check=False,
    )
    assert (done.stderr, done.returncode) == (TWO_COUNTED.stderr, 0)
    assert (tmp_path / "pages.csv").read_text() == TWO_COUNTED.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sent", "said", "code"),
    [(signal.SIGINT, b"pixelstat: interrupted\n", 130), (signal.SIGTERM, b"pixelstat: terminated\n", 143)],
)
def test_a_signal_ends_the_run_at_once_with_its_code_and_no_output(
    sent: signal.Signals, said: bytes, code: int, tmp_path: Path
) -> None:
    (tmp_path / "pages.csv").write_text("yesterday's\n")
    running = start_process(tmp_path, ["views", "-o", "pages.csv"])
    assert running.stdin is not None
    running.stdin.write(MANY)  # more than a pipe holds: when it is written, the program is reading
    running.stdin.flush()
    running.send_signal(sent)
    assert running.wait(timeout=10) == code
    assert running.stderr is not None
    assert running.stderr.read() == said
    assert (tmp_path / "pages.csv").read_text() == "yesterday's\n"
    assert [path.name for path in tmp_path.iterdir()] == ["pages.csv"]
    running.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["events.csv", "events.parquet"])
def test_a_signal_leaves_nothing_of_an_export_that_has_begun(name: str, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    running = start_process(tmp_path, ["events", "-o", name], TMPDIR=str(scratch))
    assert running.stdin is not None
    running.stdin.write(MANY)
    running.stdin.flush()
    until = monotonic() + 10
    while not list(tmp_path.glob(f".{name}.*.part")) and monotonic() < until:
        sleep(0.01)
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=10) == 143
    assert [path.name for path in tmp_path.iterdir()] == ["scratch"]
    assert not list(scratch.iterdir())
    running.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("command", ["views", "check"])
def test_a_closed_stderr_changes_nothing_in_the_report(command: str, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(TWO)
    script = f"{shlex.join(COMMAND)} {command} access.log 2>&-"
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, check=False)
    assert done.returncode == 0
    assert done.stdout.decode() == run_in_process(tmp_path, command, "access.log").stdout
