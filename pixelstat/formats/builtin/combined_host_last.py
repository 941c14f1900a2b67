"""combined_host_last: combined with the site at the end."""

from pixelstat.formats.base import Sample
from pixelstat.formats.builtin.combined import TEMPLATE
from pixelstat.formats.text import TextFormat

HOST = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[.])+[A-Za-z][A-Za-z0-9-]*(?::[0-9]+)?"

FORMAT = TextFormat(
    "combined_host_last",
    f"{TEMPLATE} $host",
    "combined with the site at the end",
    (
        Sample(
            '203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "GET /p.gif?e=pv HTTP/1.1" 200 43 "-" "Mozilla/5.0" shop.example',
            {"time": "2026-09-07T10:00:00", "client": "203.0.113.7", "path": "/p.gif", "user_agent": "Mozilla/5.0", "vhost": "shop.example"},
        ),
    ),
    tail=rf"^ {HOST}\s*$",
)  # fmt: skip
