"""A table for people, with bars in the cells. The only module that knows Rich's tables."""

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
from pixelstat.result import NUMBERS, Column, Result

BLOCKS = " ▏▎▍▌▋▊▉█"
WIDEST, NARROWEST = 24, 4  # characters of a bar
PLAIN_WIDTH = 100  # columns where there is no terminal to ask, unless the table needs more
NARROWEST_TEXT = 16
NARROWEST_TREE = 28
NAMED = 5  # columns that there is no room for, in the caption
PARTED = (" > ", " < ")  # what stands between the steps of a tree's path
_BRANCHES = re.compile("(?:[│ ]  )*(?:[├└]─ )?")


def write(parts: Iterable[Result], file: BinaryIO) -> None:
    whole = list(parts)
    result = replace(whole[0], frame=format_lists(pl.concat(part.frame for part in whole)))
    to_terminal = file is getattr(sys.stdout, "buffer", None) and sys.stdout.isatty()
    text = TextIOWrapper(file, encoding="utf-8", errors="replace", write_through=True)
    console = Console(
        file=text,
        width=None if to_terminal else max(PLAIN_WIDTH, _needed_width(replace(result, columns=_drop_details(result)))),
        force_terminal=to_terminal,
        markup=False,
        emoji=False,
        highlight=False,
    )
    console.print(render(result, console.width))
    text.detach()


def render(result: Result, width: int) -> Table:
    """The table: numbers to the right, bars as wide as there is room for, headers stacked where there is little."""
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
    room = _text_width(width, result, cells, stacked=stacked)
    if room < NARROWEST * bars:
        stacked = True
        room = _text_width(width, result, cells, stacked=stacked)
    longest = min(WIDEST, room // max(bars, 1))
    for column in result.columns:
        is_text = column.kind == "text"
        table.add_column(
            Text(column.name.replace("_", "\n" if stacked else " ")),
            justify="left" if column.kind not in NUMBERS else "right",
            no_wrap=not is_text,
            overflow="fold",
        )
        if column.bar and longest >= NARROWEST:
            table.add_column("", width=longest, no_wrap=True)
    for row in range(result.frame.height):
        line: list[Text | _Branch] = []
        for column in result.columns:
            cell = cells[column.name][row]
            line.append(_Branch(cell) if column.tree else Text(cell))
            if column.bar and longest >= NARROWEST:
                line.append(_bar(result.frame[column.name], row, longest))
        table.add_row(*line)
    return table


def _as_tree(result: Result) -> Result:
    """The result with the branches drawn in front of what is a tree, of which each row then tells its last step."""
    trees = [column.name for column in result.columns if column.tree]
    drawn = [pl.Series(name, _branches(result.frame[name].to_list()), pl.String) for name in trees]
    return replace(result, frame=result.frame.with_columns(drawn))


class _Branch:
    """A row of a tree: what is too long for a line stands behind the branches, which go on beside it."""

    def __init__(self, drawn: str) -> None:
        found = _BRANCHES.match(drawn)
        self.branches = found[0] if found else ""
        self.step = Text(drawn.removeprefix(self.branches), overflow="fold")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        before = self.branches
        for line in self.step.wrap(console, max(1, options.max_width - len(before))):
            yield Text(before) + line
            before = self.branches.replace("├─", "│ ").replace("└─", "  ")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        widest = len(self.branches) + self.step.cell_len
        return Measurement(min(widest, NARROWEST_TREE), widest)


def _branches(paths: Sequence[str]) -> list[str]:
    above: list[str] = []
    rows: list[tuple[int, str]] = []  # how deep, and the last step
    for path in paths:
        while above and not path.startswith(tuple(above[-1] + parted for parted in PARTED)):
            above.pop()
        rows.append((len(above), path[len(above[-1]) + 3 :] if above else path))
        above.append(path)
    drawn = []
    below: set[int] = set()  # the depths at which a row further down goes on
    for depth, step in reversed(rows):
        lines = ["│  " if level in below else "   " for level in range(1, depth)]
        drawn.append("".join([*lines, *(["├─ " if depth in below else "└─ "] if depth else []), step]))
        below = {level for level in below if level < depth} | {depth}
    return drawn[::-1]


def _fit_columns(result: Result, width: int) -> Result:
    """The result without the columns that there is no room for.

    Details go together; then, from the right, what is empty, what is minor, all that does not tell which row it is, and
    at last that. The first column stays.
    """
    kept = list(result.columns)
    if _needed_width(result) + (NARROWEST + 2) * sum(column.bar for column in result.columns) > width:
        kept = _drop_details(result)
    left_out: list[str] = []
    for column in sorted(kept[:0:-1], key=lambda column: _rank(column, result.frame)):
        if _needed_width(replace(result, columns=kept)) <= width:
            break
        kept.remove(column)
        left_out.append(column.name)
    if len(kept) == len(result.columns):
        return result
    note = "more columns in every other --format"
    if left_out:
        named = [column.name for column in result.columns if column.name in left_out][:NAMED]
        more = f" and {len(left_out) - NAMED} more" if len(left_out) > NAMED else ""
        note = f"no room for {', '.join(named)}{more}: every other --format has all columns"
    return replace(result, columns=kept, notes=[*result.notes, note])


def _rank(column: Column, frame: pl.DataFrame) -> int:
    """The less it is, the sooner the column goes."""
    if column.key:
        return 3
    is_empty = 0 < frame.height == frame[column.name].null_count()
    return 0 if is_empty else 1 if column.minor else 2


def _drop_details(result: Result) -> list[Column]:
    return [column for column in result.columns if not column.detail]


def _needed_width(result: Result) -> int:
    """The width below which numbers would be cut off: that of their widest words."""
    widths = []
    for column in result.columns:
        cells = [len(format_cell(value, column.kind)) for value in result.frame[column.name].to_list()]
        widest = max([*map(len, column.name.split("_")), *cells])
        narrowest = NARROWEST_TREE if column.tree else NARROWEST_TEXT
        widths.append(min(widest, narrowest) if column.kind in ("text", "list") else widest)
    return sum(widths) + 2 * len(widths)


def _text_width(width: int, result: Result, cells: dict[str, list[str]], *, stacked: bool) -> int:
    """What the columns leave for bars: each takes two blanks, a bar too."""
    taken = 0
    for column in result.columns:
        words = column.name.split("_") if stacked else [column.name]
        taken += max(map(len, [*words, *cells[column.name]])) + 2 + 2 * column.bar
    return width - taken - 2


def _bar(values: pl.Series, row: int, width: int) -> Text:
    top = max([value or 0 for value in values], default=0) or 1
    eighths = round((values[row] or 0) / top * width * 8)
    return Text("█" * (eighths // 8) + BLOCKS[eighths % 8].strip(), style="cyan")
