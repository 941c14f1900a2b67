"""List the keys that servers, clouds and collectors use for each field in JSON logs.

Names are compared in lower case without `_`, `-`, `:`, blanks and brackets. A name can be the path that leads to a
value: `http.request.method` of ECS, `properties.clientIp` of Azure, `request>uri` of Caddy's flat logs. Neutral parents
are removed one by one, so `http.request.method` also counts as `method`. Other parents can be another machine, so
`source.ip` does not count as `ip`.
"""

import re
from collections.abc import Sequence
from functools import cache

Path = tuple[str, ...]

_NEUTRAL_PARENTS = frozenset((
    "access", "accesslog", "apache", "apache2", "attributes", "attrs", "body", "context", "ctx", "data", "detail",
    "details", "entry", "event", "extra", "fields", "header", "headers", "http", "httpd", "httprequest",
    "identity", "json", "jsonpayload", "log", "logcontent", "message", "meta", "network", "nginx", "parsed", "payload", "properties",
    "protopayload", "proxy", "record", "req", "reqheaders", "request", "requestcontext", "requestheaders", "structured",
    "traffic", "web",
))  # fmt: skip
_HEADER_PREFIXES = ("", "http", "request", "requestheader", "requestheaders", "requesthttp", "req", "reqheader",
    "reqheaders", "header", "headers", "cs", "clientrequest", "client", "reqhttp", "rq", "httprequestheader",
    "httprequestheaders")  # fmt: skip
_RESPONSE_PREFIXES = ("", "response", "httpresponse", "http", "resp", "res", "rsp", "sc", "reply")


def _prefixed(prefixes: Sequence[str], *names: str) -> tuple[str, ...]:
    return tuple(f"{prefix}{name}" for name in names for prefix in prefixes)


# The names of each field, the best one first.
KNOWN_NAMES: dict[str, Sequence[str]] = {
    "time_any": (
        "timeiso8601", "timelocal", "msec", "startutc", "time", "timestamp", "requesttime", "requesttimestamp",
        "reqtimesec", "edgestarttimestamp", "requeststarttime", "requesttimeepoch", "starttime", "startedat",
        "requestreceivedtime", "eventtime", "eventtimestamp", "eventtimestampms", "timestampms", "timems", "accesstime",
        "logtime", "datetime", "date", "ts", "@timestamp", "eventstart", "starttimestamp", "timestampiso8601", "startlocal",
        "localtime", "utctime", "isotime", "requestdate", "requestedat", "timereceived", "asctime", "loggedat",
        "createdat", "when", "epoch", "unixtime", "t", "receivetimestamp", "endtime", "edgeendtimestamp",
    ),
    "client": (
        "clientip", "trueclientip", "remoteaddr", "remoteip", "clientaddr", "clientaddress", "clientipaddress",
        "sourceip", "sourceaddress", "srcip", "remoteaddress", "remotehost", "remoteipaddress", "clienthost", "cip",
        "cliip", "callerip", "userip", "visitorip", "ip", "ipaddress", "ipaddr", "client", "remote", "source", "src",
        "addr", "address", "downstreamremoteaddress", "downstreamdirectremoteaddress", "realip", "xrealip", "httpxrealip",
        "cfconnectingip", "httpcfconnectingip", "fastlyclientip", "requestclientip", "requestremoteip", "peer",
        "peeraddress", "peeraddr", "socketip", "fwd",
    ),
    "vhost": (
        "xhostheader", "httphost", "clientrequesthost", "clientrequesthttphost", "requesthost", "reqhost", "vhost",
        "virtualhost", "host", "authority", "requestauthority", "urldomain", "urlhost", "domain", "domainname", "servername", "hostheader", "cshost",
        "hostname", "site", "domainhttphost", "requesthosthdr", "headerhost", "headershost", "hosthdr",
    ),
    "request": ("request", "requestline", "requestfirstline", "httprequest", "httprequestline", "req", "firstline", "requeststring"),
    "target": (
        "requesturi", "rawuri", "originaluri", "urloriginal", "originalurl", "xenvoyoriginalpath", "xenvoyoriginpath", "urlfull", "requesturl", "clientrequesturi",
        "clientrequesturl", "fullurl", "requesttarget", "uri", "url", "requestpath", "clientrequestpath", "reqpath",
        "urlpath", "uripath", "csuristem", "csuri", "uristem", "path", "pathname", "resourcepath", "endpoint",
        "target", "requesturipath", "requri", "requrl", "httpurl", "httppath", "urldetailspath", "rawpath", "resource",
    ),
    "args": (
        "requestquery", "querystring", "querystringparameters", "multivaluequerystringparameters", "query", "args", "queryargs", "csuriquery", "uriquery", "urlquery",
        "clientrequestquery", "clientrequesturiquery", "querystr", "requestargs", "requestquerystring", "requestqueryargs",
        "rawquery", "rawquerystring", "queryparams", "queryparameters", "qs", "getparams", "params", "parameters", "search",
        "httpquery", "requestparams", "uriargs", "urlargs", "arguments", "qstr", "uriparam", "q",
    ),
    "method": (
        "method", "requestmethod", "httpmethod", "httprequestmethod", "verb", "requestverb", "csmethod", "reqmethod",
        "clientrequestmethod", "clientrequesthttpmethodname", "httpverb", "requesthttpmethod", "request", "req",
    ),
    "status": (
        *_prefixed(_RESPONSE_PREFIXES, "status", "statuscode", "code", "httpstatus", "httpstatuscode"),
        "statushttp", "edgeresponsestatus", "edgeresponsestatuscode", "downstreamstatus", "response", "responsecodesent",
        "originstatus", "finalstatus", "statuscodesent", "requeststatus",
    ),
    "bytes": (
        "bodybytessent", "bytessent", "sentbytes", "bytesout", "bytesent", "edgeresponsebytes", "downstreamcontentsize",
        *_prefixed(_RESPONSE_PREFIXES[1:], "bodybytes", "bytes", "bodysize", "size", "length", "contentlength", "bodylength"),
        "bytes", "size", "length", "contentlength", "totalbytes", "rspcontentlen",
    ),
    "referrer": _prefixed(_HEADER_PREFIXES, "referer", "referrer", "refererurl"),
    "user_agent": (*_prefixed(_HEADER_PREFIXES, "useragent", "useragentoriginal"), "agent", "ua", "browser", "useragentstring"),
    "forwarded_for": _prefixed(_HEADER_PREFIXES, "xforwardedfor", "forwardedfor", "xff", "xforwarded"),
    "cookies": _prefixed(_HEADER_PREFIXES, "cookie", "cookies"),
    "dnt": _prefixed(_HEADER_PREFIXES, "dnt"),
    "gpc": _prefixed(_HEADER_PREFIXES, "secgpc"),
    "purpose": _prefixed(_HEADER_PREFIXES, "secpurpose"),
    "request_id": (
        "requestid", "httpxrequestid", "xrequestid", "reqid", "rayid", "xedgerequestid", "trackingreference", "insertid",
        "httprequestid",
    ),
    "date": ("date", "datelocal", "day", "logdate", "requestdate"),
    "clock": ("time", "timelocal", "clock", "timeofday", "logtime", "requesttime"),
}  # fmt: skip

_RANKS = {field: {name: rank for rank, name in reversed([*enumerate(names)])} for field, names in KNOWN_NAMES.items()}


@cache
def names_of(path: Path) -> tuple[str, ...]:
    """Return the names of a value: its whole path, then the path without one, two, ... neutral parents.

    A key such as `source.ip` or `request>uri` is split like a path.
    """
    parts = [_normalize(part) for name in path for part in re.split(r"[.>/]", name) if part]
    names = ["".join(parts)]
    while len(parts) > 1 and parts[0] in _NEUTRAL_PARENTS:
        parts = parts[1:]
        names.append("".join(parts))
    return tuple(names)


@cache
def rank_name(path: Path, field: str) -> int | None:
    """Return the rank of this path among the known names of the field, or None if it is none of them."""
    if any(re.match(pattern, names_of(path)[0]) for pattern in _OTHER_MEANINGS.get(field, ())):
        return None
    ranks = [rank for name in names_of(path) if (rank := _RANKS[field].get(name)) is not None]
    return min(ranks, default=None)


@cache
def is_header(path: Path, header: str) -> bool:
    """Return whether the value at this path may be this header of the request."""
    name = names_of(path)[0]
    return name.endswith(_normalize(header)) and not re.match(r"(?:http)?(?:resp|rsp|reply)", name)


# Beginnings of whole paths that do not mean the field, although their last names do.
_OTHER_MEANINGS = {
    "bytes": (r"(http)?req(uest)?s?(body|bytes|size|length|content)",),
    "status": (r"(http)?req(uest)?code",),
    "client": (r"proxy(?!client)", r"logsource"),  # the proxy itself, and the machine that sent the log
    "vhost": (r"(agent|log|event)?hostname$",),
}


def _normalize(name: str) -> str:
    return re.sub(r"[_\-\s():]", "", name).lower()
