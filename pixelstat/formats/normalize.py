"""Cut fields -> REQUESTS: what every kind of format shares once it has told its fields apart.

A field is text under one of the names below; a format gives those that it has. What is absent (`-`, nothing)
becomes null, and a row that says too little to be a request is marked `unreadable`. Only an agent that is absent
becomes an empty one: that nobody gave one says something, that the format has none does not.
"""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import polars as pl

from pixelstat.schemas import READ, UTC_TIME, Reason

# `request` is the whole first line of a request, `url` an address with or without its host, `uri` path and query;
# of several the first says it all; `absolute_request` is one with a site in it, as load balancers write it;
# `address` is a url whose scheme may be missing, its query in it or beside it.
# `asked_from` is a client that may have a port, `address_port` one that always has. `whole` is false where a line is broken.
TEXTS = (
    "client", "vhost", "referrer", "user_agent", "forwarded_for", "cookies", "dnt", "gpc", "purpose", "request_id",
)  # fmt: skip
EARLIEST = datetime(2000, 1, 1, tzinfo=timezone.utc)  # the oldest time that is a time and no mistake
_ORIGIN = r"^[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)"
_SITE = r"^(?:[A-Za-z][A-Za-z0-9+.-]*://)?([^/?#]*)"


def latest() -> datetime:
    """The latest: clocks of servers are wrong by hours, not by years."""
    return datetime.now(timezone.utc) + timedelta(hours=48)


def read(fields: pl.LazyFrame, name: str, zone: str = "UTC") -> pl.LazyFrame:
    """The cut fields of a format -> REQUESTS with their lines. `zone` is that of times that name none."""
    column = pl.col
    names = fields.collect_schema().names()
    present = set(names)
    fields = _asked(fields, present)
    time_field = next(filter(is_time, names))  # the first that the format has
    if time_field == "time_clf":
        fields = fields.with_columns(offset=_clf_offset()).with_columns(offset=_minutes())
    if "asked_from" in present:
        fields = fields.with_columns(client=without_port(column("asked_from")))
    elif "address_port" in present:  # IPv6 stands there without brackets, so the last colon it is
        fields = fields.with_columns(client=column("address_port").str.replace(":[0-9]*$", "").str.strip_chars("[]"))
    there = set(fields.collect_schema())
    fields = fields.with_columns(
        time=_time(time_field, zone),
        status=_number("status", pl.Int16(), present),
        bytes=_number("bytes", pl.Int64(), present),
        **{text: _text(text) if text in there else pl.lit(None, pl.String) for text in TEXTS},
        **{text: pl.lit(None, pl.String) for text in ("method", "query") if text not in there},
    )
    if "vhost" in there:
        fields = fields.with_columns(column("vhost").str.replace(":[0-9]*$", ""))
    readable = column("whole") & column("time").is_between(EARLIEST, latest())
    # What speaks no HTTP to a server (TLS on a plain port) leaves a request without a path: the line itself is sound.
    if "has_request" not in there:
        fields = fields.with_columns(has_request=column("request").is_not_null() if "request" in there else False)
    readable &= column("has_request") | column("path").is_not_null()
    if "status" in present:
        readable &= column("status").is_between(0, 999)
    return fields.with_columns(
        rejected=pl.when(~readable.fill_null(value=False)).then(pl.lit("unreadable", Reason)),
        format=pl.lit(name),
        fault=pl.lit(None, READ["fault"]),
    ).select(READ.names())


def _asked(fields: pl.LazyFrame, present: set[str]) -> pl.LazyFrame:
    """Method, path, query, and the site where an address names it."""
    column = pl.col
    request = next((name for name in ("absolute_request", "request") if name in present), None)
    if request:  # says it all: what the format repeats of it is passed over
        fields = fields.with_columns(request=_without_version(column(request)))
        fields = fields.with_columns(column("request").str.splitn("?", 2))
        fields = fields.with_columns(
            column("request").struct.field("field_0").str.splitn(" ", 2).alias("asked"),
            column("request").struct.field("field_1").alias("query"),
        )
        method, path = column("asked").struct.field("field_0"), column("asked").struct.field("field_1")
        if request == "absolute_request":  # `GET https://shop.example:443/p.gif HTTP/1.1`
            named = [_absent(column("vhost"))] if "vhost" in fields.collect_schema() else []
            vhost = pl.coalesce(*named, path.str.extract(_ORIGIN))
            fields, path = fields.with_columns(vhost=vhost), rooted(path.str.replace(_ORIGIN, ""))
            present.add("request")
        return fields.with_columns(method=method, path=path)
    if target := next((name for name in ("url", "address", "uri") if name in present), None):
        fields = fields.with_columns(target=column(target).str.splitn("?", 2))
        path, query = column("target").struct.field("field_0"), column("target").struct.field("field_1")
        if target != "uri":
            origin = _ORIGIN if target == "url" else _SITE
            host = column(target).str.extract(origin)
            vhost = pl.coalesce(_absent(column("vhost")), host) if "vhost" in present else host
            fields, path = fields.with_columns(vhost=vhost), path.str.replace(origin, "")
        if target == "address" and "query" in present:
            query = pl.coalesce(_absent(column("query")), query)
        return fields.with_columns(path=rooted(path), query=query)
    if "query" in present:  # Apache's %q keeps its question mark
        return fields.with_columns(query=_absent(column("query").str.strip_prefix("?")))
    return fields


def rooted(path: pl.Expr) -> pl.Expr:
    """An address without a path means `/`."""
    return pl.when(path == "").then(pl.lit("/")).otherwise(path)


def without_port(client: pl.Expr) -> pl.Expr:
    """`192.0.2.1` of `192.0.2.1:41542`, `2001:db8::1` of `[2001:db8::1]:80`; an address without a port stays."""
    bare = client.str.replace(r"^\[([^\]]*)\](?::\d+)?$", "$1")
    return pl.when(bare.str.count_matches(":", literal=True) == 1).then(bare.str.replace(r":\d*$", "")).otherwise(bare)


def _without_version(request: pl.Expr) -> pl.Expr:
    """`GET /path?query`. Cut from the end, so that a target in which a server let blanks through stays whole."""
    return (
        pl.when(request.str.tail(9).str.starts_with(" HTTP/"))
        .then(request.str.head(-9))
        .when(request.str.tail(7).str.starts_with(" HTTP/"))
        .then(request.str.head(-7))
        .otherwise(request)
    )


# -- times -----------------------------------------------------------------------------------------------------


def _clf(time: pl.Expr, _zone: str) -> pl.Expr:
    """`10/Oct/2000:13:55:36 -0700`. The offset is read by itself: that is four times as fast as %z."""
    local = time.str.head(20).str.to_datetime("%d/%b/%Y:%H:%M:%S", time_unit="us", strict=False)
    return (local - pl.duration(minutes=pl.col("offset"))).dt.replace_time_zone("UTC")


def _clf_offset() -> pl.Expr:
    """The offset as a number, -330 for ` -0330`; null if there is none."""
    time = pl.col("time_clf")
    return pl.when(time.str.len_bytes() == 26).then(time.str.slice(21)).cast(pl.Int32, strict=False)


def _minutes() -> pl.Expr:
    """The offset in minutes east of UTC; null if no place on earth has it."""
    offset = pl.col("offset")
    return pl.when(offset.abs() <= 1400).then(offset - offset.sign() * (offset.abs() // 100 * 40))


def _iso(time: pl.Expr, zone: str) -> pl.Expr:
    """`2026-09-07T10:00:00.125+02:00`, `...Z`, and without a zone."""
    dated = time.str.replace(" ", "T", literal=True)
    named = dated.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", time_unit="us", time_zone="UTC", strict=False)
    unnamed = pl.when(named.is_null()).then(dated)
    return pl.coalesce(named, _local(unnamed, "%Y-%m-%dT%H:%M:%S%.f", zone))


def _local(time: pl.Expr, layout: str, zone: str) -> pl.Expr:
    """A time that names no zone."""
    return _placed(time.str.to_datetime(layout, time_unit="us", strict=False), zone)


def _placed(time: pl.Expr, zone: str) -> pl.Expr:
    """An hour that a change of clocks repeats is taken for its first, one that it skips for none."""
    if zone == "UTC":
        return time.dt.replace_time_zone("UTC")
    return time.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")


def _local_to_the_second(layout: str, width: int) -> Callable[[pl.Expr, str], pl.Expr]:
    """A time without a zone, of one width, and a fraction of a second behind it: several times as fast as `%.f`."""

    def read(time: pl.Expr, zone: str) -> pl.Expr:
        second = time.str.head(width).str.to_datetime(layout, time_unit="us", strict=False)
        is_whole = time.str.len_bytes() == width
        fraction = pl.when(~is_whole).then(time.str.slice(width)).cast(pl.Float64, strict=False)
        part = pl.when(is_whole).then(0).otherwise((fraction * 1e6).round().cast(pl.Int64, strict=False))
        return _placed(second + pl.duration(microseconds=part), zone)

    return read


def _epoch(per_second: int) -> Callable[[pl.Expr, str], pl.Expr]:
    def read(time: pl.Expr, _zone: str) -> pl.Expr:
        microseconds = time.cast(pl.Float64, strict=False) * (1_000_000 / per_second)
        return microseconds.round().cast(pl.Int64, strict=False).cast(UTC_TIME)

    return read


def _any(time: pl.Expr, zone: str) -> pl.Expr:
    """Whatever a JSON log writes: seconds, milli-, micro- or nanoseconds since the epoch, told by their size, CLF or ISO."""
    number = time.cast(pl.Float64, strict=False)
    size = number.abs()
    scale = pl.when(size < 1e11).then(1e6).when(size < 1e14).then(1e3).when(size < 1e17).then(1.0).otherwise(1e-3)
    epoch = (number * scale).round().cast(pl.Int64, strict=False).cast(UTC_TIME)
    text = pl.when(number.is_null()).then(time)
    clf = pl.when(text.str.contains("/", literal=True)).then(text)
    clf_time = clf.str.to_datetime("%d/%b/%Y:%H:%M:%S %z", time_unit="us", time_zone="UTC", strict=False)
    return pl.coalesce(epoch, clf_time, _iso(pl.when(clf.is_null()).then(text), zone))


def is_time(name: str) -> bool:
    """Whether a field is a time: each way to write one has a name of its own."""
    return name.startswith("time_")


def _time(name: str, zone: str) -> pl.Expr:
    if name in _TIMES:
        return _TIMES[name](pl.col(name), zone)
    layout = name.removeprefix("time_as ")
    if "%z" in layout:
        return pl.col(name).str.to_datetime(layout, time_unit="us", time_zone="UTC", strict=False)
    return _local(pl.col(name), layout, zone)


_TIMES: dict[str, Callable[[pl.Expr, str], pl.Expr]] = {
    "time_clf": _clf,
    "time_iso": _iso,
    "time_any": _any,
    "time_clf_local": _local_to_the_second("%d/%b/%Y:%H:%M:%S", 20),
    "time_iso_local": _local_to_the_second("%Y-%m-%dT%H:%M:%S", 19),
    "time_seconds": _epoch(1),
    "time_milliseconds": _epoch(1_000),
    "time_microseconds": _epoch(1_000_000),
}

# -- numbers and what is absent --------------------------------------------------------------------------------


def _number(name: str, dtype: pl.DataType, present: set[str]) -> pl.Expr:
    return pl.col(name).cast(dtype, strict=False) if name in present else pl.lit(None, dtype)


def unanswered(status: pl.Expr) -> pl.Expr:
    """The status of a request that got no answer, `-` in some logs, as the 0 that others write."""
    return pl.when((status == "-") | (status == "-1")).then(pl.lit("0")).otherwise(status)


def _absent(text: pl.Expr) -> pl.Expr:
    """Null for what servers write when there is nothing: `-`, or nothing."""
    return pl.when((text != "-") & (text != "")).then(text)


def _text(name: str) -> pl.Expr:
    """The text of a field, null where it is absent; an agent that is absent is empty."""
    text = pl.col(name)
    return pl.when(text == "-").then(pl.lit("")).otherwise(text) if name == "user_agent" else _absent(text)
