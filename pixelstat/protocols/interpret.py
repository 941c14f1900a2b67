"""Interpret REQUESTS as events: each by the first protocol that claims it.

Few logs hold requests of vendors. So the house pixel reads all requests, as expressions. Those whose path may belong to
a vendor are taken out of each batch, offered to one protocol after the other, and put back as that vendor's events.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from pixelstat.frames.batches import tap_batches
from pixelstat.frames.columns import internal
from pixelstat.protocols import may_contain_pixel, select_protocols
from pixelstat.protocols.base import PixelProtocol
from pixelstat.protocols.builtin import house
from pixelstat.protocols.custom import CustomPixel, custom_protocol
from pixelstat.protocols.extract import add_custom_columns, finish_ids
from pixelstat.schemas import Reason
from pixelstat.vocabulary import is_head_request, reject

RAW_COLUMNS = ("path", "query", "http_referer", "vhost")  # what an event is made of
_LOGGED_COLUMNS = {  # a protocol never changes them
    "time", "client", "user_agent", "method", "path", "query", "http_referer", "status", "rejected",
}  # fmt: skip
ROW = internal("row")


@dataclass(frozen=True)
class ProtocolRules:
    """Which protocols a request is offered to, in their order, and the custom columns of its event."""

    vendors: Sequence[PixelProtocol] = field(default_factory=select_protocols)
    house: PixelProtocol = field(default_factory=house.house_protocol)  # the last one: it yields to any other
    custom_columns: Mapping[str, Sequence[str]] = field(default_factory=dict)  # name: the parameters that feed it

    @property
    def all(self) -> Sequence[PixelProtocol]:
        """All protocols, in the order in which they are offered a request."""
        return (*self.vendors, self.house)

    @property
    def may_be_vendor(self) -> pl.Expr:
        """Whether a request may belong to a vendor, by its `path`."""
        paths = "|".join(f"(?:{protocol.paths})" for protocol in self.vendors)
        return pl.col("path").str.contains(paths).fill_null(value=False) & ~self.house.always_claims

    @property
    def may_be_vendor_without_query(self) -> pl.Expr:
        """Whether a request that has no query may belong to a vendor, by its `path`."""
        return pl.any_horizontal(map(_may_claim_without_query, self.vendors))

    def may_contain_pixel(self, line: pl.Expr) -> pl.Expr:
        """Return whether a line may hold a request that a protocol claims: a cheap look before parsing."""
        return may_contain_pixel(line, self.all)

    @property
    def claims(self) -> pl.Expr:
        """Whether any protocol claims a request of REQUESTS."""
        return pl.any_horizontal(protocol.claims for protocol in self.all)


def protocol_rules(
    house_paths: Sequence[str] = (),
    first: Sequence[str] = (),
    custom_pixels: Sequence[CustomPixel] = (),
    custom_columns: Mapping[str, Sequence[str]] | None = None,
) -> ProtocolRules:
    """Return the rules for these paths of the house pixel, protocols to ask first, custom pixels and custom columns.

    Custom pixels come before all others. Raises PixelstatError for a protocol that does not exist.
    """
    vendors = (*map(custom_protocol, custom_pixels), *select_protocols(first))
    return ProtocolRules(vendors, house.house_protocol(house_paths), custom_columns or {})


def interpret(requests: pl.LazyFrame, rules: ProtocolRules) -> pl.LazyFrame:
    """Turn each request into the events of the first protocol that claims it; reject those that none claims.

    The frame returned has a row for each event, with the columns of EVENTS that the request itself states. The events
    of one request follow each other. Nearly all requests hold one event; `event_number` numbers the events of others.
    """
    requests = requests.with_columns(is_house=rules.house.claims, may_be_vendor=rules.may_be_vendor)
    requests = reject(requests, {"not_pixel": ~(pl.col("is_house") | pl.col("may_be_vendor"))})
    events = finish_ids(rules.house.events(requests))
    events = claim_requests(add_custom_columns(events, rules.custom_columns, [*rules.custom_columns]), rules.vendors)
    return events.with_columns(
        is_declared_bot=pl.when(is_head_request()).then(pl.lit(value=True)).otherwise("is_declared_bot")
    )


def claim_requests(events: pl.LazyFrame, vendors: Sequence[PixelProtocol]) -> pl.LazyFrame:
    """Replace events of the house pixel by those of the vendors that claim their requests.

    Needs `may_be_vendor` and `is_house`, never null.
    """

    def claim(rows: pl.DataFrame) -> pl.DataFrame:
        if not rows["may_be_vendor"].any():
            return rows
        rows = rows.with_row_index(ROW)
        unclaimed = rows.filter("may_be_vendor")
        batches = [rows.filter(~pl.col("may_be_vendor"))]
        for protocol in vendors:
            if unclaimed.is_empty():
                break
            is_claimed = unclaimed.select(is_claimed=protocol.claims)["is_claimed"].fill_null(value=False)
            if is_claimed.any():
                batches.append(_fill_events(unclaimed.filter(is_claimed), protocol))
                unclaimed = unclaimed.filter(~is_claimed)
        is_no_pixel = pl.when(~pl.col("is_house")).then(pl.lit("not_pixel", Reason))
        unclaimed = unclaimed.with_columns(rejected=pl.coalesce("rejected", is_no_pixel))
        return pl.concat([*batches, unclaimed]).sort(ROW, maintain_order=True).drop(ROW)

    return tap_batches(events, claim, ("may_be_vendor", "is_house", "method", *RAW_COLUMNS))


def _fill_events(rows: pl.DataFrame, protocol: PixelProtocol) -> pl.DataFrame:
    """Replace the columns of the rows that the protocol states, as far as the query uses them.

    A row whose request holds several events is repeated for each of them.
    """
    requests = rows.lazy().select(ROW, "path", "query", "method", "vhost", referrer="http_referer")
    events = finish_ids(protocol.events(requests))
    stated = sorted(set(events.collect_schema()) & set(rows.columns) - _LOGGED_COLUMNS)
    values = events.select(stated).collect().cast({name: rows.schema[name] for name in stated})
    logged = rows.select(ROW, pl.exclude(stated))
    if len(values) > len(rows):
        logged = values.select(ROW).join(logged, on=ROW, maintain_order="left")
    return logged.with_columns(values).select(rows.columns)


def _may_claim_without_query(protocol: PixelProtocol) -> pl.Expr:
    """Return whether the protocol may claim a request without a query, by its `path` alone."""
    needs_path_only = {*protocol.claims.meta.root_names()} <= {"path", "query"}
    return protocol.claims if needs_path_only else pl.col("path").str.contains(protocol.paths)
