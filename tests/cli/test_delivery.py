"""Rows and columns of a report as the user wants them, and the conditions that fail a run."""

import csv
import io
import json
from pathlib import Path

import polars as pl
import pytest

from pixelstat import outputs, reports
from pixelstat.cli.delivery import select_columns, sort_rows
from pixelstat.conditions import parse_report_condition
from pixelstat.config import SQL_KEYWORDS
from pixelstat.errors import Exit
from pixelstat.result import TYPE_OF_KIND, Column, Result
from tests.builders import log, request, view
from tests.run import csv_rows, run_in_process

ARGUMENTS = {"formats": [], "protocols": [], "schema": ["views"]}  # of commands that take no log
PAGES = {"/": ("ann", "ben", "cy"), "/cart": ("ann",), "/blog": ("ann", "ben"), "/about": ("cy",)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = [view(visitor, page, "10:00") for page, visitors in PAGES.items() for visitor in visitors]
    (tmp_path / "access.log").write_text(log(*lines, view("ann", "/", "11:00")))
    return tmp_path


def views(folder: Path, *options: str) -> list[str]:
    """The rows of `views` in CSV, without the header."""
    finished = run_in_process(folder, "views", "access.log", "-q", *options)
    assert finished.exit == 0, finished.stderr
    return finished.stdout.splitlines()[1:]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "pages"),
    [
        (["--sort", "page"], ["/", "/about", "/blog", "/cart"]),
        (["--sort=-page"], ["/cart", "/blog", "/about", "/"]),
        (["--sort", "-page"], ["/cart", "/blog", "/about", "/"]),
        (["--sort", "visitors,-page"], ["/cart", "/about", "/blog", "/"]),
        (["--sort", "visitors", "--sort", "page"], ["/about", "/cart", "/blog", "/"]),
        (["--sort", "-visitors", "--top", "2"], ["/", "/blog"]),
        (["--sort", "visitors", "--columns", "page"], ["/about", "/cart", "/blog", "/"]),
    ],
)
def test_rows_are_sorted_by_columns(options: list[str], pages: list[str], folder: Path) -> None:
    assert [row.split(",")[0] for row in views(folder, *options)] == pages


def test_nulls_come_last_in_both_directions_and_ties_keep_their_order() -> None:
    columns = [Column("name"), Column("value", "count")]
    frame = pl.DataFrame({"name": ["a", "b", "c", "d"], "value": [1, None, 2, 1]})
    result = Result("", columns, frame)
    assert sort_rows(result, ["value"]).frame["name"].to_list() == ["a", "d", "c", "b"]
    assert sort_rows(result, ["-value"]).frame["name"].to_list() == ["c", "a", "d", "b"]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in outputs.NAMES if name != "parquet"])
def test_every_output_has_the_columns_in_the_order_of_the_option(name: str, folder: Path) -> None:
    finished = run_in_process(
        folder, "views", "access.log", "-q", "--format", name, "--columns", "visitors, page", "--top", "1"
    )
    text = finished.stdout
    assert finished.exit == 0
    assert text.index("visitors") < text.index("page", text.index("visitors"))
    assert "views" not in text.rpartition("\n\n")[2].lower() + ("" if name in ("table", "markdown") else text)


def test_parquet_has_the_columns_in_the_order_of_the_option(folder: Path) -> None:
    run_in_process(folder, "views", "access.log", "-q", "-o", "out.parquet", "--columns", "visitors,page")
    assert pl.read_parquet(folder / "out.parquet").columns == ["visitors", "page"]


def test_the_marked_cell_stays_the_same_cell() -> None:
    frame = pl.DataFrame({"name": ["b", "a", "c"], "value": [2, 1, 3]})
    result = Result("", [Column("name"), Column("value", "count")], frame, marked=("value", 0))
    assert sort_rows(result, ["name"]).marked == ("value", 1)
    assert sort_rows(result, ["-value"]).marked == ("value", 1)
    assert select_columns(result, ["value"]).marked == ("value", 0)
    assert select_columns(result, ["name"]).marked is None


def test_a_table_shows_a_detail_that_is_named() -> None:
    result = Result(
        "", [Column("a", detail=True, minor=True, hidden=True), Column("b")], pl.DataFrame({"a": ["x"], "b": ["y"]})
    )
    assert select_columns(result, ["b", "a"]).columns == [Column("b"), Column("a")]


def test_a_sorted_tree_is_not_drawn(folder: Path) -> None:
    options = ["--format", "table", "-q", "--from", "page_view"]
    assert "└─" in run_in_process(folder, "paths", "access.log", *options).stdout
    finished = run_in_process(folder, "paths", "access.log", *options, "--sort", "-visitors")
    assert (finished.exit, "└─" in finished.stdout) == (0, False)


@pytest.mark.parametrize("option", ["--columns", "--sort", "--fail-if"])
@pytest.mark.parametrize("command", ["views", "check", "formats", "protocols", "schema", "events"])
def test_an_unknown_column_is_an_error_of_every_command(command: str, option: str, folder: Path) -> None:
    arguments = ARGUMENTS.get(command, ["access.log"])
    value = "nothng > 5" if option == "--fail-if" else "nothng"
    finished = run_in_process(folder, command, *arguments, option, value)
    assert (finished.exit, finished.stdout) == (2, "")
    assert "'nothng'" in finished.stderr
    assert "\n\nColumns: " in finished.stderr


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--columns", "pages"], "--columns 'pages' is not a column of this report. Did you mean page?"),
        (["--sort", "-veiws"], "--sort 'veiws' is not a column of this report. Did you mean views?"),
        (["--fail-if", "vews < 1"], "names 'vews', which is not a column. Did you mean views?"),
        (["--fail-if", "views"], "The condition 'views' is not true or false."),
        (["--fail-if", "views <"], "The condition 'views <' is not an SQL condition: "),
        (["--columns", "step"], "--columns 'step' is not a column of this report."),
    ],
)
def test_a_wrong_name_is_an_error_before_anything_is_written(options: list[str], sentence: str, folder: Path) -> None:
    finished = run_in_process(folder, "views", "access.log", *options, "-o", "out.csv")
    assert (finished.exit, finished.stdout) == (2, "")
    assert sentence in finished.stderr
    assert "lines" not in finished.stderr
    assert not (folder / "out.csv").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "failure"),
    [
        (["--fail-if", "views < 2"], "holds for 2 of 4 rows: views < 2"),
        (["--fail-if", "page = '/blog'"], "holds for 1 of 4 rows: page = '/blog'"),
        (["--fail-if", "views > avg(views)"], "holds for 1 of 4 rows: views > avg(views)"),
        (["--fail-if", "sum(views) > 7"], "holds: sum(views) > 7"),
        (["--fail-if", "count(*) < 5"], "holds: count(*) < 5"),
        (["--fail-if", "count(*) > 5", "--fail-if", "views < 1", "--fail-if", "views = 4"], "1 of 4 rows: views = 4"),
        (["--fail-if", "views < 2", "--columns", "page", "--top", "4"], "holds for 2 of 4 rows: views < 2"),
        (["--fail-if-empty", "--where", "page = '/no'"], "--fail-if-empty: the report has no rows."),
        (["--fail-if", "count(*) < 1", "--where", "page = '/no'"], "holds: count(*) < 1"),
        (["--fail-if", "sum(views) < 1", "--where", "page = '/no'"], "lacks the figures: sum(views) < 1"),
        (["--fail-if", "views < 1", "--where", "page = '/no'"], "the report has no rows: views < 1"),
        (["--fail-if", "views < null"], "lacks the figures: views < null"),
    ],
)
def test_a_condition_fails_the_run_once_the_report_is_written(options: list[str], failure: str, folder: Path) -> None:
    finished = run_in_process(folder, "views", "access.log", *options, "-q")
    assert finished.exit == Exit.CONDITION_MET
    assert finished.stderr.startswith("Error: ")
    assert finished.stderr.endswith(f"{failure}\n")
    assert finished.stderr.count("\n") == 1
    assert finished.stdout.startswith("page")


def test_a_funnel_without_visitors_fails_a_condition_on_its_rates(folder: Path) -> None:
    options = ["--steps", "/,/cart", "--host", "nosuch", "-q", "--fail-if", "conversion_rate < 0.5"]
    finished = run_in_process(folder, "funnel", "access.log", *options)
    assert finished.exit == Exit.CONDITION_MET
    assert "has no value, because the report lacks the figures: conversion_rate < 0.5\n" in finished.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "condition"),
    [
        ("views", "cast(page as bigint) > 1"),
        ("check", "cast(finding as bigint) > 1"),
        ("events", "cast(page as bigint) > 1"),
        ("formats", "cast(about as bigint) > 1"),
        ("protocols", "cast(protocol as bigint) > 1"),
        ("schema", "cast(about as bigint) > 1"),
    ],
)
def test_a_condition_that_fails_on_the_data_is_an_error(command: str, condition: str, folder: Path) -> None:
    arguments = ARGUMENTS.get(command, ["access.log"])
    finished = run_in_process(folder, command, *arguments, "--fail-if", condition)
    assert finished.exit == Exit.USAGE
    assert finished.stderr.startswith(f"Error: The condition '{condition}' of --fail-if does not match the data: ")
    assert "TRY_CAST" in finished.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [["--fail-if", "views < 1"], ["--fail-if", "nullif(views, 1) < 2"], ["--fail-if", "count(*) > 4"],
     ["--fail-if-empty"]],
)  # fmt: skip
def test_a_condition_that_does_not_hold_changes_nothing(options: list[str], folder: Path) -> None:
    plain = run_in_process(folder, "views", "access.log")
    assert run_in_process(folder, "views", "access.log", *options) == plain


def test_a_condition_sees_the_comparison_with_another_period(folder: Path) -> None:
    options = ["--since", "2026-09-07", "--until", "2026-09-07", "--compare", "previous", "-q"]
    dropped = run_in_process(folder, "views", "access.log", *options, "--fail-if", "views > previous_views")
    assert (dropped.exit, dropped.stderr.count("for 4 of 4 rows")) == (5, 1)
    rows = csv_rows(run_in_process(folder, "views", "access.log", *options, "--columns", "page,change_views"))
    assert [*rows[0]] == ["page", "change_views"]


@pytest.mark.parametrize("name", reports.NAMES)
def test_every_column_of_a_report_can_be_named_in_a_condition(name: str) -> None:
    columns = reports.load_report(name).columns
    rows = pl.DataFrame(schema={column.name: TYPE_OF_KIND[column.kind] for column in columns})
    for column in (column for column in columns if column.name not in SQL_KEYWORDS):
        assert parse_report_condition(f"{column.name} is null", rows).meta.root_names() == [column.name]


EVENT_LOG = log(*(request(f"/p.gif?v=a{number}&e=e{number % 3}", f"10:{number:02d}") for number in range(30)))


@pytest.mark.slow
def test_events_are_selected_sorted_and_tested_too(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(EVENT_LOG)

    def run(*options: str) -> tuple[int, str, str]:
        finished = run_in_process(tmp_path, "events", "access.log", "--reveal-ids", *options)
        return finished.exit, finished.stdout, finished.stderr

    assert list(csv.reader(io.StringIO(run("--columns", "visitor,event")[1])))[:3] == [
        ["visitor", "event"], ["v:a0", "e0"], ["v:a1", "e1"],
    ]  # fmt: skip
    lines = run("--columns", "visitor", "--sort", "event,-time", "--format", "ndjson", "-q")[1].splitlines()
    assert [json.loads(line)["visitor"] for line in lines][:2] == ["v:a27", "v:a24"]
    table = run("--format", "table", "--sort", "-time", "--columns", "visitor")
    assert ("v:a29" in table[1], "v:a9" in table[1], "The table shows the first 20 of 30 events" in table[1]) == (
        True,
        False,
        True,
    )
    assert run("--fail-if", "event = 'e1'", "-q", "--columns", "visitor")[::2] == (
        5, "Error: The condition of --fail-if holds for 10 of 30 rows: event = 'e1'\n",
    )  # fmt: skip
    assert run("--fail-if-empty", "-q")[::2] == (0, "")
    assert run("--fail-if-empty", "-q", "--where", "event = 'e9'")[::2] == (
        5, "Error: --fail-if-empty: the report has no rows.\n",
    )  # fmt: skip


def test_lists_cannot_be_sorted(folder: Path) -> None:
    finished = run_in_process(folder, "events", "access.log", "--sort", "products")
    assert (finished.exit, "a list cannot be sorted" in finished.stderr) == (2, True)


def test_the_lists_of_formats_and_of_pixels_are_selected_too(tmp_path: Path) -> None:
    finished = run_in_process(tmp_path, "protocols", "--columns", "protocol", "--sort", "protocol")
    rows = finished.stdout.splitlines()
    assert rows == ["protocol", *sorted(rows[1:])]
    assert run_in_process(tmp_path, "formats", "--fail-if", "format = 'combined'").exit == 5
    schema = run_in_process(tmp_path, "schema", "views", "--columns", "column", "--sort=-column", "--fail-if-empty")
    rows = schema.stdout.splitlines()
    assert (schema.exit, rows) == (0, ["column", *sorted(rows[1:], reverse=True)])
    assert run_in_process(tmp_path, "schema", "views", "--fail-if", "column = 'page'").exit == 5


@pytest.mark.parametrize("command", ["views", "check"])
def test_a_condition_comes_before_damage(command: str, folder: Path) -> None:
    (folder / "torn.gz").write_bytes(b"\x1f\x8b\x08\x00torn")
    torn = run_in_process(folder, command, "access.log", "torn.gz", "-q")
    assert (torn.exit, torn.stderr.startswith("Warning: torn.gz: ")) == (3, True)
    failed = run_in_process(folder, command, "access.log", "torn.gz", "-q", "--fail-if", "count(*) > 0")
    assert (failed.exit, failed.stderr.startswith("Warning: torn.gz: ")) == (5, True)


def test_too_many_bad_lines_are_named_with_quiet_too(folder: Path) -> None:
    (folder / "access.log").write_text(log(view("ann", "/", "10:00"), "no line of a log"))
    for command in ("check", "views"):
        finished = run_in_process(folder, command, "access.log", "--strict", "-q")
        assert (finished.exit, "1 of 2 lines could not be read" in finished.stderr) == (4, True)
