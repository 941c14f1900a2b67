"""common: the Common Log Format, and Fastly's default."""

from pixelstat.formats.base import Sample
from pixelstat.formats.text import TextFormat

TEMPLATE = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent'
TAIL = r"^ (?:\d{3}|-|0) (?:\d+|-)\s*$"

FORMAT = TextFormat(
    "common",
    TEMPLATE,
    "Common Log Format, and Fastly's default",
    (
        Sample(
            '203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "HEAD /pixel.png?v=1 HTTP/1.0" 200 0',
            {"time": "2026-09-07T10:00:00", "client": "203.0.113.7", "method": "HEAD", "path": "/pixel.png", "query": "v=1",
             "status": 200, "bytes": 0, "referrer": None, "user_agent": None},
        ),
    ),
    tail=TAIL,
)  # fmt: skip
