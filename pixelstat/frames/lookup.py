"""Apply Python functions to columns, once per distinct value."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from threading import Lock

import polars as pl

CACHE_SIZE = 100_000  # distinct texts
FEW = 4  # texts that are quicker changed one by one


def flag_distinct(
    rows: pl.LazyFrame, column: str, judge: Callable[[pl.Series], pl.Series], verdict: str, of_null: bool | str = False
) -> pl.LazyFrame:
    """Rows with a column `verdict`: what `judge` says of each text, never null. It sees each distinct text once.

    `of_null` is the verdict where there is no text; all others are of its type.
    """
    dtype = pl.String() if isinstance(of_null, str) else pl.Boolean()
    return map_distinct(rows, column, judge, verdict, dtype).with_columns(pl.col(verdict).fill_null(of_null))


def map_distinct(
    rows: pl.LazyFrame, column: str, tell: Callable[[pl.Series], pl.Series], name: str, dtype: pl.DataType
) -> pl.LazyFrame:
    """Rows with a column of this name and type: what `tell` says of each text. It sees each distinct one once, no null.

    What is dear for every row stays affordable this way: a log holds few distinct agents and addresses.
    Polars numbers the distinct texts; what is known of each stands at a place of its own, found by its number.
    """
    numbered = pl.Categorical(pl.Categories.random(column))
    places = pl.Series(dtype=pl.UInt32)  # by number; null: not told yet
    known = pl.Series(dtype=dtype)
    lock = Lock()

    def batch(columns: Sequence[pl.Series]) -> pl.Series:
        nonlocal places, known
        texts, numbers = columns
        highest = numbers.max()
        if not isinstance(highest, int):
            return pl.Series(texts.name, [None], dtype).new_from_index(0, len(texts))
        found = places.gather(numbers) if highest < len(places) else None
        if found is None or found.null_count() > numbers.null_count():
            with lock:  # batches run side by side: what is known only grows, and before the places that point to it
                longer = places.extend_constant(None, max(0, highest + 1 - len(places)))
                new = pl.DataFrame({"text": texts, "number": numbers}).unique("number").drop_nulls()
                new = new.filter(longer.gather(new["number"]).is_null())
                known = pl.concat([known, tell(new["text"])], rechunk=True)
                after = pl.int_range(len(known) - len(new), len(known), dtype=pl.UInt32, eager=True)
                places = longer.clone().scatter(new["number"], after)
                found = places.gather(numbers)
        return known.gather(found)

    number = f"number of {column}"
    by_number = pl.map_batches([column, number], batch, return_dtype=dtype, is_elementwise=True)
    numbers = rows.with_columns(pl.col(column).cast(numbered).to_physical().alias(number))
    return numbers.with_columns(by_number.alias(name)).drop(number)


def replace_where(
    rows: pl.LazyFrame,
    columns: Iterable[str],
    needed: Callable[[pl.Expr], pl.Expr],
    change: Callable[[str], str | None],
    *,
    remembered: int = CACHE_SIZE,
) -> pl.LazyFrame:
    """Rows with `change` of each text in the columns where it is `needed`; all others pass untouched, as most do."""
    changed = lru_cache(maxsize=remembered)(change)

    def batch(pair: Sequence[pl.Series]) -> pl.Series:
        values, chosen = pair
        if not chosen.any():
            return values
        old = values.filter(chosen).unique().drop_nulls()
        new = pl.Series([changed(value) for value in old.to_list()], dtype=pl.String)
        if len(old) > FEW:
            return values.replace(old, new)
        found = values
        for place, text in enumerate(old.to_list()):  # each where it was, not where another has become it
            found = found.zip_with((values != text).fill_null(value=True), new[place : place + 1])
        return found

    flags = {column: f"change {column}" for column in columns}
    return rows.with_columns(needed(pl.col(column)).alias(flag) for column, flag in flags.items()).with_columns(
        pl.map_batches(pair, batch, return_dtype=pl.String, is_elementwise=True) for pair in flags.items()
    )


def map_distinct_rows(columns: Sequence[str], tell: Callable[..., object], dtype: pl.DataType) -> pl.Expr:
    """What `tell` says of the texts in these columns, of `dtype`. It sees each combination once; null where all are."""
    remembered = lru_cache(maxsize=CACHE_SIZE)(tell)

    def batch(texts: Sequence[pl.Series]) -> pl.Series:
        rows = pl.DataFrame(texts).with_row_index("row")
        given = rows.filter(~pl.all_horizontal(pl.col(columns).is_null()))
        distinct = given.select(columns).unique()
        told = distinct.with_columns(told=pl.Series([remembered(*row) for row in distinct.iter_rows()], dtype=dtype))
        found = given.join(told, on=columns, how="left", nulls_equal=True, maintain_order="left")
        return rows.select("row").join(found.select("row", "told"), on="row", how="left", maintain_order="left")["told"]

    return pl.map_batches(columns, batch, return_dtype=dtype, is_elementwise=True)
