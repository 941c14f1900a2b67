"""iis_native: the log file format of Microsoft IIS, parted by commas; its dates have the month first.

Times are local times of the server.
"""

import polars as pl

from pixelstat.formats.base import Sample
from pixelstat.formats.text import TextFormat

_DATE = r"(\d{1,2})/(\d{1,2})/(?:20)?(\d\d)"


def _join_fields(fields: pl.LazyFrame) -> pl.LazyFrame:
    """Join date and clock, and take the comma off that ends each line."""
    date, clock = pl.col("time_iso_local"), pl.col("clock")
    month, day, year = (date.str.extract(f"^{_DATE}$", group).str.zfill(2) for group in (1, 2, 3))
    query = pl.col("query").str.strip_chars_end("\r ")
    return fields.with_columns(
        time_iso_local=pl.format("20{}-{}-{}T{}", year, month, day, clock.str.zfill(8)),
        query=query.str.strip_suffix(","),
        is_whole=pl.col("is_whole") & query.str.ends_with(","),
    )


FORMAT = TextFormat(
    "iis_native",
    "$remote_addr, $user, $date, $clock, $service, $server, $server_address, $time_taken, $request_length,"
    " $body_bytes_sent, $status, $win32, $request_method, $path, $query",
    "Microsoft IIS log file format, the month first",
    (
        Sample(
            "203.0.113.7, -, 9/7/2026, 10:00:00, W3SVC1, WEB1, 192.0.2.6, 4502, 163, 43, 200, 0, GET, /pixel.gif, e=pv&p=/x,",
            {"time": "2026-09-07T10:00:00", "client": "203.0.113.7", "method": "GET", "path": "/pixel.gif", "query": "e=pv&p=/x",
             "status": 200, "bytes": 43, "referrer": None, "user_agent": None},
        ),
        Sample(
            "2001:db8::7, ann, 09/27/26, 7:05:20, W3SVC2, WEB1, 192.0.2.6, 4502, 163, 43, 200, 0, GET, /b.gif, -,",
            {"time": "2026-09-27T07:05:20", "client": "2001:db8::7", "path": "/b.gif", "query": None, "status": 200},
        ),
    ),
    field_patterns={
        "time_iso_local": r"[0-9]{1,2}/[0-9]{1,2}/(?:20)?[0-9]{2}", "clock": r"[0-9]{1,2}:[0-9]{2}:[0-9]{2}",
        "bytes": r"[0-9]+", "status": r"[0-9]{3}", "method": r"[A-Z_-]+", "path": r"/.*?", "query": r".*,\s*$",
    },
    fields={"date": "time_iso_local", "clock": "clock", "path": "path", "query": "query"},
    finish=_join_fields,
)  # fmt: skip
