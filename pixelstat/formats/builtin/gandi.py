"""gandi: web hosting of Gandi, combined with the site in front and the seconds in parentheses."""

from pixelstat.formats.base import Sample
from pixelstat.formats.text import TextFormat

FORMAT = TextFormat(
    "gandi",
    '$host $remote_addr - $remote_user [$time_local] ($seconds s) "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"',
    "Gandi: combined with the site and the duration",
    (
        Sample(
            'www.shop.example 2001:db8::7 - - [07/Sep/2026:16:42:07 -0500] (0 s) "GET /p.gif?e=pv HTTP/1.1" 200 1124 "https://www.shop.example/" "Mozilla/5.0"',
            {"time": "2026-09-07T21:42:07", "client": "2001:db8::7", "vhost": "www.shop.example", "path": "/p.gif", "status": 200,
             "bytes": 1124, "referrer": "https://www.shop.example/", "user_agent": "Mozilla/5.0"},
        ),
    ),
)  # fmt: skip
