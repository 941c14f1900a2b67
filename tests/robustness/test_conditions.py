"""Conditions that would run for ever or ask too much end soon, with an answer or an error."""

from pathlib import Path
from time import monotonic

import pytest

from tests.builders import log, view
from tests.run import run_in_process, run_process
from tests.small_logs import ANN, TWO, count_views


@pytest.mark.parametrize(
    "arguments",
    [
        ("funnel", "--step", "evnt = 'purchase'"),
        ("funnel", "--step", "big: value >"),
        ("funnel", "--steps", "page_view,value > 'much'"),
        ("funnel", "--step", ""),
        ("funnel", "--steps", ","),
        ("views", "--where", "page = '\udcff'"),
        ("views", "--where", "regexp_like(page, '(')"),
        ("views", "--where", "cast(page as integer) = 1"),
        ("views", "--where", "max(value) > 1"),
        ("views", "--where", "value"),
        ("views", "--where", ""),
        ("views", "--host", ""),
    ],
    ids=" ".join,
)
def test_a_condition_that_cannot_be_evaluated_is_an_error_with_a_hint(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "access.log").write_bytes(TWO)
    finished = run_in_process(tmp_path, *arguments, "access.log")
    sentence, _, hint = finished.stderr.partition("\n\n")
    assert sentence.startswith("Error: ")
    assert hint
    assert "bug" not in hint
    assert finished.stdout == ""
    assert finished.exit == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("regexp_like(page, '^/(a+)+$')", False),
        ("regexp_like(page, '^/(a|a|a)*$')", False),
        ("regexp_like(page, '^/(a*)*(a*)*(a*)*b')", False),
        ("regexp_like(page, '(x+x+)+y')", False),
        ("page LIKE '" + "%a" * 200 + "b'", False),
        ("page LIKE '%" + "a" * 40 + "%'", True),
        ("page IN ('" + "','".join(map(str, range(20_000))) + "', '/')", False),
        ("page = '" + "x" * 1_000_000 + "'", False),
        ("value > 1e400", False),
        ("status > 9223372036854775807", False),
        ("1/0 < 1", False),
        ("page = '/' -- and so on", False),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_pathological_condition_ends_soon(condition: str, holds: bool, tmp_path: Path) -> None:
    started = monotonic()
    page = "/" + "a" * 50_000 + "!"
    finished = count_views(tmp_path, log(view("ann", page, "10:00")), "-q", "--where", condition)
    assert (finished.stdout != "page,views,visitors\n", finished.exit) == (holds, 0)
    assert monotonic() - started < 20


@pytest.mark.parametrize(
    "condition",
    [
        "regexp_like(page, '(?=a)')",
        r"regexp_like(page, '(a)\1')",
        "regexp_like(page, 'a{1000}{1000}{1000}')",
        "regexp_like(page, '" + "(" * 5_000 + ")" * 5_000 + "')",
        "(" * 5_000 + "true" + ")" * 5_000,
        "NOT " * 5_000 + "true",
        "value > " + "9" * 400,
        "1=1; DROP TABLE events",
        "page IN (SELECT page FROM events)",
        "EXISTS (SELECT 1)",
        "time - INTERVAL '99999999 year' < time",
        "page = '\x1b[2J",
        "read_csv('/etc/passwd') IS NOT NULL",
        "page\x00 = '/'",
    ],
    ids=lambda condition: f"{condition[:40]!a}",
)
def test_a_condition_that_asks_too_much_is_an_error(condition: str, tmp_path: Path) -> None:
    started = monotonic()
    finished = count_views(tmp_path, log(ANN), "--where", condition)
    assert finished.stderr.startswith("Error: ")
    assert "bug" not in finished.stderr
    assert "\x1b" not in finished.stderr
    assert (finished.stdout, finished.exit) == ("", 2)
    assert monotonic() - started < 20


@pytest.mark.slow
def test_a_condition_of_twenty_thousand_terms_ends_with_an_answer_or_an_error(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(ANN))
    finished = run_process(tmp_path, "views", "access.log", "--where", "value" + "+1" * 20_000 + " > 3")
    assert finished.exit in (0, 2)


def test_a_page_with_many_stars_as_a_step_ends_soon(tmp_path: Path) -> None:
    started = monotonic()
    (tmp_path / "access.log").write_text(log(view("ann", "/" + "a" * 50_000, "10:00")))
    finished = run_in_process(
        tmp_path, "funnel", "access.log", "-q", "--step", "end: /" + "*a" * 200 + "*b", "--step", "/a*"
    )
    assert [row.split(",")[2] for row in finished.stdout.splitlines()[1:]] == ["0", "0"]
    assert monotonic() - started < 20
