"""The pixels of vendors, each a table: which requests are its own, which parameter feeds which column, its event names.

Few logs hold any. So a batch's requests whose path may be a vendor's are taken out, offered to one after the other,
and put back as the events that they are; all others pass untouched.
"""

import json
import re
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import unquote_plus, urlencode

import polars as pl

from pixelstat.people.identity import with_id_key
from pixelstat.protocols import PixelProtocol, PixelSample
from pixelstat.protocols.parameters import named, parameter, placed
from pixelstat.protocols.products import MOST, Place, products
from pixelstat.schemas import Reason
from pixelstat.vocabulary import changed_where, looked_at

RAW = ("path", "query", "http_referer", "vhost")  # what an event is made of, as the house pixel leaves it
OPENED = "&\x1f&"  # stands in front of what a payload held
PAYLOADS = 20  # of one request, at most
DEEPEST, LONGEST = 8, 100_000  # levels of a payload that are looked into, characters of one that are decoded


def has(*names: str) -> pl.Expr:
    """One of these parameters has a value."""
    return pl.col("query").str.contains(f"(?:^|&)(?:{'|'.join(names)})=[^&]").fill_null(value=False)


def holds(name: str, value: str) -> pl.Expr:
    """The parameter has a value that begins so (a regular expression)."""
    return pl.col("query").str.contains(f"(?:^|&){name}={value}").fill_null(value=False)


def first_of(*cases: tuple[pl.Expr, str | pl.Expr]) -> pl.Expr:
    """The event of the first condition that holds; null if none does."""
    return pl.coalesce(
        pl.when(holding).then(pl.lit(event) if isinstance(event, str) else event) for holding, event in cases
    )


def spelled(name: pl.Expr, words: Mapping[str, str]) -> pl.Expr:
    """The vocabulary's word for a vendor's own, where it is not one that everybody uses."""
    return name.replace(dict(words))


def vendor(
    name: str,
    about: str,
    *,
    marker: str,
    paths: str,
    claims: pl.Expr,
    names: Mapping[str, Sequence[str]],
    event: pl.Expr,
    samples: Sequence[PixelSample],
    payload: str = "",
    key: Sequence[str] = (),
    items: Sequence[Place] = (),
    fill: Callable[[pl.LazyFrame], pl.LazyFrame] = lambda events: events,
    is_mailers: bool = False,
    one_each: bool = False,
    must_be_named: bool = False,
) -> PixelProtocol:
    """A protocol by its table. `payload` is the parameter that holds JSON, base64 or not, whose keys are parameters too.

    `key` are the parameters that together are the same where the same hit is sent again. `items` are the places
    where its products may stand. `fill` makes of the named columns what no table can say.
    """

    def events(requests: pl.LazyFrame) -> pl.LazyFrame:
        if payload:
            requests = changed_where(
                requests,
                ["query"],
                lambda query: query.str.contains(_holds(payload)),
                lambda query: opened(query, payload),
            )
        events = named(requests, names, event)
        if payload:
            unread = pl.col("query").str.contains(_holds(payload)) & ~pl.col("query").str.contains(OPENED, literal=True)
            events = events.with_columns(flaw=pl.when(unread).then(pl.lit("payload")).otherwise("flaw"))
        events = fill(events)
        if items:
            events = events.with_columns(products=products(pl.col("query"), items)).with_columns(
                product=pl.col("products").list.first().struct.field("id")
            )
        if key:
            events = events.with_columns(key=pl.concat_str(parameter(pl.col("query"), (part,)) for part in key))
        events = events.with_columns(order=pl.when(pl.col("event") == "purchase").then("order_id"))
        return placed(events).with_columns(protocol=pl.lit(name))

    return PixelProtocol(
        name, about, marker, claims, events, paths, samples,
        is_mailers=is_mailers, one_each=one_each, must_be_named=must_be_named,
    )  # fmt: skip


# -- payloads ------------------------------------------------------------------------------------------------------


def opened(query: str, names: str) -> str:
    """The query with what its payloads hold behind it, keys of objects in objects parted by dots. One that cannot be read stays."""
    values = [unquote_plus(part) for part in re.findall(f"(?:^|&)(?:{names})=([^&]+)", query)]
    found = [pair for value in values[-PAYLOADS:] for pair in _pairs(json_of(value))]
    return f"{query}{OPENED}{urlencode(found, safe='$[]', errors='replace')}" if found else query


def _holds(payload: str) -> str:
    return f"(?:^|&)(?:{payload})=[^&]"


def json_of(text: str) -> object:
    """What a text holds as JSON, by itself or in base64 of either alphabet; None if nothing."""
    if len(text) > LONGEST:
        return None
    for read in (str, of_base64):
        try:
            return json.loads(read(text))
        except (ValueError, RecursionError):
            continue
    return None


def of_base64(text: str) -> bytes:
    """What a text holds in base64 of either alphabet, padded or not. Raises ValueError."""
    plain = text.replace("-", "+").replace("_", "/").replace(" ", "+").rstrip("=")
    return b64decode(plain + "=" * (-len(plain) % 4), validate=True)


def _pairs(value: object, above: str = "", depth: int = 0) -> list[tuple[str, str]]:
    if depth > DEEPEST or value is None:
        return []
    if isinstance(value, dict):
        return [
            pair
            for key, held in value.items()
            for pair in _pairs(held, f"{above}.{key}" if above else str(key), depth + 1)
        ]
    if isinstance(value, list):
        return [
            pair
            for place, held in enumerate(value[:MOST])
            for pair in _pairs(held, f"{above}.{place}" if above else str(place), depth + 1)
        ]
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return [(above, text)] if above and text else []


# -- the stage -----------------------------------------------------------------------------------------------------


def with_events(events: pl.LazyFrame, vendors: Sequence[PixelProtocol]) -> pl.LazyFrame:
    """Events of the house pixel, with what vendors claim as theirs. Needs `is_vendors` and `is_house` on every row."""

    def batch(rows: pl.DataFrame) -> pl.DataFrame:
        if not rows["is_vendors"].any():
            return rows
        rows = rows.with_row_index("place")
        rest = rows.filter("is_vendors")
        done = [rows.filter(~pl.col("is_vendors"))]
        for protocol in vendors:
            if rest.is_empty():
                break
            claimed = rest.select(protocol.claims.alias("it"))["it"].fill_null(value=False)
            if claimed.any():
                done.append(_events(rest.filter(claimed), protocol))
                rest = rest.filter(~claimed)
        nobody = pl.when(~pl.col("is_house")).then(pl.lit("not_pixel", Reason))
        rest = rest.with_columns(rejected=pl.coalesce("rejected", nobody))
        return pl.concat([*done, rest]).sort("place").drop("place")

    return looked_at(events, batch, ("is_vendors", "is_house", "method", *RAW))


_KEPT = {  # what the request itself tells
    "time", "client", "user_agent", "method", "path", "query", "http_referer", "status", "rejected",
}  # fmt: skip


def _events(rows: pl.DataFrame, protocol: PixelProtocol) -> pl.DataFrame:
    """The rows with the protocol's events in them, as far as anybody asks for their columns."""
    requests = rows.lazy().select("path", "query", "method", "vhost", referrer="http_referer")
    found = with_id_key(protocol.events(requests))
    made = set(found.collect_schema()) & set(rows.columns) - _KEPT
    return rows.with_columns(found.select(sorted(made)).collect().cast({name: rows.schema[name] for name in made}))
