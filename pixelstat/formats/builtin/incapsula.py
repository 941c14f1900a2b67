"""incapsula: Imperva Incapsula's W3C, every field in quotes."""

from pixelstat.formats.base import Sample
from pixelstat.formats.w3c import W3cFormat, add_other_layouts

FORMATS = add_other_layouts(W3cFormat(
    "incapsula",
    "Imperva Incapsula, W3C with every field in quotes",
    frozenset({"cs-vid", "cs-clapp"}),
    (
        Sample(
            '"2026-09-07" "07:26:35" "a1f3" "Chrome" "203.0.113.7" "Mozilla/5.0 (Windows NT 6.1)" "shop.example/pixel.gif" ""'
            ' "GET" "e=pv&v=ann" "200" "198.51.100.9" "10117"',
            {"time": "2026-09-07T07:26:35", "client": "203.0.113.7", "vhost": "shop.example", "method": "GET", "path": "/pixel.gif",
             "query": "e=pv&v=ann", "status": 200, "user_agent": "Mozilla/5.0 (Windows NT 6.1)", "referrer": None,
             "forwarded_for": "198.51.100.9"},
            header="#Fields: date time cs-vid cs-clapp c-ip cs(User-Agent) cs-uri cs(Referrer) cs-method cs-uri-query sc-status s-xff cs-bytes",
        ),
    ),
    layout="quoted",
))  # fmt: skip
