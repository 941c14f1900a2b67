"""caddy: Caddy's JSON, its headers as lists."""

from pixelstat.formats.base import Sample
from pixelstat.formats.json import JsonFormat

FORMAT = JsonFormat(
    "caddy",
    {
        "time_any": ("ts",),
        "client": ("request.client_ip", "request.remote_ip", "request.remote_addr"),
        "vhost": ("request.host",),
        "method": ("request.method",),
        "uri": ("request.uri",),
        "status": ("status",),
        "bytes": ("size",),
        "referrer": ("request.headers.Referer[]",),
        "user_agent": ("request.headers.User-Agent[]",),
        "forwarded_for": ("request.headers.X-Forwarded-For[,]",),
        "cookies": ("request.headers.Cookie[]",),
        "dnt": ("request.headers.Dnt[]",),
        "gpc": ("request.headers.Sec-Gpc[]",),
        "purpose": ("request.headers.Sec-Purpose[]",),
    },
    "Caddy's JSON",
    (("ts",), ("request",), ("uri",), ("remote_ip", "remote_addr", "client_ip"), ("status",)),
    (
        Sample(
            '{"level":"info","ts":1788775200.25,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"203.0.113.7",'
            '"remote_port":"64985","client_ip":"203.0.113.8","proto":"HTTP/2.0","method":"GET","host":"shop.example","uri":"/p.gif?e=pv",'
            '"headers":{"User-Agent":["Mozilla/5.0"],"Referer":["https://shop.example/"]},"tls":{"proto":"h2"}},"bytes_read":0,'
            '"user_id":"","duration":0.0013,"size":3609,"status":200,"resp_headers":{"Content-Type":["image/gif"]}}',
            {"time": "2026-09-07T10:00:00.25", "client": "203.0.113.8", "vhost": "shop.example", "method": "GET", "path": "/p.gif",
             "query": "e=pv", "status": 200, "bytes": 3609, "referrer": "https://shop.example/", "user_agent": "Mozilla/5.0"},
        ),
        Sample(
            '{"ts":"2026-09-07T10:00:00Z","request":{"remote_addr":"[2001:db8::7]:64985","method":"GET","host":"shop.example",'
            '"uri":"/","headers":{}},"size":0,"status":0}',
            {"time": "2026-09-07T10:00:00", "client": "2001:db8::7", "path": "/", "status": 0, "user_agent": None},
        ),
    ),
)  # fmt: skip
