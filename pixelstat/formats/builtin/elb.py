"""elb: Classic Load Balancers of Amazon."""

import polars as pl

from pixelstat.formats.base import Sample
from pixelstat.formats.normalize import fill_missing_status
from pixelstat.formats.text import TextFormat

FIELDS = {"address_port": "address_port", "absolute_request": "absolute_request", "answer": "answer"}


def use_answer_as_status(fields: pl.LazyFrame) -> pl.LazyFrame:
    """Fill `status` from `answer`, with 0 for an unanswered request."""
    return fields.with_columns(status=fill_missing_status(pl.col("answer")))


FORMAT = TextFormat(
    "elb",
    "$time_iso8601 $elb $address_port $backend $t1 $t2 $t3 $answer $backend_status $received $bytes_sent"
    ' "$absolute_request" "$http_user_agent"',
    "Amazon Classic Load Balancer",
    (
        Sample(
            "2026-09-07T23:39:43.945958Z my-lb 203.0.113.7:2817 10.0.0.1:80 0.000086 0.001048 0.001337 200 200 0 57"
            ' "GET https://www.shop.example:443/p.gif?e=pv HTTP/1.1" "Mozilla/5.0 (X11)" DHE-RSA-AES128-SHA TLSv1.2',
            {"time": "2026-09-07T23:39:43.945958", "client": "203.0.113.7", "vhost": "www.shop.example", "method": "GET",
             "path": "/p.gif", "query": "e=pv", "status": 200, "bytes": 57, "user_agent": "Mozilla/5.0 (X11)", "referrer": None},
        ),
    ),
    tail=r"^ \S+ \S+\s*$",
    fields=FIELDS,
    finish=use_answer_as_status,
)  # fmt: skip
