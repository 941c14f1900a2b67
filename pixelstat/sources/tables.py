"""Write the rows of a table whose first line names its columns as JSON objects, one in a line.

    time,client_ip,url                                     {"time": "2026-09-07T10:00:00Z", "client_ip": ...}
    2026-09-07T10:00:00Z,203.0.113.7,/pixel.gif?e=pv

Databases and log services export such tables. A row with another number of fields stays as it is.
"""

import csv
import json
import re
from collections import deque
from collections.abc import Iterator
from io import RawIOBase
from typing import NamedTuple

from pixelstat.sources.rewriting import RewritingReader

DELIMITERS = b",\t;|"
MAX_JOINED = 200  # lines of a row; a field in quotes can contain line breaks
MAX_ROW = 2 << 20  # bytes
MAX_NAMES = 64 << 10  # bytes of the line with the names
_NAME = re.compile(r"[A-Za-z_@$(:][\w@$%&*()\[\]<>.:/\- ]{0,79}")
_TIME_NAME = re.compile(r"(?i).*(?:time|date|stamp|epoch|created|msec|@rawstring).*|@?ts|t|when|_raw|at")
_DIRECTIVE = re.compile(rb"#\s*(?:Fields|Version|Software|Date|Remark)\b")
_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode
_ESCAPED_QUOTE = re.compile(r'\\"(?![,;|\t\r\n]|$)')


class Table(NamedTuple):
    """The layout of the rows of a table."""

    names: tuple[str, ...]
    delimiter: str
    header: bytes  # the line of names


def find_table(beginning: bytes) -> Table | None:
    """Return the table in a file with this beginning, or None.

    The first line of a table contains only names. The second line contains other values.
    """
    first, _, rest = beginning[:MAX_NAMES].lstrip(b"\n\xef\xbb\xbf\r").partition(b"\n")
    header = first.rstrip(b"\r")
    if len(header) == MAX_NAMES or _DIRECTIVE.match(header) or not header.isascii():
        return None
    text = header.decode().removeprefix("#").strip(" ")
    for delimiter in DELIMITERS.decode():
        table = Table(tuple(name.strip() for name in _split_row(text, delimiter)), delimiter, header)
        if len(table.names) > 1 and _are_names(table.names):
            row = next(_split_rows(table, deque(rest.split(b"\n")[: MAX_JOINED + 1])), None)
            is_row = isinstance(row, list) and not all(map(_NAME.fullmatch, filter(None, row)))
            return table if is_row else None
    return None


def _are_names(names: tuple[str, ...]) -> bool:
    """Return whether these can be the names of columns, one of them a time. One column, the index, can lack a name."""
    present = [name for name in names if name]
    return (
        len(names) - len(present) <= 1
        and len({*present}) == len(present)
        and all(map(_NAME.fullmatch, present))
        and any(map(_TIME_NAME.fullmatch, present))
    )


class TableRows(RewritingReader):
    """A reader of a table that writes each row as an object in a line of its own, and the names as a comment."""

    def __init__(self, source: RawIOBase, table: Table) -> None:
        super().__init__(source)
        self.table = table

    def rewrite(self, text: bytes, *, is_last: bool) -> tuple[bytes, bytes]:
        """Return the whole rows of a text as objects, one in a line, and the rest of the text."""
        whole, mark, rest = text.rpartition(b"\n")
        if is_last:
            whole, rest = text.removesuffix(b"\n"), b""
        elif not mark:
            return (text + b"\n", b"") if len(text) > 2 * MAX_ROW else (b"", text)
        lines = deque(whole.split(b"\n")) if whole or not is_last else deque()
        rows = _split_rows(self.table, lines, is_last=is_last)
        written = [row if isinstance(row, bytes) else self._write_row(row) for row in rows]
        unfinished = b"".join(line + b"\n" for line in lines)
        return b"".join(line + b"\n" for line in written), unfinished + rest

    def _write_row(self, row: list[str]) -> bytes:
        named = zip(self.table.names, row, strict=True)
        return _encode({name: text for name, text in named if name}).encode()


def _split_rows(table: Table, lines: deque[bytes], *, is_last: bool = True) -> Iterator[list[str] | bytes]:
    """Remove the rows from these lines, and yield the fields of each. Yield a line that is not a row as it is.

    A row that does not end in these lines stays there, unless they are the last lines.
    """
    while lines:
        line = lines.popleft()
        bare = line.rstrip(b"\r")
        if bare.lstrip(b"\xef\xbb\xbf") == table.header:
            yield b"#" + bare.lstrip(b"\xef\xbb\xbf#")
            continue
        if bare.count(b'"') % 2:
            end = next((place for place, other in enumerate(lines) if other.count(b'"') % 2), None)
            if end is None and not is_last and len(lines) < MAX_JOINED and sum(map(len, lines)) < MAX_ROW:
                lines.appendleft(line)
                return
            if end is not None and end < MAX_JOINED:
                joined = b"\n".join([line, *(lines[place] for place in range(end + 1))]).rstrip(b"\r")
                if (row := _read_row(table, joined)) is not None:
                    for _ in range(end + 1):
                        lines.popleft()
                    yield row
                    continue
        row = _read_row(table, bare) if bare.count(b'"') % 2 == 0 else None
        yield line if row is None else row


def _read_row(table: Table, text: bytes) -> list[str] | None:
    """Return the fields of a row, or None if their number is not that of the names."""
    if not text or len(text) > MAX_ROW:
        return None
    row = _split_row(text.decode("utf-8", "replace"), table.delimiter)
    return row if len(row) == len(table.names) else None


def _split_row(text: str, delimiter: str) -> list[str]:
    """Return the fields of a row. Inside quotes, a quote is doubled or has a backslash in front."""
    if '"' not in text:
        return text.split(delimiter)
    is_escaped = '\\"' in text and _ESCAPED_QUOTE.search(text) is not None
    try:
        rows = csv.reader(
            [text], delimiter=delimiter, doublequote=not is_escaped, escapechar="\\" if is_escaped else None
        )
        return next(iter(rows), [])
    except csv.Error:
        return []


csv.field_size_limit(2 * MAX_ROW)
