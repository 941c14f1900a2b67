"""squid: Squid's native format. It logs neither referrer nor user agent."""

import polars as pl

from pixelstat.formats.base import Sample
from pixelstat.formats.text import TextFormat


def _split_front(fields: pl.LazyFrame) -> pl.LazyFrame:
    """Split `time_seconds`, which holds all text up to the answer, into time and client. That saves a cut.

    Where another word stands in the place of the hierarchy, the address has a blank inside.
    """
    before = pl.col("time_seconds")
    return fields.with_columns(
        time_seconds=before.str.head(before.str.find(" ", literal=True)),
        client=before.str.extract(r"(\S+) \S+$"),
        is_whole=pl.col("is_whole") & pl.col("hierarchy").str.contains("/", literal=True),
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
    field_patterns={"time_seconds": r'[0-9]+(?:\.[0-9]+)? [^"/]*'},
    fields={"before": "time_seconds", "url": "url", "hierarchy": "hierarchy"},
    finish=_split_front,
)  # fmt: skip
