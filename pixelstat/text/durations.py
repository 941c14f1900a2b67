"""Parse and format durations and moments: `30m`, `7d`, `yesterday`."""

import re
from datetime import date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


def parse_duration(text: str) -> timedelta:
    """Parse `30m`, `7d` or `90s`: a positive duration of at most a hundred years. Raises ValueError."""
    parts = re.fullmatch(r"(\d{1,9})([smhdw])", text.strip())
    if not parts or not int(parts[1]) or int(parts[1]) > 36_500 * 86_400 // UNITS[parts[2]].total_seconds():
        raise ValueError(f"{text!r} is not a duration. Try 30m, 12h or 7d.")
    return int(parts[1]) * UNITS[parts[2]]


def format_duration(length: timedelta) -> str:
    """Return a duration in the largest unit that divides it: `7d`, `90s`."""
    unit = next(unit for unit in ("d", "h", "m", "s") if length % UNITS[unit] == timedelta(0))
    return f"{length // UNITS[unit]}{unit}"


def shift_moment(moment: datetime, length: timedelta) -> datetime:
    """Return the moment that is later by this length; the moment itself where the calendar ends before that."""
    try:
        return moment + length
    except OverflowError:
        return moment


def parse_moment(text: str, zone: ZoneInfo, now: datetime, *, is_end: bool) -> datetime:
    """Return the instant that the text of `--since` or `--until` names.

    The text is `now`, an age such as `7d`, a day, or an ISO time; without an offset it is a time of the zone. A day
    means its start, or with `is_end` the start of the next day, so that the day belongs to the period. Raises
    ValueError for any other text.
    """
    text = text.strip()
    today = now.astimezone(zone).date()
    days = {"today": today, "yesterday": today - timedelta(days=1)}
    if text == "now":
        return now
    if age := re.fullmatch(r"(\d{1,6})([smhdw])", text):
        return now - int(age[1]) * UNITS[age[2]]
    if text in days or re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        day = days.get(text) or date.fromisoformat(text)
        instant = datetime.combine(day + timedelta(days=1) if is_end else day, time(), zone)
    else:
        instant = datetime.fromisoformat(text)
        instant = instant if instant.tzinfo else instant.replace(tzinfo=zone)
    return instant.astimezone(timezone.utc)
