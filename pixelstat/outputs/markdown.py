"""Write a Markdown table with title and caption. Markup that a log put into a cell is escaped."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import BinaryIO

from pixelstat.outputs._cells import format_column
from pixelstat.outputs._text import format_lists
from pixelstat.result import NUMBER_KINDS, Result
from pixelstat.terminal import escape_controls

_MARKS = re.compile(r"([\\`*_{}\[\]<>|~&#])")


def write(parts: Iterable[Result], file: BinaryIO) -> None:
    """Write the rows as a Markdown table, with the notes below it."""
    notes: Sequence[str] = ()
    for number, part in enumerate(parts):
        formatted = replace(part, frame=format_lists(part.frame))
        columns = [[_escape(cell) for cell in format_column(formatted, column)] for column in part.columns]
        rows = [list(row) for row in zip(*columns, strict=True)]
        if number == 0:
            notes = part.notes
            subtitle = f"{_escape('; '.join(part.subtitle))}\n\n" if part.subtitle else ""
            header = [column.name for column in part.columns]
            alignment = ["---:" if column.kind in NUMBER_KINDS else "---" for column in part.columns]
            file.write(f"**{_escape(part.heading)}**\n\n{subtitle}".encode())
            rows = [header, alignment, *rows]
        file.write("".join("| " + " | ".join(cells) + " |\n" for cells in rows).encode())
    if notes:
        file.write(("\n" + "\n\n".join(map(_escape, notes)) + "\n").encode())


def _escape(text: str) -> str:
    """Escape the characters that Markdown gives a meaning, and control characters."""
    return _MARKS.sub(r"\\\1", escape_controls(text))
