"""The project's key: made once for its owner alone, found again, and refused where others can read it."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.builders import log, request
from tests.run import COMMAND, run_in_process, run_process


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a log and a data folder of its own, in which no key is."""
    (tmp_path / "access.log").write_text(log(request("/p.gif?v=1", "10:00")))
    monkeypatch.setattr("tests.run.ENVIRONMENT", {"XDG_DATA_HOME": str(tmp_path / "data")})
    return tmp_path


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.slow
def test_a_key_is_made_on_first_use_for_its_owner_alone_and_named_once(folder: Path) -> None:
    first = run_in_process(folder, "events", "access.log")
    key = folder / "data" / "pixelstat" / "key"
    assert first.stderr.startswith(f"Created the key of pseudonyms: {key}. ")
    assert (mode(key), mode(key.parent)) == (0o600, 0o700)
    content = key.read_text()
    assert len(bytes.fromhex(content)) == 32
    assert list(key.parent.iterdir()) == [key]
    again = run_in_process(folder, "events", "access.log")
    assert (again.stdout, "new" in again.stderr, key.read_text()) == (first.stdout, False, content)


@pytest.mark.slow
def test_a_key_file_beside_the_config_is_used(folder: Path) -> None:
    below = folder / "project" / "below"
    below.mkdir(parents=True)
    (folder / "project" / "pixelstat.toml").write_text("")
    run_in_process(below, "events", "../../access.log")
    assert mode(folder / "project" / ".pixelstat.key") == 0o600
    assert not (folder / "data").exists()
    (folder / "named.toml").write_text("")
    run_in_process(folder, "events", "access.log", "--config", "named.toml", "--key", "named.key")
    assert mode(folder / "named.key") == 0o600
    assert not (folder / ".pixelstat.key").exists()


@pytest.mark.slow
def test_the_key_is_in_the_home_folder_where_no_data_folder_is_set(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for named in ({}, {"XDG_DATA_HOME": "relative"}, {"XDG_DATA_HOME": ""}):
        home = folder / f"home{len(list(folder.iterdir()))}"
        monkeypatch.setattr("tests.run.ENVIRONMENT", {"HOME": str(home), **named})
        monkeypatch.delenv("XDG_DATA_HOME", raising=False)
        assert run_in_process(folder, "events", "access.log").exit == 0
        assert mode(home / ".local" / "share" / "pixelstat" / "key") == 0o600


@pytest.mark.slow
def test_a_run_without_pseudonyms_makes_no_key(folder: Path) -> None:
    assert run_in_process(folder, "views", "access.log").exit == 0
    assert run_in_process(folder, "events", "access.log", "--reveal-ids").exit == 0
    assert not (folder / "data").exists()
    assert run_in_process(folder, "views", "access.log", "--cookieless").exit == 0
    assert (folder / "data").exists()


@pytest.mark.slow
def test_runs_that_begin_at_once_agree_on_one_key(folder: Path) -> None:
    environment = {"XDG_DATA_HOME": str(folder / "data")}
    running = [
        subprocess.Popen(
            [*COMMAND, "events", "access.log"],
            cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(4)
    ]  # fmt: skip
    finished = [one.communicate(timeout=120) for one in running]
    assert len({stdout for stdout, _ in finished}) == 1
    assert sum("Created the key" in stderr for _, stderr in finished) == 1
    assert os.listdir(folder / "data" / "pixelstat") == ["key"]  # noqa: PTH208 - hidden ones too


@pytest.mark.parametrize("open_to", [0o640, 0o604, 0o620, 0o660, 0o601])
def test_a_key_that_is_open_to_others_is_refused(open_to: int, folder: Path) -> None:
    (folder / "a key").write_text("5e" * 32)
    (folder / "a key").chmod(open_to)
    finished = run_in_process(folder, "events", "access.log", "--key", "a key")
    assert (finished.exit, finished.stdout) == (2, "")
    assert finished.stderr == "Error: Other users can read the key a key.\n\nTry: chmod 600 'a key'\n"


@pytest.mark.parametrize(
    "content", ["", "5e" * 31, "5e" * 33, "xy" * 32, "5e" * 600, "\x00" * 64, "5e" * 32 + "\nmore"]
)
def test_a_file_without_64_hexadecimal_digits_is_refused_as_a_key(content: str, folder: Path) -> None:
    (folder / "key").write_text(content)
    (folder / "key").chmod(0o600)
    finished = run_in_process(folder, "events", "access.log", "--key", "key")
    assert (finished.exit, finished.stdout) == (2, "")
    assert finished.stderr.startswith("Error: key is not a key: it must contain 64 hexadecimal digits.\n")
    assert (folder / "key").read_text() == content


@pytest.mark.parametrize("place", ["folder", "pipe", "/dev/zero"])
def test_a_folder_pipe_or_device_is_refused_as_a_key(place: str, folder: Path) -> None:
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    finished = run_in_process(folder, "events", "access.log", "--key", place)
    assert (finished.exit, finished.stderr.startswith(f"Error: {place} is not a key: ")) == (2, True)


@pytest.mark.slow
def test_a_key_that_cannot_be_made_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.run.ENVIRONMENT", {"XDG_DATA_HOME": str(folder / "access.log")})
    finished = run_in_process(folder, "events", "access.log", "-o", "events.csv")
    assert finished.exit == 2
    assert f"Error: The key {folder}/access.log/pixelstat/key cannot be created: Not a directory.\n" in finished.stderr
    assert finished.stderr.endswith("\nName a file that you can write: --key FILE\n")
    assert not (folder / "events.csv").exists()
    assert run_in_process(folder, "events", "access.log", "--key", "key").exit == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_key_in_a_read_only_home_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "data").mkdir(mode=0o500)
    finished = run_in_process(folder, "events", "access.log")
    assert (finished.exit, "cannot be created: Permission denied." in finished.stderr) == (2, True)


def test_an_empty_key_option_is_an_error(folder: Path) -> None:
    finished = run_in_process(folder, "events", "access.log", "--key", "")
    assert (finished.exit, "--key is empty." in finished.stderr) == (2, True)


@pytest.mark.slow
def test_two_processes_use_the_same_key(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(request("/p.gif?v=1", "10:00")))
    first = run_process(tmp_path, "events", "access.log", "--key", "key", "-o", "first.parquet")
    then = run_process(tmp_path, "events", "access.log", "--key", "key", "-o", "then.parquet")
    assert (first.exit, then.exit, mode(tmp_path / "key")) == (0, 0, 0o600)
    assert (tmp_path / "first.parquet").read_bytes() == (tmp_path / "then.parquet").read_bytes()
