"""The plain lines of text logs, the short way: read natively, in one pass, where `_plain` was compiled.

Most lines of most logs are plain: they fit their format from end to end and ask for an image of one's own, or for
what is no pixel at all, and nothing in them is escaped, a macro, a payload or a value that is no number. What such
lines say `_plain.c` tells at a tenth of the price. It decides nothing: whose requests for a path are is asked of the
protocols, once for each path; and a line that is not plain in every respect goes the long way of formats/ and
protocols/, in its place among the others. So both ways must say the same, and a test holds them to it.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any
from urllib.parse import unquote_plus

import polars as pl

from pixelstat import source
from pixelstat.formats.fields import EARLIEST, TEXTS, is_time, latest
from pixelstat.formats.samples import Format
from pixelstat.formats.text import ANYTHING, NOTHING, TextFormat
from pixelstat.people.consent import HAS_SIGNALS
from pixelstat.protocols import house
from pixelstat.schemas import LINES, UTC_TIME
from pixelstat.source import Log, Part, Reading
from pixelstat.vocabulary import fold_event

try:
    from pixelstat import _plain
except ImportError:  # nothing was compiled where it was installed: every line goes the long way
    _plain = None  # type: ignore[assignment]

# As `_plain.c` has them: its kinds of fields, what it knows of paths, what it must know of parameters.
KINDS = ("", "text", "client", "vhost", "port", "time_clf", "request", "status", "bytes", "user_agent", "forwarded_for")
NO_PIXEL, ASK, PAGE_VIEW, OPEN, WITH_QUERY = 1, 2, 3, 4, 8
EVENT, NUMBER, SIGNAL = 1, 2, 4
FIXED = {"time": UTC_TIME, "status": pl.Int16(), "bytes": pl.Int64(), "event": pl.String(), "signals": pl.UInt8()}
REQUEST = ("method", "path", "query")  # the first columns of text

HEADERS = {name: "http_referer" if name == "referrer" else name for name in TEXTS}  # what an event calls a field
MOST_COLUMNS = 255
FEW = 50  # rows that are put in their places one by one
HELD = 4  # blocks whose other lines go the long way at once

Stage = Callable[[pl.LazyFrame], pl.LazyFrame]


@dataclass(frozen=True)
class Meaning:
    """What the lines of logs mean, for whoever reads plain ones: everything that the selection says of it."""

    is_vendors: pl.Expr  # of `path`: the request may be one of those that a protocol claims before the house pixel
    is_house: pl.Expr  # of `path`, `query` and `method`: the house pixel claims it
    may_be: pl.Expr  # of `line`: it may be a pixel's at all
    further: Mapping[str, Sequence[str]]  # one's own columns: their parameters
    signals: Sequence[str]  # the parameters of consent
    long_way: Stage  # LINES -> what they say
    schema: pl.Schema  # of that


def reader(form: Format, meaning: Meaning, max_line: int = source.MAX_LINE) -> "Reader | None":
    """How plain lines of the format are read; None where all of its lines go the long way."""
    fields = _fields(form) if _plain is not None and isinstance(form, TextFormat) else None
    if fields is None or not isinstance(form, TextFormat):
        return None
    names = house.names()
    given = {**{column: names[column] for column in names if column != "event"}, **meaning.further}
    columns = [*REQUEST, *(header for name, header in HEADERS.items() if name in form.names), *given]
    if len(columns) > MOST_COLUMNS:
        return None
    place = {column: at for at, column in enumerate(columns)}
    flags = {"value": NUMBER}
    parameters = [
        *((name, 0, EVENT) for name in names["event"]),
        *((name, 0, SIGNAL) for name in meaning.signals),
        *((name, place[column], flags.get(column, 0)) for column, those in given.items() for name in those),
    ]
    plan = _plain.Plan(
        [(before.encode(), KINDS.index(kind), place.get(HEADERS.get(name, name), 0)) for before, kind, name in fields],
        form.tokens[-1].encode(),
        form.tail == NOTHING,
        [(name.encode(), at, of_name) for name, at, of_name in parameters],
        len(columns),
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
        is_simple &= is_quoted == before.endswith('"') and (not is_quoted or after.startswith('"'))
        if kind is None or not is_simple:
            return None
        found.append((before, kind, name))
    return found


def events(logs: Sequence[Log], reading: Reading, reader: "Reader") -> pl.LazyFrame:
    """What the lines of the logs say, in their order; those that may be no pixel's are left out."""

    def read(columns: Sequence[str], predicate: pl.Expr | None) -> Generator[pl.DataFrame]:
        wanted = reader.wanted(columns)
        told = Prepared(lambda rows: reader.told(rows).select("place", *columns), reader.given(wanted))
        others = Prepared(lambda lines: reader.meaning.long_way(lines).select(columns), LINES)

        def parts(pool: Executor) -> Iterator[Future[Part]]:
            for log in logs:
                for block in source.views(log, partial(reading.at, log), reader.max_line, source.AHEAD + 1):
                    yield pool.submit(reader.part, log, block, wanted, told)

        in_order = source.ruled(source.in_threads(parts, reading))
        while held := list(islice(in_order, HELD)):
            for frame in _together(held, others):
                yield frame.select(columns) if predicate is None else frame.select(columns).filter(predicate)

    return source.scanned(read, reader.meaning.schema, f"{len(logs)} logs, {reader.format}")


class Prepared:
    """A plan for frames of one schema: made once, which is most of the work, and run for one after the other."""

    def __init__(self, stage: Stage, given: pl.Schema) -> None:
        self._stage, self._given = stage, given
        self._idle: list[tuple[list[pl.DataFrame], pl.LazyFrame]] = []  # one for each thread that was at work

    def __call__(self, frame: pl.DataFrame) -> pl.DataFrame:
        """What the stage makes of the frame."""
        try:
            holder, plan = self._idle.pop()
        except IndexError:
            holder = []
            plan = self._stage(source.scanned(partial(_held, holder), self._given, "what is given"))
        holder[:] = [frame]
        found = plan.collect()
        holder.clear()
        self._idle.append((holder, plan))
        return found


def _held(holder: list[pl.DataFrame], names: Sequence[str], _: pl.Expr | None) -> Generator[pl.DataFrame]:
    yield holder[0].select(names)


@dataclass(frozen=True)
class Reader:
    """How the plain lines of one log format are read."""

    plan: Any  # of `_plain`
    columns: Sequence[str]  # of text, in the plan's order
    format: str
    meaning: Meaning
    max_line: int

    def part(self, log: Log, block: memoryview, wanted: bytes, told: Prepared) -> Part:
        """What the plain lines of a block say; and of its other lines those that may be a pixel's."""
        height, rows, events, left, places, unknown, unknown_places, paths = self.plan.read(block[1:], wanted)
        said = [self._said(rows, events, told)]
        others = [self._lines(left, places)]
        if unknown:  # whose these paths are is asked now: nearly all of them stand in a log's first blocks
            self.learn(_frame(paths)["path"].unique())
            _, rows, events, left, places, unknown, unknown_places, _ = self.plan.read(unknown, wanted, unknown_places)
            said.append(self._said(rows, events, told))
            others += [self._lines(left, places), self._lines(unknown, unknown_places)]
        frame, last = source.with_headers(_in_place(others))
        return Part(log, height, frame.filter(self.meaning.may_be), last, _in_place(said))

    def _lines(self, block: bytes, places: bytes) -> pl.DataFrame:
        """The lines of a block as text, with their places."""
        frame = source.frame_of(source.mended(b"\n" + block), self.max_line)
        return frame.with_columns(pl.Series("place", memoryview(places).cast("I"), pl.UInt32))

    def _said(self, rows: Any, events: Sequence[str], told: Prepared) -> pl.DataFrame:
        """What plain rows say, with their places. Their `event` is a number: page_view, open, then these `events`."""
        frame = _frame(rows)
        frame.columns = [self.columns[int(name)] if name.isdecimal() else name for name in frame.columns]
        words = ["page_view", "open", *(fold_event(unquote_plus(event)) for event in events)]
        return told(frame.with_columns(event=pl.Series(words, dtype=pl.String).gather(frame["event"])))

    def told(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Plain rows -> what they say."""
        there = rows.collect_schema()
        lacking = [pl.lit(None, dtype).alias(name) for name, dtype in self._raw.items() if name not in there]
        said = house.of_plain(rows.with_columns(lacking))
        return said.with_columns((pl.col("signals") > 0).alias(HAS_SIGNALS), format=pl.lit(self.format))

    @property
    def _raw(self) -> pl.Schema:
        """The columns of plain rows before anything is made of them."""
        return pl.Schema({**FIXED, **dict.fromkeys([*HEADERS.values(), *self.columns], pl.String())})

    def wanted(self, columns: Sequence[str]) -> bytes:
        """Which texts these columns are made of, for the plan: 1 is a field of the line, 2 a parameter."""
        asked: set[str] = set()

        def read(names: Sequence[str], _: pl.Expr | None) -> Generator[pl.DataFrame]:
            asked.update(names)
            yield pl.DataFrame(schema=self._raw).select(names)

        self.told(source.scanned(read, self._raw, "what is asked")).select(columns).collect()
        fields = {*REQUEST, *HEADERS.values()}
        return bytes((name in asked) * (1 if name in fields else 2) for name in self.columns)

    def given(self, wanted: bytes) -> pl.Schema:
        """What the plan gives where these texts are wanted."""
        texts = [name for name, is_wanted in zip(self.columns, wanted, strict=True) if is_wanted]
        return pl.Schema({"place": pl.UInt32(), **FIXED, **dict.fromkeys(texts, pl.String())})

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
        bare = asked.with_columns(query=pl.lit(None, pl.String)).select(self.meaning.is_house.alias("is_bare"))
        for text, is_vendors, is_open, is_house, is_bare in pl.concat([judged, bare], how="horizontal").iter_rows():
            own = (OPEN if is_open else PAGE_VIEW) | (0 if is_bare else WITH_QUERY)
            self.plan.learn(text, ASK if is_vendors else own if is_house else NO_PIXEL)


def _together(parts: Sequence[Part], others: Prepared) -> Iterator[pl.DataFrame]:
    """What all lines of the parts say; those that are not plain the long way, all at once: it is long to set out on."""
    left = pl.concat(part.frame for part in parts)
    lines = left.select(name if name in left else pl.lit(None, dtype).alias(name) for name, dtype in LINES.items())
    said = others(lines).with_columns(left["place"]) if left.height else None
    for part in parts:
        assert part.plain is not None
        if said is None or part.frame.is_empty():
            yield part.plain
        else:
            of_part, said = said.head(part.frame.height), said.slice(part.frame.height)
            yield _in_place([part.plain, of_part.select(part.plain.columns)])


def _frame(found: Any) -> pl.DataFrame:
    return pl.Series(found).struct.unnest()


def _in_place(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The rows of the frames, each in the order of its places, in the order of all their places."""
    most, *others = sorted((frame for frame in frames if not frame.is_empty()), key=len, reverse=True) or frames[:1]
    for other in others:
        if len(other) > FEW:
            most = pl.concat([most, other]).sort("place")
            continue
        cuts = [0, *most["place"].search_sorted(other["place"]).to_list(), len(most)]  # a tenth of what the sort takes
        pieces = [most.slice(0, cuts[1])]
        for at in range(len(other)):
            pieces += [other.slice(at, 1), most.slice(cuts[at + 1], cuts[at + 2] - cuts[at + 1])]
        most = pl.concat(pieces, rechunk=True)
    return most
