"""text: text logs of any server, whose log_format string is inferred from the lines."""

from collections.abc import Sequence

from pixelstat.formats.base import LogFormat, Sample
from pixelstat.formats.builtin import combined
from pixelstat.formats.inferred import InferredFormat


def _infer(lines: Sequence[str], client_header: str | None = None) -> LogFormat | None:
    from pixelstat.formats.client_header import read_client_header  # these take a while to load, and few logs need them
    from pixelstat.formats.text_shape import infer_text_format

    inferred = infer_text_format(lines)
    return read_client_header(inferred, client_header) if inferred and client_header else inferred


def _accept_misfit(line: str, inferred: LogFormat) -> bool:
    from pixelstat.formats.text_shape import accept_misfit

    return accept_misfit(line, inferred)


FORMAT = InferredFormat(
    "text",
    "text of any server: the fields are inferred from their places and looks",
    _infer,
    combined.FORMAT,
    accepts_misfit=_accept_misfit,
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
