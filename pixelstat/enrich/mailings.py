"""Read what was sent, to how many people and when: a CSV file of the user, because an access log does not hold it.

    message,sent,time                       message,recipient,time
    launch,1200,2026-09-07 10:00            launch,ann,2026-09-07 10:00:04

`campaign` may replace `message`. A row holds either the number of recipients or one recipient. The time may be missing.
"""

import csv
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from pixelstat.errors import PixelstatError, unreadable_file
from pixelstat.schemas import UTC_TIME

HEADERS = ("message,sent", "message,sent,time", "message,recipient,time")
KEYS = ("message", "campaign")
_COLUMNS = {"key": pl.String(), "recipient": pl.String(), "sent": pl.Int64(), "sent_at": UTC_TIME}
_HINT = f"Its first line must be one of: {'; '.join(HEADERS)} (or campaign in place of message)."


@dataclass(frozen=True)
class Mailings:
    """The mailings that were sent. `key` is the column that identifies a mailing: `message` or `campaign`."""

    key: str
    recipients: pl.DataFrame  # key, sent: the number of recipients
    times: pl.DataFrame  # key, recipient if the file names them, sent_at: the earliest time, UTC


def read_mailings(path: str, zone: ZoneInfo) -> Mailings:
    """Read the file of --sent. `zone` applies to times without a zone of their own.

    Raises PixelstatError, with the line, for a file that cannot be read and for an invalid row.
    """
    try:
        lines = csv.reader(Path(path).read_text("utf-8-sig").splitlines())
        header, rows = [name.strip().lower() for name in next(lines, [])], list(lines)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise unreadable_file(path, error, _HINT) from error
    key = next((name for name in KEYS if name in header), None)
    is_named = "recipient" in header
    if key is None or is_named == ("sent" in header) or len(set(header)) < len(header):
        raise PixelstatError(f"{path}, line 1: {','.join(header)!r} is not a header of --sent.", _HINT)
    parsed = [
        _parse_row(row, header, zone, f"{path}, line {number}")
        for number, row in enumerate(rows, 2)
        if any(map(str.strip, row))
    ]
    frame = pl.DataFrame(parsed, _COLUMNS, orient="row").rename({"key": key})
    recipients = pl.col("recipient").n_unique().cast(pl.Int64) if is_named else pl.col("sent").sum()
    keys = [key, "recipient"] if is_named else [key]
    times = frame.drop_nulls("sent_at").group_by(keys).agg(pl.col("sent_at").min())
    return Mailings(key, frame.group_by(key).agg(sent=recipients), times)


def _parse_row(
    row: list[str], header: list[str], zone: ZoneInfo, position: str
) -> tuple[str, str | None, int, datetime | None]:
    """Return key, recipient, number of recipients and time of a row. `position` names the row in an error."""
    if len(row) != len(header):
        raise PixelstatError(f"{position}: the row has {len(row)} fields, but the header has {len(header)}.", _HINT)
    cells = dict(zip(header, map(str.strip, row), strict=True))
    for name in (*KEYS, "recipient"):
        if cells.get(name) == "":
            raise PixelstatError(f"{position}: the {name} is empty.", _HINT)
    number = cells.get("sent", "1")
    if not re.fullmatch("[0-9]{1,15}", number):
        raise PixelstatError(f"{position}: {number!r} is not a number of recipients.", _HINT)
    key = next(cells[name] for name in KEYS if name in cells)
    return key, cells.get("recipient"), int(number), _parse_time(cells.get("time", ""), zone, position)


def _parse_time(text: str, zone: ZoneInfo, position: str) -> datetime | None:
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(text)
        return (instant if instant.tzinfo else instant.replace(tzinfo=zone)).astimezone(timezone.utc)
    except (ValueError, OverflowError) as error:
        raise PixelstatError(f"{position}: {text!r} is not a time.", "Write 2026-09-07 14:30:05.") from error


def add_sent_times(events: pl.LazyFrame, mailings: Mailings) -> pl.LazyFrame:
    """Fill the column `sent` of EVENTS from the file, where the address of the request does not hold the time."""
    keys = [name for name in mailings.times.columns if name != "sent_at"]
    joined = events.join(mailings.times.lazy(), on=keys, how="left", maintain_order="left")
    return joined.with_columns(sent=pl.coalesce("sent", "sent_at")).drop("sent_at")
