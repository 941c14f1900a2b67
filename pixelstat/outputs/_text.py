"""Turn values into text, the same in every text output: times, lists, and cells that no spreadsheet runs."""

from dataclasses import replace

import polars as pl

from pixelstat.result import TIME_KINDS, Result

ISO_TIME = "%Y-%m-%dT%H:%M:%S%:z"
MAX_EXACT = 1e15  # below it a float holds every whole number
FORMULA_START = r"^[=+\-@\t\r\x00]"  # ASVS 1.2.10, CWE-1236


def format_times(result: Result) -> pl.DataFrame:
    """Format times in ISO 8601 with their offset, such as `2026-09-07T00:00:00+02:00`."""
    times = [column.name for column in result.columns if column.kind in TIME_KINDS]
    return result.frame.with_columns(pl.col(name).dt.strftime(ISO_TIME) for name in times)


def format_lists(frame: pl.DataFrame) -> pl.DataFrame:
    """Format lists as compact JSON."""
    lists = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.List)]
    return frame.with_columns(
        # Polars encodes structs only. So the list becomes the field `x` of one, and what is around it is cut off.
        pl.when(pl.col(name).is_not_null())
        .then(pl.struct(x=name).struct.json_encode().str.slice(len('{"x":')).str.head(-1))
        .alias(name)
        for name in lists
    )


def format_figures(result: Result) -> Result:
    """Format figures as text, whole ones without decimals: a column of figures mixes counts with amounts."""
    names = [column.name for column in result.columns if column.kind == "figure"]
    figures = pl.col(names)
    is_whole = (figures == figures.round()) & (figures.abs() < MAX_EXACT)
    whole = figures.cast(pl.Int64, strict=False).cast(pl.String)
    texts = pl.when(is_whole).then(whole).otherwise(figures.cast(pl.String))
    return replace(result, frame=result.frame.with_columns(texts)) if names else result


def format_texts(result: Result) -> pl.DataFrame:
    """Format times, figures and lists as text."""
    return format_lists(format_times(format_figures(result)))


def neutralize_formulas(result: Result) -> Result:
    """Put a `'` before any text that a spreadsheet would run as a formula.

    With `--no-csv-safe` the texts stay as they are.
    """
    if not result.csv_safe:
        return result
    texts = [column.name for column in result.columns if column.kind == "text"]
    frame = result.frame.with_columns(
        pl.when(pl.col(name).str.contains(FORMULA_START)).then(pl.lit("'") + pl.col(name)).otherwise(name).alias(name)
        for name in texts
    )
    return replace(result, frame=frame)
