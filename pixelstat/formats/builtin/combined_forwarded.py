"""combined_forwarded: combined and the X-Forwarded-For header, which nginx's packages configure as `main`."""

from pixelstat.formats.base import Sample
from pixelstat.formats.builtin.combined import TEMPLATE
from pixelstat.formats.text import EMPTY_TAIL, TextFormat

FORMAT = TextFormat(
    "combined_forwarded",
    f'{TEMPLATE} "$http_x_forwarded_for"',
    "combined with X-Forwarded-For (main in the packages of nginx)",
    (
        Sample(
            '10.0.0.1 - - [07/Sep/2026:10:00:00 +0000] "GET /p.gif?e=pv HTTP/1.1" 200 43 "-" "Mozilla/5.0" "203.0.113.7, 198.51.100.1"',
            {"time": "2026-09-07T10:00:00", "client": "10.0.0.1", "path": "/p.gif", "user_agent": "Mozilla/5.0",
             "forwarded_for": "203.0.113.7, 198.51.100.1"},
        ),
        Sample(
            '203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "GET /p.gif HTTP/1.1" 200 43 "-" "Mozilla/5.0" "-"',
            {"time": "2026-09-07T10:00:00", "client": "203.0.113.7", "forwarded_for": None},
        ),
    ),
    tail=EMPTY_TAIL,
    field_patterns={"forwarded_for": '[^A-Za-z"]*|unknown|[^"]*,[^"]*|[^"]*:[^"]*:[^"]*'},  # addresses, but no host name
)  # fmt: skip
