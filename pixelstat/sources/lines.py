"""Read logs into LINES, in order and on all cores."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import NamedTuple, Protocol, TypeVar

import polars as pl

from pixelstat.errors import PixelstatError
from pixelstat.frames.batches import scan
from pixelstat.schemas import LINES
from pixelstat.sources.blocks import MAX_LINE, Log, iter_blocks
from pixelstat.sources.pixel_lines import PixelLines

CORES = os.cpu_count() or 1
BLOCKS_AHEAD = CORES + 1  # blocks that are processed at the same time


@dataclass
class Reading:
    """The progress of one pass over the logs: lines for the ledger, and bytes for a progress bar."""

    lines: int = 0
    positions: dict[str, int] = field(default_factory=dict)  # bytes read from disk, by log
    pixel_lines: PixelLines = field(default_factory=PixelLines)
    _lock: Lock = field(default_factory=Lock)

    def count(self, lines: int) -> None:
        """Add lines that were read."""
        with self._lock:
            self.lines += lines

    def record_position(self, log: Log, position: int) -> None:
        """Set how far the stored file of a log has been read, in bytes."""
        self.positions[log.name] = position


class HasHeight(Protocol):
    """The result of processing one block, of any kind."""

    @property
    def height(self) -> int:
        """The number of lines in the block."""


AnyResult = TypeVar("AnyResult", bound=HasHeight)


class BlockLines(NamedTuple):
    """The lines of one block."""

    log: Log
    height: int  # the number of lines in the block
    frame: pl.DataFrame  # the lines for which the predicate is true
    last_header: str | None  # the last `#Fields:` line in the block


def scan_lines(logs: Sequence[Log], reading: Reading, max_line: int = MAX_LINE) -> pl.LazyFrame:
    """Return the LINES of the logs, one log after the other. One pass reads them when the query runs.

    A line longer than `max_line` bytes is cut.
    """

    def read(columns: Sequence[str], predicate: pl.Expr | None) -> Generator[pl.DataFrame]:
        is_numbered = "number" in columns
        has_header_column = "header" in columns

        def process(log: Log, block: bytes, lines_before: int) -> BlockLines:
            frame = _label_lines(log, block, lines_before, max_line, numbered=is_numbered)
            height, last_header = frame.height, None
            if has_header_column and b"#" in block:  # few logs have a `#`; `attach_headers` is ten times as slow
                frame, last_header = attach_headers(frame)
            elif has_header_column:
                frame = frame.with_columns(header=pl.lit(None, pl.String))
            frame = frame if predicate is None else frame.filter(predicate)
            if frame.height * 4 < height:  # the copy of a few lines does not keep the whole block in memory
                frame = frame.with_columns(pl.col("line") + "")
            return BlockLines(log, height, frame.select(columns), last_header)

        blocks = map_blocks(logs, reading, process, max_line, numbered=is_numbered)
        for block in carry_headers(blocks) if has_header_column else blocks:
            yield block.frame

    return scan(read, LINES, f"LINES of {len(logs)} logs")


def map_blocks(
    logs: Sequence[Log],
    reading: Reading,
    function: Callable[[Log, bytes, int], BlockLines],
    max_line: int = MAX_LINE,
    *,
    numbered: bool = False,
) -> Iterator[BlockLines]:
    """Apply the function to each block on all cores, and yield the results in order.

    The function gets the log, the block and the number of lines before it, which is always 0 unless `numbered` is set.
    """

    def submit(pool: Executor) -> Iterator[Future[BlockLines]]:
        for log in logs:
            lines_before = 0
            for block in iter_blocks(log, partial(reading.record_position, log), max_line):
                yield pool.submit(function, log, block, lines_before)
                lines_before += block.count(b"\n") - 1 if numbered else 0

    return map_in_order(submit, reading)


def map_in_order(submit: Callable[[Executor], Iterator[Future[AnyResult]]], reading: Reading) -> Iterator[AnyResult]:
    """Yield the results of the tasks that `submit` starts, in order, and count their lines.

    At most BLOCKS_AHEAD tasks run or wait at a time.
    """
    pool = ThreadPoolExecutor(CORES)
    try:
        for result in _yield_in_order(submit(pool)):
            reading.count(result.height)
            yield result
    finally:  # after a failure this may run in a thread of the pool, which cannot wait for itself
        pool.shutdown(wait=False, cancel_futures=True)


def attach_headers(frame: pl.DataFrame) -> tuple[pl.DataFrame, str | None]:
    """Add `header`, the `#Fields:` line that applies to each line, and return the last `#Fields:` line of the block."""
    starts = frame["line"].str.starts_with("#Fields:")
    if not starts.any():
        return frame.with_columns(header=pl.lit(None, pl.String)), None
    headers = frame.select(header=pl.when(starts).then("line").forward_fill())["header"]
    return frame.with_columns(headers), headers[-1]


def carry_headers(blocks: Iterator[BlockLines]) -> Iterator[BlockLines]:
    """Yield the blocks. Lines without a `#Fields:` line get the last one of the earlier blocks of their log."""
    log, header = None, None
    for block in blocks:
        if block.log is not log:
            log, header = block.log, None
        frame = block.frame if header is None else block.frame.with_columns(pl.col("header").fill_null(pl.lit(header)))
        header = block.last_header or header
        yield block._replace(frame=frame)


def _yield_in_order(tasks: Iterator[Future[AnyResult]]) -> Iterator[AnyResult]:
    """Yield the results of tasks in order. Take a task only if fewer than BLOCKS_AHEAD are waiting."""
    waiting: deque[Future[AnyResult]] = deque()
    for task in tasks:
        waiting.append(task)
        if len(waiting) == BLOCKS_AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def split_lines(block: bytes, max_line: int = MAX_LINE) -> pl.DataFrame:
    """Return the lines of one block, without the added newline. A line longer than `max_line` bytes is cut."""
    frame = pl.read_lines(block).slice(1)
    is_long = frame["line"].str.len_bytes() > max_line
    if is_long.any():
        cut = [text.encode()[:max_line].decode("utf-8", "ignore") for text in frame["line"].filter(is_long).to_list()]
        frame = frame.with_columns(frame["line"].scatter(is_long.arg_true(), cut))
    return frame


def _label_lines(log: Log, block: bytes, lines_before: int, max_line: int, *, numbered: bool = True) -> pl.DataFrame:
    """Return the lines of a block with the name of their log and, if `numbered` is set, their line numbers."""
    frame = split_lines(block, max_line).select("line", pl.lit(log.label).cast(LINES["file"]).alias("file"))
    if not numbered:
        return frame
    return frame.with_columns(
        pl.int_range(lines_before + 1, lines_before + 1 + pl.len(), dtype=pl.Int64).alias("number"),
    )


def read_line(log: Log, number: int) -> tuple[str, str | None]:
    """Return line `number` of the log, counted from 1, and the `#Fields:` line that applies to it.

    Raises PixelstatError if the log has fewer lines.
    """
    lines_before, header = 0, None
    for block in iter_blocks(log):
        frame, last_header = attach_headers(split_lines(block))
        if lines_before < number <= lines_before + frame.height:
            line, block_header = frame.row(number - lines_before - 1)
            return str(line), block_header or header
        lines_before += frame.height
        header = last_header or header
    raise PixelstatError(
        f"{log.name!r} has only {lines_before:,} lines.", f"Try: --explain {log.name}:{max(lines_before, 1)}"
    )
