"""Parse text formats: a log_format string is compiled once into expressions that cut each field by its delimiters.

Both dialects are read: nginx (`$remote_addr - $remote_user [$time_local] "$request" ...`) and Apache
(`%h %l %u %t "%r" ...`). A line is split at its quotes first, because text between quotes may hold anything. Each
part is then split by the literals between the fields. Each field is an expression of its own, so that Polars cuts only
the fields that a report needs.

Escapes are undone once: nginx writes `"` as `\\x22` (ngx_http_log_module.c), Apache as `\\"` (util.c,
ap_escape_logitem), and a field with `\\"` inside must not end there.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from pixelstat.errors import PixelstatError
from pixelstat.formats.base import Sample
from pixelstat.formats.fields import ESCAPABLE_FIELDS
from pixelstat.formats.normalize import is_time_field, normalize_fields
from pixelstat.formats.text_cutting import (
    PIECE,
    cut_field,
    escape_as_hex,
    is_escaped,
    join_pieces,
    read_status,
    split_lines,
    split_times,
    unescape,
)
from pixelstat.formats.text_pattern import FIELD_PATTERNS, FRONT_FIELDS, build_pattern
from pixelstat.formats.text_template import Segment, parse_template, split_at_quotes
from pixelstat.frames.lookup import replace_where
from pixelstat.text.addresses import parse_address

_CLIENT_IN_BRACKETS = re.compile(r'[^"\[]* \[([0-9A-Fa-f:.]+)\] ')
MAX_FRONT = 500  # characters in which client and site are looked for
ANY_TAIL = ""  # anything may follow the last quote
EMPTY_TAIL = r"^\s*$"


@dataclass(frozen=True)
class TextFormat:
    """A named log_format string. Raises PixelstatError for a string without a time or a request."""

    name: str
    template: str
    about: str = ""
    samples: Sequence[Sample] = field(default=(), compare=False)
    tail: str = ANY_TAIL  # a regular expression that the text behind the template's last quote must match
    excluded_tails: str = ""  # a regular expression that this text must not match, as other formats have such tails
    field_patterns: Mapping[str, str] = field(default_factory=dict, compare=False)  # regular expressions, by field
    fields: Mapping[str, str] = field(default_factory=dict, compare=False)  # by variable, beside the usual ones
    finish: Callable[[pl.LazyFrame], pl.LazyFrame] | None = field(default=None, compare=False)  # changes cut fields

    def __post_init__(self) -> None:
        names = self.names
        times = [name for name in names if is_time_field(name)]
        if len(times) > 1 and any("%z" in name for name in times[1:]):
            raise PixelstatError(
                f"The log format {self.template!r} has its UTC offset and its time in separate fields.",
                "Write the time as one field: %t.",
            )
        if not times and not {"date", "clock"} <= set(names):
            raise PixelstatError(
                f"The log format {self.template!r} has no time.",
                "It needs $time_local, $time_iso8601 or $msec (Apache: %t).",
            )
        if not {"request", "absolute_request", "url", "address", "uri", "path"} & set(names):
            raise PixelstatError(
                f"The log format {self.template!r} has no request.", "It needs $request or $request_uri (Apache: %r)."
            )

    @cached_property
    def tokens(self) -> Segment:
        """The template as one segment: literals at even indices, fields at odd ones."""
        return parse_template(self.template, self.fields)

    @property
    def names(self) -> list[str]:
        """The fields that are used."""
        return [name for name in self.tokens[1::2] if name]

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        tokens = self.tokens
        if self.tail:  # the tail is checked apart, so the pattern ends at the last quote
            last = max(index for index in range(0, len(tokens), 2) if '"' in tokens[index])
            tokens = [*tokens[:last], tokens[last].rpartition('"')[0] + '"']
        return re.compile(build_pattern(tokens, self.field_patterns, is_for_python=True))

    def matches(self, line: str, header: str | None = None) -> bool:  # noqa: ARG002 - for formats with headers
        """Return whether the whole line has the shape of this format. Its values may still be invalid."""
        if "\\" in line:
            line = escape_as_hex(line)  # as `parse` does: an escaped quote ends no field, wherever it stands
        match = self._pattern.match(line)
        if not match:
            return False
        parts = line.split('"', sum(literal.count('"') for literal in self.tokens[::2]))
        if not all(re.search(pattern, parts[number]) for number, pattern in self._outside_patterns):
            return False
        tail = line[match.end() :]
        return (not self.tail or re.search(self.tail, tail) is not None) and not (
            self.excluded_tails and re.search(self.excluded_tails, tail)
        )

    def mistakes_client(self, line: str) -> bool:
        """Return whether the format would read a site in front of the line as the client, or an address as the site."""
        words = line[:MAX_FRONT].partition(" [")[0].split(" ")
        if self.tokens[0] or len(words) < 2:
            return False
        are_addresses = [parse_address(word) is not None for word in words]
        enclosed = _CLIENT_IN_BRACKETS.match(line, endpos=MAX_FRONT)  # by a server that logs its proxy in front of it
        if enclosed and parse_address(enclosed[1]) and any(are_addresses):
            return self.tokens[1] in ("client", "vhost")
        if self.tokens[1] == "client":
            is_client_absent = words[1:] == ["-"] * 3  # nor are there names of the user
            return not are_addresses[0] and (any(are_addresses) or is_client_absent)
        fields = self.tokens[1:7:2]
        if fields[0] != "vhost" or "client" not in fields:
            return fields[0] == "vhost" and are_addresses[0]
        place = self.tokens[2 : 2 * fields.index("client") + 1 : 2].count(" ")  # of the word that is the client
        is_name = len(words) > place and not are_addresses[place]
        return are_addresses[0] or (is_name and (words[0] == "-" or any(are_addresses[place + 1 :])))

    def with_header(self, header: str | None, line: str = "") -> "TextFormat":  # noqa: ARG002
        """Return the format itself: a text format has no header."""
        return self

    def parse(self, lines: pl.LazyFrame, zone: str = "UTC") -> pl.LazyFrame:
        """Parse LINES into REQUESTS with their lines: one row per line; unreadable lines are marked `unreadable`.

        `zone` is the time zone of times without an offset.
        """
        fields = self._cut_fields(lines)
        return normalize_fields(self.finish(fields) if self.finish else fields, self.name, zone)

    def _cut_fields(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Cut LINES into a column per field, unescaped. Column `is_whole` is false for a line of another shape."""
        segments = split_at_quotes(self.tokens)
        lines, parts = split_lines(lines, quotes=len(segments) - 1)
        pieces: dict[str, list[pl.Expr]] = {}
        for part, segment in zip(parts, map(split_times, segments), strict=True):
            for index in range(1, len(segment), 2):
                if segment[index]:
                    piece = cut_field(part, segment, index)
                    pieces.setdefault(segment[index].removesuffix(PIECE), []).append(piece)
        cut = {name: join_pieces(exprs) for name, exprs in pieces.items()}
        is_whole = parts[-1].is_not_null()  # a line that ends before its last quote was cut short
        if len(segments) > 1:
            for check in self._check_tail(parts[-1]):
                is_whole &= check
        for check in self._check_outside_quotes(parts, segments):
            is_whole &= check
        fields = lines.select("line", "header", "file", "number", "escaped", is_whole.alias("is_whole"), **cut)
        fields = replace_where(fields, sorted({*cut} & ESCAPABLE_FIELDS), is_escaped, unescape)
        if "status" in cut:
            fields = fields.with_columns(status=read_status(pl.col("status")))
        quoted = {name for segment in segments[1::2] for name in segment[1::2]}
        return self._check_quoted(fields, quoted)

    def _check_tail(self, tail: pl.Expr) -> Iterator[pl.Expr]:
        """Yield the conditions that the text behind the last quote must meet."""
        if self.tail == EMPTY_TAIL:
            yield tail.str.strip_chars_end() == ""
        elif self.tail:
            yield tail.str.contains(self.tail)
        if self.excluded_tails:
            yield ~tail.str.contains(self.excluded_tails)

    @cached_property
    def _outside_patterns(self) -> list[tuple[int, str]]:
        """The parts outside of quotes that are checked, with the regular expression that each must match.

        Fields are checked against their patterns only where that tells two formats apart: at the start of a line,
        those are client and host. Times are not checked here, because they are parsed later.
        """
        segments = split_at_quotes(self.tokens)
        quotes = len(segments) - 1
        custom = {name for name in self.field_patterns if not is_time_field(name)}
        patterns = []
        for number in range(0, max(quotes, 1), 2):
            segment = segments[number]
            checked = custom | {*(FRONT_FIELDS if number == 0 else FIELD_PATTERNS)}
            indices = [index for index in range(1, len(segment), 2) if segment[index] in checked]
            if len(segment) == 1:
                patterns.append((number, f"^{re.escape(segment[0])}$"))
            elif indices:
                # Another format may have a field less. Check one field more than needed, or all fields before the time.
                last = indices[-1]
                times = [index for index in range(last + 2, len(segment), 2) if is_time_field(segment[index])]
                is_marked = times and (times[0] == last + 2 or segment[times[0] - 1].strip())
                beginning = segment[: times[0] if is_marked else last + 4]
                end = "$" if quotes and len(beginning) == len(segment) else ""
                patterns.append((number, f"^{build_pattern(beginning, self.field_patterns)}{end}"))
        return patterns

    def _check_outside_quotes(self, parts: Sequence[pl.Expr], segments: Sequence[Segment]) -> Iterator[pl.Expr]:
        """Yield the conditions that the text outside of quotes must meet."""
        for number, pattern in self._outside_patterns:
            is_literal = len(segments[number]) == 1
            yield parts[number] == segments[number][0] if is_literal else parts[number].str.contains(pattern)

    def _check_quoted(self, fields: pl.LazyFrame, quoted: set[str]) -> pl.LazyFrame:
        """Check the fields that stand in quotes against the custom patterns of this format."""
        checks = [
            pl.col(name).str.contains(f"^(?:{pattern})$")
            for name, pattern in self.field_patterns.items()
            if name in quoted
        ]
        return fields.with_columns(is_whole=pl.all_horizontal("is_whole", *checks)) if checks else fields
