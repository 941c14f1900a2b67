"""ovh: shared hosting of OVH, combined with the site behind the address."""

from pixelstat.formats.base import Sample
from pixelstat.formats.builtin.combined_host_last import HOST
from pixelstat.formats.text import TextFormat

FORMAT = TextFormat(
    "ovh",
    '$remote_addr $host $user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"',
    "OVH: combined with the site after the address",
    (
        Sample(
            '203.0.113.7 www.shop.example theuser [07/Sep/2026:16:42:07 -0500] "GET /p.gif?e=pv HTTP/1.1" 301 368 "-" "Mozilla/5.0"',
            {"time": "2026-09-07T21:42:07", "client": "203.0.113.7", "vhost": "www.shop.example", "path": "/p.gif", "status": 301,
             "user_agent": "Mozilla/5.0"},
        ),
    ),
    field_patterns={"vhost": HOST, "user": '[^ "]+'},
    fields={"user": "user"},
)  # fmt: skip
