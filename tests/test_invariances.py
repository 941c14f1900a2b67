"""Every report says the same of the same events, in whatever files, order and way they are read."""

import gzip
import subprocess
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pixelstat.fastpath import plan, request_hash
from pixelstat.reports import NAMES
from pixelstat.sources import blocks
from tests.random_logs import write_random_log
from tests.run import run_in_process, start_process

PERIOD = ("--since", "2026-09-08", "--until", "2026-09-08")
REPORTS: Sequence[tuple[str, ...]] = (
    ("summary",),
    ("summary", *PERIOD),
    ("views",),
    ("views", "--every", "day", *PERIOD),
    ("visitors", "--every", "all", "--by", "host"),
    ("visitors", *PERIOD),
    ("visits", "--by", "entry_page", "--by", "source"),
    ("visits", "--host", "a.example"),
    ("sources", *PERIOD),
    ("devices",),
    ("funnel",),
    ("funnel", "--by", "channel", "--steps", "page_view,purchase"),
    ("funnel", "--order", "strict", "--steps", "page_view,add_to_cart,purchase", *PERIOD),
    ("paths",),
    ("conversions", "--by", "utm_source", *PERIOD),
    ("conversions", "--goal", "purchase", "--every", "day"),
    ("attribution", "--by", "source", "--model", "all"),
    ("attribution", "--paths", *PERIOD),
    ("experiment", "--force", "--bayes", "--goal", "purchase", "--goal", "lead"),
    ("experiment", "--force", "--window", "6h", *PERIOD),
    ("roi", "--spend", "spend.csv", "--model", "time_decay"),
    ("roi", "--spend", "spend.csv", "--sensitivity", *PERIOD),
    ("orders", *PERIOD, "--refund-date", "own"),
    ("orders", "--repeat", "--horizon", "1d"),
    ("orders", "--where", "page = '/thanks'"),
    ("products",),
    ("products", "--abandoned", "--window", "6h", *PERIOD),
    ("products", "--viewed-not-purchased", "--reveal-ids"),
    ("opens",),
    ("clicks", "--every", "day"),
)


def answer_all(folder: Path, *logs: str) -> dict[tuple[str, ...], str]:
    """What each of REPORTS says of the logs, as CSV."""
    (folder / "spend.csv").write_text("date,source,spend\n2026-09-07,news,20\n2026-09-08,Face,30.5\n")
    answers = {}
    for arguments in REPORTS:
        finished = run_in_process(folder, arguments[0], *logs, "-q", *arguments[1:])
        assert finished.exit == 0, finished.stderr
        answers[arguments] = finished.stdout
    return answers


@cache
def answer_whole(seed: int) -> dict[tuple[str, ...], str]:
    """What each of REPORTS says of a random log in one file."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "whole.log").write_text("".join(write_random_log(seed)))
        return answer_all(Path(folder), "whole.log")


def keep(_: Path, __: list[str]) -> tuple[str, ...]:
    return ("whole.log",)


def part(folder: Path, lines: list[str]) -> tuple[str, ...]:
    """Parts of the log, named from the last to the first."""
    cuts = [0, len(lines) // 3, len(lines) // 2, len(lines)]
    names = []
    for number in reversed(range(3)):
        names.append(f"{2 - number}.log")
        (folder / names[-1]).write_text("".join(lines[cuts[number] : cuts[number + 1]]))
    return tuple(names)


def compress(folder: Path, lines: list[str]) -> tuple[str, ...]:
    (folder / "whole.gz").write_bytes(gzip.compress("".join(lines).encode()))
    return ("whole.gz",)


def export(folder: Path, lines: list[str]) -> tuple[str, ...]:
    """Parquet of two parts, of which the second is exported first."""
    names = []
    for name in part(folder, lines)[:2], part(folder, lines)[2:]:
        names.append(f"{name[0]}.parquet")
        assert run_in_process(folder, "events", *name, "-q", "-o", names[-1], "--reveal-ids").exit == 0
    return tuple(names)


def read_by_expressions(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(plan, "native", None)
    patch.setattr(request_hash, "native", None)


def read_small_blocks(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(blocks, "BLOCK", 4096)


def change_nothing(_: pytest.MonkeyPatch) -> None:
    pass


def set_zone(patch: pytest.MonkeyPatch) -> None:
    patch.setenv("TZ", "Asia/Kathmandu")


WAYS: dict[str, tuple[Callable[[Path, list[str]], tuple[str, ...]], Callable[[pytest.MonkeyPatch], None]]] = {
    "parts in another order": (part, change_nothing),
    "Parquet": (export, change_nothing),
    "by expressions": (keep, read_by_expressions),
    "compressed": (compress, change_nothing),
    "small blocks": (keep, read_small_blocks),
    "another zone of the machine": (keep, set_zone),
}


def test_every_report_is_asked() -> None:
    assert {arguments[0] for arguments in REPORTS} == {*NAMES} - {"places"}  # which needs a database


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("way", WAYS)
def test_every_report_says_the_same(way: str, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = write_random_log(seed)
    (tmp_path / "whole.log").write_text("".join(lines))
    expected = answer_whole(seed)
    prepare, change = WAYS[way]
    logs = prepare(tmp_path, lines)
    change(monkeypatch)
    found = answer_all(tmp_path, *logs)
    assert [arguments for arguments in REPORTS if found[arguments] != expected[arguments]] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    [{"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"POLARS_MAX_THREADS": "1"}],
    ids=["ASCII", "one thread"],
)
@pytest.mark.parametrize("report", ["summary", "funnel", "paths", "opens"])
def test_the_environment_changes_no_report(report: str, environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "whole.log").write_text("".join(write_random_log(1)))
    process = start_process(tmp_path, [report, "whole.log", "-q"], subprocess.PIPE, **environment)
    stdout, stderr = process.communicate(timeout=120)
    assert (stdout.decode(), stderr.decode()) == (run_in_process(tmp_path, report, "whole.log", "-q").stdout, "")
