"""combined_vhost: combined with the site in front, as users of nginx configure it."""

from pixelstat.formats.base import Sample
from pixelstat.formats.text import TextFormat

FORMAT = TextFormat(
    "combined_vhost",
    '$host $remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"',
    "combined with the site in front",
    (
        Sample(
            'shop.example 203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "GET /p.gif HTTP/1.1" 304 - "-" "-"',
            {"time": "2026-09-07T10:00:00", "vhost": "shop.example", "client": "203.0.113.7", "path": "/p.gif", "status": 304,
             "bytes": None, "referrer": None, "user_agent": ""},
        ),
    ),
)  # fmt: skip
