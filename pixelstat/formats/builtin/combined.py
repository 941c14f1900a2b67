"""combined: the default of nginx and the usual choice with Apache."""

from pixelstat.formats.base import Sample
from pixelstat.formats.text import EMPTY_TAIL, TextFormat

TEMPLATE = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"'
)

FORMAT = TextFormat(
    "combined",
    TEMPLATE,
    "nginx and Apache combined (NCSA extended)",
    (
        Sample(
            '203.0.113.7 - - [07/Sep/2026:10:00:00 +0200] "GET /pixel.gif?e=pv HTTP/1.1" 200 43 "https://shop.example/" "Mozilla/5.0"',
            {"time": "2026-09-07T08:00:00", "client": "203.0.113.7", "method": "GET", "path": "/pixel.gif", "query": "e=pv",
             "status": 200, "bytes": 43, "referrer": "https://shop.example/", "user_agent": "Mozilla/5.0"},
        ),
        Sample(
            '2001:db8::1 - ann smith [07/Sep/2026:10:00:00 -0330] "POST /b.gif?q=\\x22hi\\x22 HTTP/2.0" 204 0 "-" "say \\"hi\\" \\\\"',
            {"time": "2026-09-07T13:30:00", "client": "2001:db8::1", "method": "POST", "path": "/b.gif", "query": 'q="hi"',
             "status": 204, "bytes": 0, "referrer": None, "user_agent": 'say "hi" \\'},
        ),
    ),
    tail=EMPTY_TAIL,
)  # fmt: skip
