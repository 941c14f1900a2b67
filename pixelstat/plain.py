"""The plain lines of text logs, the short way: read natively, in one pass, where `_plain` was compiled.

Most lines of most logs are plain: they fit their format from end to end and ask for an image of one's own, or for
what is no pixel at all, and nothing in them is escaped, a macro, a payload or a value that is no number. What such
lines say `_plain.c` tells at a tenth of the price. It decides nothing: whose requests for a path are is asked of the
protocols, once for each path; and a line that is not plain in every respect goes the long way of formats/ and
protocols/, in its place among the others. So both ways must say the same, and a test holds them to it.
"""

import re
from array import array
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

import polars as pl

from pixelstat.formats.base import Format
from pixelstat.formats.normalize import EARLIEST, TEXTS, is_time, latest
from pixelstat.formats.text import ANYTHING, NOTHING, TextFormat, sought
from pixelstat.frames.batches import scan
from pixelstat.identity.consent import SIGNALLING
from pixelstat.native import plain as _plain
from pixelstat.prepared import Prepared, Stage
from pixelstat.protocols.builtin import house
from pixelstat.schemas import ID_KEY, ID_PREFIX, LINES, UTC_TIME
from pixelstat.sources.blocks import MAX_LINE, Log, iter_block_views, sanitize
from pixelstat.sources.lines import BLOCKS_AHEAD, Reading, attach_headers, map_in_order, split_lines
from pixelstat.traffic.deduplication import CONTENT, SAME
from pixelstat.vocabulary import canonical_event

# As `_plain.c` has them: its kinds of fields, what it knows of paths, what it must know of parameters.
KINDS = ("", "text", "client", "vhost", "port", "time_clf", "request", "status", "bytes", "user_agent", "forwarded_for")
SOUGHT = 16
NO_PIXEL, ASK, PAGE_VIEW, OPEN, WITH_QUERY, BARE_IS_NONE = 1, 2, 3, 4, 8, 16
EVENT, NUMBER, SIGNAL, ID = 1, 2, 4, 8
FIXED = {"time": UTC_TIME, "status": pl.Int16(), "bytes": pl.Int64(), "event": pl.String()}
REQUEST = ("method", "path", "query", SIGNALLING)  # the first columns of text

HEADERS = {name: "http_referer" if name == "referrer" else name for name in TEXTS}  # what an event calls a field
MOST_FIELDS, MOST_COLUMNS, MOST_NAMES = 64, 255, 1024
PLACE, OWN = "place of line", "own "  # with blanks: a column of one's own may have any other name
FEW = 200  # rows that are put in their places one by one
ROWS, BLOCKS = 200_000, 64  # that are held together, at most


@dataclass(frozen=True)
class Meaning:
    """What the lines of logs mean, for whoever reads plain ones: everything that the selection says of it."""

    is_vendors: pl.Expr  # of `path`: the request may be one of those that a protocol claims before the house pixel
    may_be_bare: pl.Expr  # the same of requests without a query
    is_house: pl.Expr  # of `path`, `query` and `method`: the house pixel claims it
    may_be: pl.Expr  # of `line`: it may be a pixel's at all
    further: Mapping[str, Sequence[str]]  # one's own columns: their parameters
    signals: Sequence[str]  # the parameters of consent
    long_way: Stage  # LINES -> what they say
    schema: pl.Schema  # of that


def reader(form: Format, meaning: Meaning, max_line: int = MAX_LINE) -> "Reader | None":
    """How plain lines of the format are read; None where all of its lines go the long way."""
    fields = _fields(form) if _plain is not None and isinstance(form, TextFormat) else None
    if fields is None or not isinstance(form, TextFormat):
        return None
    names = {**house.names()}
    own = {OWN + column: those for column, those in meaning.further.items()}
    names[ID_KEY] = names.pop("visitor_id")
    given = {**{column: names[column] for column in names if column != "event"}, **own}
    columns = [*REQUEST, *(header for name, header in HEADERS.items() if name in form.names), *given]
    place = {column: at for at, column in enumerate(columns)}
    flags = {"value": NUMBER, ID_KEY: ID}
    parameters = [
        *((name, 0, EVENT) for name in names["event"]),
        *((name, 0, SIGNAL) for name in meaning.signals),
        *((name, place[column], flags.get(column, 0)) for column, those in given.items() for name in those),
    ]
    if len(fields) > MOST_FIELDS or len(columns) > MOST_COLUMNS or len(parameters) > MOST_NAMES:
        return None
    if any({*name} & {*"=&"} for name, _, _ in parameters):  # one's own: names end there for the plan
        return None
    plan = _plain.Plan(
        [
            (before.encode(), KINDS.index(kind) | SOUGHT * is_sought, place.get(HEADERS.get(name, name), 0))
            for (before, kind, name), is_sought in zip(fields, sought(form.tokens), strict=True)
        ],
        form.tokens[-1].encode(),
        form.tail == NOTHING or '"' not in form.tokens[-1],  # a field behind the last quote reaches to the line's end
        [(name.encode(), at, of_name) for name, at, of_name in parameters],
        columns,
        tuple(place.get(name, -1) for name in SAME),
        ID_PREFIX.encode(),
        int(EARLIEST.timestamp()) * 1_000_000,
        int(latest().timestamp()) * 1_000_000,
        max_line,
    )
    return Reader(plan, columns, form.name, meaning, max_line)


def _fields(form: TextFormat) -> list[tuple[str, str, str]] | None:
    """The literal in front of each field, its kind and its name; None for a format that is not so simple."""
    is_simple = (
        form.change is None
        and form.tail in (NOTHING, ANYTHING)
        and not form.other_tails
        and {*form.looks} <= {"forwarded_for"}
        and len(form.names) == len({*form.names})
        and [name for name in form.names if is_time(name)] == ["time_clf"]
        and "request" in form.names
    )
    found, quotes = [], 0
    for place in range(1, len(form.tokens), 2):
        before, name, after = form.tokens[place - 1 : place + 2]
        kind = name if name in KINDS else "text" if name in TEXTS else None
        quotes += before.count('"')
        is_quoted = quotes % 2 == 1
        if kind == "time_clf" and not is_quoted and '"' not in after:  # what ends it must not stand in it
            is_simple &= re.match("[0-9A-Za-z/:+ -]", after) is None
        is_simple &= is_quoted == before.endswith('"') and (not is_quoted or after.startswith('"'))
        if kind is None or not is_simple:
            return None
        found.append((before, kind, name))
    return found


def events(logs: Sequence[Log], reading: Reading, reader: "Reader") -> pl.LazyFrame:
    """What the lines of the logs say, in their order; those that may be no pixel's are left out."""

    def read(columns: Sequence[str], predicate: pl.Expr | None) -> Generator[pl.DataFrame]:
        wanted = reader.wanted(columns)
        told = Prepared(lambda rows: reader.told(rows).select(PLACE, *columns), reader.given(wanted))
        long_way = Prepared(lambda lines: reader.meaning.long_way(lines).select(columns), LINES)

        def parts(pool: Executor) -> Iterator[Future[Found]]:
            for log in logs:
                for block in iter_block_views(log, partial(reading.at, log), reader.max_line, BLOCKS_AHEAD + 1):
                    yield pool.submit(reader.found, log, block, wanted, next(places))

        places = count(step=1 << 32)
        log, header = None, None
        for held in _held_together(map_in_order(parts, reading)):
            log, header = held[-1].log, header if held[0].log is log else None
            said = told(pl.concat([found.rows for found in held]))
            lines, last = attach_headers(reader.lines(held))
            if header is not None:
                lines = lines.with_columns(pl.col("header").fill_null(pl.lit(header)))
            header = last or header
            lines = lines.filter(reader.meaning.may_be)
            if lines.height:
                blank = {name: pl.lit(None, dtype) for name, dtype in LINES.items() if name not in lines}
                others = long_way(lines.with_columns(**blank)).with_columns(lines[PLACE])
                said = _in_place(said, others.select(said.columns))
            yield said.select(columns) if predicate is None else said.select(columns).filter(predicate)

    return scan(read, reader.meaning.schema, f"{len(logs)} logs, {reader.format}")


class Found(NamedTuple):
    """What was found in a block."""

    log: Log
    height: int  # lines in it
    rows: pl.DataFrame  # the plain ones as the plan gives them
    left: bytes  # the others as they stand there, but those that ask for what is no pixel
    places: bytes  # of these lines: eight bytes each


def _held_together(parts: Iterator[Found]) -> Iterator[list[Found]]:
    """So many blocks one after the other that what is done once for all of them does not matter.

    Logs with `#Fields:` lines, which rule all further lines of theirs, stay by themselves.
    """
    held: list[Found] = []
    ruled: Log | None = None
    for found in parts:
        ruled = found.log if b"#Fields:" in found.left else ruled
        if held:
            is_full = len(held) == BLOCKS or sum(part.rows.height for part in held) >= ROWS
            is_apart = found.log is not held[-1].log and (ruled is found.log or ruled is held[-1].log)
            if is_full or is_apart:
                yield held
                held = []
        held.append(found)
    if held:
        yield held


@dataclass(frozen=True)
class Reader:
    """How the plain lines of one log format are read."""

    plan: Any  # of `_plain`
    columns: Sequence[str]  # of text, in the plan's order
    format: str
    meaning: Meaning
    max_line: int

    def found(self, log: Log, block: memoryview, wanted: bytes, first: int = 0) -> Found:
        """What the plain lines of a block say, and the others. Its `first` line has this place, each other the next."""
        height, rows, events, left, places, unknown, unknown_places, paths = self.plan.read(block[1:], wanted, first)
        frame = _frame(rows, events)
        if unknown:  # whose these paths are is asked now: nearly all of them stand in a log's first blocks
            self.learn(_columns(paths)["path"].unique())
            _, rows, events, *others, _ = self.plan.read(unknown, wanted, 0, unknown_places)
            frame = pl.concat([frame, _frame(rows, events)]).sort(PLACE)
            texts = (left + others[0] + others[2]).split(b"\n")[:-1]
            lines = sorted(zip(_numbers(places + others[1] + others[3]), texts, strict=True))
            left = b"".join(text + b"\n" for _, text in lines)
            places = array("Q", [place for place, _ in lines]).tobytes()
        if places and _numbers(places)[0] == first:
            left = left.removeprefix(b"\xef\xbb\xbf")  # a byte-order mark, as the long way takes it off
        return Found(log, height, frame, left, places)

    def lines(self, parts: Sequence[Found]) -> pl.DataFrame:
        """The lines of the blocks that are not plain, as text, with their places."""
        left = b"".join(part.left for part in parts)
        places = _numbers(b"".join(part.places for part in parts))
        frame = split_lines(sanitize(b"\n\n" + left), self.max_line).tail(len(places))
        return frame.with_columns(pl.Series(PLACE, places, pl.UInt64))

    def told(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Plain rows -> what they say."""
        there = rows.collect_schema()
        lacking = [pl.lit(None, dtype).alias(name) for name, dtype in self._raw.items() if name not in there]
        said = house.of_plain(rows.with_columns(lacking))
        own = {name: OWN + name for name in self.meaning.further}  # last, as the long way makes them
        return said.with_columns(format=pl.lit(self.format), **own)

    @property
    def _raw(self) -> pl.Schema:
        """The columns of plain rows before anything is made of them."""
        texts = dict.fromkeys([*HEADERS.values(), *self.columns], pl.String())
        return pl.Schema({**FIXED, CONTENT: pl.UInt64(), **texts})

    def wanted(self, columns: Sequence[str]) -> bytes:
        """Which texts these columns are made of, for the plan, and whether they need the content."""
        asked: set[str] = set()

        def read(names: Sequence[str], _: pl.Expr | None) -> Generator[pl.DataFrame]:
            asked.update(names)
            yield pl.DataFrame(schema=self._raw).select(names)

        self.told(scan(read, self._raw, "what is asked")).select(columns).collect()
        return bytes(name in asked for name in (*self.columns, CONTENT))

    def given(self, wanted: bytes) -> pl.Schema:
        """What the plan gives where these are wanted."""
        content = {CONTENT: pl.UInt64()} if wanted[-1] else {}
        texts = [name for name, is_wanted in zip(self.columns, wanted[:-1], strict=True) if is_wanted]
        return pl.Schema({PLACE: pl.UInt64(), **FIXED, **content, **dict.fromkeys(texts, pl.String())})

    def learn(self, paths: pl.Series) -> None:
        """Tell the plan whose requests for these paths are."""
        path = pl.col("path")
        asked = pl.DataFrame({"path": paths, "method": "GET"}, schema={"path": pl.String, "method": pl.String})
        judged = asked.with_columns(query=pl.lit("")).select(
            path,
            self.meaning.is_vendors.alias("is_vendors"),
            house.is_open(path).fill_null(value=False).alias("is_open"),
            self.meaning.is_house.alias("is_house"),
        )
        bare = asked.with_columns(query=pl.lit(None, pl.String)).select(
            self.meaning.is_house.alias("is_bare"), self.meaning.may_be_bare.alias("may_be_bare")
        )
        both = pl.concat([judged, bare], how="horizontal")
        for text, is_vendors, is_open, is_house, is_bare, may_be_bare in both.iter_rows():
            own = (OPEN if is_open else PAGE_VIEW) | (0 if is_bare else WITH_QUERY)
            others = ASK | (0 if is_bare or may_be_bare else BARE_IS_NONE)
            self.plan.learn(text, others if is_vendors else own if is_house else NO_PIXEL)


def _columns(found: Any) -> pl.DataFrame:
    return pl.Series(found).struct.unnest()


def _frame(rows: Any, events: Sequence[str]) -> pl.DataFrame:
    """Plain rows with words for the numbers of `event`: page_view, open, then `events`."""
    frame = _columns(rows)
    words = ["page_view", "open", *(canonical_event(unquote_plus(event)) for event in events)]
    named = pl.Series("event", words, pl.String).gather(frame["event"])
    return frame.replace_column(frame.columns.index("event"), named)


def _numbers(places: bytes) -> memoryview:
    return memoryview(places).cast("Q")


def _in_place(rows: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """The rows of both frames, each in the order of its places, in the order of all their places."""
    if len(others) > FEW or rows.is_empty():
        return pl.concat([rows, others]).sort(PLACE)
    cuts = [0, *rows[PLACE].search_sorted(others[PLACE]).to_list(), len(rows)]  # a tenth of what the sort takes
    pieces = [rows.slice(0, cuts[1])]
    for at in range(len(others)):
        pieces += [others.slice(at, 1), rows.slice(cuts[at + 1], cuts[at + 2] - cuts[at + 1])]
    return pl.concat(pieces)
