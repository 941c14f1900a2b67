"""Turn the cut fields of any kind of format into REQUESTS.

A format passes text columns named like its fields in `fields.FIELDS`, and up to three columns of booleans:

- `is_whole` is false for a broken line.
- `has_request` (optional) is true for a line that contains a request.
- `lacks_status` (optional) is true for a line without a status. Its null status does not make it unreadable.

An absent value (`-` or nothing) becomes null. A row without the fields of a request is marked `unreadable`. An absent
user agent becomes "", because a null user agent means that the format does not log user agents.
"""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import polars as pl

from pixelstat.formats.fields import TEXT_FIELDS
from pixelstat.formats.unusual_times import spell_iso
from pixelstat.frames.lookup import replace_where
from pixelstat.schemas import READ, UTC_TIME, Reason
from pixelstat.text.addresses import USUAL_CLIENT, normalize_client

EARLIEST_TIME = datetime(2000, 1, 1, tzinfo=timezone.utc)  # any earlier time is a mistake
_CLIENT_FIELDS = ("client", "address_port", "real_ip", "forwarded_for")  # the best one first
# Load balancers write a port in every line, and proxies a list. Polars cuts them much faster than `normalize_client`.
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4_WITH_MORE = rf"^({_OCTET}(?:\.{_OCTET}){{3}})(?::\d*(?:,.*)?|,.*)$"
_ORIGIN = r"^[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)"
_OPTIONAL_ORIGIN = r"^(?:[A-Za-z][A-Za-z0-9+.-]*://)?([^/?#]*)"


def latest_plausible_time() -> datetime:
    """Return the latest time that is not a mistake. Clocks of servers are wrong by hours, not by years."""
    return datetime.now(timezone.utc) + timedelta(hours=48)


def normalize_fields(fields: pl.LazyFrame, name: str, zone: str = "UTC") -> pl.LazyFrame:
    """Turn the cut fields of a format into REQUESTS with their lines (READ).

    `name` is the name of the format. `zone` is the time zone of times without an offset.
    """
    names = fields.collect_schema().names()
    present = set(names)
    fields = _split_target(fields, present)
    time_field = next(filter(is_time_field, names), None)  # the first that the format has
    if time_field is None:
        time_field = "time_unusual"
        fields = fields.with_columns(time_unusual=pl.concat_str("date", pl.lit("T"), "clock"))
    if time_field == "time_clf":
        fields = fields.with_columns(offset=_clf_offset()).with_columns(offset=_offset_minutes())
    fields = _find_clients(fields, present)
    available = set(fields.collect_schema())
    fields = fields.with_columns(
        time=_parse_time(time_field, zone),
        status=_parse_number("status", pl.Int16(), present),
        bytes=_parse_number("bytes", pl.Int64(), present),
        **{text: _clean_text(text) if text in available else pl.lit(None, pl.String) for text in TEXT_FIELDS},
        **{text: pl.lit(None, pl.String) for text in ("method", "query") if text not in available},
    )
    if "vhost" in available:
        fields = fields.with_columns(pl.col("vhost").str.replace(":[0-9]*$", ""))
    is_readable = pl.col("is_whole") & pl.col("time").is_between(EARLIEST_TIME, latest_plausible_time())
    # A client that does not speak HTTP (TLS on a plain port) sends a request without a path. Its line is readable.
    if "has_request" not in available:
        has_request = pl.col("request").is_not_null() if "request" in available else False
        fields = fields.with_columns(has_request=has_request)
    is_readable &= pl.col("has_request") | pl.col("path").is_not_null()
    if "status" in present:
        has_status = pl.col("status").is_between(0, 999)
        is_readable &= has_status | pl.col("lacks_status") if "lacks_status" in available else has_status
    return fields.with_columns(
        rejected=pl.when(~is_readable.fill_null(value=False)).then(pl.lit("unreadable", Reason)),
        format=pl.lit(name),
        fault=pl.lit(None, READ["fault"]),
    ).select(READ.names())


def _split_target(fields: pl.LazyFrame, present: set[str]) -> pl.LazyFrame:
    """Add method, path and query, and the host if the request's URL names it.

    `present` are the fields of the format. If the format has an `absolute_request`, `request` is added to them.
    """
    request = next((name for name in ("absolute_request", "request") if name in present), None)
    if request:  # it contains method, path and query, so other fields for these are ignored
        return _split_request(fields, request, present)
    if target := next((name for name in ("url", "address", "uri") if name in present), None):
        return _split_address(fields, target, present)
    if "query" in present:  # Apache's %q keeps its question mark
        return fields.with_columns(query=_absent_as_null(pl.col("query").str.strip_prefix("?")))
    return fields


def _split_request(fields: pl.LazyFrame, request: str, present: set[str]) -> pl.LazyFrame:
    """Add method, path and query from the first line of a request, and the host of an `absolute_request`."""
    fields = fields.with_columns(request=strip_http_version(pl.col(request)))
    fields = fields.with_columns(pl.col("request").str.splitn("?", 2))
    fields = fields.with_columns(
        pl.col("request").struct.field("field_0").str.splitn(" ", 2).alias("method_and_path"),
        pl.col("request").struct.field("field_1").alias("query"),
    )
    words = pl.col("method_and_path").struct
    method, path = words.field("field_0"), words.field("field_1")
    if request == "absolute_request":  # `GET https://shop.example:443/p.gif HTTP/1.1`
        logged = [_absent_as_null(pl.col("vhost"))] if "vhost" in fields.collect_schema() else []
        fields = fields.with_columns(vhost=pl.coalesce(*logged, path.str.extract(_ORIGIN)))
        path = fill_empty_path(path.str.replace(_ORIGIN, ""))
        present.add("request")
    return fields.with_columns(method=method, path=path)


def _split_address(fields: pl.LazyFrame, target: str, present: set[str]) -> pl.LazyFrame:
    """Add path and query from the field that `target` names, and the host if the field contains one."""
    fields = fields.with_columns(target=pl.col(target).str.splitn("?", 2))
    path, query = pl.col("target").struct.field("field_0"), pl.col("target").struct.field("field_1")
    if target != "uri":
        origin = _ORIGIN if target == "url" else _OPTIONAL_ORIGIN
        host = pl.col(target).str.extract(origin)
        vhost = pl.coalesce(_absent_as_null(pl.col("vhost")), host) if "vhost" in present else host
        fields, path = fields.with_columns(vhost=vhost), path.str.replace(origin, "")
    if target == "address" and "query" in present:
        query = pl.coalesce(_absent_as_null(pl.col("query")), query)
    return fields.with_columns(path=fill_empty_path(path), query=query)


def fill_empty_path(path: pl.Expr) -> pl.Expr:
    """Return `/` for an empty path, because a URL without a path requests `/`."""
    return pl.when(path == "").then(pl.lit("/")).otherwise(path)


def _find_clients(fields: pl.LazyFrame, present: set[str]) -> pl.LazyFrame:
    """Add `client` from the best field that the format has.

    Without a field for the connection, a header gives the client. Of X-Forwarded-For, it is the first address. If the
    format has `real_ip` but no `forwarded_for`, also copy `real_ip` to `forwarded_for`.
    """
    if "real_ip" in present and "forwarded_for" not in present:
        fields = fields.with_columns(forwarded_for=pl.col("real_ip"))
    source = next((name for name in _CLIENT_FIELDS if name in present), None)
    if source is None:
        return fields
    if source == "address_port":  # IPv6 addresses have no brackets here, so the port follows the last colon
        client = pl.col(source).str.replace(":[0-9]*$", "")
    else:
        client = pl.col(source).str.replace(_IPV4_WITH_MORE, "$1")
    return replace_where(fields.with_columns(client=client), ["client"], _is_unusual_client, normalize_client)


def _is_unusual_client(client: pl.Expr) -> pl.Expr:
    return ~client.str.contains(USUAL_CLIENT)


def strip_http_version(request: pl.Expr) -> pl.Expr:
    """Return a request line such as `GET /path?query`, without its HTTP version.

    The version is removed from the end, because some servers accept blanks in the target.
    """
    return (
        pl.when(request.str.tail(9).str.starts_with(" HTTP/"))
        .then(request.str.head(-9))
        .when(request.str.tail(7).str.starts_with(" HTTP/"))
        .then(request.str.head(-7))
        .when(request.str.tail(3).is_in([" h2", " h3"]))
        .then(request.str.head(-3))
        .when(request.str.tail(4).is_in([" 1.1", " 1.0", " 2.0"]))  # as Hypercorn writes it
        .then(request.str.head(-4))
        .when(request.str.tail(2).is_in([" 2", " 3"]))
        .then(request.str.head(-2))
        .otherwise(request)
    )


# -- times -----------------------------------------------------------------------------------------------------


def _parse_clf(time: pl.Expr, _zone: str) -> pl.Expr:
    """Parse `10/Oct/2000:13:55:36 -0700`. The offset comes from the column `offset`, four times as fast as %z."""
    local = time.str.head(20).str.to_datetime("%d/%b/%Y:%H:%M:%S", time_unit="us", strict=False)
    return (local - pl.duration(minutes=pl.col("offset"))).dt.replace_time_zone("UTC")


def _clf_offset() -> pl.Expr:
    """Return the offset of `time_clf` as a number, such as -330 for ` -0330`, or null if it has none."""
    time = pl.col("time_clf")
    return pl.when(time.str.len_bytes() == 26).then(time.str.slice(21)).cast(pl.Int32, strict=False)


def _offset_minutes() -> pl.Expr:
    """Return `offset` in minutes east of UTC, or null if no place on earth has it."""
    offset = pl.col("offset")
    return pl.when(offset.abs() <= 1400).then(offset - offset.sign() * (offset.abs() // 100 * 40))


def _parse_iso(time: pl.Expr, zone: str) -> pl.Expr:
    """Parse `2026-09-07T10:00:00.125+02:00`, `...Z`, and times without an offset."""
    text = time.str.replace(" ", "T", literal=True)
    with_offset = text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", time_unit="us", time_zone="UTC", strict=False)
    without_offset = pl.when(with_offset.is_null()).then(text)
    return pl.coalesce(with_offset, _parse_local(without_offset, "%Y-%m-%dT%H:%M:%S%.f", zone))


def _parse_local(time: pl.Expr, layout: str, zone: str) -> pl.Expr:
    """Parse a time without an offset as a time of the zone."""
    return _to_utc(time.str.to_datetime(layout, time_unit="us", strict=False), zone)


def _to_utc(time: pl.Expr, zone: str) -> pl.Expr:
    """Return a time of the zone in UTC.

    If a clock change repeats an hour, the earlier one counts. If it skips an hour, times in this hour become null.
    """
    if zone == "UTC":
        return time.dt.replace_time_zone("UTC")
    return time.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")


def _local_parser(layout: str, width: int) -> Callable[[pl.Expr, str], pl.Expr]:
    """Return a parser of times without an offset: `width` characters of this layout, then a fraction of a second.

    It is several times as fast as the directive `%.f`.
    """

    def parse(time: pl.Expr, zone: str) -> pl.Expr:
        second = time.str.head(width).str.to_datetime(layout, time_unit="us", strict=False)
        has_no_fraction = time.str.len_bytes() == width
        fraction = pl.when(~has_no_fraction).then(time.str.slice(width)).cast(pl.Float64, strict=False)
        microseconds = pl.when(has_no_fraction).then(0).otherwise((fraction * 1e6).round().cast(pl.Int64, strict=False))
        return _to_utc(second + pl.duration(microseconds=microseconds), zone)

    return parse


def _epoch_parser(per_second: int) -> Callable[[pl.Expr, str], pl.Expr]:
    """Return a parser of times that count units since 1970. A second has `per_second` units."""

    def parse(time: pl.Expr, _zone: str) -> pl.Expr:
        microseconds = time.cast(pl.Float64, strict=False) * (1_000_000 / per_second)
        return microseconds.round().cast(pl.Int64, strict=False).cast(UTC_TIME)

    return parse


def _parse_any(time: pl.Expr, zone: str) -> pl.Expr:
    """Parse any time that is usual in JSON logs: CLF, ISO, or seconds to nanoseconds since 1970.

    The size of a number determines its unit.
    """
    number = time.cast(pl.Float64, strict=False)
    size = number.abs()
    scale = pl.when(size < 1e11).then(1e6).when(size < 1e14).then(1e3).when(size < 1e17).then(1.0).otherwise(1e-3)
    epoch = (number * scale).round().cast(pl.Int64, strict=False).cast(UTC_TIME)
    text = pl.when(number.is_null()).then(time)
    clf = pl.when(text.str.contains("/", literal=True)).then(text)
    clf_time = clf.str.to_datetime("%d/%b/%Y:%H:%M:%S %z", time_unit="us", time_zone="UTC", strict=False)
    return pl.coalesce(epoch, clf_time, _parse_iso(pl.when(clf.is_null()).then(text), zone))


def _parse_unusual(time: pl.Expr, zone: str) -> pl.Expr:
    """Parse any of these and rare layouts: `2026/09/07 10:00:00,123`, `[07/Sep/2026:10:00:00]`, `... GMT`.

    This takes several times as long as `_parse_any`.
    """
    usual = _parse_any(time, zone)
    text = (
        pl.when(usual.is_null())
        .then(time)
        .str.strip_chars("[]")
        .str.replace(r",(\d)", ".$1")
        .str.replace(r"(?: [+-]0000)? ?(?:UTC|GMT)$", "Z")
        .str.replace(r" ([+-]\d\d:?\d\d|Z)$", "$1")
        .str.replace(r"^(\d{4})/(\d\d)/(\d\d)", "$1-$2-$3")
        .str.replace(r"^(\d\d/[A-Z][a-z]{2}/\d{4}) ", "$1:")
    )
    with_offset = (
        text.str.to_datetime(layout, time_unit="us", time_zone="UTC", strict=False)
        for layout in ("%d/%b/%Y:%H:%M:%S%.f%#z", "%b/%d/%Y:%H:%M:%S%.f%#z", "%a, %d %b %Y %H:%M:%S%.f%#z")
    )
    local = (
        _parse_local(text, layout, zone)
        for layout in ("%d/%b/%Y:%H:%M:%S%.f", "%b/%d/%Y:%H:%M:%S%.f", "%a %b %e %H:%M:%S%.f %Y")
    )
    parsed = pl.coalesce(usual, _parse_iso(text, zone), *with_offset, *local)
    spelled = pl.when(parsed.is_null()).then(time).map_batches(_spell_each, return_dtype=pl.String, is_elementwise=True)
    return pl.coalesce(parsed, _parse_iso(spelled, zone))


def _spell_each(times: pl.Series) -> pl.Series:
    """Return rare times as ISO 8601 has them."""
    if times.null_count() == len(times):
        return times
    return pl.Series(times.name, [time and spell_iso(time) for time in times.to_list()], pl.String)


def is_time_field(name: str) -> bool:
    """Return whether the field is a time. Each layout of times has a field of its own."""
    return name.startswith("time_")


def _parse_time(name: str, zone: str) -> pl.Expr:
    """Return the time of the field `name` in UTC."""
    if name in _TIME_PARSERS:
        return _TIME_PARSERS[name](pl.col(name), zone)
    layout = name.removeprefix("time_as ")
    if "%z" in layout:
        return pl.col(name).str.to_datetime(layout, time_unit="us", time_zone="UTC", strict=False)
    return _parse_local(pl.col(name), layout, zone)


_TIME_PARSERS: dict[str, Callable[[pl.Expr, str], pl.Expr]] = {
    "time_clf": _parse_clf,
    "time_iso": _parse_iso,
    "time_any": _parse_any,
    "time_unusual": _parse_unusual,
    "time_clf_local": _local_parser("%d/%b/%Y:%H:%M:%S", 20),
    "time_iso_local": _local_parser("%Y-%m-%dT%H:%M:%S", 19),
    "time_seconds": _epoch_parser(1),
    "time_milliseconds": _epoch_parser(1_000),
    "time_microseconds": _epoch_parser(1_000_000),
}

# -- numbers and absent values -------------------------------------------------------------------------------


def _parse_number(name: str, dtype: pl.DataType, present: set[str]) -> pl.Expr:
    return pl.col(name).cast(dtype, strict=False) if name in present else pl.lit(None, dtype)


def fill_missing_status(status: pl.Expr) -> pl.Expr:
    """Return the status with 0 in place of `-` or -1, which mean that the server did not answer."""
    return pl.when((status == "-") | (status == "-1")).then(pl.lit("0")).otherwise(status)


def _absent_as_null(text: pl.Expr) -> pl.Expr:
    """Return the text, or null for an absent value: `-` or nothing."""
    return pl.when((text != "-") & (text != "")).then(text)


def _clean_text(name: str) -> pl.Expr:
    """Return the text of a field: null if it is absent, but "" for an absent user agent."""
    text = pl.col(name)
    return pl.when(text == "-").then(pl.lit("")).otherwise(text) if name == "user_agent" else _absent_as_null(text)
