"""w3c: the W3C extended log format, its fields named by a `#Fields:` line that rules until the next one.

IIS, CloudFront and many appliances write it, each with fields of its own: those that are told by theirs
have a file and a name of their own. Fields are parted by tabs, or by blanks with `+` for a blank inside.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
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
LAYOUTS = ("blanks", "tabs", "quotes")  # what parts the fields: blanks, tabs, or blanks outside of quotes
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
        if header is None or line.startswith("#") or not self._is_laid_out(line):
            return False
        names = names_of(header)
        return self.marks <= set(names) and is_known(names) and len(_tokens(line)) == len(names)

    def _is_laid_out(self, line: str) -> bool:
        return ("\t" in line) == (self.layout == "tabs") and (self.layout != "blanks" or '"' not in line)

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
        if self.layout == "quotes":
            texts = lines.with_columns(tokens=column("line").str.extract_all(_PART))
            cut = {
                name: column("tokens").list.get(place, null_on_oob=True).str.strip_chars('"')
                for name, place in places.items()
            }
            has_all, has_more = column("tokens").list.len() >= len(names), column("tokens").list.len() > len(names)
        else:
            separator = "\t" if self.layout == "tabs" else " "
            texts = lines.with_columns(
                tokens=column("line").str.strip_suffix("\r").str.splitn(separator, len(names) + 1)
            )
            cut = {name: column("tokens").struct.field(f"field_{place}") for name, place in places.items()}
            has_all = column("tokens").struct.field(f"field_{len(names) - 1}").is_not_null()
            has_more = column("tokens").struct.field(f"field_{len(names)}").is_not_null()
        whole = is_ruled & has_all & ~has_more
        fields = texts.select("line", "header", "file", "number", whole.alias("whole"), **cut)
        if CLOUDFRONT in names:  # encodes the percent signs of an address once more
            fields = fields.with_columns(_once_encoded(column(name)) for name in ("stem", "query") if name in places)
        return read(_named(fields, set(places)), self.name, zone)


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
    else:  # the whole address, its query beside it or in it, its scheme left out by some
        address = column("url")
        address = pl.when(address.str.contains("^(?:/|[a-z]+:)")).then(address).otherwise("http://" + address)
        if "query" in present:
            has_query = ~column("query").is_in(["-", ""])
            address = pl.when(has_query).then(address + "?" + column("query")).otherwise(address)
        fields = fields.with_columns(url=address).drop("query", strict=False)
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


def _tokens(line: str) -> list[str]:
    return line.split("\t") if "\t" in line else re.findall(_PART, line)


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
