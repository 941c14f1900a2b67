"""text: text logs of any server, whose log_format string is inferred from the lines."""

from pixelstat.formats.base import Sample
from pixelstat.formats.builtin import combined
from pixelstat.formats.inferred import InferredFormat
from pixelstat.formats.text_shape import NAME, accept_misfit, infer_text_format

FORMAT = InferredFormat(
    NAME,
    "text of any server: the fields are inferred from their places and looks",
    infer_text_format,
    combined.FORMAT,
    accepts_misfit=accept_misfit,
    samples=(
        Sample(
            '[07/Sep/2026:10:00:00 +0000] 200 - GET https shop.example "/pixel.gif?e=pv" [Client 203.0.113.7] [Length 43] "Mozilla/5.0" "-"',
            {"time": "2026-09-07T10:00:00", "client": "203.0.113.7", "vhost": "shop.example", "method": "GET", "path": "/pixel.gif",
             "query": "e=pv", "status": 200, "bytes": 43, "referrer": None, "user_agent": "Mozilla/5.0"},
        ),
        Sample(
            "1788775200|shop.example|203.0.113.7|GET|/pixel.gif?e=pv|200|43|https://shop.example/a|Mozilla/5.0",
            {"time": "2026-09-07T10:00:00", "client": "203.0.113.7", "vhost": "shop.example", "method": "GET", "path": "/pixel.gif",
             "query": "e=pv", "status": 200, "bytes": 43, "referrer": "https://shop.example/a", "user_agent": "Mozilla/5.0"},
        ),
    ),
)  # fmt: skip
