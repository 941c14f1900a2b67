"""Write a table for people, with bars in the cells. The only module that knows Rich's tables."""

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from io import TextIOWrapper
from typing import BinaryIO

import polars as pl
from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from pixelstat.outputs._cells import format_cell
from pixelstat.outputs._text import format_lists
from pixelstat.result import NUMBER_KINDS, Column, Result

EIGHTHS = " ▏▎▍▌▋▊▉█"  # of a character, for the end of a bar
MAX_BAR_WIDTH, MIN_BAR_WIDTH = 24, 4  # characters of a bar
DEFAULT_WIDTH = 100  # characters of a line without a terminal, unless the table needs more
MIN_TEXT_WIDTH = 16
MIN_TREE_WIDTH = 28
MAX_NAMED_COLUMNS = 5  # in the caption, of the columns that there is no room for
STEP_SEPARATORS = (" > ", " < ")  # between the steps of a tree's path
_BRANCHES = re.compile("(?:[│ ]  )*(?:[├└]─ )?")


def write(parts: Iterable[Result], file: BinaryIO) -> None:
    """Draw the rows as a table with its title and notes."""
    all_parts = list(parts)
    result = replace(all_parts[0], frame=format_lists(pl.concat(part.frame for part in all_parts)))
    to_terminal = file is getattr(sys.stdout, "buffer", None) and sys.stdout.isatty()
    text = TextIOWrapper(file, encoding="utf-8", errors="replace", write_through=True)
    console = Console(
        file=text,
        width=None
        if to_terminal
        else max(DEFAULT_WIDTH, _needed_width(replace(result, columns=_drop_details(result)))),
        force_terminal=to_terminal,
        markup=False,
        emoji=False,
        highlight=False,
    )
    console.print(render(result, console.width))
    text.detach()


def render(result: Result, width: int) -> Table:
    """Lay out the table for a line of `width` characters.

    Numbers are aligned to the right. Bars take the room that is left. Where it is little, each word of a header has a
    line.
    """
    result = _fit_columns(_as_tree(result), width)
    table = Table(
        title=result.title, title_justify="left", title_style="bold", caption="; ".join(result.notes) or None,
        caption_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0),
    )  # fmt: skip
    cells = {
        column.name: [format_cell(value, column.kind) for value in result.frame[column.name].to_list()]
        for column in result.columns
    }
    bars = sum(column.bar for column in result.columns)
    stacked = False
    room = _room_for_bars(width, result, cells, stacked=stacked)
    if room < MIN_BAR_WIDTH * bars:
        stacked = True
        room = _room_for_bars(width, result, cells, stacked=stacked)
    longest = min(MAX_BAR_WIDTH, room // max(bars, 1))
    for column in result.columns:
        is_text = column.kind == "text"
        table.add_column(
            Text(column.name.replace("_", "\n" if stacked else " ")),
            justify="left" if column.kind not in NUMBER_KINDS else "right",
            no_wrap=not is_text,
            overflow="fold",
        )
        if column.bar and longest >= MIN_BAR_WIDTH:
            table.add_column("", width=longest, no_wrap=True)
    for row in range(result.frame.height):
        line: list[Text | _Branch] = []
        for column in result.columns:
            cell = cells[column.name][row]
            line.append(_Branch(cell) if column.tree else Text(cell))
            if column.bar and longest >= MIN_BAR_WIDTH:
                line.append(_bar(result.frame[column.name], row, longest))
        table.add_row(*line)
    return table


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


def _fit_columns(result: Result, width: int) -> Result:
    """Drop the columns that there is no room for, and say so in a note.

    All details go together. Then, from the right, empty columns go first, then minor ones, then the others, then keys.
    The first column stays.
    """
    columns = list(result.columns)
    if _needed_width(result) + (MIN_BAR_WIDTH + 2) * sum(column.bar for column in result.columns) > width:
        columns = _drop_details(result)
    left_out: list[str] = []
    for column in sorted(columns[:0:-1], key=lambda column: _importance(column, result.frame)):
        if _needed_width(replace(result, columns=columns)) <= width:
            break
        columns.remove(column)
        left_out.append(column.name)
    if len(columns) == len(result.columns):
        return result
    note = "more columns in every other --format"
    if left_out:
        named = [column.name for column in result.columns if column.name in left_out][:MAX_NAMED_COLUMNS]
        more = f" and {len(left_out) - MAX_NAMED_COLUMNS} more" if len(left_out) > MAX_NAMED_COLUMNS else ""
        note = f"no room for {', '.join(named)}{more}: every other --format has all columns"
    return replace(result, columns=columns, notes=[*result.notes, note])


def _importance(column: Column, frame: pl.DataFrame) -> int:
    """Return how important a column is: the lowest go first."""
    if column.key:
        return 3
    is_empty = 0 < frame.height == frame[column.name].null_count()
    return 0 if is_empty else 1 if column.minor else 2


def _drop_details(result: Result) -> list[Column]:
    return [column for column in result.columns if not column.detail]


def _needed_width(result: Result) -> int:
    """Return the width that the columns need: below it numbers would be cut off."""
    widths = []
    for column in result.columns:
        cells = [len(format_cell(value, column.kind)) for value in result.frame[column.name].to_list()]
        widest = max([*map(len, column.name.split("_")), *cells])
        narrowest = MIN_TREE_WIDTH if column.tree else MIN_TEXT_WIDTH
        widths.append(min(widest, narrowest) if column.kind in ("text", "list") else widest)
    return sum(widths) + 2 * len(widths)


def _room_for_bars(width: int, result: Result, cells: dict[str, list[str]], *, stacked: bool) -> int:
    """Return the width that the columns leave for bars. Each column and each bar takes two blanks more."""
    taken = 0
    for column in result.columns:
        words = column.name.split("_") if stacked else [column.name]
        taken += max(map(len, [*words, *cells[column.name]])) + 2 + 2 * column.bar
    return width - taken - 2


def _bar(values: pl.Series, row: int, width: int) -> Text:
    top = max([value or 0 for value in values], default=0) or 1
    eighths = round((values[row] or 0) / top * width * 8)
    return Text("█" * (eighths // 8) + EIGHTHS[eighths % 8].strip(), style="cyan")
