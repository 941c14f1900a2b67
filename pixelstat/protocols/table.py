"""Build a protocol from a table: which requests it claims, which parameters feed which columns, what its events mean."""

from collections.abc import Callable, Mapping, Sequence

import polars as pl

from pixelstat.frames.lookup import replace_where
from pixelstat.frames.query_string import parameter
from pixelstat.protocols.base import PixelProtocol, PixelSample
from pixelstat.protocols.extract import extract_parameters, split_page_url
from pixelstat.protocols.payloads import PAYLOAD_MARK, expand_payload, payload_pattern
from pixelstat.protocols.products import ProductReader, read_products


def has_parameter(*names: str) -> pl.Expr:
    """Return whether one of these parameters has a value. Names are regular expressions."""
    return pl.col("query").str.contains(f"(?:^|&)(?:{'|'.join(names)})=[^&]").fill_null(value=False)


def parameter_starts_with(name: str, value: str) -> pl.Expr:
    """Return whether the value of the parameter begins with `value`. Both are regular expressions."""
    return pl.col("query").str.contains(f"(?:^|&){name}={value}").fill_null(value=False)


def first_matching(*cases: tuple[pl.Expr, str | pl.Expr]) -> pl.Expr:
    """Return the event of the first condition that holds, null if none does."""
    return pl.coalesce(
        pl.when(condition).then(pl.lit(event) if isinstance(event, str) else event) for condition, event in cases
    )


def rename_events(name: pl.Expr, words: Mapping[str, str]) -> pl.Expr:
    """Replace the names that a vendor alone gives to events with the words of our vocabulary."""
    return name.replace(dict(words))


def build_pixel(
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
    dedup_key: Sequence[str] = (),
    items: Sequence[ProductReader] = (),
    finish: Callable[[pl.LazyFrame], pl.LazyFrame] = lambda events: events,
    is_mailer: bool = False,
    is_per_recipient: bool = False,
    is_opt_in: bool = False,
) -> PixelProtocol:
    """Build a protocol from a table.

    Args:
        name: the protocol's name, the column `protocol` of its events.
        about: what `pixelstat protocols` prints about it.
        marker, paths, claims, samples: see PixelProtocol.
        names: column -> the parameters that feed it, as regular expressions.
        event: the event's name, made of the columns that `names` feeds.
        payload: the parameter that holds JSON, in base64 or not. Its keys become parameters too.
        dedup_key: the parameters that together identify one hit, so that a retry is recognised.
        items: where products are found. The first reader that finds any wins.
        finish: a function that sets what the table cannot express. It gets the events with their named columns.
        is_mailer, is_per_recipient, is_opt_in: see PixelProtocol.
    """

    def events(requests: pl.LazyFrame) -> pl.LazyFrame:
        if payload:
            requests = replace_where(
                requests,
                ["query"],
                lambda query: query.str.contains(payload_pattern(payload)),
                lambda query: expand_payload(query, payload),
            )
        events = extract_parameters(requests, names, event)
        if payload:
            is_undecoded = pl.col("query").str.contains(payload_pattern(payload)) & ~pl.col("query").str.contains(
                PAYLOAD_MARK, literal=True
            )
            events = events.with_columns(
                parse_issue=pl.when(is_undecoded).then(pl.lit("payload")).otherwise("parse_issue")
            )
        events = finish(events)
        if items:
            events = events.with_columns(products=read_products(pl.col("query"), items)).with_columns(
                product=pl.col("products").list.first().struct.field("id")
            )
        if dedup_key:
            events = events.with_columns(
                dedup_key=pl.concat_str(parameter(pl.col("query"), (part,)) for part in dedup_key)
            )
        events = events.with_columns(order=pl.when(pl.col("event") == "purchase").then("order_id"))
        return split_page_url(events).with_columns(protocol=pl.lit(name))

    return PixelProtocol(
        name, about, marker, claims, events, paths, samples,
        is_mailer=is_mailer, is_per_recipient=is_per_recipient, is_opt_in=is_opt_in,
    )  # fmt: skip
