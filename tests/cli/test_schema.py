"""`schema` lists the columns that a report or `events` writes, in their order and with a meaning for each."""

import json
import re
from pathlib import Path

import polars as pl
import pytest

from pixelstat.cli.commands.schema import NAMES, TYPES, load_columns
from pixelstat.cli.manual import load_topic
from pixelstat.reports import NAMES as REPORTS
from pixelstat.reports import load_report
from pixelstat.result import TYPE_OF_KIND
from pixelstat.schemas import CONDITION_COLUMNS, EVENT_COLUMNS, EXPORTED, VISIT_COLUMNS
from tests.builders import hit, log, view
from tests.run import csv_rows, run_in_process


@pytest.mark.parametrize("name", NAMES)
def test_every_column_has_a_type_and_a_meaning(name: str) -> None:
    columns = load_columns(name)
    assert columns
    assert [column.name for column in columns if not column.about or column.kind not in TYPES] == []


def test_every_kind_of_column_has_the_type_that_its_values_have() -> None:
    words = {pl.String: "text", pl.Int64: "integer", pl.Float64: "number", pl.Boolean: "boolean", pl.Datetime: "time"}
    assert {kind: TYPES[kind][0] for kind in TYPE_OF_KIND} == {
        kind: words[dtype.base_type()] for kind, dtype in TYPE_OF_KIND.items()
    }


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_lists_the_columns_that_it_declares(tmp_path: Path, name: str) -> None:
    rows = csv_rows(run_in_process(tmp_path, "schema", name))
    assert [row["column"] for row in rows] == [column.name for column in load_report(name).columns]


def test_the_events_list_the_columns_that_events_writes(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(view("ann", "/", "10:00")))
    events = csv_rows(run_in_process(tmp_path, "events", "access.log", "-q"))
    schema = csv_rows(run_in_process(tmp_path, "schema", "events"))
    assert [row["column"] for row in schema] == [*events[0]] == [*EXPORTED]


def test_units_follow_the_kind_of_a_column(tmp_path: Path) -> None:
    rows = json.loads(run_in_process(tmp_path, "schema", "funnel", "--format", "json").stdout)
    units = {row["column"]: (row["type"], row["unit"]) for row in rows}
    assert units["visitors"] == ("integer", "count")
    assert units["median_seconds"] == ("number", "s")
    assert units["step"] == ("integer", None)  # the number of a step counts nothing
    assert units["incomplete"] == ("boolean", None)
    orders = csv_rows(run_in_process(tmp_path, "schema", "orders"))
    assert {row["unit"] for row in orders if row["column"] == "revenue"} == {"currency of the row"}


def test_columns_of_a_run_are_columns_of_the_schema(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(view("ann", "/", "10:00"), hit("ann", "purchase", "10:05")))
    rows = csv_rows(run_in_process(tmp_path, "funnel", "access.log", "--steps", "page_view,purchase", "-q"))
    schema = {row["column"] for row in csv_rows(run_in_process(tmp_path, "schema", "funnel"))}
    assert {*rows[0]} <= schema


def test_an_unknown_report_is_an_error(tmp_path: Path) -> None:
    finished = run_in_process(tmp_path, "schema", "funel")
    assert (finished.exit, finished.stdout) == (2, "")
    assert "'funel' is not one of 'summary'" in finished.stderr


def test_the_manual_explains_every_column_of_conditions() -> None:
    explained = {*re.findall(r"`([a-z_]+)`", load_topic("columns").text)}
    assert [name for name in CONDITION_COLUMNS if name not in explained] == []


def test_a_meaning_is_one_line() -> None:
    meanings = {name: about for name, (_, about) in {**EVENT_COLUMNS, **VISIT_COLUMNS}.items()}
    assert {name: about for name, about in meanings.items() if not 10 < len(about) <= 90 or about.endswith(".")} == {}
