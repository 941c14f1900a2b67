"""combined: what nginx and Apache write unless told otherwise."""

from pixelstat.formats.text import Sample, TextFormat

FORMAT = TextFormat(
    "combined",
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"',
    "nginx and Apache combined; fields behind the agent are passed over",
    (
        Sample(
            '203.0.113.7 - - [07/Sep/2026:10:00:00 +0200] "GET /pixel.gif?e=pv HTTP/1.1" 200 43 "https://shop.example/" "Mozilla/5.0"',
            {"time": "2026-09-07T08:00:00", "client": "203.0.113.7", "method": "GET", "path": "/pixel.gif", "query": "e=pv",
             "status": 200, "bytes": 43, "referrer": "https://shop.example/", "user_agent": "Mozilla/5.0"},
        ),
        Sample(
            '2001:db8::1 - ann [07/Sep/2026:10:00:00 -0330] "POST /b.gif?q=\\x22hi\\x22 HTTP/2.0" 204 0 "-" "say \\"hi\\" \\\\" "198.51.100.1"',
            {"time": "2026-09-07T13:30:00", "client": "2001:db8::1", "method": "POST", "path": "/b.gif", "query": 'q="hi"',
             "status": 204, "bytes": 0, "referrer": None, "user_agent": 'say "hi" \\'},
        ),
    ),
)  # fmt: skip
