"""Values as text, the same in every text output: ISO 8601 with its offset, and cells that no spreadsheet runs."""

import polars as pl

from pixelstat.report import TIMES, Result

TIME = "%Y-%m-%dT%H:%M:%S%:z"
FORMULA = r"^[=+\-@\t\r\x00]"  # ASVS 1.2.10, CWE-1236


def with_times_as_text(result: Result) -> pl.DataFrame:
    """Times as `2026-09-07T00:00:00+02:00`, everything else as it is."""
    times = [column.name for column in result.columns if column.kind in TIMES]
    return result.frame.with_columns(pl.col(name).dt.strftime(TIME) for name in times)


def defused(result: Result) -> pl.DataFrame:
    """Times as text, and a `'` before any text that a spreadsheet would run as a formula."""
    frame = with_times_as_text(result)
    if not result.csv_safe:
        return frame
    texts = [column.name for column in result.columns if column.kind == "text"]
    return frame.with_columns(
        pl.when(pl.col(name).str.contains(FORMULA)).then(pl.lit("'") + pl.col(name)).otherwise(name).alias(name)
        for name in texts
    )
