"""Read dates, amounts and counts as ad platforms and spreadsheets write them, a whole column at a time.

`07/09/2026` and `1.234` have two readings. The other cells of the column decide; if none does, it is an error that says
how to state the reading. Cells come with their positions, such as `spend.csv, line 7`, for the messages.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

from pixelstat.errors import PixelstatError
from pixelstat.frames.numbers import ISO_CODES, SIGNS

PLACEHOLDERS = ("", "-", "--", "---", "–", "—", "n/a", "na", "null", "none", "(not set)", "not set")  # of no value
_MONTHS = (
    "jan feb mar apr may jun jul aug sep oct nov dec",
    "january february march april may june july august september october november december",
    "jan feb mär apr mai jun jul aug sep okt nov dez",
    "januar februar märz april mai juni juli august september oktober november dezember",
    "jan feb mrz apr mai jun jul aug sept okt nov dez",
)
MONTHS = {name: number for names in _MONTHS for number, name in enumerate(names.split(), 1)}
_CLOCK = r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?(?:Z|[+-]\d{2}:?\d{2})?)?"
_YEAR_FIRST = re.compile(rf"(\d{{4}})([-/.]?)(\d{{1,2}})\2(\d{{1,2}}){_CLOCK}")
_POINTS = re.compile(rf"(\d{{1,2}})\.(\d{{1,2}})\.(\d{{4}}|\d{{2}}){_CLOCK}")
_SLASHES = re.compile(rf"(\d{{1,2}})([/-])(\d{{1,2}})\2(\d{{4}}|\d{{2}}){_CLOCK}")
_WORDS = re.compile(r"(?:[^\W\d_]{2,10}\.?,? +)?(?:(\d{1,2})\.? +([^\W\d_]+)\.?|([^\W\d_]+)\.? +(\d{1,2})),? +(\d{4})")
_BLANKS = str.maketrans({**dict.fromkeys("\u00a0\u2007\u2009\u202f\t", " "), **dict.fromkeys("’ʼ´`", "'"), "−": "-"})
_SIGN = "|".join(
    [*map(re.escape, sorted(SIGNS, key=len, reverse=True)), r"[A-Z]{0,3}\$", "[¥₩₦₱฿₡₲₸₮]", "kr", "Fr\\.?"]
)
_AMOUNT = re.compile(
    rf"(?P<open>\()?(?P<minus>[-+])?\s*(?P<before>[A-Za-z]{{3}}|{_SIGN})?\s*(?P<minus2>[-+])?\s*"
    rf"(?P<digits>[0-9.,][0-9.,' ]*?)\s*(?P<after>[A-Za-z]{{3}}|{_SIGN})?\s*(?P<minus3>-)?(?P<close>\))?"
)


def _number_pattern(thousands: str, decimal: str) -> re.Pattern[str]:
    """Return the pattern of a number with these characters for thousands and decimals."""
    whole = rf"[1-9]\d{{0,2}}(?:(?P<separator>[{thousands}' ])\d{{3}})(?:(?P=separator)\d{{3}})*"
    lakhs = r"|[1-9]\d?(?:,\d{2})+,\d{3}" if thousands == "," else ""
    return re.compile(rf"(?:{whole}{lakhs}|\d+)(?:{decimal}\d+)?|{decimal}\d+")


_STYLES = {"point": (_number_pattern(",", r"\."), "."), "comma": (_number_pattern(r"\.", ","), ",")}


@dataclass(frozen=True)
class Cell:
    """A text of a file, and where it is."""

    text: str
    position: str


@dataclass(frozen=True)
class Amount:
    """An amount of money, and the code of the currency that stands beside it, if any does."""

    value: Decimal
    currency: str | None = None
    has_vague_sign: bool = False  # a sign such as $ stands beside it, which several currencies use


def is_placeholder(text: str) -> bool:
    """Return whether a text stands for no value."""
    return text.strip().lower() in PLACEHOLDERS


# -- dates -----------------------------------------------------------------------------------------------------------


def read_dates(cells: Sequence[Cell], column: str, order: str | None = None) -> list[date]:
    """Read a column of dates. `order` is `dmy` or `mdy` where the user states it; else the column decides.

    `column` is how the user would name the column, such as `Tag=date`.

    Raises PixelstatError for a text that is no date, and where the order of day and month stays open.
    """
    order = order or _find_order(cells, column)
    return [_read_date(cell, order) for cell in cells]


def is_date(text: str) -> bool:
    """Return whether a text is a date in any order."""
    return any(_parse_date(text, order) for order in ("dmy", "mdy"))


def _find_order(cells: Sequence[Cell], column: str) -> str:
    """Return the order of day and month that all dates with slashes or hyphens allow; `dmy` where there are none."""
    first: dict[str, Cell] = {}  # order -> the first cell that allows no other
    is_open: Cell | None = None
    for cell in cells:
        if not _SLASHES.fullmatch(cell.text.strip()):
            continue
        orders = {order: day for order in ("dmy", "mdy") if (day := _parse_date(cell.text, order))}
        if len({*orders.values()}) == 1 and len(orders) == 1:
            first.setdefault(next(iter(orders)), cell)
        elif len({*orders.values()}) == 2:
            is_open = is_open or cell
    if len(first) == 2:
        day_first, month_first = first["dmy"], first["mdy"]
        raise PixelstatError(
            f"{month_first.position}: {month_first.text!r} begins with the month, but {day_first.text!r} "
            f"({day_first.position}) with the day.",
            "Write dates as 2026-09-07.",
        )
    if is_open and not first:
        raise PixelstatError(
            f"{is_open.position}: {is_open.text!r} may begin with the day or with the month.",
            f'Say it: --spend-columns "{column}:dmy" or "{column}:mdy". Or write 2026-09-07.',
        )
    return next(iter(first), "dmy")


def _read_date(cell: Cell, order: str) -> date:
    day = _parse_date(cell.text, order)
    if day is None:
        raise PixelstatError(f"{cell.position}: {cell.text!r} is not a date.", "Write: 2026-09-07")
    return day


@lru_cache(maxsize=10_000)
def _parse_date(text: str, order: str) -> date | None:
    """Return the date that a text is in this order of day and month, or None."""
    text = text.strip()
    if match := _YEAR_FIRST.fullmatch(text):
        year, month, day = match[1], match[3], match[4]
        if not match[2] and len(month + day) != 4:
            return None
    elif match := _POINTS.fullmatch(text):
        day, month, year = match.groups()
    elif match := _SLASHES.fullmatch(text):
        day, month, year = (match[1], match[3], match[4]) if order == "dmy" else (match[3], match[1], match[4])
    elif match := _WORDS.fullmatch(text):
        number = MONTHS.get((match[2] or match[3]).lower())
        day, month, year = match[1] or match[4], str(number or 0), match[5]
    else:
        return None
    try:
        return date(int(year) + (2000 if len(year) == 2 else 0), int(month), int(day))
    except ValueError:
        return None


# -- numbers ---------------------------------------------------------------------------------------------------------


def read_amounts(cells: Sequence[Cell], column: str, style: str | None = None) -> list[Amount | None]:
    """Read a column of amounts. `style` is `point` or `comma`, the decimal separator, where the user states it.

    `column` is how the user would name the column, such as `Kosten=spend`.
    A placeholder is None. Raises PixelstatError for a text that is no amount, and where the style stays open.
    """
    parts = [None if is_placeholder(cell.text) else _split_amount(cell) for cell in cells]
    numbers = [(cell, split[0]) for cell, split in zip(cells, parts, strict=True) if split]
    style = style or _find_style(numbers, column)
    return [split and _build_amount(cell, *split, style=style) for cell, split in zip(cells, parts, strict=True)]


def read_counts(cells: Sequence[Cell]) -> list[int | None]:
    """Read a column of whole numbers, which may separate thousands. Raises PixelstatError for other texts."""
    return [None if is_placeholder(cell.text) else _read_count(cell) for cell in cells]


def _find_style(numbers: Iterable[tuple[Cell, str]], column: str) -> str:
    """Return the decimal separator that all numbers allow: `point` or `comma`. Each is a cell and its digits.

    Raises PixelstatError where they contradict each other, and where none of them decides.
    """
    first: dict[str, Cell] = {}  # style -> the first cell that allows no other
    is_open: Cell | None = None
    for cell, digits in numbers:
        values = _list_readings(digits)
        if len(values) == 1:
            first.setdefault(next(iter(values)), cell)
        elif len({*values.values()}) == 2:
            is_open = is_open or cell
    if len(first) == 2:
        point, comma = first["point"], first["comma"]
        raise PixelstatError(
            f"{comma.position}: {comma.text!r} has a decimal comma, but {point.text!r} ({point.position}) has a point.",
            "Write all amounts of a file in the same way.",
        )
    if is_open and not first:
        raise PixelstatError(
            f"{is_open.position}: {is_open.text!r} may have thousands or three decimals, and no other amount decides.",
            f'Say it: --spend-columns "{column}:point" or "{column}:comma" names the decimal separator.',
        )
    return next(iter(first), "point")


@lru_cache(maxsize=10_000)
def _list_readings(digits: str) -> Mapping[str, Decimal]:
    """Return the number that digits with separators are, in each style that allows them."""
    readings = {}
    for style, (pattern, decimal) in _STYLES.items():
        if pattern.fullmatch(digits):
            readings[style] = Decimal(re.sub(f"[^0-9{decimal}]", "", digits).replace(",", "."))
    return readings


def _split_amount(cell: Cell) -> tuple[str, bool, str | None]:
    """Return the digits of an amount, whether it is negative, and what stands beside it. Raises PixelstatError."""
    match = _AMOUNT.fullmatch(cell.text.translate(_BLANKS).strip())
    beside = [text for text in (match["before"], match["after"]) if text] if match else []
    signs = (
        [text for text in (match["minus"], match["minus2"], match["minus3"], match["open"]) if text] if match else []
    )
    is_closed = match is not None and bool(match["open"]) == bool(match["close"])
    if match is None or not is_closed or len(beside) > 1 or len(signs) > 1 or not all(map(_is_currency, beside)):
        raise _no_amount(cell)
    return match["digits"], bool(signs) and signs != ["+"], beside[0] if beside else None


def _build_amount(cell: Cell, digits: str, is_negative: bool, beside: str | None, *, style: str) -> Amount:
    number = _list_readings(digits).get(style)
    if number is None:
        raise _no_amount(cell)
    code = beside.upper() if beside and beside.upper() in ISO_CODES else SIGNS.get(beside or "")
    return Amount(-number if is_negative else number, code, beside is not None and code is None)


def _is_currency(text: str) -> bool:
    return not re.fullmatch("[A-Za-z]{3}", text) or text.upper() in ISO_CODES


def _no_amount(cell: Cell) -> PixelstatError:
    return PixelstatError(f"{cell.position}: {cell.text!r} is not an amount of money.", "Write: 1234.50")


def _read_count(cell: Cell) -> int:
    text = cell.text.translate(_BLANKS).strip()
    values = {value for value in _list_readings(text).values() if value == value.to_integral_value()}
    if len(values) != 1:
        raise PixelstatError(f"{cell.position}: {cell.text!r} is not a whole number.", "Write: 1234")
    return int(values.pop())
