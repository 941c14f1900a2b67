"""X's conversion pixel: `/i/adsct`, if it is proxied through your server."""

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.payloads import payload_batch
from pixelstat.protocols.table import build_pixel, has_parameter, rename_events

PROTOCOL = build_pixel(
    "x_ads",
    "X's conversion pixel",
    marker="/i/adsct",
    paths="/i/adsct$",
    claims=pl.col("path").str.ends_with("/i/adsct") & has_parameter("txn_id"),
    names={"event": ("0",), "page_address": ("tw_document_href",), "value": ("tw_sale_amount",)},
    event=rename_events(pl.coalesce("event", pl.lit("page_view")), {"pageview": "page_view"}),
    payload="events",
    batch=payload_batch("events"),
    samples=(
        PixelSample("/i/adsct?p_id=Twitter&p_user_id=0&txn_id=abc123&events=%5B%5B%22pageview%22%2Cnull%5D%5D&tw_sale_amount=0",
                    {"event": "page_view", "value": 0.0}),
        PixelSample("/i/adsct?p_id=Twitter&txn_id=abc123&events=%5B%5B%22pageview%22%2Cnull%5D%2C%5B%22purchase%22%2C%7B%7D%5D%5D&tw_sale_amount=5",
                    {"event": "page_view"}, others=[{"event": "purchase", "value": 5.0}]),
    ),
)  # fmt: skip
