"""Warn about logs with unreadable pixel lines, so that their report does not look like the report of a quiet day."""

import shlex
from collections.abc import Iterator

from pixelstat.errors import Exit
from pixelstat.formats.assignment import LogSet, ReadingRules
from pixelstat.formats.base import LogFormat
from pixelstat.formats.hints import describe_month
from pixelstat.formats.reparse import reparse_line
from pixelstat.ledger import Ledger
from pixelstat.schemas import FAULTS
from pixelstat.sources.blocks import STDIN, Log
from pixelstat.sources.pixel_lines import LineWithHeader, PixelLines
from pixelstat.terminal import shorten_line
from pixelstat.text.plurals import format_count

MAX_LOGS = 3  # with a warning of their own


def list_unreadable_warnings(logs: LogSet, pixel_lines: PixelLines) -> Iterator[str]:
    """Yield a warning for each of the first logs with mostly unreadable pixel lines, and one for all further logs."""
    by_label = {log.label: log for log in logs.all if pixel_lines.is_mostly_unreadable(log.label)}
    for label, log in [*by_label.items()][:MAX_LOGS]:
        bad = pixel_lines.unreadable[label]
        counts = describe_unreadable(bad, bad + pixel_lines.readable[label], f" of {log.label_in_sentence()}")
        log_format = next((log_format for log_format, group in logs.by_format if log in group), None)
        example = _describe_example(pixel_lines.examples[label], log_format, logs.rules)
        yield f"Warning: {counts}. {example}\n{_next_step(log)}"
    if (more := len(by_label) - MAX_LOGS) > 0:
        yield f"Warning: most pixel lines of {format_count(more, 'more log', 'more logs')} cannot be read."


def describe_unreadable(bad: int, total: int, where: str = "") -> str:
    """Return `8 of 12 pixel lines of access.log cannot be read`, or `none of the 12 ...`."""
    if bad < total:
        return f"{bad:,} of {total:,} pixel lines{where} cannot be read"
    if total == 1:
        return f"the only pixel line{where} cannot be read"
    return f"none of the {total:,} pixel lines{where} can be read"


def choose_exit_code(ledger: Ledger) -> Exit:
    """Return NOTHING_READABLE if the run has pixel lines and none of them is readable, else DONE."""
    return Exit.NOTHING_READABLE if ledger.is_all_unreadable else Exit.DONE


def _describe_example(example: LineWithHeader, log_format: LogFormat | None, rules: ReadingRules) -> str:
    """Return the fault of an unreadable line, and the line."""
    line, header = example
    parsed = reparse_line(line, header, log_format, rules)
    fault = parsed["fault"].item() or "no_format"
    month = f"\n{sentence}" if (sentence := describe_month(line)) else ""
    return f"The first one {FAULTS[fault]}:\n    {shorten_line(line)}{month}"


def _next_step(log: Log) -> str:
    if log.name == STDIN:
        return "To see why, save the log to a file and try: pixelstat check FILE"
    return f"To see why, try: pixelstat check {shlex.quote(log.label)}"
