"""`init` writes a pixelstat.toml that reports can read."""

from pathlib import Path

import pytest

from pixelstat import config
from pixelstat.sources.globs import find_globs
from tests.builders import log, request
from tests.run import run_in_process
from tests.small_logs import PROJECT_LOG, PROJECT_TOML, write_project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_project(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_init_writes_what_it_found_and_reports_read_it(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(
        PROJECT_LOG
        + log(*(request(f"/px/s.gif?id={n}", "11:00") for n in range(30)))
        + log(*(request(f"/t/q1W2e3{n}/e3R4t5{n}", "11:00") for n in range(30)))
        + log(request("/p.gif?e=purchase&plan=gold&utm_source=x", "12:00"), request("/p.gif?e=add_to_cart", "12:00"))
    )
    finished = run_in_process(tmp_path, "init", "access.log")
    assert (finished.exit, finished.stdout) == (0, "")
    text = (tmp_path / "pixelstat.toml").read_text()
    for line in (
        'logs = ["access.log"]',
        "# Found: 3 events in 69 requests.",
        "#   31 requests look like those of sendy",
        '# protocols = ["sendy"',
        '# path = "/px/s.gif"  # 30 requests',
        '# plan = "plan"',
        'shop = ["page_view", "add_to_cart", "purchase"]',
    ):
        assert line in text
    assert run_in_process(tmp_path, "funnel", "--funnel", "shop", "-q").stdout.count("\n") == 4
    uncommented = "\n".join(
        line.removeprefix("# ") if "=" in line or "[" in line else line for line in text.splitlines()
    )
    (tmp_path / "pixelstat.toml").write_text(uncommented.replace("[[pixels]]\npath", "[[pixels]]\npath", 1))
    assert run_in_process(tmp_path, "views", "-q").exit == 0


def test_init_overwrites_only_with_force(folder: Path) -> None:
    finished = run_in_process(folder, "init", "access.log")
    assert (finished.exit, "pixelstat.toml already exists" in finished.stderr) == (2, True)
    assert (folder / "pixelstat.toml").read_text() == PROJECT_TOML
    assert run_in_process(folder, "init", "access.log", "--force", "-q").stderr == ""
    assert (folder / "pixelstat.toml").read_text() != PROJECT_TOML


def test_a_quoted_glob_is_kept(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    for name in ("access.log", "access.log.1"):
        (logs / name).write_text(PROJECT_LOG)
    finished = run_in_process(tmp_path, "init", "logs/access.log*")
    assert 'logs = ["logs/access.log*"]\n\n' in (tmp_path / "pixelstat.toml").read_text()
    assert "glob" not in finished.stderr
    (logs / "access.log.2").write_text(log(request("/p.gif?v=new&p=/new", "10:00")))
    assert "/new,1,1" in run_in_process(logs, "views", "-q").stdout
    assert run_in_process(logs, "init", "access.log*", "-o", "../pixelstat.toml", "--force").exit == 0
    assert f'logs = ["{logs}/access.log*"]' not in (tmp_path / "pixelstat.toml").read_text()
    assert 'logs = ["logs/access.log*"]\n' in (tmp_path / "pixelstat.toml").read_text()


def test_a_glob_that_the_shell_has_expanded_is_named(tmp_path: Path) -> None:
    for name in ("access.log", "access.log.1", "other.log"):
        (tmp_path / name).write_text(PROJECT_LOG)
    finished = run_in_process(tmp_path, "init", "access.log", "access.log.1")
    assert finished.stderr.endswith("A quoted glob also covers future logs: pixelstat init 'access.log*'\n")
    text = (tmp_path / "pixelstat.toml").read_text()
    assert (
        'logs = ["access.log", "access.log.1"]\n# A glob also covers future logs:\n# logs = ["access.log*"]\n' in text
    )
    assert [Path(name).name for name in config.load_config(None, tmp_path).logs] == ["access.log", "access.log.1"]


@pytest.mark.parametrize(
    ("files", "arguments", "globs"),
    [
        (["access.log", "access.log.1", "access.log.2.gz"], None, ["access.log*"]),
        (["access.log.1", "access.log.2.gz"], None, ["access.log*"]),
        (["access-2026-08.log", "access-2026-09.log"], None, ["access*.log"]),
        (["a.log", "a.log.1", "sub/b.log", "sub/b.log.1", "c"], None, ["a.log", "a.log.1", "sub/b.log*", "c"]),
        (["d/a.log", "d/a.log.1", "e/b.log", "e/b.log.1", "c"], None, ["d/a.log*", "e/b.log*", "c"]),
        (["x[1].log", "x[1].log.1"], None, ["x[[]1].log*"]),
        (["access.log", "error.log"], None, []),
        (["access.log"], None, []),
        (["access.log", "access.log.1", "access.log.2"], ["access.log", "access.log.2"], []),
        (["1.log", "2.log"], None, []),
    ],
)  # fmt: skip
def test_a_glob_matches_the_files_and_no_other(
    files: list[str], arguments: list[str] | None, globs: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    assert find_globs(arguments or files) == globs
    assert find_globs([str(tmp_path / file) for file in arguments or files]) == [str(tmp_path / name) for name in globs]


@pytest.mark.parametrize("path", ['/"]\n[x].gif', "/\x7f\x1b[31m.gif", "/é\\u0041.gif", "/{a}{a}.gif", "/'''.gif"])
def test_hostile_paths_in_a_log_break_no_config(path: str, tmp_path: Path) -> None:
    uri = path.replace("\n", "%0A").replace('"', "\\x22").replace("\x7f", "\\x7F").replace("\x1b", "\\x1B")
    (tmp_path / "a.log").write_text(
        log(*(request(f"{uri}?{n}=", "10:00") for n in range(30)), request(f"/p.gif?e={uri}", "10:00"))
    )
    assert run_in_process(tmp_path, "init", "a.log", "-q").exit == 0
    assert config.load_config(None, tmp_path).logs == (str(tmp_path / "a.log"),)
    assert "\x1b" not in (tmp_path / "pixelstat.toml").read_text()
