"""common_vhost: the Common Log Format with the site in front."""

from pixelstat.formats.base import Sample
from pixelstat.formats.builtin.common import TAIL, TEMPLATE
from pixelstat.formats.text import TextFormat

FORMAT = TextFormat(
    "common_vhost",
    f"$host {TEMPLATE}",
    "common with the site in front",
    (
        Sample(
            'shop.example 203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "GET /p.gif HTTP/1.1" 200 43',
            {"time": "2026-09-07T10:00:00", "vhost": "shop.example", "client": "203.0.113.7", "path": "/p.gif", "status": 200,
             "bytes": 43, "referrer": None, "user_agent": None},
        ),
    ),
    tail=TAIL,
)  # fmt: skip
