"""envoy: Envoy's default. It logs no referrer, and of addresses only X-Forwarded-For, whose first is the client."""

import polars as pl

from pixelstat.formats.base import Sample
from pixelstat.formats.text import TextFormat

FORMAT = TextFormat(
    "envoy",
    '[$time_iso8601] "$request_method $request_uri $protocol" $status_code $flags $received $bytes_sent $duration $upstream_time'
    ' "$http_x_forwarded_for" "$http_user_agent" "$request_id" "$host" "$upstream_host"',
    "Envoy's default",
    (
        Sample(
            '[2016-04-15T20:17:00.310Z] "POST /p.gif?e=pv HTTP/2" 204 - 154 3 226 100 "203.0.113.7, 10.0.35.28" "nsq2http"'
            ' "cc21d9b0-cf5c" "shop.example" "tcp://10.0.2.1:80"',
            {"time": "2016-04-15T20:17:00.310", "client": "203.0.113.7", "vhost": "shop.example", "method": "POST", "path": "/p.gif",
             "query": "e=pv", "status": 204, "bytes": 3, "user_agent": "nsq2http", "forwarded_for": "203.0.113.7, 10.0.35.28",
             "request_id": "cc21d9b0-cf5c"},
        ),
        Sample(
            '[2016-04-15T20:17:00.310Z] "GET / HTTP/1.1" 0 DC 0 0 4 - "-" "-" "a1" "shop.example" "-"',
            {"time": "2016-04-15T20:17:00.310", "client": None, "path": "/", "status": 0, "user_agent": ""},
        ),
    ),
    fields={"status_code": "status_code"},
    finish=lambda fields: fields.with_columns(status=pl.col("status_code")),
)  # fmt: skip
