"""Apply Python functions to columns, once per distinct value.

Python runs on one core, while Polars uses all. Polars also puts every expression of one `with_columns` that holds a
Python function on that same core. So these helpers let Polars find the rows and number the texts in a `with_columns`
of its own, before the one with the Python function.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from threading import Lock

import polars as pl

from pixelstat.frames.columns import internal

CACHE_SIZE = 100_000  # distinct texts that are remembered
MAX_SINGLE_REPLACEMENTS = 4  # up to this many texts, replacing them one by one is the quickest


def flag_distinct(
    rows: pl.LazyFrame, column: str, judge: Callable[[pl.Series], pl.Series], verdict: str, of_null: bool | str = False
) -> pl.LazyFrame:
    """Add column `verdict`, never null, by calling `judge` once per distinct text of `column`.

    `of_null` is the verdict for null. Its type is the type of all verdicts: text or boolean.
    """
    dtype = pl.String() if isinstance(of_null, str) else pl.Boolean()
    return map_distinct(rows, column, judge, verdict, dtype).with_columns(pl.col(verdict).fill_null(of_null))


def map_distinct(
    rows: pl.LazyFrame, column: str, function: Callable[[pl.Series], pl.Series], name: str, dtype: pl.DataType
) -> pl.LazyFrame:
    """Add column `name` of type `dtype` by calling `function` once per distinct non-null text of `column`.

    `function` takes and returns a Series of equal length. Null gives null. A log holds few distinct user agents and
    addresses, so even a slow function stays affordable. Results are kept for the whole run: memory grows with the
    distinct texts, not with the rows.
    """
    # Polars numbers the distinct texts. `positions` maps a text's number to the position of its answer in `answers`.
    numbered = pl.Categorical(pl.Categories.random(column))
    positions = pl.Series(dtype=pl.UInt32)  # by number; null: no answer yet
    answers = pl.Series(dtype=dtype)
    lock = Lock()

    def look_up(columns: Sequence[pl.Series]) -> pl.Series:
        nonlocal positions, answers
        texts, numbers = columns
        highest = numbers.max()
        if not isinstance(highest, int):
            return pl.Series(texts.name, [None], dtype).new_from_index(0, len(texts))
        found_at = positions.gather(numbers) if highest < len(positions) else None
        if found_at is None or found_at.null_count() > numbers.null_count():
            # Batches run in parallel. `answers` only grows, and it grows before `positions` refers to the new answers.
            with lock:
                longer = positions.extend_constant(None, max(0, highest + 1 - len(positions)))
                new = pl.DataFrame({"text": texts, "number": numbers}).unique("number").drop_nulls()
                new = new.filter(longer.gather(new["number"]).is_null())
                answers = pl.concat([answers, function(new["text"])], rechunk=True)
                new_positions = pl.int_range(len(answers) - len(new), len(answers), dtype=pl.UInt32, eager=True)
                positions = longer.clone().scatter(new["number"], new_positions)
                found_at = positions.gather(numbers)
        return answers.gather(found_at)

    number = internal(f"number of {column}")
    answer = pl.map_batches([column, number], look_up, return_dtype=dtype, is_elementwise=True)
    with_number = rows.with_columns(pl.col(column).cast(numbered).to_physical().alias(number))
    return with_number.with_columns(answer.alias(name)).drop(number)


def replace_where(
    rows: pl.LazyFrame,
    columns: Iterable[str],
    condition: Callable[[pl.Expr], pl.Expr],
    function: Callable[[str], str | None],
    *,
    remembered: int = CACHE_SIZE,
) -> pl.LazyFrame:
    """Replace the texts in the columns for which the condition holds by what the function makes of them.

    All other texts pass untouched. `remembered` is the number of distinct texts whose replacement is cached. The
    columns of the conditions stay in the frame; later selections drop them.
    """
    cached = lru_cache(maxsize=remembered)(function)

    def replace(pair: Sequence[pl.Series]) -> pl.Series:
        values, is_chosen = pair
        if not is_chosen.any():
            return values
        old = values.filter(is_chosen).unique().drop_nulls()
        new = pl.Series([cached(value) for value in old.to_list()], dtype=pl.String)
        if len(old) > MAX_SINGLE_REPLACEMENTS:
            return values.replace(old, new)
        replaced = values
        for index, text in enumerate(old.to_list()):
            # Compare with the original values: another text may have been replaced by this one.
            replaced = replaced.zip_with((values != text).fill_null(value=True), new[index : index + 1])
        return replaced

    flags = {column: internal(f"replace {column}") for column in columns}
    return rows.with_columns(condition(pl.col(column)).alias(flag) for column, flag in flags.items()).with_columns(
        pl.map_batches(pair, replace, return_dtype=pl.String, is_elementwise=True) for pair in flags.items()
    )


def map_distinct_rows(columns: Sequence[str], function: Callable[..., object], dtype: pl.DataType) -> pl.Expr:
    """Return an expression of type `dtype` that calls the function once per distinct combination of the columns.

    The function receives one text or None per column. A row whose columns are all null gives null.
    """
    cached = lru_cache(maxsize=CACHE_SIZE)(function)

    def look_up(texts: Sequence[pl.Series]) -> pl.Series:
        rows = pl.DataFrame(texts).with_row_index("row")
        filled = rows.filter(~pl.all_horizontal(pl.col(columns).is_null()))
        distinct = filled.select(columns).unique()
        answers = distinct.with_columns(answer=pl.Series([cached(*row) for row in distinct.iter_rows()], dtype=dtype))
        joined = filled.join(answers, on=columns, how="left", nulls_equal=True, maintain_order="left")
        answer = joined.select("row", "answer")
        return rows.select("row").join(answer, on="row", how="left", maintain_order="left")["answer"]

    return pl.map_batches(columns, look_up, return_dtype=dtype, is_elementwise=True)
