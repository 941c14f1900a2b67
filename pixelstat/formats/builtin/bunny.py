"""bunny: the CDN bunny.net, fields between bars."""

import polars as pl

from pixelstat.formats.base import Sample
from pixelstat.formats.text import TextFormat


def _check_country(fields: pl.LazyFrame) -> pl.LazyFrame:
    """Refuse a line that has anything but a country in its place: the address in front of it has a bar inside."""
    return fields.with_columns(is_whole=pl.col("is_whole") & pl.col("country").str.contains("^(?:[A-Z][A-Z0-9]|-?)$"))


FORMAT = TextFormat(
    "bunny",
    "$cache|$answer|$milliseconds|$bytes_sent|$zone|$client|$http_referer|$url|$country|$http_user_agent|$request_id|$place",
    "bunny.net",
    (
        Sample(
            "MISS|200|1742075824321|128479|1234567|203.0.113.7|https://shop.example|https://www.shop.example/p.gif?e=pv|DE|Mozilla/5.0 (X11)|289735f3|DE",
            {"time": "2025-03-15T21:57:04.321", "client": "203.0.113.7", "vhost": "www.shop.example", "path": "/p.gif", "query": "e=pv",
             "status": 200, "bytes": 128479, "referrer": "https://shop.example", "user_agent": "Mozilla/5.0 (X11)",
             "request_id": "289735f3"},
        ),
    ),
    field_patterns={"cache": "[A-Z]+|-", "status": "[0-9]{1,3}", "time_milliseconds": "[0-9]{12,}"},
    fields={"cache": "cache", "answer": "status", "milliseconds": "time_milliseconds", "client": "client", "url": "url",
            "country": "country"},
    finish=_check_country,
)  # fmt: skip
