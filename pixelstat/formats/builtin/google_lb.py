"""google_lb: load balancers of Google Cloud, LogEntry JSON by the line or in an exported array."""

from pixelstat.formats.base import Sample
from pixelstat.formats.json import JsonFormat

_LINE = (
    '{"insertId":"1oek5rg3l3fxj7","jsonPayload":{"statusDetails":"response_from_cache"},"httpRequest":{"requestMethod":"GET",'
    '"requestUrl":"https://shop.example/p.gif?e=pv","requestSize":"577","status":304,"responseSize":"157","userAgent":"Mozilla/5.0",'
    '"remoteIp":"203.0.113.7:9989","protocol":"HTTP/2.0","referer":"https://shop.example/a"},"timestamp":"2026-09-07T10:00:00.078651Z"}'
)
_FIELDS: dict[str, object] = {
    "time": "2026-09-07T10:00:00.078651", "client": "203.0.113.7", "vhost": "shop.example", "method": "GET", "path": "/p.gif",
    "query": "e=pv", "status": 304, "bytes": 157, "referrer": "https://shop.example/a", "user_agent": "Mozilla/5.0",
    "request_id": "1oek5rg3l3fxj7",
}  # fmt: skip

FORMAT = JsonFormat(
    "google_lb",
    {
        "time_any": ("timestamp",),
        "client": ("httpRequest.remoteIp",),
        "method": ("httpRequest.requestMethod",),
        "url": ("httpRequest.requestUrl",),
        "status": ("httpRequest.status",),
        "bytes": ("httpRequest.responseSize",),
        "referrer": ("httpRequest.referer",),
        "user_agent": ("httpRequest.userAgent",),
        "request_id": ("insertId",),
    },
    "Google Cloud load balancer, LogEntry JSON",
    (("httpRequest",), ("requestUrl",), ("timestamp",)),
    (Sample(_LINE, _FIELDS), Sample(f"[{_LINE},", _FIELDS)),
)
