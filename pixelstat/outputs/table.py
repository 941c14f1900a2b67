"""Write a table for people, with bars in the cells. The only module that knows Rich's tables."""

import re
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from io import StringIO, TextIOWrapper
from typing import Any, BinaryIO

import polars as pl
from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from pixelstat.frames.columns import internal
from pixelstat.outputs._cells import format_column
from pixelstat.outputs._text import format_lists
from pixelstat.result import NUMBER_KINDS, Column, Result
from pixelstat.terminal import escape_controls
from pixelstat.text.plurals import format_count

EIGHTHS = " ▏▎▍▌▋▊▉█"  # of a character, for the end of a bar
MAX_BAR_WIDTH, MIN_BAR_WIDTH = 24, 4  # characters of a bar
DEFAULT_WIDTH = 100  # characters of a line without a terminal, unless the table needs more
MIN_TEXT_WIDTH = 16
MIN_TREE_WIDTH = 28
ROW = internal("row")
MAX_TREE_ROWS = 30  # of a tree, unless the terminal is higher
MAX_CELL = 300  # characters of a text: a page may have a megabyte
STEP_SEPARATORS = (" > ", " < ")  # between the steps of a tree's path
_BRANCHES = re.compile("(?:[│ ]  )*(?:[├└]─ )?")
ASCII = str.maketrans(
    {"█": "#", "–": "-", "─": "-", "│": "|", "├": "|", "└": "`", "…": "~"} | dict.fromkeys("▏▎▍▌▋▊▉", " ")
)


def write(parts: Iterable[Result], file: BinaryIO) -> None:
    """Draw the rows as a table below its title, with its notes below.

    A terminal whose encoding is not Unicode gets ASCII characters.
    """
    all_parts = [part.in_table or part for part in parts]
    result = replace(all_parts[0], frame=format_lists(pl.concat(part.frame for part in all_parts)))
    to_terminal = file is getattr(sys.stdout, "buffer", None) and sys.stdout.isatty()
    is_unicode = not to_terminal or (sys.stdout.encoding or "utf-8").lower().startswith("utf")
    text = TextIOWrapper(file, encoding="utf-8" if is_unicode else "ascii", errors="replace", write_through=True)
    size = shutil.get_terminal_size()
    least = _sum_widths(_drop_details(_drop_hidden(result.columns)), _needed_widths(result))
    width = size.columns if to_terminal else max(DEFAULT_WIDTH, least)
    if file is getattr(sys.stdout, "buffer", None):  # a file may be longer than a screen
        result = fit_rows(result, max(MAX_TREE_ROWS, size.lines - 12) if to_terminal else MAX_TREE_ROWS)
    console = Console(
        file=text if is_unicode else _AsciiFile(text),
        width=width,
        height=size.lines,  # with TERM=dumb Rich takes the width that it is given only together with a height
        force_terminal=to_terminal,
        markup=False,
        emoji=False,
        highlight=False,
    )
    console.print(render(result, width))
    text.detach()


class _AsciiFile(StringIO):
    """A text file that writes ASCII in place of the characters that tables are drawn with."""

    def __init__(self, file: TextIOWrapper) -> None:
        super().__init__()
        self._file = file

    def write(self, text: str) -> int:
        return self._file.write(text.translate(ASCII))


def render(result: Result, width: int) -> Group:
    """Lay out the title, the table and the notes for a line of `width` characters."""
    result = fit_columns(_as_tree(result), width)
    subtitle = "; ".join(result.subtitle)
    return Group(
        Text(escape_controls(result.heading), style="bold"),
        *([Text(escape_controls(subtitle), style="dim")] if subtitle else []),
        Text(),
        draw_table(result, width),
        *([Text()] if result.notes else []),
        *(Text(escape_controls(note)) for note in result.notes),
    )


def draw_table(result: Result, width: int) -> Table:
    """Draw the columns, all of which have room. Numbers are aligned to the right. Bars take the room that is left."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    cells = {column.name: format_column(result, column) for column in result.columns}
    bars = sum(column.bar for column in result.columns)
    room = _room_for_bars(width, result, cells, stacked=False)
    stacked = room < MIN_BAR_WIDTH * bars
    if stacked:
        room = _room_for_bars(width, result, cells, stacked=True)
    longest = min(MAX_BAR_WIDTH, room // max(bars, 1))
    for column in result.columns:
        is_text = column.kind == "text"
        table.add_column(
            Text("\n".join(_stack(column.heading)) if stacked else column.heading),
            justify="left" if column.kind not in NUMBER_KINDS else "right",
            no_wrap=not is_text,
            overflow="fold",
        )
        if column.bar and longest >= MIN_BAR_WIDTH:
            table.add_column("", width=longest, no_wrap=True)
    tops = {column.name: result.frame[column.name].max() for column in result.columns if column.bar}
    for row in range(result.frame.height):
        line: list[Text | _Branch] = []
        repeats = row > 0  # all grouped cells so far are those of the row above
        for column in result.columns:
            cell = cells[column.name][row]
            if column.grouped:
                repeats = repeats and cell == cells[column.name][row - 1]
                cell = "" if repeats else cell
            cell = cell if len(cell) <= MAX_CELL else f"{cell[:MAX_CELL]}…"
            style = "bold red" if (column.name, row) == result.marked else ""
            line.append(_Branch(cell) if column.tree else Text(cell, style=style))
            if column.bar and longest >= MIN_BAR_WIDTH:
                line.append(_bar(result.frame[column.name][row], tops[column.name], longest))
        table.add_row(*line)
    return table


def _stack(heading: str) -> list[str]:
    """Break a heading into two lines of nearly equal length, at a blank."""
    words = heading.split(" ")
    breaks = [(" ".join(words[:index]), " ".join(words[index:])) for index in range(1, len(words))]
    return list(min(breaks, key=lambda lines: max(map(len, lines)))) if breaks else [heading]


def fit_rows(result: Result, most: int) -> Result:
    """Keep the `most` rows of a tree with the largest figures, so that it fits a screen.

    A row never has a larger figure than the row above it in the tree, and equal ones keep their order. So a row is kept
    only with all rows above it.
    """
    measure = next((column.name for column in result.columns if column.bar), None)
    if result.frame.height <= most or measure is None or not any(column.tree for column in result.columns):
        return result
    numbered = result.frame.with_row_index(ROW)
    largest = numbered.sort(pl.col(measure), ROW, descending=[True, False], nulls_last=True).head(most)
    more = format_count(result.frame.height - most, "more row", "more rows")
    return replace(
        result,
        frame=largest.sort(ROW).drop(ROW),
        notes=[*result.notes, f"{more} with the fewest {measure}: --format csv"],
    )


def _as_tree(result: Result) -> Result:
    """Replace the path in each tree column by its last step, with the branches that lead to it in front."""
    trees = [column.name for column in result.columns if column.tree]
    drawn = [pl.Series(name, _draw_branches(result.frame[name].to_list()), pl.String) for name in trees]
    return replace(result, frame=result.frame.with_columns(drawn))


class _Branch:
    """A cell of a tree. A step that is too long for a line is wrapped beside its branches, which continue."""

    def __init__(self, drawn: str) -> None:
        match = _BRANCHES.match(drawn)
        self.branches = match[0] if match else ""
        self.step = Text(drawn.removeprefix(self.branches), overflow="fold")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        before = self.branches
        for line in self.step.wrap(console, max(1, options.max_width - len(before))):
            yield Text(before) + line
            before = self.branches.replace("├─", "│ ").replace("└─", "  ")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        widest = len(self.branches) + self.step.cell_len
        return Measurement(min(widest, MIN_TREE_WIDTH), widest)


def _draw_branches(paths: Sequence[str]) -> list[str]:
    """Draw each path as its last step behind branches.

    The paths come in the order of the tree: each path follows its parent, which is the path without the last step.
    """
    above: list[str] = []
    rows: list[tuple[int, str]] = []  # depth and last step
    for path in paths:
        while above and not path.startswith(tuple(above[-1] + separator for separator in STEP_SEPARATORS)):
            above.pop()
        rows.append((len(above), path[len(above[-1]) + 3 :] if above else path))
        above.append(path)
    drawn = []
    below: set[int] = set()  # depths that rows further down have, up to the next higher one
    for depth, step in reversed(rows):
        lines = ["│  " if level in below else "   " for level in range(1, depth)]
        drawn.append("".join([*lines, *(["├─ " if depth in below else "└─ "] if depth else []), step]))
        below = {level for level in below if level < depth} | {depth}
    return drawn[::-1]


def fit_columns(result: Result, width: int) -> Result:
    """Drop hidden columns and those that there is no room for, and say in a note how many.

    All details go together. Then the bars go, and the least important columns, by `_importance` and from the right.
    The first column, needed ones, flags and the measure of the bars stay.
    """
    columns, widths = _drop_hidden(result.columns), _needed_widths(result)
    if _sum_widths(columns, widths) + (MIN_BAR_WIDTH + 2) * sum(column.bar for column in columns) > width:
        columns = _drop_details(columns)
    for column in sorted(columns[:0:-1], key=lambda column: _importance(column, result.frame)):
        if _sum_widths(columns, widths) <= width:
            break
        if column.kind != "flag" and not column.bar and not column.needed:
            columns = [replace(other, bar=False) for other in columns if other.name != column.name]
    if len(columns) == len(result.columns):
        return result
    more = format_count(len(result.columns) - len(columns), "more column", "more columns")
    return replace(result, columns=columns, notes=[*result.notes, f"{more}: --format csv"])


def _drop_hidden(columns: Sequence[Column]) -> list[Column]:
    return [column for column in columns if not column.hidden]


def _drop_details(columns: Sequence[Column]) -> list[Column]:
    return [column for column in columns if not column.detail]


def _importance(column: Column, frame: pl.DataFrame) -> int:
    """Return how important a column is: the lowest go first. Keys go last, before them money, before that counts."""
    is_empty = 0 < frame.height == frame[column.name].null_count()
    if column.key or column.kind in ("time", "instant"):
        return 5
    if is_empty or column.minor:
        return 0 if is_empty else 1
    return {"money": 4, "price": 4, "text": 3, "count": 3, "figure": 3}.get(column.kind, 2)


def _needed_widths(result: Result) -> dict[str, int]:
    """Return the width that each column needs: below it numbers would be cut off."""
    widths = {}
    for column in result.columns:
        cells = [cell_len(cell) for cell in format_column(result, column)]
        widest = max([*map(cell_len, _stack(column.heading)), *cells])
        narrowest = MIN_TREE_WIDTH if column.tree else MIN_TEXT_WIDTH
        widths[column.name] = min(widest, narrowest) if column.kind in ("text", "list") else widest
    return widths


def _sum_widths(columns: Sequence[Column], widths: Mapping[str, int]) -> int:
    """Return the width of a table with these columns. Each takes two blanks more."""
    return sum(widths[column.name] + 2 for column in columns)


def _room_for_bars(width: int, result: Result, cells: dict[str, list[str]], *, stacked: bool) -> int:
    """Return the width that the columns leave for bars. Each column and each bar takes two blanks more."""
    taken = 0
    for column in result.columns:
        lines = _stack(column.heading) if stacked else [column.heading]
        taken += max(map(cell_len, [*lines, *cells[column.name]])) + 2 + 2 * column.bar
    return width - taken - 2


def _bar(value: float | None, top: Any, width: int) -> Text:
    eighths = round((value or 0) / (top or 1) * width * 8)
    return Text("█" * (eighths // 8) + EIGHTHS[eighths % 8].strip(), style="cyan")
