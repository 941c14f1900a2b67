"""traefik: Traefik's Common Log Format, with router, server and duration behind the user agent."""

from pixelstat.formats.base import Sample
from pixelstat.formats.builtin.elb import use_answer_as_status
from pixelstat.formats.text import TextFormat


def _traefik(referrer: str, *samples: Sample) -> TextFormat:
    return TextFormat(
        "traefik",
        '$remote_addr - $remote_user [$time_local] "$request" $answer $body_bytes_sent '
        f'{referrer} "$http_user_agent" $count "$router" "$server"',
        "Traefik's CLF",
        samples,
        tail=r"^ \d+ms\s*$",
        fields={"answer": "answer"},
        finish=use_answer_as_status,
    )


FORMATS = (
    _traefik(
        '"$http_referer"',
        Sample(
            '192.168.33.1 - - [07/Sep/2026:20:22:07 +0000] "GET /p.gif?e=pv HTTP/1.1" 304 0 "http://shop.example/login" "Mozilla/5.0"'
            ' 262 "Host-host-1" "http://172.19.0.3:5601" 2ms',
            {"time": "2026-09-07T20:22:07", "client": "192.168.33.1", "path": "/p.gif", "query": "e=pv", "status": 304, "bytes": 0,
             "referrer": "http://shop.example/login", "user_agent": "Mozilla/5.0"},
        ),
        Sample(
            '192.168.33.1 - - [07/Sep/2026:20:22:07 +0000] "GET /p.gif HTTP/1.1" - - "-" "-" 262 "Host-host-1" "-" 0ms',
            {"time": "2026-09-07T20:22:07", "path": "/p.gif", "status": 0, "bytes": None, "referrer": None, "user_agent": ""},
        ),
    ),
    _traefik(
        "-",
        Sample(
            '192.168.33.1 - - [07/Sep/2026:20:22:07 +0000] "GET /p.gif HTTP/1.1" 200 43 - "Mozilla/5.0" 262 "h" "http://172.19.0.3:5601" 2ms',
            {"time": "2026-09-07T20:22:07", "path": "/p.gif", "status": 200, "referrer": None, "user_agent": "Mozilla/5.0"},
        ),
    ),
)  # fmt: skip
