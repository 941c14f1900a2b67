"""w3c: the W3C extended log format, its fields named by a `#Fields:` line that rules until the next one.

IIS, CloudFront and many appliances write it, each with fields of its own: those that are told by theirs
have a file and a name of their own. Fields are parted by tabs, or by blanks with `+` for a blank inside.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

import polars as pl

from pixelstat.formats.base import Sample
from pixelstat.formats.normalize import read, unanswered
from pixelstat.frames.lookup import replace_where

FIELDS = {  # the name in `#Fields:`, in lower case: the field; of several names for one the later here counts
    "c-ip": "client",
    "s-xff": "forwarded_for",
    "x-forwarded-for": "forwarded_for",
    "cs-method": "method",
    "cs-uri-stem": "stem",
    "cs-uri-query": "query",
    "cs-uri": "url",
    "cs(host)": "vhost",
    "cs-host": "vhost",
    "x-host-header": "vhost",
    "c-status": "status",
    "sc-status": "status",
    "sc-bytes": "bytes",
    "cs(referrer)": "referrer",
    "cs(referer)": "referrer",
    "cs(user-agent)": "user_agent",
    "cs(cookie)": "cookies",
    "cs(dnt)": "dnt",
    "cs(sec-gpc)": "gpc",
    "cs(sec-purpose)": "purpose",
    "x-edge-request-id": "request_id",
    "date-local": "date",
    "date": "date",
    "time-local": "clock",
    "time": "clock",
    "timestamp": "time_seconds",
    "timestamp(ms)": "time_milliseconds",
}
CLOUDFRONT = "x-edge-location"  # a field of its own
LAYOUTS = ("blanks", "tabs", "quoted", "quotes")  # blanks or tabs between the fields; all fields in quotes, or some
_SEPARATORS = {"blanks": " ", "tabs": "\t", "quoted": '" "'}
_PART = r'"[^"]*"|[^ "\t\r]+'


@dataclass(frozen=True)
class W3cFormat:
    """The logs whose `#Fields:` have all of `marks`."""

    name: str
    about: str = ""
    marks: frozenset[str] = frozenset()
    samples: Sequence[Sample] = field(default=(), compare=False)
    layout: str = "blanks"  # one of LAYOUTS
    usual: str | None = None  # the `#Fields:` line of a piece that has none, when its format is named
    header: str | None = None  # the `#Fields:` line that is read by, where a line has none of its own
    quoted: tuple[bool, ...] = ()  # which fields stand in quotes in most lines; nothing if that is not known

    def is_shaped(self, line: str, header: str | None = None) -> bool:
        """Whether it has as many fields as the header that rules it names."""
        header = header or self.header
        if header is None or line.startswith("#"):
            return False
        names = names_of(header)
        return self.marks <= set(names) and is_known(names) and len(self._fields(line)) == len(names)

    def _fields(self, line: str) -> list[str]:
        """The fields of a line that is laid out so, none of any other."""
        if ("\t" in line) != (self.layout == "tabs") or (self.layout == "blanks" and '"' in line):
            return []
        if self.layout == "tabs":
            return line.split("\t")
        if self.layout == "quoted":
            return line[1:-1].split('" "') if line[:1] == line[-1:] == '"' else []
        return re.findall(_PART, line)

    def ruled_by(self, header: str | None, line: str = "") -> "W3cFormat":
        """The format as this `#Fields:` line spells it, and this line of it."""
        quoted = [part.startswith('"') for part in re.findall(_PART, line)] if self.layout == "quotes" else ()
        return replace(self, header=header or self.header, quoted=tuple(quoted))

    def requests(self, lines: pl.LazyFrame, zone: str = "UTC") -> pl.LazyFrame:
        """LINES -> REQUESTS with their lines: one row a line; what cannot be read is marked `unreadable`.

        So is what another header rules.
        """
        column = pl.col
        names = names_of(self.header or "") or ["date", "time", "cs-uri"]
        places = {FIELDS[name]: names.index(name) for name in FIELDS if name in names}
        is_ruled = column("header").fill_null(pl.lit(self.header, pl.String)) == pl.lit(self.header, pl.String)
        is_ruled &= ~column("line").str.starts_with("#")
        if self.layout == "quotes":
            quoted = self.quoted if len(self.quoted) == len(names) else ()
            texts = _unquoted(lines, quoted, len(names), places)
            cut = {name: column(f"field {name}") for name in places}
            is_whole = column("is_whole")
        else:
            text = column("line")
            if self.layout == "quoted":
                text = text.str.strip_suffix("\r")
                is_ruled &= text.str.starts_with('"') & text.str.ends_with('"')
                text = text.str.head(-1).str.slice(1)
            texts = lines.with_columns(tokens=text.str.splitn(_SEPARATORS[self.layout], len(names) + 1))
            *parts, last, further = (column("tokens").struct.field(f"field_{at}") for at in range(len(names) + 1))
            is_whole = last.is_not_null() & further.is_null()
            parts.append(last.str.strip_suffix("\r"))  # which is cheaper there than on the whole line
            cut = {name: parts[place] for name, place in places.items()}
        fields = texts.select("line", "header", "file", "number", whole=is_ruled & is_whole, **cut)
        if CLOUDFRONT in names:  # encodes the percent signs of an address once more
            fields = fields.with_columns(_once_encoded(column(name)) for name in ("stem", "query") if name in places)
        return read(_named(fields, set(places)), self.name, zone)


# -- some fields in quotes ---------------------------------------------------------------------------------------


def _unquoted(lines: pl.LazyFrame, quoted: Sequence[bool], count: int, places: Mapping[str, int]) -> pl.LazyFrame:
    """Lines with the fields at these places, and `is_whole`: whether a line has `count` of them.

    Most lines of a log have the same fields in quotes. Those are cut at their quotes and then at blanks, the
    others token by token, which takes several times as long.
    """
    column = pl.col
    is_usual, usual = pl.lit(value=False), [pl.lit(None, pl.String)] * count
    if quoted:
        lines, is_usual, usual = _at_quotes(lines, quoted)
    lines = lines.with_columns(is_whole=is_usual.fill_null(value=False))
    lines = lines.with_columns(tokens=pl.when(~column("is_whole")).then("line").str.extract_all(_PART))
    token = column("tokens").list
    return lines.with_columns(
        is_whole=column("is_whole") | (token.len() == count).fill_null(value=False),
        **{
            f"field {name}": pl.when("is_whole")
            .then(usual[place])
            .otherwise(token.get(place, null_on_oob=True).str.strip_chars('"'))
            for name, place in places.items()
        },
    )


def _at_quotes(lines: pl.LazyFrame, quoted: Sequence[bool]) -> tuple[pl.LazyFrame, pl.Expr, list[pl.Expr]]:
    """Lines in parts; whether one has just these fields in quotes; the fields of those that have."""
    gaps = [0]  # how many fields stand before, between and behind the quoted ones
    for is_quoted in quoted:
        gaps = [*gaps, 0] if is_quoted else [*gaps[:-1], gaps[-1] + 1]
    last = len(gaps) - 1
    parts = [pl.col("parts").struct.field(f"field_{place}") for place in range(2 * last + 1)]
    lines = lines.with_columns(parts=pl.col("line").str.splitn('"', len(parts)))
    is_one, fields, words = ~parts[-1].str.contains('"', literal=True), [], {}
    parts[-1] = parts[-1].str.strip_suffix("\r")
    for place, gap in enumerate(gaps):
        outside = parts[2 * place]
        if gap:
            size = gap + (place > 0) + (place < last)
            words[f"words {place}"] = outside.str.splitn(" ", size + 1)
            word = [pl.col(f"words {place}").struct.field(f"field_{at}") for at in range(size + 1)]
            is_one &= word[size - 1].is_not_null() & word[size].is_null() & ~outside.str.contains("  ", literal=True)
            fields += word[place > 0 :][:gap]
            for edge in word[: place > 0] + word[size - 1 : size][: place < last]:
                is_one &= edge == ""
        else:
            is_one &= outside == (" " if 0 < place < last else "")
        fields += parts[2 * place + 1 : 2 * place + 2]
    return lines.with_columns(**words), is_one, fields


def names_of(header: str) -> list[str]:
    """The names in a `#Fields:` line, in lower case."""
    return header.removeprefix("#Fields:").lower().split()


def is_known(names: Sequence[str]) -> bool:
    """Whether the fields tell a time and an address."""
    fields = {FIELDS.get(name) for name in names}
    return bool(fields & {"stem", "url"}) and bool(
        {"date", "clock"} <= fields or fields & {"time_seconds", "time_milliseconds"}
    )


def _named(fields: pl.LazyFrame, present: set[str]) -> pl.LazyFrame:
    """The fields under the names that all formats share."""
    column = pl.col
    if {"date", "clock"} <= present:
        fields = fields.with_columns(
            pl.concat_str(column("date"), pl.lit("T"), column("clock")).alias("time_iso_local")
        )
    if "stem" in present:
        stem = pl.when(column("stem") != "-").then("stem")
        name = "path" if "query" in present else "uri"  # some keep the query where it was
        fields = fields.with_columns(stem.alias(name)).drop("url", strict=False)
    else:  # the whole address, its query beside it or in it
        fields = fields.rename({"url": "address"})
    if "status" in present:
        fields = fields.with_columns(status=unanswered(column("status")))
    if "user_agent" in present:
        fields = replace_where(fields, ["user_agent"], lambda text: text.str.contains("[%+]"), decoded_agent)
    return fields


def _once_encoded(text: pl.Expr) -> pl.Expr:
    """`%2F` for `%252F`. A percent sign that was encoded by who made the address cannot be told from it."""
    return text.str.replace_all("%25", "%", literal=True)


def decoded_agent(agent: str) -> str:
    """An agent without the encodings of these logs: `%20`, `%2520` of older CloudFront, `+` for a blank."""
    decoded = unquote(agent)
    decoded = unquote(decoded) if "%" in decoded else decoded
    return decoded if " " in decoded else decoded.replace("+", " ")


def in_layouts(form: W3cFormat) -> tuple[W3cFormat, ...]:
    """The format in every layout, its own first."""
    others = (layout for layout in LAYOUTS if layout != form.layout)
    return (form, *(replace(form, layout=layout, samples=()) for layout in others))
