"""w3c: the W3C extended log format, its fields named by a `#Fields:` line that rules until the next one.

IIS, CloudFront and many appliances write it, each with fields of its own: those that are told by theirs
have a file and a name of their own. Fields are parted by tabs, or by blanks with `+` for a blank inside.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from urllib.parse import unquote

import polars as pl

from pixelstat.formats.fields import read, unanswered
from pixelstat.formats.samples import Sample
from pixelstat.vocabulary import changed_where

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
HEADER_LINES = 20  # and more, at the beginning of a log
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

    def ruled_by(self, header: str | None) -> "W3cFormat":
        """The format as this `#Fields:` line spells it."""
        return replace(self, header=header or self.header)

    def requests(self, lines: pl.LazyFrame, zone: str = "UTC") -> pl.LazyFrame:
        """LINES -> REQUESTS with their lines: one row a line; what cannot be read is marked `unreadable`.

        So is what another header rules.
        """
        column = pl.col
        names = names_of(self.header or "") or ["date", "time", "cs-uri"]
        places = {FIELDS[name]: names.index(name) for name in FIELDS if name in names}
        is_ruled = column("header").fill_null(pl.lit(self.header, pl.String)) == pl.lit(self.header, pl.String)
        is_ruled &= ~column("line").str.starts_with("#")
        text = column("line").str.strip_suffix("\r")
        if self.layout == "quotes":
            texts = lines.with_columns(tokens=_unquoted(len(names), places))
            cut = {name: column("tokens").struct.field(name) for name in places}
            is_whole = column("tokens").struct.field("is_whole")
        else:
            if self.layout == "quoted":
                is_ruled &= text.str.starts_with('"') & text.str.ends_with('"')
                text = text.str.head(-1).str.slice(1)
            texts = lines.with_columns(tokens=text.str.splitn(_SEPARATORS[self.layout], len(names) + 1))
            cut = {name: column("tokens").struct.field(f"field_{place}") for name, place in places.items()}
            is_whole = column("tokens").struct.field(f"field_{len(names) - 1}").is_not_null()
            is_whole &= column("tokens").struct.field(f"field_{len(names)}").is_null()
        fields = texts.select("line", "header", "file", "number", whole=is_ruled & is_whole, **cut)
        if CLOUDFRONT in names:  # encodes the percent signs of an address once more
            fields = fields.with_columns(_once_encoded(column(name)) for name in ("stem", "query") if name in places)
        return read(_named(fields, set(places)), self.name, zone)


# -- some fields in quotes ---------------------------------------------------------------------------------------


def _unquoted(count: int, places: Mapping[str, int]) -> pl.Expr:
    """The fields at these places, and `is_whole`: whether the line has `count` of them.

    Most lines of a log have in quotes what one of them has. Those are cut at their quotes and then at blanks, the
    others token by token, which takes several times as long.
    """

    def batch(lines: pl.Series) -> pl.Series:
        line = next((line for line in lines.head(HEADER_LINES) if line and not line.startswith("#")), "")
        quoted = [token.startswith('"') for token in re.findall(_PART, line)]
        if len(quoted) != count:
            return _by_token(lines, count, places).to_struct(lines.name)
        is_whole, cut = _at_quotes(lines, quoted)
        found = pl.DataFrame([is_whole, *(cut[place].alias(name) for name, place in places.items())])
        if not is_whole.all():
            others = _by_token(lines.filter(~is_whole), count, places)
            order = pl.concat([is_whole.arg_true(), (~is_whole).arg_true()]).arg_sort()
            found = pl.concat([found.filter(is_whole), others])[order]
        return found.to_struct(lines.name)

    fields = {"is_whole": pl.Boolean(), **dict.fromkeys(places, pl.String())}
    return pl.col("line").map_batches(batch, return_dtype=pl.Struct(fields), is_elementwise=True)


def _at_quotes(lines: pl.Series, quoted: Sequence[bool]) -> tuple[pl.Series, list[pl.Series]]:
    """Whether a line has just these fields in quotes, `is_whole`, and the fields of those that have."""
    gaps = [0]  # how many fields stand before, between and behind the quoted ones
    for is_quoted in quoted:
        gaps = [*gaps, 0] if is_quoted else [*gaps[:-1], gaps[-1] + 1]
    parts = lines.str.splitn('"', 2 * len(gaps) - 1).struct.unnest().get_columns()
    is_whole = ~parts[-1].str.contains('"', literal=True)
    parts[-1] = parts[-1].str.strip_suffix("\r")
    fields: list[pl.Series] = []
    for gap, outside, inside in zip_longest(gaps, parts[::2], parts[1::2]):
        edges = (outside is not parts[0]) + (outside is not parts[-1])
        if not gap:
            is_whole &= outside == (" " if edges == 2 else "")
        else:
            *words, further = outside.str.splitn(" ", gap + edges + 1).struct.unnest()
            is_whole &= words[-1].is_not_null() & further.is_null() & ~outside.str.contains("  ", literal=True)
            if outside is not parts[0]:
                is_whole &= words.pop(0) == ""
            if outside is not parts[-1]:
                is_whole &= words.pop() == ""
            fields += words
        if inside is not None:
            fields.append(inside)
    return is_whole.fill_null(value=False).alias("is_whole"), fields


def _by_token(lines: pl.Series, count: int, places: Mapping[str, int]) -> pl.DataFrame:
    tokens = lines.str.extract_all(_PART).alias("tokens").to_frame()
    return tokens.select(
        is_whole=(pl.col("tokens").list.len() == count).fill_null(value=False),
        **{
            name: pl.col("tokens").list.get(place, null_on_oob=True).str.strip_chars('"')
            for name, place in places.items()
        },
    )


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
        fields = changed_where(fields, ["user_agent"], lambda text: text.str.contains("[%+]"), decoded_agent)
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


FORMATS = in_layouts(W3cFormat(
    "w3c",
    "W3C extended with any #Fields:, of servers, proxies and appliances",
    samples=(
        Sample(
            "2026-09-07 10:00:00 203.0.113.7 GET /pixel.gif e=pv&v=ann 200 43 Mozilla/5.0+(X11;+Linux) https://shop.example/",
            {"time": "2026-09-07T10:00:00", "client": "203.0.113.7", "method": "GET", "path": "/pixel.gif", "query": "e=pv&v=ann",
             "status": 200, "bytes": 43, "user_agent": "Mozilla/5.0 (X11; Linux)", "referrer": "https://shop.example/"},
            header="#Fields: date time c-ip cs-method cs-uri-stem cs-uri-query sc-status sc-bytes cs(User-Agent) cs(Referer)",
        ),
        Sample(
            '2026-09-07 10:00:00.5 "203.0.113.7" GET https://shop.example/p.gif?e=pv - "Mozilla/5.0 (X11)"',
            {"time": "2026-09-07T10:00:00.5", "client": "203.0.113.7", "path": "/p.gif", "query": "e=pv", "vhost": "shop.example",
             "status": 0, "user_agent": "Mozilla/5.0 (X11)"},
            header="#Fields: date time c-ip cs-method cs-uri sc-status cs(User-Agent)",
        ),
    ),
))  # fmt: skip
