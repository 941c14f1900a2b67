"""Format cells for people: thousands with commas, shares in percent, durations in minutes, hours and days."""

from datetime import datetime
from typing import Any

from pixelstat.result import Column, Result
from pixelstat.terminal import escape_controls
from pixelstat.text.money import format_money

EMPTY_CELL = "–"
TO_THE_SECOND = "%Y-%m-%d %H:%M:%S"


def format_column(result: Result, column: Column) -> list[str]:
    """Return the text of each cell of a column.

    Money has the decimals of the column `currency`. A figure is formatted by its column `unit`: a duration, a share, a
    count, or an amount in the currency that the unit names.
    """
    values = result.frame[column.name].to_list()
    frames = [frame for frame in (result.frame, result.units) if frame is not None]
    name = {"figure": "unit", "change": "unit", "money": "currency", "price": "currency"}.get(column.kind)
    units = next((frame[name].to_list() for frame in frames if name in frame.columns), [None] * len(values))
    return [format_cell(value, column.kind, unit) for value, unit in zip(values, units, strict=True)]


def format_cell(value: Any, kind: str, unit: str | None = None) -> str:
    """Return the text of a cell, without the control characters that a log may have put into it."""
    if value is None:
        return EMPTY_CELL
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return _format_time(value, to_the_second=kind == "instant")
    if kind in _AMOUNTS:
        return _AMOUNTS[kind](value, unit)
    return _NUMBERS[kind](value) if kind in _NUMBERS else escape_controls(str(value))


def _format_time(time: datetime, *, to_the_second: bool) -> str:
    is_midnight = (time.hour, time.minute, time.second) == (0, 0, 0)
    return time.strftime(TO_THE_SECOND if to_the_second else "%Y-%m-%d" if is_midnight else "%Y-%m-%d %H:%M")


def _format_figure(value: float, unit: str | None) -> str:
    if unit in ("seconds", "share"):
        return format_cell(value, unit)
    currency = (unit or "").partition(" per ")[0]
    if currency == "money" or (len(currency) == 3 and currency.isupper()):  # other units are words in lower case
        return format_money(value, currency)
    return f"{value:,.0f}" if value.is_integer() else f"{value:,.2f}"


def format_duration(seconds: float) -> str:
    """Format with the two largest units: `2m 05s`, `3h 20m`, `1d 4h`."""
    whole = round(seconds)
    if seconds < 60:
        return f"{seconds:.3g}s"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86_400
    if hours < 1:
        return f"{minutes}m {whole % 60:02d}s"
    if days < 1:
        return f"{hours}h {minutes % 60:02d}m"
    return f"{days}d {hours % 24}h"


def _format_points(difference: float) -> str:
    return f"{100 * difference:+.1f} pp"


def _format_change(change: float, unit: str | None) -> str:
    return _format_points(change) if unit == "share" else f"{change:+.1%}"


def format_probability(probability: float) -> str:
    """Format with three decimals: `0.042`, or `<0.001`."""
    return f"{probability:.3f}" if probability >= 0.001 else "<0.001"


_AMOUNTS = {"figure": _format_figure, "money": format_money, "price": format_money, "change": _format_change}
_NUMBERS = {
    "count": "{:,}".format,
    "number": "{:,.2f}".format,
    "share": "{:.1%}".format,
    "seconds": format_duration,
    "points": _format_points,
    "probability": format_probability,
}
