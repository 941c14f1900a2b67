"""Values as text, the same in every text output: ISO 8601 with its offset, and cells that no spreadsheet runs."""

import polars as pl

from pixelstat.result import TIMES, Result

TIME = "%Y-%m-%dT%H:%M:%S%:z"
FORMULA = r"^[=+\-@\t\r\x00]"  # ASVS 1.2.10, CWE-1236


def format_times(result: Result) -> pl.DataFrame:
    """Times as `2026-09-07T00:00:00+02:00`, everything else as it is."""
    times = [column.name for column in result.columns if column.kind in TIMES]
    return result.frame.with_columns(pl.col(name).dt.strftime(TIME) for name in times)


def format_lists(frame: pl.DataFrame) -> pl.DataFrame:
    """Lists as compact JSON, everything else as it is."""
    lists = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.List)]
    return frame.with_columns(
        # Polars writes objects only, so it gets one with the list as its `x`; what is around the list is cut off.
        pl.when(pl.col(name).is_not_null())
        .then(pl.struct(x=name).struct.json_encode().str.slice(len('{"x":')).str.head(-1))
        .alias(name)
        for name in lists
    )


def neutralize_formulas(result: Result) -> pl.DataFrame:
    """Times and lists as text, and a `'` before any text that a spreadsheet would run as a formula."""
    frame = format_lists(format_times(result))
    if not result.csv_safe:
        return frame
    texts = [column.name for column in result.columns if column.kind == "text"]
    return frame.with_columns(
        pl.when(pl.col(name).str.contains(FORMULA)).then(pl.lit("'") + pl.col(name)).otherwise(name).alias(name)
        for name in texts
    )
