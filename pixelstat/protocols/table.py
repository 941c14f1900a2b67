"""Build a protocol from a table: which requests it claims, which parameters feed which columns, what its events mean."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import polars as pl

from pixelstat.frames.columns import internal
from pixelstat.frames.lookup import replace_where
from pixelstat.frames.numbers import parse_number
from pixelstat.frames.placeholders import drop_placeholder
from pixelstat.frames.query_string import parameter
from pixelstat.protocols.base import PixelProtocol, PixelSample
from pixelstat.protocols.extract import extract_parameters, split_page_url
from pixelstat.protocols.payloads import PAYLOAD_MARK, BatchReader, expand_payload, payload_pattern
from pixelstat.protocols.products import ProductReader, read_products
from pixelstat.schemas import EVENTS
from pixelstat.vocabulary import means_order

# What belongs to the event of a shop, and not to the page view that the same request reports.
SHOP_COLUMNS = (
    "order_id", "value", "currency", "tax", "shipping", "discount", "coupon", "excludes_tax", "product", "products",
    "goal",
)  # fmt: skip
EVENT_NUMBER = internal("event number")


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


def prefix_order_names(name: pl.Expr, category: pl.Expr) -> pl.Expr:
    """Add the category to an event name that is a spelling of purchase or refund, for example `Shop Purchase`.

    It is for events that people name, in protocols that have requests of their own for orders. Such an event often
    accompanies the order.
    """
    prefix = pl.coalesce(category, pl.lit("event")) + " "
    return pl.when(means_order(name)).then(prefix + name).otherwise(name)


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
    read_payload: Callable[[str], str] | None = None,
    batch: BatchReader | None = None,
    is_page_view_too: pl.Expr | None = None,
    dedup_key: Sequence[str] = (),
    account: str = "",
    items: Sequence[ProductReader] = (),
    new_visit: pl.Expr | None = None,
    whole_cart: pl.Expr | None = None,
    excludes_tax: pl.Expr | None = None,
    bot: pl.Expr | None = None,
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
        names: column -> the parameters that feed it, as regular expressions. `event_value` feeds the value of an event
            that sells nothing.
        event: the event's name, made of the columns that `names` feeds.
        payload: the parameter that holds JSON, in base64 or not. Its keys become parameters too.
        read_payload: a function of the query that appends the content of its payloads, instead of `expand_payload`.
        batch: where a request holds several events.
        is_page_view_too: whether a request is a page view beside the event that it names.
        dedup_key: the parameters that together identify one hit, so that a retry is recognised.
        account: the parameter that names the property, site or account; different ones have different hits.
        items: where products are found. The first reader that finds any wins.
        new_visit: whether a request begins a visit, whatever was before.
        whole_cart: whether the products of a request are the whole cart.
        excludes_tax: whether the value of a request has no tax and no shipping in it, as the vendor defines it.
        bot: whether the request says that a bot sent it.
        finish: a function that sets what the table cannot express. It gets the events with their named columns.
        is_mailer, is_per_recipient, is_opt_in: see PixelProtocol.
    """
    read = read_payload or partial(expand_payload, names=payload)

    def events(requests: pl.LazyFrame) -> pl.LazyFrame:
        if batch:
            requests = _split_batches(requests, batch)
        elif payload:
            is_payload = payload_pattern(payload)
            requests = replace_where(requests, ["query"], lambda query: query.str.contains(is_payload), read)
        events = extract_parameters(requests, names, event)
        if batch:
            events = events.with_columns(event_number=EVENT_NUMBER)
        if payload:
            is_undecoded = pl.col("query").str.contains(payload_pattern(payload)) & ~pl.col("query").str.contains(
                PAYLOAD_MARK, literal=True
            )
            events = events.with_columns(
                parse_issue=pl.when(is_undecoded).then(pl.lit("payload")).otherwise("parse_issue")
            )
        conditions = {
            "is_new_visit": new_visit,
            "is_whole_cart": whole_cart,
            "excludes_tax": excludes_tax,
            "is_declared_bot": bot,
        }
        flags = {name: condition for name, condition in conditions.items() if condition is not None}
        events = events.with_columns(
            pl.when(condition).then(pl.lit(value=True)).alias(name) for name, condition in flags.items()
        )
        if "event_value" in names:
            events = events.with_columns(value=_choose_value())
        events = finish(events)
        if items:
            events = events.with_columns(products=read_products(pl.col("query"), items)).with_columns(
                product=pl.col("products").list.first().struct.field("id")
            )
        if is_page_view_too is not None:
            events = _add_page_views(events, is_page_view_too)
        if dedup_key:
            # The events of a payload have keys of their own. Those of lines share the key of their request.
            own = ["event_number"] if batch and not payload else []
            events = events.with_columns(dedup_key=_join_key(account, dedup_key, own))
        events = events.with_columns(order=pl.when(pl.col("event") == "purchase").then("order_id"))
        return split_page_url(events).with_columns(protocol=pl.lit(name))

    return PixelProtocol(
        name, about, marker, claims, events, paths, samples,
        is_mailer=is_mailer, is_per_recipient=is_per_recipient, is_opt_in=is_opt_in,
    )  # fmt: skip


def _split_batches(requests: pl.LazyFrame, batch: BatchReader) -> pl.LazyFrame:
    """Repeat each request for every event that its query holds, and give each its own query. Add EVENT_NUMBER."""
    schema = requests.collect_schema()
    return requests.map_batches(
        partial(_split_frame, batch=batch), schema=pl.Schema({**schema, EVENT_NUMBER: EVENTS["event_number"]})
    )


def _split_frame(requests: pl.DataFrame, batch: BatchReader) -> pl.DataFrame:
    may_be_batch = requests["query"].str.contains(batch.pattern)
    if not may_be_batch.any():
        return requests.with_columns(pl.lit(None, EVENTS["event_number"]).alias(EVENT_NUMBER))
    queries: list[str | None] = []
    rows: list[int] = []
    numbers: list[int | None] = []
    for row, (query, is_candidate) in enumerate(zip(requests["query"].to_list(), may_be_batch.to_list(), strict=True)):
        parts = batch.split(query) if is_candidate else [query]
        queries += parts
        rows += [row] * len(parts)
        numbers += [*range(1, len(parts) + 1)] if len(parts) > 1 else [None]
    number = pl.Series(EVENT_NUMBER, numbers, EVENTS["event_number"])
    return requests[rows].with_columns(number, query=pl.Series(queries, dtype=pl.String))


def _add_page_views(events: pl.LazyFrame, is_page_view_too: pl.Expr) -> pl.LazyFrame:
    """Put a page view in front of each event for which the condition holds. It has nothing that belongs to the event."""
    numbers = pl.when(is_page_view_too.fill_null(value=False)).then(pl.lit([0, 1])).otherwise(pl.lit([None]))
    is_view = (pl.col("event_number") == 0).fill_null(value=False)
    return (
        events.with_columns(event_number=numbers.cast(pl.List(pl.Int16)))
        .explode("event_number")
        .with_columns(
            event=pl.when(is_view).then(pl.lit("page_view")).otherwise("event"),
            is_new_visit=pl.when(is_view | pl.col("event_number").is_null()).then("is_new_visit"),
            **{column: pl.when(~is_view).then(column) for column in SHOP_COLUMNS},
        )
    )


def _choose_value() -> pl.Expr:
    """Return the value of an event: that of the sale, or of any other event its own."""
    own_value = parse_number(pl.col("event_value"))
    sells = pl.col("event").is_in(["purchase", "refund", "goal"])
    return pl.when(sells).then("value").otherwise(pl.coalesce("value", own_value))


def _join_key(account: str, names: Sequence[str], columns: Sequence[str]) -> pl.Expr:
    """Join what identifies a hit: account, key and event. Null where a parameter of the key has no value.

    A placeholder such as `undefined` is no value. An ampersand stands between the parts, because no encoded parameter
    holds one.
    """
    query = pl.col("query")
    shared = [parameter(query, (account,)).fill_null("")] if account else []
    own = [pl.col(column).cast(pl.String).fill_null("") for column in columns]
    key = [drop_placeholder(parameter(query, (name,))) for name in names]
    return pl.concat_str(*shared, *key, *own, "event", separator="&")
