"""A Markdown table with its title and caption, for people; what a log put into a cell stays text."""

import re
from typing import BinaryIO

from pixelstat.outputs.words import word
from pixelstat.report import Result

_MARKS = re.compile(r"([\\`*_{}\[\]<>|~&#])")


def write(result: Result, file: BinaryIO) -> None:
    header = [column.name for column in result.columns]
    aligned = ["---:" if column.kind in ("count", "share", "seconds") else "---" for column in result.columns]
    rows = [
        [_MARKS.sub(r"\\\1", word(value, column.kind)) for value, column in zip(row, result.columns, strict=True)]
        for row in result.frame.iter_rows()
    ]
    lines = [f"**{result.title}**", "", *("| " + " | ".join(cells) + " |" for cells in [header, aligned, *rows])]
    if result.notes:
        lines += ["", "; ".join(result.notes)]
    file.write(("\n".join(lines) + "\n").encode())
