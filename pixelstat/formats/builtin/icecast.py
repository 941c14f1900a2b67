"""icecast: Icecast 2, combined with the seconds that a listener stayed."""

from pixelstat.formats.base import Sample
from pixelstat.formats.builtin.combined import TEMPLATE
from pixelstat.formats.text import TextFormat

FORMAT = TextFormat(
    "icecast",
    TEMPLATE,
    "Icecast 2: combined with the listening time",
    (
        Sample(
            '203.0.113.7 - theuser [07/Sep/2026:10:00:00 -0500] "GET /stream?e=play HTTP/1.0" 200 368 "-" "Winamp/5.0" 1807',
            {"time": "2026-09-07T15:00:00", "client": "203.0.113.7", "path": "/stream", "query": "e=play", "user_agent": "Winamp/5.0"},
        ),
    ),
    tail=r"^ \d+\s*$",
)  # fmt: skip
