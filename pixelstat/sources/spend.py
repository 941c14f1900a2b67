"""Read what was spent on ads: a file of the user, as ad platforms export it, into a tidy frame.

    date,channel,source,medium,campaign,spend,currency,impressions,clicks
    2026-09-07,Paid Search,google,cpc,spring,120.50,EUR,3400,81

Only a date and the spend are needed; other columns are null where the file lacks them. The file may be CSV with any
usual separator and encoding, with lines above the headings and totals below the rows, or Parquet. Nothing is dropped
in silence: what is not a row of spend is named in the notes, and a row that cannot be read is an error.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from pixelstat.errors import PixelstatError, unreadable_file
from pixelstat.frames.numbers import ISO_CODES
from pixelstat.sources.encodings import detect_encoding
from pixelstat.sources.event_parquet import MAGIC
from pixelstat.sources.spend_cells import Amount, Cell, is_date, is_placeholder, read_amounts, read_counts, read_dates
from pixelstat.sources.spend_headings import (
    HEADINGS,
    Layout,
    find_layout,
    is_complete,
    list_fields,
    require_stated_columns,
)
from pixelstat.text.plurals import format_count

SPEND = pl.Schema(
    {
        "date": pl.Date(),
        "channel": pl.String(),
        "source": pl.String(),
        "medium": pl.String(),
        "campaign": pl.String(),
        "spend": pl.Float64(),  # negative for a credit; null where the file has a row without an amount
        "currency": pl.String(),  # ISO 4217 code
        "impressions": pl.Int64(),
        "clicks": pl.Int64(),
    }
)
TEXTS = ("channel", "source", "medium", "campaign")
COUNTS = ("impressions", "clicks")
SEPARATORS = (",", ";", "\t", "|")
MAX_PREAMBLE = 50  # rows in which the headings are looked for
CENTS = Decimal("0.01")  # the largest unit that amounts are split into
MAX_NAMED = 3  # rows that a note names
WORKBOOK = b"PK\x03\x04"  # the first bytes of an .xlsx file, which is a zip archive
_TOTALS = ("total", "grand total", "gesamt", "gesamtsumme", "summe", "insgesamt", "subtotal", "zwischensumme")
_FOOTERS = ("©", "@", "(c)", "copyright")
_HINT = 'Name its columns: --spend-columns "Tag=date,Kosten=spend"'


@dataclass(frozen=True)
class SpendFile:
    """What a file of spend holds: a frame of SPEND in the order of the file, and what a reader must know of it."""

    frame: pl.DataFrame
    notes: list[str]
    has_vague_currency: bool = False  # an amount has a sign that several currencies use, such as $


@dataclass(frozen=True)
class Row:
    """A row of the file, and where it is, such as `spend.csv, line 7`."""

    cells: Sequence[str]
    position: str


def read_spend(path: str, columns: Mapping[str, str] | None = None) -> SpendFile:
    """Read a file of spend. `columns` are the headings that the user names, see `parse_spend_columns`.

    Raises PixelstatError, with the line and the text, for a file that cannot be read and for an unreadable row.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise unreadable_file(path, error, "Name another file with --spend.") from error
    notes: list[str] = []
    number_headings: Sequence[str] = ()  # of columns that hold numbers, not texts
    if content.startswith(MAGIC):
        headings, rows, number_headings = _read_parquet(path)
    elif content.startswith(WORKBOOK):
        raise PixelstatError(f"{path} is a workbook or a zip archive, not a CSV file.", "Save it as CSV.")
    else:
        text, encoding = _decode(content)
        notes += [f"the file is read as {encoding}"] if encoding else []
        headings, rows = _find_table(path, text, columns)
    require_stated_columns(headings, columns)
    layout = find_layout(headings, columns)
    if not is_complete(layout.positions):
        missing = "spend" if "spend" not in layout.positions else "the date"
        names = ", ".join(repr(heading.strip()) for heading in headings if heading.strip()) or "nothing"
        raise PixelstatError(f"{path} has no column of {missing} that pixelstat knows. It has {names}.", _HINT)
    if headings[layout.positions["spend"]] in number_headings:
        layout = replace(layout, styles={**layout.styles, "spend": "point"})
    return _build_file(rows, headings, layout, notes)


# -- tables ----------------------------------------------------------------------------------------------------------


def _decode(content: bytes) -> tuple[str, str]:
    """Decode a file, and return the name of its encoding if it is an unusual one."""
    codec = detect_encoding(content)
    if codec:
        return content.decode(codec, "replace").removeprefix("\ufeff"), ""
    try:
        return content.decode("utf-8-sig"), ""
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace"), "Windows-1252, because it is not UTF-8"


def _find_table(path: str, text: str, columns: Mapping[str, str] | None) -> tuple[Sequence[str], list[Row]]:
    """Return the headings and the rows below them, by the separator that shows most headings we know."""
    best = (-1, SEPARATORS[0], 0)  # the score, the separator, and the index of the row of headings
    for separator in SEPARATORS:
        for index, row in enumerate(islice(_split_rows(path, text, separator), MAX_PREAMBLE)):
            fields = list_fields(row.cells, columns)
            score = len(fields) + len(HEADINGS) * is_complete(fields)
            best = max(best, (score, separator, index), key=lambda each: each[0])
    _, separator, index = best
    rows = list(_split_rows(path, text, separator))
    return (rows[index].cells, rows[index + 1 :]) if rows else ((), [])


def _split_rows(path: str, text: str, separator: str) -> Iterator[Row]:
    """Yield the rows that are not blank, each with the line in which it begins."""
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator)
    line = 1
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                yield Row(cells, f"{path}, line {line}")
            line = reader.line_num + 1
    except csv.Error as error:
        raise PixelstatError(
            f"{path}, line {line}: the row cannot be read: {error}.", "Save it as CSV again."
        ) from error


def _read_parquet(path: str) -> tuple[Sequence[str], list[Row], Sequence[str]]:
    """Return the columns of a Parquet file, its rows as text, and the columns that hold numbers."""
    try:
        frame = pl.read_parquet(path, glob=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise PixelstatError(f"{path} cannot be read as Parquet: {reason}.", "Write it again.") from error
    rows = [Row([*map(_write, values)], f"{path}, row {number}") for number, values in enumerate(frame.rows(), 1)]
    return frame.columns, rows, [name for name, dtype in frame.schema.items() if dtype.is_numeric()]


def _write(value: Any) -> str:
    """Return a value of Parquet as a text that has one reading."""
    if isinstance(value, float | Decimal):
        decimal = Decimal(repr(value)) if isinstance(value, float) else value
        return f"{decimal:f}" if decimal.is_finite() else str(value)
    return "" if value is None else str(value)


# -- rows ------------------------------------------------------------------------------------------------------------


def _build_file(rows: Sequence[Row], headings: Sequence[str], layout: Layout, notes: list[str]) -> SpendFile:
    """Read the rows below the headings."""
    rows, left_out = _part_rows(rows, layout)
    for row in rows:
        if len(row.cells) < layout.width or any(map(str.strip, row.cells[layout.width :])):
            fields = format_count(len(row.cells), "field", "fields")
            raise PixelstatError(f"{row.position}: the row has {fields}, but there are {layout.width} headings.", _HINT)
    labels = {name: f"{headings[position].strip()}={name}" for name, position in layout.positions.items()}
    amounts = _read_amounts(rows, labels, layout)
    total = _find_total(rows, amounts, labels, layout)
    if total is not None:
        left_out = [*left_out, rows[total]]
        rows, amounts = [*rows[:total], *rows[total + 1 :]], [*amounts[:total], *amounts[total + 1 :]]
    spans = _read_spans(rows, labels, layout)
    currencies = _read_currencies(rows, amounts, layout)
    texts = {name: _read_texts(rows, layout, name) for name in TEXTS}
    counts = {name: read_counts(_list_cells(rows, layout, name)) or [None] * len(rows) for name in COUNTS}
    days = [number for _, number in spans]
    values = [amount.value if amount else None for amount in amounts]
    frame = pl.DataFrame(
        {
            "date": [start + timedelta(day) for start, number in spans for day in range(number)],
            "spend": _spread(values, days, CENTS),
            "currency": _repeat(currencies, days),
            **{name: _repeat(texts[name], days) for name in TEXTS},
            **{
                name: _spread([count if count is None else Decimal(count) for count in counts[name]], days)
                for name in COUNTS
            },
        },
        SPEND,
        strict=False,
    )
    vague = sum(
        1 for amount, code in zip(amounts, currencies, strict=True) if amount and amount.has_vague_sign and not code
    )
    notes = [*notes, *layout.notes, *_describe_left_out(left_out), *_list_notes(frame, days, values, vague)]
    return SpendFile(frame, notes, has_vague_currency=vague > 0)


def _read_amounts(rows: Sequence[Row], labels: Mapping[str, str], layout: Layout) -> list[Amount | None]:
    return read_amounts(_list_cells(rows, layout, "spend"), labels["spend"], layout.styles.get("spend"))


def _part_rows(rows: Sequence[Row], layout: Layout) -> tuple[list[Row], list[Row]]:
    """Part the rows from those that say of themselves that they are a total, or the last line of a report."""
    rows_of_spend: list[Row] = []
    left_out: list[Row] = []
    for row in rows:
        filled = [cell.strip() for cell in row.cells if not is_placeholder(cell)]
        is_label = bool(filled) and _is_total_label(filled[0]) and not _has_date(row, layout)
        is_footer = len(filled) == 1 and filled[0].lower().startswith(_FOOTERS)
        (left_out if is_label or is_footer else rows_of_spend).append(row)
    return rows_of_spend, left_out


def _is_total_label(text: str) -> bool:
    """Return whether a text is that of a total, such as `Total: Campaigns` or `Gesamt`."""
    words = text.lower().replace(":", " ").split()
    return any(words[: len(label.split())] == label.split() for label in _TOTALS)


def _has_date(row: Row, layout: Layout) -> bool:
    """Return whether a row has a date in the column that counts, see `_read_spans`."""
    position = next(layout.positions[name] for name in ("date", "week", "start") if name in layout.positions)
    return position < len(row.cells) and is_date(row.cells[position])


def _find_total(
    rows: Sequence[Row], amounts: Sequence[Amount | None], labels: Mapping[str, str], layout: Layout
) -> int | None:
    """Return the index of the one row that is the total of all others.

    It alone names no campaign, has the sum of the others, and no date or the time of all others.
    """
    names = [layout.positions[name] for name in TEXTS if name in layout.positions]
    nameless = [
        index
        for index, row in enumerate(rows)
        if all(is_placeholder(row.cells[position]) or _is_total_label(row.cells[position]) for position in names)
    ]
    if not names or len(nameless) != 1 or len(rows) < 2:
        return None
    [index] = nameless
    total, others = amounts[index], [amount.value for amount in (*amounts[:index], *amounts[index + 1 :]) if amount]
    if total is None or total.value != sum(others, Decimal(0)):
        return None
    if not _has_date(rows[index], layout):
        return index
    if "date" in layout.positions or "week" in layout.positions:
        return None
    spans = [(start, start + timedelta(days)) for start, days in _read_spans(rows, labels, layout)]
    covers_all = spans[index] == (min(start for start, _ in spans), max(end for _, end in spans))
    return index if covers_all else None


def _list_cells(rows: Sequence[Row], layout: Layout, name: str) -> list[Cell]:
    """Return the cells of a column; none where the file lacks it."""
    if name not in layout.positions:
        return []
    return [Cell(row.cells[layout.positions[name]], row.position) for row in rows]


def _read_texts(rows: Sequence[Row], layout: Layout, name: str) -> list[str | None]:
    """Return the texts of a column; None for a placeholder, and in all rows where the file lacks it."""
    cells = _list_cells(rows, layout, name) or [Cell("", row.position) for row in rows]
    return [None if is_placeholder(cell.text) else cell.text.strip() for cell in cells]


def _read_spans(rows: Sequence[Row], labels: Mapping[str, str], layout: Layout) -> list[tuple[date, int]]:
    """Return the first day and the number of days of each row."""

    def read(name: str) -> list[date]:
        return read_dates(_list_cells(rows, layout, name), labels[name], layout.styles.get(name))

    if "date" in layout.positions:
        return [(day, 1) for day in read("date")]
    if "week" in layout.positions:
        return [(day, 7) for day in read("week")]
    starts = read("start")
    ends = read("end") if "end" in layout.positions else starts
    for row, start, end in zip(rows, starts, ends, strict=True):
        if end < start:
            raise PixelstatError(f"{row.position}: the row ends on {end}, before it begins on {start}.", "Swap them.")
    return [(start, (end - start).days + 1) for start, end in zip(starts, ends, strict=True)]


def _read_currencies(rows: Sequence[Row], amounts: Sequence[Amount | None], layout: Layout) -> list[str | None]:
    """Return the currency of each row, as its column, its amount or the heading of the amounts states it."""
    texts = _read_texts(rows, layout, "currency")
    currencies: list[str | None] = []
    for row, text, amount in zip(rows, texts, amounts, strict=True):
        if text and text.upper() not in ISO_CODES:
            raise PixelstatError(f"{row.position}: {text!r} is not the code of a currency.", "Write: EUR")
        codes = {code for code in (text and text.upper(), amount and amount.currency, layout.currency) if code}
        if len(codes) > 1:
            raise PixelstatError(
                f"{row.position}: the row states two currencies, {' and '.join(sorted(codes))}.",
                "Leave one of them out.",
            )
        currencies.append(next(iter(codes), None))
    return currencies


def _repeat(values: Sequence[str | None], days: Sequence[int]) -> list[str | None]:
    """Repeat the value of each row for each of its days."""
    return [value for value, number in zip(values, days, strict=True) for _ in range(number)]


def _spread(amounts: Sequence[Decimal | None], days: Sequence[int], unit: Decimal = Decimal(1)) -> list[float | None]:
    """Spread the amount of each row over its days."""
    return [part for amount, number in zip(amounts, days, strict=True) for part in _split_evenly(amount, number, unit)]


def _split_evenly(amount: Decimal | None, parts: int, unit: Decimal) -> list[float | None]:
    """Split an amount into parts of whole units whose sum is exactly the amount. They differ by one unit at most.

    The unit is smaller where the amount has more decimals.
    """
    if amount is None or parts == 1:
        return [amount if amount is None else float(amount)] * parts
    exponent = amount.as_tuple().exponent
    unit = min(unit, Decimal(1).scaleb(exponent if isinstance(exponent, int) else 0))
    whole, rest = divmod(int(abs(amount) / unit), parts)
    sign = -1 if amount < 0 else 1
    return [float(unit * sign * (whole + (index < rest))) for index in range(parts)]


# -- notes -----------------------------------------------------------------------------------------------------------


def _describe_left_out(rows: Sequence[Row]) -> Iterator[str]:
    """Yield a note on the rows that are no rows of spend, if there are any."""
    if not rows:
        return
    names = []
    for row in rows[:MAX_NAMED]:
        text = next((cell.strip() for cell in row.cells if not is_placeholder(cell)), "")
        names.append(f"{row.position.rpartition(', ')[2]} ({text!r})")
    more = ["..."] if len(rows) > MAX_NAMED else []
    words = ("row that is a total or a footer is", "rows that are totals or footers are")
    yield f"{format_count(len(rows), *words)} left out: {', '.join([*names, *more])}"


def _list_notes(
    frame: pl.DataFrame, days: Sequence[int], amounts: Sequence[Decimal | None], vague: int
) -> Iterator[str]:
    """Yield notes on what the frame does not show. The rows of the file have these numbers of days and amounts."""
    if frame.is_empty():
        yield "the file has no rows"
        return
    if number := sum(1 for each in days if each > 1):
        words = ("row covers several days: its", "rows cover several days: their")
        yield f"{format_count(number, *words)} figures are spread evenly over the days"
    if number := amounts.count(None):
        yield f"{format_count(number, 'row has', 'rows have')} no amount"
    if vague:
        words = ("amount has", "amounts have")
        yield f"{format_count(vague, *words)} a sign that several currencies use, such as $, and so no currency"
    if number := sum(1 for amount in amounts if amount is not None and amount < 0):
        yield f"{format_count(number, 'row is a credit', 'rows are credits')}, with a negative amount"
    dates = frame["date"].unique().sort()
    first, last = dates[0], dates[-1]
    if missing := (last - first).days + 1 - len(dates):
        yield f"{format_count(missing, 'day', 'days')} between {first} and {last} without a row"
