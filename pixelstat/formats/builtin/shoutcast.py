"""shoutcast: the SHOUTcast server's W3C, its agents percent-encoded."""

from pixelstat.formats.base import Sample
from pixelstat.formats.w3c import W3cFormat, add_other_layouts

FIELDS = "#Fields: c-ip c-dns date time cs-uri-stem c-status cs(User-Agent) sc-bytes x-duration avgbandwidth"

FORMATS = add_other_layouts(W3cFormat(
    "shoutcast",
    "SHOUTcast servers",
    frozenset({"c-dns", "avgbandwidth"}),
    (
        Sample(
            "203.0.113.7 192.0.2.8 2026-09-07 10:37:05 /stream?title=UKR%20Nights 200 NSPlayer%2F10.0.0.3702%20WMFSDK%2F10.0 65580 1 524640",
            {"time": "2026-09-07T10:37:05", "client": "203.0.113.7", "path": "/stream", "query": "title=UKR%20Nights", "status": 200,
             "bytes": 65580, "user_agent": "NSPlayer/10.0.0.3702 WMFSDK/10.0"},
            header=FIELDS,
        ),
    ),
    default_header=FIELDS,
))  # fmt: skip
