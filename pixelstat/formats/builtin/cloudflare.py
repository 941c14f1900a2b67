"""cloudflare: HTTP requests of Cloudflare's Logpush; users choose the fields and one of three kinds of times."""

from pixelstat.formats.base import Sample
from pixelstat.formats.json import JsonFormat


def _sample(stamp: str) -> Sample:
    return Sample(
        '{"ClientIP":"203.0.113.7","ClientRequestHost":"shop.example","ClientRequestMethod":"GET","ClientRequestURI":"/p.gif?e=pv",'
        '"ClientRequestUserAgent":"Mozilla/5.0","ClientRequestReferer":"https://shop.example/a","EdgeResponseStatus":200,'
        f'"EdgeResponseBytes":43,"EdgeStartTimestamp":{stamp},"RayID":"710e98d9367f357d"}}',
        {"time": "2026-09-07T10:00:00", "client": "203.0.113.7", "vhost": "shop.example", "method": "GET", "path": "/p.gif",
         "query": "e=pv", "status": 200, "bytes": 43, "referrer": "https://shop.example/a", "user_agent": "Mozilla/5.0",
         "request_id": "710e98d9367f357d"},
    )  # fmt: skip


FORMAT = JsonFormat(
    "cloudflare",
    {
        "time_any": ("EdgeStartTimestamp",),
        "client": ("ClientIP",),
        "vhost": ("ClientRequestHost",),
        "method": ("ClientRequestMethod",),
        "uri": ("ClientRequestURI", "ClientRequestPath"),
        "status": ("EdgeResponseStatus",),
        "bytes": ("EdgeResponseBytes",),
        "referrer": ("ClientRequestReferer",),
        "user_agent": ("ClientRequestUserAgent",),
        "request_id": ("RayID",),
    },
    "Cloudflare Logpush, NDJSON",
    (("ClientRequestURI", "ClientRequestPath"), ("EdgeStartTimestamp",)),
    (_sample('"2026-09-07T10:00:00Z"'), _sample("1788775200"), _sample('"1788775200000000000"')),
)
