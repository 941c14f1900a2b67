"""traefik_json: Traefik's JSON. It has headers only where they are configured."""

from pixelstat.formats.base import Sample
from pixelstat.formats.json import JsonFormat

FORMAT = JsonFormat(
    "traefik_json",
    {
        "time_any": ("StartUTC", "StartLocal", "time"),
        "client": ("ClientHost", "ClientAddr"),
        "vhost": ("RequestHost", "RequestAddr"),
        "method": ("RequestMethod",),
        "uri": ("RequestPath",),
        "status": ("DownstreamStatus", "OriginStatus"),
        "bytes": ("DownstreamContentSize",),
        "referrer": ("request_Referer",),
        "user_agent": ("request_User-Agent",),
        "forwarded_for": ("request_X-Forwarded-For",),
        "cookies": ("request_Cookie",),
        "dnt": ("request_Dnt",),
        "gpc": ("request_Sec-Gpc",),
        "purpose": ("request_Sec-Purpose",),
    },
    "Traefik's JSON",
    (("RequestPath",), ("StartUTC", "StartLocal", "time")),
    (
        Sample(
            '{"ClientAddr":"203.0.113.7:12345","ClientUsername":"-","DownstreamContentSize":2,"DownstreamStatus":200,"Duration":24814,'
            '"RequestHost":"shop.example","RequestMethod":"GET","RequestPath":"/p.gif?e=pv","RequestProtocol":"HTTP/1.1",'
            '"StartUTC":"2026-09-07T10:00:00.669746824Z","level":"info","msg":"","request_User-Agent":"Mozilla/5.0","time":"2026-09-07T12:00:00+02:00"}',
            {"time": "2026-09-07T10:00:00.669746", "client": "203.0.113.7", "vhost": "shop.example", "method": "GET", "path": "/p.gif",
             "query": "e=pv", "status": 200, "bytes": 2, "user_agent": "Mozilla/5.0", "referrer": None},
        ),
    ),
)  # fmt: skip
