"""combined_more: combined with more fields behind the user agent, which are ignored."""

from pixelstat.formats.base import Sample
from pixelstat.formats.builtin.combined import TEMPLATE
from pixelstat.formats.builtin.combined_host_last import HOST
from pixelstat.formats.text import TextFormat

FORMAT = TextFormat(
    "combined_more",
    TEMPLATE,
    "combined with more fields, which are ignored",
    (
        Sample(
            '203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "GET /p.gif?e=pv HTTP/1.1" 200 43 "-" "Mozilla/5.0" rt=0.001 uct="-"',
            {"time": "2026-09-07T10:00:00", "client": "203.0.113.7", "path": "/p.gif", "user_agent": "Mozilla/5.0"},
        ),
        Sample(
            '203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "GET /p.gif?e=pv HTTP/1.1" 200 43 "-" "Mozilla/5.0" 0.001 0.001 .',
            {"time": "2026-09-07T10:00:00", "client": "203.0.113.7", "path": "/p.gif", "user_agent": "Mozilla/5.0"},
        ),
    ),
    excluded_tails=rf'^(?: [0-9]+| {HOST}| "[^"]*"| [0-9]+ "[^"]*" "[^"]*" [0-9]+ms)?\s*$',
)  # fmt: skip
