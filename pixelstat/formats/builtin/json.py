"""json: JSON logs of any service, with keys that are inferred from the lines."""

from collections.abc import Sequence

from pixelstat.formats.base import LogFormat, Sample
from pixelstat.formats.builtin import nginx_json
from pixelstat.formats.inferred import InferredFormat


def _infer(lines: Sequence[str], client_header: str | None = None) -> LogFormat | None:
    from pixelstat.formats.json_shape import infer_json_format  # takes a while to load, and few logs need it

    return infer_json_format(lines, client_header)


FORMAT = InferredFormat(
    "json",
    "JSON of any service: ECS, Fastly, Azure, Envoy, Vercel, ...; the keys are inferred",
    _infer,
    nginx_json.FORMAT,
    (
        Sample(
            '{"@timestamp":"2026-09-07T10:00:00.125Z","source":{"ip":"203.0.113.7"},"http":{"request":{"method":"GET",'
            '"referrer":"https://shop.example/"},"response":{"status_code":200,"body":{"bytes":43}}},"url":{"domain":"shop.example",'
            '"path":"/pixel.gif","query":"e=pv"},"user_agent":{"original":"Mozilla/5.0"}}',
            {"time": "2026-09-07T10:00:00.125", "client": "203.0.113.7", "vhost": "shop.example", "method": "GET", "path": "/pixel.gif",
             "query": "e=pv", "status": 200, "bytes": 43, "referrer": "https://shop.example/", "user_agent": "Mozilla/5.0"},
        ),
        Sample(
            '{"timestamp":"2026-09-07T10:00:00","client_ip":"203.0.113.7","host":"shop.example","url":"/pixel.gif?e=pv","request_method":"GET",'
            '"request_referer":"https://shop.example/a","request_user_agent":"Mozilla/5.0","response_status":200,"response_body_size":43}',
            {"time": "2026-09-07T10:00:00", "client": "203.0.113.7", "vhost": "shop.example", "method": "GET", "path": "/pixel.gif",
             "query": "e=pv", "status": 200, "bytes": 43, "referrer": "https://shop.example/a", "user_agent": "Mozilla/5.0"},
        ),
    ),
)  # fmt: skip
