"""squid: Squid's native format. It has neither referrer nor agent."""

import polars as pl

from pixelstat.formats.base import Sample
from pixelstat.formats.text import TextFormat


def _named(fields: pl.LazyFrame) -> pl.LazyFrame:
    before = pl.col("time_seconds")  # and all that stands before the answer: one cut fewer
    return fields.with_columns(
        time_seconds=before.str.head(before.str.find(" ", literal=True)),
        client=before.str.extract(r"(\S+) \S+$"),
    )


FORMAT = TextFormat(
    "squid",
    "$before/$status $bytes_sent $request_method $url $user $hierarchy $type",
    "Squid's native format",
    (
        Sample(
            "1788775200.128    606 203.0.113.7 TCP_MISS/200 10 GET http://shop.example/pixel.gif?e=pv - DIRECT/192.0.2.8 image/gif",
            {"time": "2026-09-07T10:00:00.128", "client": "203.0.113.7", "vhost": "shop.example", "method": "GET", "path": "/pixel.gif",
             "query": "e=pv", "status": 200, "bytes": 10, "referrer": None, "user_agent": None},
        ),
    ),
    looks={"time_seconds": r'[0-9]+(?:\.[0-9]+)? [^"/]*'},
    fields={"before": "time_seconds", "url": "url"},
    change=_named,
)  # fmt: skip
