"""Format cells for people: thousands with commas, shares in percent, seconds as minutes, hours and days."""

from datetime import datetime
from typing import Any

from pixelstat.terminal import escape_controls

EMPTY_CELL = "–"
TO_THE_SECOND = "%Y-%m-%d %H:%M:%S"


def format_cell(value: Any, kind: str) -> str:
    """Return the text of a cell, without the control characters that a log may have put into it."""
    if value is None:
        return EMPTY_CELL
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        is_midnight = kind != "instant" and (value.hour, value.minute, value.second) == (0, 0, 0)
        return value.strftime("%Y-%m-%d" if is_midnight else TO_THE_SECOND if kind == "instant" else "%Y-%m-%d %H:%M")
    return _NUMBERS[kind](value) if kind in _NUMBERS else escape_controls(str(value))


def _format_seconds(seconds: float) -> str:
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


def _format_figure(value: float) -> str:
    return f"{value:,.0f}" if value.is_integer() else f"{value:,.2f}"


_NUMBERS = {
    "count": "{:,}".format,
    "number": "{:,.2f}".format,
    "share": "{:.1%}".format,
    "seconds": _format_seconds,
    "figure": _format_figure,
    "money": "{:,.2f}".format,
}
