"""combined_vhost_port: combined with site and port in front, Apache's `vhost_combined`."""

from pixelstat.formats.base import Sample
from pixelstat.formats.text import TextFormat

FORMAT = TextFormat(
    "combined_vhost_port",
    '%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i"',
    "combined with site and port in front (Apache's vhost_combined)",
    (
        Sample(
            'shop.example:443 203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "GET /p.gif?u=%2F HTTP/1.1" 200 327 "-" "Mozilla/5.0"',
            {"time": "2026-09-07T10:00:00", "vhost": "shop.example", "client": "203.0.113.7", "path": "/p.gif", "query": "u=%2F",
             "status": 200, "bytes": 327, "referrer": None, "user_agent": "Mozilla/5.0"},
        ),
    ),
)  # fmt: skip
