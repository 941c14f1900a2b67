"""Parse the W3C extended log format, whose fields are named by `#Fields:` lines, each valid until the next one.

IIS, CloudFront and many appliances write it with different fields. Those that can be recognized by their fields have a
file and a name of their own. Fields are separated by tabs, or by blanks with `+` for a blank inside.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

import polars as pl

from pixelstat.formats.base import Sample
from pixelstat.formats.field_values import is_time
from pixelstat.formats.fields import AKAMAI_CLIENT, W3C_FIELDS
from pixelstat.formats.normalize import fill_missing_status, normalize_fields
from pixelstat.frames.lookup import replace_where

CLOUDFRONT_FIELD = "x-edge-location"  # only CloudFront has it
# Blanks or tabs between the fields; all fields in quotes, or some; some in apostrophes.
LAYOUTS = ("apostrophes", "blanks", "tabs", "quoted", "quotes")
_SEPARATORS = {"blanks": " ", "tabs": "\t", "quoted": '" "'}
_WORDS = {  # a field of the layout; a quote inside of quotes is written twice
    "quotes": r'"(?:[^"]|"")*"|[^ "\t\r]+',
    "apostrophes": r"'(?:[^']|'')*'|[^ '\t\r][^ \t\r]*",
}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?")
_STATUS = re.compile(r"\d{1,3}|-1?")
_SITE_IN_PATH = r"^/([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z][A-Za-z0-9-]+)(/.*)$"  # as Akamai writes addresses


@dataclass(frozen=True)
class Shape:
    """A usual set of fields, and a regular expression that tells its lines from those of other sets."""

    header: str
    pattern: str


@dataclass(frozen=True)
class W3cFormat:
    """A W3C log format: logs whose `#Fields:` have all of `required_names`."""

    name: str
    about: str = ""
    required_names: frozenset[str] = frozenset()
    samples: Sequence[Sample] = field(default=(), compare=False)
    layout: str = "blanks"  # one of LAYOUTS
    default_header: str | None = None  # the `#Fields:` line of a log that has none, if the user names the format
    header: str | None = None  # the `#Fields:` line of this variant of the format
    quoted: tuple[bool, ...] = ()  # which fields stand in quotes in most lines; empty if that is not known
    usual_shapes: Sequence[Shape] = field(default=(), compare=False)  # of logs whose `#Fields:` line is lost
    fields: Mapping[str, str] = field(default_factory=lambda: W3C_FIELDS, compare=False)  # by their names in `#Fields:`
    shape: str = (
        ""  # the pattern that lines without a `#Fields:` line have to match, where their shape names the fields
    )

    def matches(self, line: str, header: str | None = None) -> bool:
        """Return whether the line has the layout of this format and as many fields as its header names."""
        header = header or self.header
        if header is None:
            return bool(self.usual_shapes) and self._find_shape(line) is not None
        if line.startswith("#"):
            return False
        names = list_field_names(header)
        if not (self.required_names <= set(names) and has_time_and_address(names)):
            return False
        words = self._split_line(line)
        return len(words) == len(names) and self._reads(dict(zip(names, words, strict=True)))

    def _reads(self, words: Mapping[str, str]) -> bool:
        """Return whether `parse` finds a time, an address and a status in the words under these names."""
        if {*words.values()} == {"-"}:
            return True  # a line that is made up for a log with nothing but its header
        quote = "'" if self.layout == "apostrophes" else '"'
        values = {self.fields[name]: words[name].strip(f"{quote}\r") for name in self.fields if name in words}
        if "date" in values and "clock" in values:
            has_time = _TIME.fullmatch(f"{values['date']}T{values['clock']}") is not None
        else:
            has_time = is_time(values.get("time_seconds") or values.get("time_milliseconds"))
        has_address = values.get("stem" if "stem" in values else "url", "-") != "-"
        return has_time and has_address and _STATUS.fullmatch(values.get("status", "-")) is not None

    def _split_line(self, line: str) -> list[str]:
        """Return the fields of a line that has this layout, or nothing for any other line."""
        if ("\t" in line) != (self.layout == "tabs"):
            return []
        has_apostrophes = " '" in f" {line}"
        if self.layout in ("blanks", "apostrophes") and ('"' in line or has_apostrophes == (self.layout == "blanks")):
            return []
        if self.layout == "tabs":
            return line.split("\t")
        if self.layout == "quoted":
            return line[1:-1].split('" "') if line[:1] == line[-1:] == '"' else []
        return re.findall(_WORDS.get(self.layout, _WORDS["quotes"]), line)

    def _find_shape(self, line: str) -> Shape | None:
        """Return the usual shape of a line without a `#Fields:` line, if it has one."""
        return next((shape for shape in self.usual_shapes if re.search(shape.pattern, line)), None)

    def with_header(self, header: str | None, line: str = "") -> "W3cFormat":
        """Return the format with the fields that this `#Fields:` line names, quoted as in this line.

        Without a `#Fields:` line the shape of the line names its fields.
        """
        quoted = (
            [word.startswith('"') for word in re.findall(_WORDS["quotes"], line)] if self.layout == "quotes" else ()
        )
        header = header or self.header
        if header is None and (shape := self._find_shape(line)):
            return replace(self, header=shape.header, shape=shape.pattern)
        return replace(self, header=header, quoted=tuple(quoted))

    def parse(self, lines: pl.LazyFrame, zone: str = "UTC") -> pl.LazyFrame:
        """Parse LINES into REQUESTS with their lines: one row per line; unreadable lines are marked `unreadable`.

        Lines under another header are unreadable too. `zone` is the time zone of times without an offset.
        """
        names = list_field_names(self.header or "") or ["date", "time", "cs-uri"]
        columns = {self.fields[name]: names.index(name) for name in self.fields if self.fields[name] and name in names}
        header = pl.lit(self.header, pl.String)
        is_ours = pl.col("header").fill_null(header) == header
        is_ours &= ~pl.col("line").str.starts_with("#")
        if self.shape:  # as many fields may be those of another usual set
            is_ours &= pl.col("header").is_not_null() | pl.col("line").str.contains(self.shape)
        if self.layout == "apostrophes":
            is_ours &= ~pl.col("line").str.contains('"', literal=True)
        if self.layout in _WORDS:
            quoted = self.quoted if len(self.quoted) == len(names) else ()
            texts = _cut_partly_quoted(lines, _WORDS[self.layout], quoted, len(names), columns)
            cut = {name: pl.col(_cut_name(name)) for name in columns}
            is_whole = pl.col("is_whole")
        else:
            text = pl.col("line")
            if self.layout == "quoted":
                text = text.str.strip_suffix("\r")
                is_ours &= text.str.starts_with('"') & text.str.ends_with('"')
                text = text.str.head(-1).str.slice(1)
            texts = lines.with_columns(tokens=text.str.splitn(_SEPARATORS[self.layout], len(names) + 1))
            *parts, last, rest = (pl.col("tokens").struct.field(f"field_{index}") for index in range(len(names) + 1))
            is_whole = last.is_not_null() & rest.is_null()
            parts.append(last.str.strip_suffix("\r"))  # cheaper here than on the whole line
            cut = {name: parts[index] for name, index in columns.items()}
            if self.layout == "tabs" and CLOUDFRONT_FIELD not in names:  # CloudFront never writes a quote
                cut = {name: _strip_quotes(part, '"') for name, part in cut.items()}
        fields = texts.select("line", "header", "file", "number", is_whole=is_ours & is_whole, **cut)
        if CLOUDFRONT_FIELD in names:  # CloudFront encodes the percent signs of an address once more
            fields = fields.with_columns(
                _decode_percent_signs(pl.col(name)) for name in ("stem", "query") if name in columns
            )
        if AKAMAI_CLIENT in names and "c-ip" not in names and "url" in columns:
            fields = fields.with_columns(url=pl.col("url").str.replace(_SITE_IN_PATH, "http://$1$2"))
        return normalize_fields(_use_common_names(fields, set(columns)), self.name, zone)


# -- some fields in quotes ---------------------------------------------------------------------------------------


def _cut_partly_quoted(
    lines: pl.LazyFrame, word: str, quoted: Sequence[bool], count: int, columns: Mapping[str, int]
) -> pl.LazyFrame:
    """Cut lines into the fields at these indices. Column `is_whole` is true for a line of exactly `count` fields.

    `word` is the pattern of a field. Most lines of a log have the same fields in quotes. Those are cut at their quotes and then at blanks. The others are
    cut word by word, which takes several times as long.
    """
    is_usual, usual_fields = pl.lit(value=False), [pl.lit(None, pl.String)] * count
    if quoted:
        lines, is_usual, usual_fields = _cut_at_quotes(lines, quoted)
    lines = lines.with_columns(is_whole=is_usual.fill_null(value=False))
    lines = lines.with_columns(tokens=pl.when(~pl.col("is_whole")).then("line").str.extract_all(word))
    token = pl.col("tokens").list
    return lines.with_columns(
        is_whole=pl.col("is_whole") | (token.len() == count).fill_null(value=False),
        **{
            _cut_name(name): pl.when("is_whole")
            .then(usual_fields[index])
            .otherwise(_strip_quotes(token.get(index, null_on_oob=True), word[0]))
            for name, index in columns.items()
        },
    )


def _strip_quotes(text: pl.Expr, quote: str) -> pl.Expr:
    """Return the text inside of quotes, where a quote is written twice. Other text stays as it is."""
    inner = text.str.slice(1).str.head(-1).str.replace_all(quote * 2, quote, literal=True)
    return pl.when(text.str.starts_with(quote) & text.str.ends_with(quote)).then(inner).otherwise(text)


def _cut_name(field_name: str) -> str:
    """Return the name of the column that holds a field of a partly quoted line."""
    return f"field {field_name}"


def _cut_at_quotes(lines: pl.LazyFrame, quoted: Sequence[bool]) -> tuple[pl.LazyFrame, pl.Expr, list[pl.Expr]]:
    """Cut lines that have exactly these fields in quotes.

    Returns the lines with helper columns, whether a line is cut that way, and an expression for each of its fields.
    """
    gaps = [0]  # the number of fields in front of, between and behind the quoted ones
    for is_quoted in quoted:
        gaps = [*gaps, 0] if is_quoted else [*gaps[:-1], gaps[-1] + 1]
    last = len(gaps) - 1
    parts = [pl.col("parts").struct.field(f"field_{index}") for index in range(2 * last + 1)]
    lines = lines.with_columns(parts=pl.col("line").str.splitn('"', len(parts)))
    is_usual, fields, words = ~parts[-1].str.contains('"', literal=True), [], {}
    parts[-1] = parts[-1].str.strip_suffix("\r")
    for index, gap in enumerate(gaps):
        outside = parts[2 * index]
        if gap:
            # The blanks next to quotes make an empty word at either edge.
            size = gap + (index > 0) + (index < last)
            words[f"words {index}"] = outside.str.splitn(" ", size + 1)
            word = [pl.col(f"words {index}").struct.field(f"field_{number}") for number in range(size + 1)]
            is_usual &= word[size - 1].is_not_null() & word[size].is_null() & ~outside.str.contains("  ", literal=True)
            fields += word[index > 0 :][:gap]
            for edge in word[: index > 0] + word[size - 1 : size][: index < last]:
                is_usual &= edge == ""
        else:
            is_usual &= outside == (" " if 0 < index < last else "")
        fields += parts[2 * index + 1 : 2 * index + 2]
    return lines.with_columns(**words), is_usual, fields


# -- headers and fields ------------------------------------------------------------------------------------------


def list_field_names(header: str) -> list[str]:
    """Return the names in a `#Fields:` line, in lower case."""
    return header.removeprefix("#Fields:").lower().split()


def has_time_and_address(names: Sequence[str]) -> bool:
    """Return whether these W3C names hold a time and an address."""
    fields = {W3C_FIELDS.get(name) for name in names}
    return bool(fields & {"stem", "url"}) and bool(
        {"date", "clock"} <= fields or fields & {"time_seconds", "time_milliseconds"}
    )


def _use_common_names(fields: pl.LazyFrame, present: set[str]) -> pl.LazyFrame:
    """Turn the fields that only W3C logs have into those that all formats share."""
    if {"date", "clock"} <= present:
        fields = fields.with_columns(
            pl.concat_str(pl.col("date"), pl.lit("T"), pl.col("clock")).alias("time_iso_local")
        )
    if "stem" in present:
        stem = pl.when(pl.col("stem") != "-").then("stem")
        name = "path" if "query" in present else "uri"  # without a query field the stem may hold it
        fields = fields.with_columns(stem.alias(name)).drop("url", strict=False)
    else:  # the whole address, with the query beside it or in it
        fields = fields.rename({"url": "address"})
    if "status" in present:
        fields = fields.with_columns(status=fill_missing_status(pl.col("status")))
    fields = fields.with_columns(
        _strip_quotes(pl.col(name), "'") for name in ("user_agent", "referrer") if name in present
    )
    if "user_agent" in present:
        fields = replace_where(fields, ["user_agent"], lambda text: text.str.contains("[%+]"), decode_user_agent)
    return fields


def _decode_percent_signs(text: pl.Expr) -> pl.Expr:
    """Return `%2F` for `%252F`. A percent sign that was encoded in the address itself cannot be told apart."""
    return text.str.replace_all("%25", "%", literal=True)


def decode_user_agent(user_agent: str) -> str:
    """Undo the encodings of user agents in these logs: `%20`, `%2520` of older CloudFront, `+` for a blank."""
    decoded = unquote(user_agent)
    decoded = unquote(decoded) if "%" in decoded else decoded
    return decoded if " " in decoded else decoded.replace("+", " ")


def add_other_layouts(log_format: W3cFormat) -> tuple[W3cFormat, ...]:
    """Return the format in every layout, first as it is."""
    others = (layout for layout in LAYOUTS if layout != log_format.layout)
    return (log_format, *(replace(log_format, layout=layout, samples=(), usual_shapes=()) for layout in others))
