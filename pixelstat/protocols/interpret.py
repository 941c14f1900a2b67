"""Interpret REQUESTS as EVENTS: each by the first protocol that claims it.

Few logs hold requests of vendors. So a batch's requests whose path may belong to a vendor are taken out, offered to one
protocol after the other, and put back as events; all others pass untouched.
"""

from collections.abc import Sequence

import polars as pl

from pixelstat.frames.batches import tap_batches
from pixelstat.protocols.base import PixelProtocol
from pixelstat.protocols.extract import add_id_key
from pixelstat.schemas import Reason

REQUEST_COLUMNS = ("path", "query", "http_referer", "vhost")  # what an event is made of, as the house pixel leaves it


def claim_requests(events: pl.LazyFrame, vendors: Sequence[PixelProtocol]) -> pl.LazyFrame:
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
                done.append(_fill_events(rest.filter(claimed), protocol))
                rest = rest.filter(~claimed)
        nobody = pl.when(~pl.col("is_house")).then(pl.lit("not_pixel", Reason))
        rest = rest.with_columns(rejected=pl.coalesce("rejected", nobody))
        return pl.concat([*done, rest]).sort("place").drop("place")

    return tap_batches(events, batch, ("is_vendors", "is_house", "method", *REQUEST_COLUMNS))


_KEPT_COLUMNS = {  # what the request itself tells
    "time", "client", "user_agent", "method", "path", "query", "http_referer", "status", "rejected",
}  # fmt: skip


def _fill_events(rows: pl.DataFrame, protocol: PixelProtocol) -> pl.DataFrame:
    """The rows with the protocol's events in them, as far as anybody asks for their columns."""
    requests = rows.lazy().select("path", "query", "method", "vhost", referrer="http_referer")
    found = add_id_key(protocol.events(requests))
    made = set(found.collect_schema()) & set(rows.columns) - _KEPT_COLUMNS
    return rows.with_columns(found.select(sorted(made)).collect().cast({name: rows.schema[name] for name in made}))
