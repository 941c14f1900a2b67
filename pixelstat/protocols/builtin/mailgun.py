"""Mailgun: `/o/{data}`, `/c/{data}`, `/u/{data}`. The data is a deflated query string in base64.

Its `l` is the target, `r` the recipient, `i` the message, which may begin with the time of its creation.
"""

import zlib
from datetime import datetime, timezone
from urllib.parse import parse_qsl

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.mailer import Endpoint, build_mailer
from pixelstat.protocols.payloads import MAX_PAYLOAD_LENGTH, decode_base64

_DATA = "(?P<data>eJ[w-z][A-Za-z0-9_-]{20,}=*)"  # the output of zlib begins like this


def _decode_data(text: str) -> dict[str, str]:
    """Decode the data of an address. Raises ValueError."""
    decompressor = zlib.decompressobj()
    try:
        query = decompressor.decompress(decode_base64(text), MAX_PAYLOAD_LENGTH)
    except zlib.error as error:
        raise ValueError(text) from error
    if decompressor.unconsumed_tail:
        raise ValueError(text)
    values = dict(reversed(parse_qsl(query.decode(), max_num_fields=1_000)))
    return {name: values.get(key, "") for name, key in (("link", "l"), ("message", "i"), ("recipient", "r"))}


def _read_sent_time(events: pl.LazyFrame) -> pl.LazyFrame:
    """Read the time of sending from the beginning of the message."""
    digits = pl.col("message").str.extract(r"^(20[0-9]{12})(?:[^0-9]|$)")
    return events.with_columns(
        sent=digits.str.to_datetime("%Y%m%d%H%M%S", time_unit="us", time_zone="UTC", strict=False)
    )


PROTOCOL = build_mailer(
    "mailgun",
    "Mailgun",
    Endpoint("open", f"/o/{_DATA}"),
    Endpoint("click_email", f"/c/{_DATA}"),
    Endpoint("unsubscribe", f"/u/{_DATA}"),
    marker="/[ocu]/eJ[w-z][A-Za-z0-9_-]{20}",
    decode_data=_decode_data,
    finish=_read_sent_time,
    identified_by=("recipient", "message"),
    samples=(
        PixelSample(
            "/o/eJzLsLVMs0g1T1HLtDUyMDIzsDQ0NjQwMDUw0DPUM3EzclQ1MchNzMzRK87IL9BLrUjMLchJVSuyTczLA8qgCKbYInMBWDkbuA",
            {"event": "open", "recipient": "ann@shop.example", "message": "20260913100500.1.4F2A@mail.shop.example",
             "sent": datetime(2026, 9, 13, 10, 5, tzinfo=timezone.utc), "link": None, "visitor": "r:ann@shop.example"},
        ),
        PixelSample(
            "/c/eJxVi8sKgCAQRb9mXMqoPRezCML_GMpQUJMe0OfnsuBszrlcT-M2uH4Vkfx1lRPMBNpWTr8X6R5OJbqqke-8eDCWwcxKBNKoOxyVUYgtolSysXqCBhOHKL9ncRDnXJdfXOmrL7K1KkU",
            {"event": "click_email", "recipient": "ann@shop.example", "link": "https://shop.example/launch?a=1",
             "sent": datetime(2026, 9, 13, 10, 5, tzinfo=timezone.utc), "visitor": "r:ann@shop.example"},
        ),
        PixelSample("/u/eJzLsLVMs0g1T1HLtE1MStYzNFc1MchNzMzRK87IL9BLrUjMLchJVSuyTczLA8qgCKbYInMBdXEZPQ", {"event": "unsubscribe", "recipient": "ann@shop.example", "message": "abc.17@mail.shop.example", "sent": None}),
    ),
)  # fmt: skip
