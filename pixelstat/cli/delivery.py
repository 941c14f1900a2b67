"""Deliver a result as the user wants it: its order, its columns, and the conditions that fail the run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from pixelstat import outputs
from pixelstat.cli.output_files import prepare_folders
from pixelstat.cli.settings import CommonOptions, read_common_options
from pixelstat.conditions import parse_report_condition
from pixelstat.errors import Exit, PixelstatError, suggest
from pixelstat.frames.columns import internal
from pixelstat.result import Column, Result
from pixelstat.terminal import say
from pixelstat.text.plurals import format_count

HOLDS, ROW = internal("holds"), internal("row")


def deliver_result(result: Result, output_format: str, common: CommonOptions) -> list[str]:
    """Write the result, and return the conditions of --fail-if and --fail-if-empty that it meets, as sentences."""
    failures = find_failures(result, common)
    outputs.deliver([arrange_result(result, common)], output_format, common.output)
    return failures


def deliver_listing(title: str, columns: Sequence[Column], frame: pl.DataFrame, options: Mapping[str, Any]) -> Exit:
    """Write a list that comes from the program itself, not from logs, and return the exit code."""
    common = read_common_options(options)
    output_format = outputs.choose_output(common.format, common.output)
    prepare_folders([common.output], may_create=common.mkdir)
    result = Result(title, columns, frame, csv_safe=common.csv_safe)
    return report_failures(deliver_result(result, output_format, common))


def validate_options(preview: Result, common: CommonOptions) -> None:
    """Raise PixelstatError where --sort, --columns or --fail-if do not fit the columns of the preview.

    The preview needs no rows. So a wrong name is an error before the logs are read.
    """
    arrange_result(preview, common)
    find_failures(preview, common)


def arrange_result(result: Result, common: CommonOptions) -> Result:
    """Sort the rows by --sort, then select the columns of --columns. Without these options nothing changes."""
    if keys := split_names(common.sort):
        result = sort_rows(replace(result, in_table=None), keys)
    if names := split_names(common.columns):
        result = select_columns(replace(result, in_table=None), names)
    return result


def split_names(texts: Iterable[str]) -> list[str]:
    """Split names at commas: `["a,b", "c"]` names a, b and c."""
    return [name for text in texts for part in text.split(",") if (name := part.strip())]


def sort_rows(result: Result, keys: Sequence[str]) -> Result:
    """Sort the rows by columns, in descending order where a key begins with `-`.

    Nulls come last, and ties keep their order. A tree is not drawn any more, because rows do not follow their parents.
    """
    names = [key.removeprefix("-") for key in keys]
    for name in names:
        _require_column(result, name, "--sort")
        if result.frame.schema[name].is_nested():
            raise PixelstatError(f"--sort {name}: a list cannot be sorted.", "Name another column.")
    is_descending = [key.startswith("-") for key in keys]
    numbered = result.frame.with_row_index(ROW)
    frame = numbered.sort(names, descending=is_descending, nulls_last=True, maintain_order=True)
    marked = result.marked and (result.marked[0], frame[ROW].to_list().index(result.marked[1]))
    columns = [replace(column, tree=False) for column in result.columns]
    return replace(result, frame=frame.drop(ROW), columns=columns, marked=marked)


def select_columns(result: Result, names: Sequence[str]) -> Result:
    """Select the columns, in this order. A table shows all of them, if there is room."""
    for name in names:
        _require_column(result, name, "--columns")
    distinct = list(dict.fromkeys(names))
    by_name = {column.name: column for column in result.columns}
    columns = [replace(by_name[name], detail=False, minor=False, hidden=False) for name in distinct]
    marked = result.marked if result.marked and result.marked[0] in distinct else None
    units = result.frame.select(name for name in ("unit", "currency") if name in result.frame.columns)
    return replace(result, frame=result.frame.select(distinct), columns=columns, marked=marked, units=units)


def _require_column(result: Result, name: str, option: str) -> None:
    """Raise PixelstatError where the result has no column of this name."""
    if name not in result.frame.columns:
        advice = suggest(name, result.frame.columns)
        hint = f"Columns: {', '.join(result.frame.columns)}"
        raise PixelstatError(f"{option} {name!r} is not a column of this report.{advice}", hint)


def find_failures(result: Result, common: CommonOptions) -> list[str]:
    """Return a sentence for each condition of --fail-if and --fail-if-empty that the result meets."""
    failures = [sentence for sql in common.fail_if if (sentence := _test_condition(sql, result.frame))]
    return [*failures, *find_emptiness(result.frame.height, common)]


def find_emptiness(rows: int, common: CommonOptions) -> list[str]:
    """Return the sentence of --fail-if-empty where there are no rows."""
    return ["--fail-if-empty: the report has no rows."] if common.fail_if_empty and not rows else []


def _test_condition(sql: str, rows: pl.DataFrame) -> str:
    """Return a sentence if the condition holds for the rows, else nothing.

    A condition on one row holds where it is true for any row. A condition that has no value for any row fails the run
    as well, because a check that cannot be made must not pass.
    """
    condition = parse_report_condition(sql, rows).alias(HOLDS)
    values = _evaluate_condition(sql, condition, rows)
    is_aggregate = rows.clear(2).select(condition).height == 1
    if values.null_count() == len(values):
        reason = "the report lacks the figures" if is_aggregate or len(values) else "the report has no rows"
        return f"The condition of --fail-if has no value, because {reason}: {sql}"
    if not values.any():
        return ""
    if is_aggregate:
        return f"The condition of --fail-if holds: {sql}"
    return f"The condition of --fail-if holds for {values.sum():,} of {format_count(len(values), 'row', 'rows')}: {sql}"


def _evaluate_condition(sql: str, condition: pl.Expr, rows: pl.DataFrame) -> pl.Series:
    """Return the values of the condition. Raises PixelstatError where it fails on a value of the rows."""
    try:
        return rows.select(condition)[HOLDS]
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        reason = str(error).partition("\n")[0]
        hint = "Compare each column with values of its type. TRY_CAST gives null where CAST fails."
        raise PixelstatError(f"The condition {sql!r} of --fail-if does not match the data: {reason}.", hint) from error


def report_failures(failures: Sequence[str]) -> Exit:
    """Print the failures, also with --quiet, and return the exit code."""
    for sentence in failures:
        say(f"Error: {sentence}")
    return Exit.CONDITION_MET if failures else Exit.DONE
