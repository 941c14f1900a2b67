"""Define the kinds of wrappings: what collectors, terminals and tools put around the lines of a log.

A wrapping is text in front of a line, such as a prefix of syslog, a JSON object that holds the line, or colours. Lines
can have several wrappings, one inside the other. Each wrapping unwraps one line for detection, and a whole frame for
parsing. A pattern is a regular expression that Python and Polars both understand.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import polars as pl

from pixelstat.formats.json import decode_json
from pixelstat.formats.json_text import parse_object
from pixelstat.formats.unfolding import unfold
from pixelstat.text.addresses import parse_address

MAX_PREFIX = 2_000  # characters that are searched for a prefix, so that detection stays fast for lines of megabytes
ISO_TIME = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?"


class Wrapping(Protocol):
    """Text or structure around the lines of a log."""

    @property
    def name(self) -> str: ...
    @property
    def sample(self) -> str:
        """A wrapped line, with `{}` in the place of the line itself."""

    def unwrap(self, line: str) -> str | None:
        """Return the line inside, or None if the line lacks this wrapping."""

    def unwrap_lines(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Unwrap LINES. A line without this wrapping stays as it is."""


def _unwrap_each(lines: pl.Expr, unwrap: Callable[[str], str | None]) -> pl.Expr:
    """Return what the function makes of each line, one by one. A null stays null."""

    def unwrap_batch(batch: pl.Series) -> pl.Series:
        if batch.null_count() == len(batch):
            return batch
        texts = [None if line is None else unwrap(line) for line in batch.to_list()]
        return pl.Series(batch.name, texts, pl.String)

    return lines.map_batches(unwrap_batch, return_dtype=pl.String, is_elementwise=True)


@dataclass(frozen=True)
class Prefix:
    """Text in front of a line."""

    name: str
    pattern: str  # of the text in front
    sample: str = field(default="", compare=False)
    suffix: str = ""  # the pattern of text behind the line, which can be missing
    replacement: str = ""  # text that replaces the prefix; `$1` is the first group of the pattern

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(f"^(?:{self.pattern})")

    def unwrap(self, line: str) -> str | None:
        """Return the line without prefix and suffix, or None if it lacks the prefix."""
        match = self._compiled.match(line, endpos=min(len(line), MAX_PREFIX))
        if not match:
            return None
        rest = re.sub(r"\$(\d)", lambda group: match[int(group[1])], self.replacement) + line[match.end() :]
        return re.sub(f"(?:{self.suffix})$", "", rest) if self.suffix else rest

    def unwrap_lines(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Remove prefix and suffix from LINES. A line without the prefix stays as it is."""
        line = pl.col("line").str.replace(self._compiled.pattern, re.sub(r"\$(\d)", r"${\1}", self.replacement))
        if self.suffix:
            has_prefix = pl.col("line").str.contains(self._compiled.pattern)
            line = pl.when(has_prefix).then(line.str.replace(f"(?:{self.suffix})$", "")).otherwise(line)
        return lines.with_columns(line)


@dataclass(frozen=True)
class Envelope:
    """A JSON object that holds the line under one key, as text or as a list of bytes, which journald writes.

    A dot in the key leads into an object. `holds_object` is true where an object stands in the place of the line.
    """

    name: str
    key: str
    sample: str = field(default="", compare=False)
    holds_object: bool = False

    @cached_property
    def _path(self) -> list[str]:
        return self.key.split(".")

    def unwrap(self, line: str) -> str | None:
        """Return the text under the key, or None if there is none."""
        if not line.startswith("{") or f'"{self._path[-1]}"' not in line:
            return None
        value: object = parse_object(line)
        for name in self._path:
            value = value.get(name) if isinstance(value, dict) else None
        if self.holds_object:
            return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else None
        if isinstance(value, list) and all(isinstance(byte, int) and 0 <= byte < 256 for byte in value):
            value = bytes(value).decode("utf-8", "replace")
        return value.strip("\r\n") or None if isinstance(value, str) else None

    def unwrap_lines(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Replace LINES by the texts under the key. A line without the key stays as it is."""
        if self.holds_object:
            return lines.with_columns(line=pl.coalesce(_unwrap_each(pl.col("line"), self.unwrap), "line"))
        decoded = decode_json(lines, "line", [self._path])
        text = pl.col("json")
        for name in self._path:
            text = text.struct.field(name)
        text = text.str.strip_chars("\r\n")
        text = pl.when(text != "").then(text)
        decoded = decoded.with_columns(text=text, is_other=text.is_null() & pl.col("line").str.starts_with("{"))
        rest = _unwrap_each(pl.when("is_other").then("line"), self.unwrap)  # values that Polars does not decode as text
        return decoded.with_columns(line=pl.coalesce("text", rest, "line")).drop("json", "text", "is_other")


@dataclass(frozen=True)
class Colours:
    """Escape sequences of a terminal, anywhere in a line."""

    name: str = "colours"
    sample: str = "\x1b[32m{}\x1b[0m"
    # rsyslog writes the escape character as `#033`.
    pattern: str = r"(?:\x1b|#033)(?:\[[0-9;:?]*[A-Za-z]|\(B)"

    def unwrap(self, line: str) -> str | None:
        """Return the line without escape sequences, or None where it has none."""
        if "\x1b" not in line and "#033" not in line:
            return None
        bare = re.sub(self.pattern, "", line)
        return bare if bare != line else None

    def unwrap_lines(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Remove escape sequences from LINES."""
        return lines.with_columns(pl.col("line").str.replace_all(self.pattern, ""))


@dataclass(frozen=True)
class Quotes:
    """A quote in front of the whole line and one behind it, which can be missing. Quotes inside are not escaped."""

    name: str = "quotes"
    sample: str = '"{}"'
    # The second quote must open a field of the line. Otherwise the first quote belongs to a field as well.
    pattern: str = r'^"(?:\{|[^"]*(?: "|"?\s*$))'

    def unwrap(self, line: str) -> str | None:
        """Return the line without the quotes around it, or None if the first quote only opens a field."""
        if not re.match(self.pattern, line):
            return None
        bare = line[1:].rstrip("\r ")
        is_closed = bare.endswith('"') and bare.count('"') % 2 == 1
        return bare[:-1] if is_closed else bare

    def unwrap_lines(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Remove the quotes around LINES. A line without a quote in front stays as it is."""
        line = pl.col("line")
        bare = line.str.slice(1).str.strip_chars_end("\r ")
        is_closed = bare.str.ends_with('"') & (bare.str.count_matches('"', literal=True) % 2 == 1)
        bare = pl.when(is_closed).then(bare.str.head(-1)).otherwise(bare)
        return lines.with_columns(line=pl.when(line.str.contains(self.pattern)).then(bare).otherwise(line))


@dataclass(frozen=True)
class NamedFields:
    """A line of named fields, such as `status=200`, or `status:200` between tabs. It is read as a JSON object."""

    name: str = "named fields"
    sample: str = "{}"
    pattern: str = r'(?:^|[\s,;])([A-Za-z_@][\w.@-]*)=("(?:[^"\\]|\\.)*"|[^\s,;"]*)'
    min_fields: int = 4

    def unwrap(self, line: str) -> str | None:
        """Return the fields as a JSON object, or None for a line of another kind.

        A time in front of the fields becomes the field `time`.
        """
        if line.count("\t") >= self.min_fields and (fields := _split_labelled(line)):
            return json.dumps(fields)
        pairs = re.findall(self.pattern, line) if line.count("=") >= self.min_fields - 1 else []
        fields = {name: _unquote(value) for name, value in pairs}
        if len(fields) < self.min_fields - ("time" in fields and "msg" in fields) or '"' in re.sub(
            self.pattern, "", line
        ):
            return None
        front = re.match(ISO_TIME, line)
        return json.dumps({"time": front.group(), **fields} if front else fields)

    def unwrap_lines(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Replace LINES of named fields by JSON objects. A line without names stays as it is."""
        return lines.with_columns(line=pl.coalesce(_unwrap_each(pl.col("line"), self.unwrap), "line"))


@dataclass(frozen=True)
class Folded:
    """A JSON object with parts to unfold: a query as an object, headers as a list, or an object as text."""

    name: str = "folded JSON"
    sample: str = "{}"

    def unwrap(self, line: str) -> str | None:
        """Return the object unfolded, or None where there is nothing to unfold."""
        value = parse_object(line)
        unfolded = unfold(value, line) if value else None
        return None if unfolded is None else json.dumps(unfolded, ensure_ascii=False)

    def unwrap_lines(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Unfold the objects in LINES. A line without anything to unfold stays as it is."""
        return lines.with_columns(line=pl.coalesce(_unwrap_each(pl.col("line"), self.unwrap), "line"))


def _unquote(value: str) -> str:
    """Return the value of a named field without quotes around it, and without the escapes inside of them."""
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


def _split_labelled(line: str) -> dict[str, str] | None:
    """Return the fields of a line of LTSV, or None if a field has no label."""
    pairs = [part.partition(":") for part in line.rstrip("\r\n").split("\t")]
    is_labelled = all(mark and re.fullmatch(r"[A-Za-z_@][\w.@-]*", name) for name, mark, _ in pairs)
    if not is_labelled:
        return None
    fields = {name: value for name, _, value in pairs}
    if parse_address(fields.get("host", "")):  # ltsv.org names the client `host` and the site `vhost`
        fields = {"client" if name == "host" else name: value for name, value in fields.items()}
    return fields
