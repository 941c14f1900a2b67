"""Declare the fields of log lines, and the names that nginx, Apache and W3C logs give them.

A new field is declared here, once. All formats cut their lines into these fields, and `normalize` turns the fields
into REQUESTS. JSON formats map their own keys to them. A custom strftime layout of Apache is a field as well, named
`time_as LAYOUT`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

# "text" is copied into the column of REQUESTS of the same name. "source" is text that columns of REQUESTS are made of.
# "token" is a word that never holds an escape. "number" and "time" are parsed.
Kind = Literal["text", "source", "token", "number", "time"]


AKAMAI_CLIENT = "cs-ip"  # only Akamai names the client so
SINGLE_HEADERS = (  # headers in which a proxy names one client, in lower case; of several in one log the last counts
    "x-real-ip", "x-client-ip", "x-cluster-client-ip", "x-envoy-external-address", "x-azure-clientip", "fly-client-ip",
    "fastly-client-ip", "do-connecting-ip", "true-client-ip", "cf-connecting-ip",
)  # fmt: skip
# Names for several variables that belong together; see `templates`.
CLIENT_AND_PORT, WHOLE_ADDRESS, WHOLE_URL = "whole_client", "whole_address", "whole_url"


def _variables(headers: Sequence[str]) -> tuple[str, ...]:
    """Return nginx's variables of request headers."""
    return tuple(f"http_{header.replace('-', '_')}" for header in headers)


@dataclass(frozen=True)
class Field:
    """A field of log lines and what it is called in the configuration of servers."""

    name: str
    kind: Kind
    # Of several names in one format the last of these counts.
    nginx: Sequence[str] = ()  # variables, without the dollar
    apache: Sequence[str] = ()  # directives, without the percent sign; a name in braces in lower case
    w3c: Sequence[str] = ()  # names in `#Fields:`, in lower case


# A format may have several fields for one thing. What the first of `absolute_request`, `request`, `url`, `address` and
# `uri` says of the request counts. The first time of a format counts, and in W3C logs the first of these times here.
FIELDS = (
    # Addresses of a connection may be those of proxies in front: `realip_remote_addr` and `{c}a` are the nearest one.
    Field(
        "client", "text", ("realip_remote_addr", "the_real_ip", "remote_addr"), ("{c}h", "{c}a", "h", "{remote}h", "a"),
        ("c-dns", AKAMAI_CLIENT, "c-ip"),
    ),
    Field("address_port", "source", (CLIENT_AND_PORT,), (f"{{{CLIENT_AND_PORT}}}a",)),  # always with a port, IPv6 without brackets
    # The client that a proxy names in a header for one address. It counts where there is no X-Forwarded-For.
    Field(
        "real_ip", "source", ("proxy_protocol_addr", *_variables(SINGLE_HEADERS)),
        tuple(f"{{{header}}}i" for header in SINGLE_HEADERS),
        tuple(name for header in SINGLE_HEADERS for name in (header, f"cs({header})")),
    ),
    Field(
        "vhost", "text", ("server_name", "host", "http_host"), ("v", "V", "{host}i"),
        ("cs-hostname", "cs(host)", "cs-host", "x-host-header"),
    ),
    Field("port", "token", ("remote_port", "server_port"), ("p",)),
    Field("date", "token", ("date",), w3c=("date-local", "date")),
    Field("clock", "token", ("clock",), w3c=("time-local", "time")),
    Field("time_clf", "time", ("time_local",), ("t",)),  # 10/Oct/2000:13:55:36 -0700
    Field("time_iso", "time", ("time_iso8601",)),  # 2026-09-07T10:00:00.125+02:00
    Field("time_seconds", "time", ("msec",), ("{sec}t",), ("timestamp", "x-timestamp-unix")),  # since 1970, as are the next two
    Field("time_milliseconds", "time", ("time_milliseconds",), ("{msec}t",), ("timestamp(ms)",)),
    Field("time_microseconds", "time", ("time_microseconds",), ("{usec}t",)),
    Field("time_clf_local", "time"),  # as time_clf, without an offset
    Field("time_iso_local", "time"),  # as time_iso, without an offset
    Field("time_any", "time"),  # any of these, as JSON logs write it
    Field("time_unusual", "time", ("time",)),  # any of these, or as few logs write it
    Field("request", "source", ("request",), ("r",)),  # the whole first line of the request
    Field("absolute_request", "source", ("absolute_request",)),  # the same with a site in its address, as load balancers write it
    Field("url", "source", ("url", WHOLE_URL), w3c=("cs-uri",)),  # an address with or without scheme and host
    Field("address", "source", (WHOLE_ADDRESS,), (f"{{{WHOLE_ADDRESS}}}u",)),  # a url whose scheme may be missing, its query in it or beside it
    Field("uri", "source", ("request_uri",), ("{whole}u",)),  # path and query
    Field("stem", "source", w3c=("cs-uri-path", "cs-uri-stem")),  # path, or path and query where there is no `query`
    Field("path", "source", ("uri", "document_uri"), ("U",)),
    Field("query", "source", ("args", "query_string"), ("q",), ("cs-uri-query",)),
    Field("method", "token", ("request_method",), ("m",), ("cs-method",)),
    Field("status", "number", ("status",), ("s",), ("c-status", "sc-status")),
    Field("bytes", "number", ("body_bytes_sent", "bytes_sent"), ("b", "B", "O"), ("bytes", "sc-bytes")),
    Field("referrer", "text", ("http_referer",), ("{referer}i",), ("c-referrer", "cs-referer", "cs(referrer)", "cs(referer)")),
    Field("user_agent", "text", ("http_user_agent",), ("{user-agent}i",), ("c-user-agent", "cs-user-agent", "cs(user-agent)")),
    Field(
        "forwarded_for", "text",
        ("http_x_original_forwarded_for", "proxy_add_x_forwarded_for", "http_x_forwarded_for"), ("{x-forwarded-for}i",),
        ("s-xff", "xff", "cs-x-forwarded-for", "cs(x-forwarded-for)", "x_forwarded_for", "x-forwarded-for"),
    ),
    Field("cookies", "text", ("http_cookie",), ("{cookie}i",), ("cs(cookie)",)),
    Field("dnt", "text", ("http_dnt",), ("{dnt}i",), ("cs(dnt)",)),
    Field("gpc", "text", ("http_sec_gpc",), ("{sec-gpc}i",), ("cs(sec-gpc)",)),
    Field("purpose", "text", ("http_sec_purpose",), ("{sec-purpose}i",), ("cs(sec-purpose)",)),
    Field(
        "request_id", "text", ("request_id", "http_x_request_id"), ("L", "{unique_id}e"), ("x-edge-request-id",),
    ),
)  # fmt: skip

TEXT_FIELDS = tuple(field.name for field in FIELDS if field.kind == "text")
ESCAPABLE_FIELDS = frozenset(field.name for field in FIELDS if field.kind in ("text", "source"))  # may hold an escape
NGINX_FIELDS = {variable: field.name for field in FIELDS for variable in field.nginx}
APACHE_FIELDS = {directive: field.name for field in FIELDS for directive in field.apache}
W3C_FIELDS = {name: field.name for field in FIELDS for name in field.w3c}
