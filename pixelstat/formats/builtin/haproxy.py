"""haproxy: HAProxy's httplog. User agent, referrer and site are captured headers, recognized by their shape."""

import polars as pl

from pixelstat.formats.base import Sample
from pixelstat.formats.normalize import fill_missing_status
from pixelstat.formats.text import TextFormat

_REFERRER = r"https?://[^|}]*"
_AGENT = r"[A-Za-z][^|}/:]*/[^|}]*"
_SITE = r"(?:[A-Za-z0-9-]+\.)+[A-Za-z][A-Za-z0-9-]*(?::[0-9]+)?"


def _split_captured(fields: pl.LazyFrame) -> pl.LazyFrame:
    """Add status, referrer, user agent and site from the fields `answer` and `captured`."""
    return fields.with_columns(
        status=fill_missing_status(pl.col("answer")),
        referrer=_find_header(_REFERRER),
        user_agent=_find_header(_AGENT),
        vhost=_find_header(_SITE),
    )


def _find_header(pattern: str) -> pl.Expr:
    """Return the captured header that matches the pattern. Finding and cutting it is five times as fast as extracting it.

    What is found is a place in bytes, but what is cut are characters, so text beyond ASCII is extracted.
    """
    captured = pl.col("captured")
    is_ascii = captured.str.len_bytes() == captured.str.len_chars()
    rest = captured.str.slice(captured.str.find(f"[{{|]{pattern}[|}}]") + 1)
    other = pl.when(~is_ascii).then(captured).str.extract(f"[{{|]({pattern})[|}}]")
    return pl.when(is_ascii).then(rest.str.head(rest.str.find("[|}]"))).otherwise(other)


FORMAT = TextFormat(
    "haproxy",
    '$address_port [$time] $frontend $backend $timers $answer $bytes_sent $captured "$absolute_request"',
    "HAProxy httplog, with and without captured headers",
    (
        Sample(
            "203.0.113.7:38862 [30/Jul/2018:09:03:52.726] incoming~ docs/docs 0/0/1/0/2 304 168 - - ---- 6/6/0/0/0 0/0"
            ' {shop.example|https://shop.example/a|Mozilla/5.0 (X11)} {|||} "GET /p.gif?e=pv HTTP/1.1"',
            {"time": "2018-07-30T09:03:52.726", "client": "203.0.113.7", "method": "GET", "path": "/p.gif", "query": "e=pv",
             "status": 304, "bytes": 168, "vhost": "shop.example", "referrer": "https://shop.example/a", "user_agent": "Mozilla/5.0 (X11)"},
        ),
        Sample(
            '203.0.113.7:55008 [25/Sep/2018:06:05:27.584] ft~ bk/<NOSRV> 0/-1/-1/-1/72 -1 0 - - CR-- 5/4/0/1/0 0/0 "POST /user/ HTTP/1.1"',
            {"time": "2018-09-25T06:05:27.584", "client": "203.0.113.7", "path": "/user/", "status": 0, "user_agent": None},
        ),
    ),
    field_patterns={"time_clf_local": r"[0-9]{2}/[A-Za-z]{3}/[0-9]{4}:[0-9:]{8}\.[0-9]+"},
    fields={"address_port": "address_port", "time": "time_clf_local", "answer": "answer", "captured": "captured",
            "absolute_request": "absolute_request"},
    finish=_split_captured,
)  # fmt: skip
