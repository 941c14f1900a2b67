"""What was sent, to how many and when: a CSV file of one's own, for what no access log can tell.

    message,sent,time                       message,recipient,time
    launch,1200,2026-09-07 10:00            launch,ann,2026-09-07 10:00:04

`campaign` may stand in place of `message`. A row tells either how many it was sent to, or one recipient; the time
may be missing.
"""

import csv
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from pixelstat.errors import PixelstatError
from pixelstat.schemas import UTC_TIME

HEADERS = ("message,sent", "message,sent,time", "message,recipient,time")
KEYS = ("message", "campaign")
_COLUMNS = {"key": pl.String(), "recipient": pl.String(), "sent": pl.Int64(), "sent_at": UTC_TIME}
_HINT = f"Its first line is one of: {'; '.join(HEADERS)} (or campaign in place of message)."


@dataclass(frozen=True)
class Sent:
    """A file of what was sent, by its `key`: the column `message` or `campaign`."""

    key: str
    recipients: pl.DataFrame  # key, sent: how many
    times: pl.DataFrame  # key, recipient where the file names them, sent_at: the earliest, UTC


def read(path: str, zone: ZoneInfo) -> Sent:
    """The file. `zone` is that of times that name none. Raises PixelstatError, with the line, for what it cannot be."""
    try:
        lines = csv.reader(Path(path).read_text("utf-8-sig").splitlines())
        header, rows = [name.strip().lower() for name in next(lines, [])], list(lines)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise PixelstatError(f"{path} cannot be read: {reason}.", _HINT) from error
    key = next((name for name in KEYS if name in header), None)
    is_named = "recipient" in header
    if key is None or is_named == ("sent" in header) or len(set(header)) < len(header):
        raise PixelstatError(f"{path}, line 1: {','.join(header)!r} is no header of what was sent.", _HINT)
    found = [
        _row(row, header, zone, f"{path}, line {number}")
        for number, row in enumerate(rows, 2)
        if any(map(str.strip, row))
    ]
    frame = pl.DataFrame(found, _COLUMNS, orient="row").rename({"key": key})
    counted = pl.col("recipient").n_unique().cast(pl.Int64) if is_named else pl.col("sent").sum()
    who = [key, "recipient"] if is_named else [key]
    times = frame.drop_nulls("sent_at").group_by(who).agg(pl.col("sent_at").min())
    return Sent(key, frame.group_by(key).agg(sent=counted), times)


def _row(row: list[str], header: list[str], zone: ZoneInfo, place: str) -> tuple[str, str | None, int, datetime | None]:
    if len(row) != len(header):
        raise PixelstatError(f"{place}: {len(row)} fields under a header of {len(header)}.", _HINT)
    cells = dict(zip(header, map(str.strip, row), strict=True))
    for name in (*KEYS, "recipient"):
        if cells.get(name) == "":
            raise PixelstatError(f"{place}: its {name} is empty.", _HINT)
    number = cells.get("sent", "1")
    if not re.fullmatch("[0-9]{1,15}", number):
        raise PixelstatError(f"{place}: {number!r} is no number of recipients.", _HINT)
    key = next(cells[name] for name in KEYS if name in cells)
    return key, cells.get("recipient"), int(number), _time(cells.get("time", ""), zone, place)


def _time(text: str, zone: ZoneInfo, place: str) -> datetime | None:
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(text)
        return (instant if instant.tzinfo else instant.replace(tzinfo=zone)).astimezone(timezone.utc)
    except (ValueError, OverflowError) as error:
        raise PixelstatError(f"{place}: {text!r} is no time.", "Write 2026-09-07 14:30:05.") from error


def with_sent(events: pl.LazyFrame, sent: Sent) -> pl.LazyFrame:
    """EVENTS with the time of sending out of the file, where their own address does not tell it."""
    who = [name for name in sent.times.columns if name != "sent_at"]
    joined = events.join(sent.times.lazy(), on=who, how="left", maintain_order="left")
    return joined.with_columns(sent=pl.coalesce("sent", "sent_at")).drop("sent_at")
