"""common: the Common Log Format, which has neither referrer nor agent."""

from pixelstat.formats.text import Sample, TextFormat

FORMAT = TextFormat(
    "common",
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent',
    "the Common Log Format: no referrer, no agent",
    (
        Sample(
            '127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326',
            {"time": "2000-10-10T20:55:36", "client": "127.0.0.1", "method": "GET", "path": "/apache_pb.gif", "query": None,
             "status": 200, "bytes": 2326, "referrer": None, "user_agent": None},
        ),
    ),
)  # fmt: skip
