"""common_vhost_port: the Common Log Format with site and port in front, Apache's `vhost_common`."""

from pixelstat.formats.base import Sample
from pixelstat.formats.builtin.common import TAIL
from pixelstat.formats.text import TextFormat

FORMAT = TextFormat(
    "common_vhost_port",
    '%v:%p %h %l %u %t "%r" %>s %b',
    "common with site and port in front",
    (
        Sample(
            'shop.example:80 203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "GET /p.gif HTTP/1.1" 200 -',
            {"time": "2026-09-07T10:00:00", "vhost": "shop.example", "client": "203.0.113.7", "path": "/p.gif", "status": 200,
             "bytes": None, "referrer": None, "user_agent": None},
        ),
    ),
    tail=TAIL,
)  # fmt: skip
