"""The pixels of vendors, each a table: which requests are its own, which parameter feeds which column, its event names.

Few logs hold any. So a batch's requests whose path may be a vendor's are taken out, offered to one after the other,
and put back as the events that they are; all others pass untouched.
"""

from collections.abc import Callable, Mapping, Sequence

import polars as pl

from pixelstat.frames.lookup import replace_where
from pixelstat.frames.query_string import parameter
from pixelstat.protocols.base import PixelProtocol, PixelSample
from pixelstat.protocols.extract import extract_parameters, split_page_url
from pixelstat.protocols.payloads import PAYLOAD_MARK, expand_payload, has_payload
from pixelstat.protocols.products import Place, products


def has_parameter(*names: str) -> pl.Expr:
    """One of these parameters has a value."""
    return pl.col("query").str.contains(f"(?:^|&)(?:{'|'.join(names)})=[^&]").fill_null(value=False)


def parameter_starts_with(name: str, value: str) -> pl.Expr:
    """The parameter has a value that begins so (a regular expression)."""
    return pl.col("query").str.contains(f"(?:^|&){name}={value}").fill_null(value=False)


def first_matching(*cases: tuple[pl.Expr, str | pl.Expr]) -> pl.Expr:
    """The event of the first condition that holds; null if none does."""
    return pl.coalesce(
        pl.when(holding).then(pl.lit(event) if isinstance(event, str) else event) for holding, event in cases
    )


def rename_events(name: pl.Expr, words: Mapping[str, str]) -> pl.Expr:
    """The vocabulary's word for a vendor's own, where it is not one that everybody uses."""
    return name.replace(dict(words))


def pixel_table(
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
            requests = replace_where(
                requests,
                ["query"],
                lambda query: query.str.contains(has_payload(payload)),
                lambda query: expand_payload(query, payload),
            )
        events = extract_parameters(requests, names, event)
        if payload:
            unread = pl.col("query").str.contains(has_payload(payload)) & ~pl.col("query").str.contains(
                PAYLOAD_MARK, literal=True
            )
            events = events.with_columns(flaw=pl.when(unread).then(pl.lit("payload")).otherwise("flaw"))
        events = fill(events)
        if items:
            events = events.with_columns(products=products(pl.col("query"), items)).with_columns(
                product=pl.col("products").list.first().struct.field("id")
            )
        if key:
            events = events.with_columns(key=pl.concat_str(parameter(pl.col("query"), (part,)) for part in key))
        events = events.with_columns(order=pl.when(pl.col("event") == "purchase").then("order_id"))
        return split_page_url(events).with_columns(protocol=pl.lit(name))

    return PixelProtocol(
        name, about, marker, claims, events, paths, samples,
        is_mailers=is_mailers, one_each=one_each, must_be_named=must_be_named,
    )  # fmt: skip


# -- payloads ------------------------------------------------------------------------------------------------------


# -- the stage -----------------------------------------------------------------------------------------------------
