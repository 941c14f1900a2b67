"""w3c: the W3C extended log format with any fields, named by a `#Fields:` line."""

from pixelstat.formats.base import Sample
from pixelstat.formats.w3c import W3cFormat, add_other_layouts

FORMATS = add_other_layouts(W3cFormat(
    "w3c",
    "W3C extended with any #Fields:, of servers, proxies and appliances",
    samples=(
        Sample(
            "2026-09-07 10:00:00 203.0.113.7 GET /pixel.gif e=pv&v=ann 200 43 Mozilla/5.0+(X11;+Linux) https://shop.example/",
            {"time": "2026-09-07T10:00:00", "client": "203.0.113.7", "method": "GET", "path": "/pixel.gif", "query": "e=pv&v=ann",
             "status": 200, "bytes": 43, "user_agent": "Mozilla/5.0 (X11; Linux)", "referrer": "https://shop.example/"},
            header="#Fields: date time c-ip cs-method cs-uri-stem cs-uri-query sc-status sc-bytes cs(User-Agent) cs(Referer)",
        ),
        Sample(
            '2026-09-07 10:00:00.5 "203.0.113.7" GET https://shop.example/p.gif?e=pv - "Mozilla/5.0 (X11)"',
            {"time": "2026-09-07T10:00:00.5", "client": "203.0.113.7", "path": "/p.gif", "query": "e=pv", "vhost": "shop.example",
             "status": 0, "user_agent": "Mozilla/5.0 (X11)"},
            header="#Fields: date time c-ip cs-method cs-uri sc-status cs(User-Agent)",
        ),
    ),
))  # fmt: skip
