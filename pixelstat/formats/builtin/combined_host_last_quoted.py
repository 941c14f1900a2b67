"""combined_host_last_quoted: combined with the site at the end in quotes, as users of Apache configure it."""

from pixelstat.formats.base import Sample
from pixelstat.formats.builtin.combined import TEMPLATE
from pixelstat.formats.builtin.combined_host_last import HOST
from pixelstat.formats.text import EMPTY_TAIL, TextFormat

FORMAT = TextFormat(
    "combined_host_last_quoted",
    f'{TEMPLATE} "$host"',
    "combined with the site at the end in quotes",
    (
        Sample(
            '203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "GET /p.gif?e=pv HTTP/1.1" 200 43 "-" "Mozilla/5.0" "shop.example"',
            {"time": "2026-09-07T10:00:00", "client": "203.0.113.7", "path": "/p.gif", "user_agent": "Mozilla/5.0", "vhost": "shop.example"},
        ),
    ),
    tail=EMPTY_TAIL,
    field_patterns={"vhost": HOST},
)  # fmt: skip
