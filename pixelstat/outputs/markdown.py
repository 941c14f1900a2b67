"""Write a Markdown table with title and caption. Markup that a log put into a cell is escaped."""

import re
from collections.abc import Iterable, Sequence
from typing import BinaryIO

from pixelstat.outputs._cells import format_cell
from pixelstat.outputs._text import format_lists
from pixelstat.result import NUMBER_KINDS, Result

_MARKS = re.compile(r"([\\`*_{}\[\]<>|~&#])")


def write(parts: Iterable[Result], file: BinaryIO) -> None:
    """Write the rows as a Markdown table, with the notes below it."""
    notes: Sequence[str] = ()
    for number, part in enumerate(parts):
        rows = [
            [
                _MARKS.sub(r"\\\1", format_cell(value, column.kind))
                for value, column in zip(row, part.columns, strict=True)
            ]
            for row in format_lists(part.frame).iter_rows()
        ]
        if number == 0:
            notes = part.notes
            header = [column.name for column in part.columns]
            alignment = ["---:" if column.kind in NUMBER_KINDS else "---" for column in part.columns]
            file.write(f"**{part.title}**\n\n".encode())
            rows = [header, alignment, *rows]
        file.write("".join("| " + " | ".join(cells) + " |\n" for cells in rows).encode())
    if notes:
        file.write(("\n" + "; ".join(notes) + "\n").encode())
