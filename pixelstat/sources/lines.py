"""Logs -> LINES: every line once, in order, block after block on all cores."""

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

CORES = os.cpu_count() or 1
BLOCKS_AHEAD = CORES + 1  # blocks that are worked on


@dataclass
class Reading:
    """What one pass over the logs has seen so far: the ledger counts its lines, a progress bar follows its bytes."""

    lines: int = 0
    positions: dict[str, int] = field(default_factory=dict)  # bytes read from disk, by log
    _lock: Lock = field(default_factory=Lock)

    def count(self, lines: int) -> None:
        with self._lock:
            self.lines += lines

    def at(self, log: Log, position: int) -> None:
        self.positions[log.name] = position


class HasHeight(Protocol):
    """What became of one block, whatever that is."""

    @property
    def height(self) -> int:
        """Lines in it."""


AnyResult = TypeVar("AnyResult", bound=HasHeight)


class BlockLines(NamedTuple):
    """The lines of one block."""

    log: Log
    height: int  # lines in it
    frame: pl.DataFrame  # those of them that are asked for
    last: str | None  # the last `#Fields:` line in it


def scan_lines(logs: Sequence[Log], reading: Reading, max_line: int = MAX_LINE) -> pl.LazyFrame:
    """LINES of the logs, one after the other, read when the pipeline runs and in one pass."""

    def read(columns: Sequence[str], predicate: pl.Expr | None) -> Generator[pl.DataFrame]:
        numbered = "number" in columns or "file" in columns
        is_ruled = "header" in columns

        def parted(log: Log, block: bytes, passed: int) -> BlockLines:
            frame = _number_lines(log, block, passed, max_line, numbered=numbered)
            height, last = frame.height, None
            if is_ruled and b"#" in block:  # few logs hold any: this look is a tenth of the next
                frame, last = attach_headers(frame)
            elif is_ruled:
                frame = frame.with_columns(header=pl.lit(None, pl.String))
            frame = frame if predicate is None else frame.filter(predicate)
            if frame.height * 4 < height:  # the few that passed would keep the text of the whole block in memory
                frame = frame.with_columns(pl.col("line") + "")
            return BlockLines(log, height, frame.select(columns), last)

        parts = map_blocks(logs, reading, parted, max_line, numbered=numbered)
        for part in carry_headers(parts) if is_ruled else parts:
            yield part.frame

    return scan(read, LINES, f"LINES of {len(logs)} logs")


def map_blocks(
    logs: Sequence[Log],
    reading: Reading,
    parted: Callable[[Log, bytes, int], BlockLines],
    max_line: int = MAX_LINE,
    *,
    numbered: bool = False,
) -> Iterator[BlockLines]:
    """What becomes of each block, in order: made of the log, the block and, where `numbered`, the lines before it."""

    def parts(pool: Executor) -> Iterator[Future[BlockLines]]:
        for log in logs:
            passed = 0
            for block in iter_blocks(log, partial(reading.at, log), max_line):
                yield pool.submit(parted, log, block, passed)
                passed += block.count(b"\n") - 1 if numbered else 0

    return map_in_order(parts, reading)


def map_in_order(parts: Callable[[Executor], Iterator[Future[AnyResult]]], reading: Reading) -> Iterator[AnyResult]:
    """The parts that `parts` sets to work, in order and counted; at most AHEAD of them at a time."""
    pool = ThreadPoolExecutor(CORES)
    try:
        for part in _yield_in_order(parts(pool)):
            reading.count(part.height)
            yield part
    finally:  # where the run failed, this may be called in a thread of the pool: it cannot wait for itself
        pool.shutdown(wait=False, cancel_futures=True)


def attach_headers(frame: pl.DataFrame) -> tuple[pl.DataFrame, str | None]:
    """Lines of a block with the `#Fields:` line in it that rules them, and the last of these."""
    starts = frame["line"].str.starts_with("#Fields:")
    if not starts.any():
        return frame.with_columns(header=pl.lit(None, pl.String)), None
    headers = frame.select(header=pl.when(starts).then("line").forward_fill())["header"]
    return frame.with_columns(headers), headers[-1]


def carry_headers(parts: Iterator[BlockLines]) -> Iterator[BlockLines]:
    """The parts with the `#Fields:` line of an earlier block where theirs has none yet."""
    log, header = None, None
    for part in parts:
        if part.log is not log:
            log, header = part.log, None
        frame = part.frame if header is None else part.frame.with_columns(pl.col("header").fill_null(pl.lit(header)))
        header = part.last or header
        yield part._replace(frame=frame)


def _yield_in_order(parts: Iterator[Future[AnyResult]]) -> Iterator[AnyResult]:
    """The results one after the other, while AHEAD of them are in the making."""
    waiting: deque[Future[AnyResult]] = deque()
    for part in parts:
        waiting.append(part)
        if len(waiting) == BLOCKS_AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def split_lines(block: bytes, max_line: int = MAX_LINE) -> pl.DataFrame:
    """The lines of one block, without the newline in front, none of them longer than `max_line`."""
    frame = pl.read_lines(block).slice(1)
    is_long = frame["line"].str.len_bytes() > max_line
    if is_long.any():
        cut = [text.encode()[:max_line].decode("utf-8", "ignore") for text in frame["line"].filter(is_long).to_list()]
        frame = frame.with_columns(frame["line"].scatter(is_long.arg_true(), cut))
    return frame


def _number_lines(log: Log, block: bytes, passed: int, max_line: int, *, numbered: bool = True) -> pl.DataFrame:
    frame = split_lines(block, max_line)
    if not numbered:
        return frame.select("line")
    return frame.select(
        "line",
        pl.lit(log.label).cast(LINES["file"]).alias("file"),
        pl.int_range(passed + 1, passed + 1 + pl.len(), dtype=pl.Int64).alias("number"),
    )


def read_line(log: Log, number: int) -> tuple[str, str | None]:
    """Line `number` of the log, counted from 1, and the `#Fields:` line that rules it.

    Raises PixelstatError if the log has fewer.
    """
    passed, header = 0, None
    for block in iter_blocks(log):
        frame, last = attach_headers(split_lines(block))
        if passed < number <= passed + frame.height:
            line, own = frame.row(number - passed - 1)
            return str(line), own or header
        passed += frame.height
        header = last or header
    raise PixelstatError(f"{log.name!r} has {passed:,} lines.", f"Try: --explain {log.name}:{max(passed, 1)}")
