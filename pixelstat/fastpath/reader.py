"""Read logs block by block: simple lines natively, all others by expressions, and put the rows in the lines' order."""

from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import NamedTuple
from urllib.parse import unquote_plus

import polars as pl

from pixelstat.fastpath.extension import native
from pixelstat.fastpath.line_rules import LineRules
from pixelstat.fastpath.plan import CUSTOM, HEADERS, LINE_ORDER, CompiledPlan, compile_plan
from pixelstat.formats.base import LogFormat
from pixelstat.frames.batches import columns_used, scan
from pixelstat.frames.reusable_plan import ReusablePlan
from pixelstat.protocols.builtin import house
from pixelstat.schemas import LINES, UTC_TIME
from pixelstat.sources.blocks import MAX_LINE, Log, iter_block_views, sanitize
from pixelstat.sources.lines import BLOCKS_AHEAD, Reading, attach_headers, map_in_order, split_lines
from pixelstat.traffic.deduplication import REQUEST_HASH
from pixelstat.vocabulary import canonical_event

FIXED_COLUMNS = {"time": UTC_TIME, "status": pl.Int16(), "bytes": pl.Int64(), "event": pl.String()}
MOST_ROWS, MOST_BLOCKS = 200_000, 64  # in a group of blocks
FEW_LINES = 200  # so many rows are inserted one by one: that takes a tenth of the time of a sort


def compile_reader(log_format: LogFormat, rules: LineRules, max_line: int = MAX_LINE) -> "Reader | None":
    """Compile a reader for logs of a format. Return None where expressions must read all lines."""
    plan = compile_plan(log_format, rules, max_line)
    return None if plan is None else Reader(plan, log_format.name, rules, max_line)


class ReadBlock(NamedTuple):
    """A block of a log: rows of its simple lines, and the lines that are not simple."""

    log: Log
    height: int  # lines in the block
    rows: pl.DataFrame  # as the plan makes them, without lines that cannot be a pixel's
    lines: bytes  # each with its line end
    line_orders: bytes  # of `lines`: eight bytes each


@dataclass(frozen=True)
class Reader:
    """Reads logs of one format."""

    plan: CompiledPlan
    format_name: str
    rules: LineRules
    max_line: int

    def scan(self, logs: Sequence[Log], reading: Reading) -> pl.LazyFrame:
        """Read what the requests of the logs say, in order: frames of the rules' schema.

        Lines that cannot be a pixel's are left out. `reading` counts all lines.
        """

        def read(columns: Sequence[str], predicate: pl.Expr | None) -> Generator[pl.DataFrame]:
            wanted = self.find_wanted(columns)
            interpret = ReusablePlan(
                lambda rows: self.interpret(rows).select(LINE_ORDER, *columns), self.list_native_columns(wanted)
            )
            parsed_columns = [*dict.fromkeys([*columns, "event_number"])]
            parse = ReusablePlan(lambda lines: self.rules.parse(lines).select(parsed_columns), LINES)
            log, header = None, None
            for blocks in _group(self._read_blocks(logs, reading, wanted)):
                header = header if blocks[0].log is log else None
                log = blocks[-1].log
                rows = interpret(pl.concat([block.rows for block in blocks]))
                for block in blocks:
                    reading.pixel_lines.add_readable(block.log.label, block.rows.height)
                lines, header = self._rule_lines(blocks, header)
                lines = self.rules.filter_candidates(lines.lazy()).collect()
                if lines.height:
                    missing = {name: pl.lit(None, dtype) for name, dtype in LINES.items() if name not in lines}
                    others = _restore_order(parse(lines.with_columns(**missing)), lines[LINE_ORDER])
                    rows = _merge_in_order(rows, others.select(rows.columns))
                yield rows.select(columns) if predicate is None else rows.select(columns).filter(predicate)

        return scan(read, self.rules.schema, f"{len(logs)} logs, {self.format_name}")

    def _read_blocks(self, logs: Sequence[Log], reading: Reading, wanted: bytes) -> Iterator[ReadBlock]:
        """Read all blocks of the logs in threads, in order."""

        def submit(pool: Executor) -> Iterator[Future[ReadBlock]]:
            for log in logs:
                for block in iter_block_views(
                    log, partial(reading.record_position, log), self.max_line, BLOCKS_AHEAD + 1
                ):
                    yield pool.submit(self.read_block, log, block, wanted, next(first_orders))

        first_orders = count(step=1 << 32)  # more than a block has lines
        return map_in_order(submit, reading)

    def read_block(self, log: Log, block: memoryview, wanted: bytes, first_order: int = 0) -> ReadBlock:
        """Read the simple lines of a block. Its first line has `first_order`, each further line the next number."""
        read = self.plan.native.read(block[1:], wanted, first_order, self.classify_paths)
        lines, line_orders = read.returned_lines, read.returned_line_numbers
        rows = pl.Series(read.rows).struct.unnest()
        events = ["page_view", "open", *(canonical_event(unquote_plus(name)) for name in read.event_names)]
        words = pl.Series("event", events, pl.String).gather(rows["event"])
        rows = rows.replace_column(rows.columns.index("event"), words)
        return ReadBlock(log, read.line_count, rows, lines, line_orders)

    def _rule_lines(self, blocks: Sequence[ReadBlock], header: str | None) -> tuple[pl.DataFrame, str | None]:
        """Return the lines of the blocks that are not simple with their `#Fields:` lines, and the last of those.

        `header` is the one of an earlier block of the same log.
        """
        lines, last = attach_headers(self.collect_lines(blocks))
        if header is not None:
            lines = lines.with_columns(pl.col("header").fill_null(pl.lit(header)))
        return lines, last or header

    def collect_lines(self, blocks: Sequence[ReadBlock]) -> pl.DataFrame:
        """Return the lines of the blocks that are not simple: `line` as text, `file`, and LINE_ORDER."""
        orders = _numbers(b"".join(block.line_orders for block in blocks))
        text = sanitize(
            b"\n\n" + b"".join(block.lines for block in blocks)
        )  # the blank line keeps its first line as it is
        frame = split_lines(text, self.max_line).tail(len(orders))
        files = [
            pl.Series("file", [block.log.label], LINES["file"]).new_from_index(0, len(_numbers(block.line_orders)))
            for block in blocks
        ]
        return frame.with_columns(pl.Series(LINE_ORDER, orders, pl.UInt64), pl.concat(files))

    def interpret(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Make what the requests say of rows as the plan gives them, LINE_ORDER included.

        Columns that the rows lack are null.
        """
        present = rows.collect_schema()
        missing = [pl.lit(None, dtype).alias(name) for name, dtype in self._row_schema.items() if name not in present]
        events = house.complete_plain_events(rows.with_columns(missing))
        custom = {name: CUSTOM + name for name in self.rules.custom_columns}  # last, as expressions add them
        return events.with_columns(format=pl.lit(self.format_name), **custom)

    @property
    def _row_schema(self) -> pl.Schema:
        """All columns that the plan can give, and the headers that the format lacks; without LINE_ORDER."""
        texts = dict.fromkeys([*HEADERS.values(), *self.plan.text_columns], pl.String())
        return pl.Schema({**FIXED_COLUMNS, REQUEST_HASH: pl.UInt64(), **texts})

    def find_wanted(self, columns: Sequence[str]) -> bytes:
        """Find what the plan must give for these columns of the rules' schema: a byte for each text and the hash."""
        wanted = columns_used(lambda rows: self.interpret(rows).select(columns), self._row_schema)
        return bytes(name in wanted for name in (*self.plan.text_columns, REQUEST_HASH))

    def list_native_columns(self, wanted: bytes) -> pl.Schema:
        """List the columns that the plan gives where these are wanted."""
        texts = [name for name, is_wanted in zip(self.plan.text_columns, wanted[:-1], strict=True) if is_wanted]
        request_hash = {REQUEST_HASH: pl.UInt64()} if wanted[-1] else {}
        return pl.Schema(
            {LINE_ORDER: pl.UInt64(), **FIXED_COLUMNS, **request_hash, **dict.fromkeys(texts, pl.String())}
        )

    def classify_paths(self, paths: Sequence[str]) -> bytes:
        """Decide what becomes of the lines of each path: two actions, with a query and without one.

        The plan remembers the answer. Nearly all paths occur in the first blocks of a log.
        """
        path = pl.col("path")
        requests = pl.DataFrame({"path": paths, "method": "GET"}, schema={"path": pl.String, "method": pl.String})
        with_query = requests.with_columns(query=pl.lit("")).select(
            self.rules.may_be_vendor.alias("may_be_vendor"),
            self.rules.is_house_pixel.alias("is_house_pixel"),
            house.is_open(path).fill_null(value=False).alias("is_open"),
        )
        without_query = requests.with_columns(query=pl.lit(None, pl.String)).select(
            self.rules.may_be_vendor_without_query.alias("may_be_bare_vendor"),
            self.rules.is_house_pixel.alias("is_bare_house_pixel"),
        )
        actions = bytearray()
        facts = pl.concat([with_query, without_query], how="horizontal")
        for may_be_vendor, is_house_pixel, is_open, may_be_bare_vendor, is_bare_house_pixel in facts.iter_rows():
            event = native.OPEN if is_open else native.PAGE_VIEW
            if may_be_vendor:
                may_be_bare = may_be_bare_vendor or is_bare_house_pixel
                actions += bytes((native.RETURN, native.RETURN if may_be_bare else native.IGNORE))
            elif is_house_pixel:
                actions += bytes((event, event if is_bare_house_pixel else native.RETURN))
            else:
                actions += bytes((native.IGNORE, native.IGNORE))
        return bytes(actions)


def _numbers(line_orders: bytes) -> memoryview:
    return memoryview(line_orders).cast("Q")


def _group(blocks: Iterator[ReadBlock]) -> Iterator[list[ReadBlock]]:
    """Group successive blocks, because each run of a plan has a price of its own.

    A log with `#Fields:` lines is never grouped with another log: they rule all its further lines and no others.
    """
    group: list[ReadBlock] = []
    ruled_log: Log | None = None
    for block in blocks:
        ruled_log = block.log if b"#Fields:" in block.lines else ruled_log
        if group:
            is_full = len(group) == MOST_BLOCKS or sum(part.rows.height for part in group) >= MOST_ROWS
            is_other_log = block.log is not group[-1].log
            if is_full or (is_other_log and (ruled_log is block.log or ruled_log is group[-1].log)):
                yield group
                group = []
        group.append(block)
    if group:
        yield group


def _restore_order(events: pl.DataFrame, orders: pl.Series) -> pl.DataFrame:
    """Add LINE_ORDER to the events of successive lines, of which each has one event or more."""
    number = events["event_number"].fill_null(-1)
    begins_line = (number <= 0) | ((number == 1) & (number.shift(fill_value=-1) != 0))
    return events.with_columns(orders.gather(begins_line.cum_sum() - 1))


def _merge_in_order(rows: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """Merge two frames that are sorted by LINE_ORDER."""
    if len(others) > FEW_LINES or rows.is_empty():
        return pl.concat([rows, others]).sort(LINE_ORDER, maintain_order=True)
    cuts = [0, *rows[LINE_ORDER].search_sorted(others[LINE_ORDER]).to_list(), len(rows)]
    pieces = [rows.slice(0, cuts[1])]
    for index in range(len(others)):
        start, end = cuts[index + 1 : index + 3]
        pieces += [others.slice(index, 1), rows.slice(start, end - start)]
    return pl.concat(pieces)
