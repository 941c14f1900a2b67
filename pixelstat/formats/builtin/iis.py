"""iis: Microsoft IIS, W3C parted by blanks, with `+` for a blank inside a field; Advanced Logging uses quotes.

A part of a log that lost its `#Fields:` line is read if it has the fields that a version of IIS writes by default.
"""

from pixelstat.formats.base import Sample
from pixelstat.formats.w3c import Shape, W3cFormat, add_other_layouts

_DIGITS, _ANY = r"\d+", r"[^ \t]+"
_ADDRESS = r"(?:[0-9A-Fa-f:.]+(?:%[0-9A-Za-z]+)?|-)"
_SHAPES = {  # of a field, those that tell it from others
    "date": r"\d{4}-\d\d-\d\d", "time": r"\d\d:\d\d:\d\d", "s-sitename": r"[A-Za-z0-9_~.-]*[A-Za-z][A-Za-z0-9_~.-]*",
    "s-ip": _ADDRESS, "c-ip": _ADDRESS, "cs-method": r"[A-Z_-]+", "cs-uri-stem": r"[/*][^ \t]*", "s-port": _DIGITS,
    "cs-version": r"HTTP/[0-9.]+", "cs(referer)": r"(?:-|[A-Za-z][A-Za-z0-9+.-]*:[^ \t]*)", "cs(user-agent)": r"[^ \t]*[^ \t0-9][^ \t]*",
    "sc-status": r"\d{3}", "sc-substatus": _DIGITS, "sc-win32-status": _DIGITS, "sc-bytes": _DIGITS, "cs-bytes": _DIGITS,
    "time-taken": _DIGITS, "x-forwarded-for": r"(?:-|\\?[0-9A-Fa-f:.,+%\[\]]+)",
}  # fmt: skip
_BEFORE = "date time {server} cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip"
_AFTER = "sc-status sc-substatus sc-win32-status"
_MORE = f"cs(User-Agent) cs(Cookie) cs(Referer) cs-host {_AFTER} sc-bytes cs-bytes time-taken"
_IIS_7 = _BEFORE.format(server="s-ip")
_DEFAULTS = (
    f"{_IIS_7} cs(User-Agent) cs(Referer) {_AFTER} time-taken",  # IIS 8 and later
    f"{_IIS_7} cs(User-Agent) cs(Referer) {_AFTER} time-taken X-Forwarded-For",  # the same behind a proxy
    f"{_IIS_7} cs(User-Agent) cs(Referer) {_AFTER}",
    f"{_IIS_7} cs(User-Agent) {_AFTER} time-taken",  # IIS 7.5
    f"{_IIS_7} cs(User-Agent) {_AFTER}",  # IIS 7 and 6
    f"{_BEFORE.format(server='s-sitename s-ip')} cs(User-Agent) {_AFTER}",  # IIS 6
    f"{_BEFORE.format(server='s-sitename s-computername s-ip')} cs-version {_MORE}",  # every field
    f"{_BEFORE.format(server='s-sitename')} {_MORE}",  # Azure App Service
)


def _build_shape(names: str) -> Shape:
    """Return these fields with the pattern of their lines."""
    pattern = " ".join(_SHAPES.get(name, _ANY) for name in names.lower().split())
    return Shape(f"#Fields: {names}", rf"^{pattern}\r?$")


FORMATS = add_other_layouts(W3cFormat(
    "iis",
    "Microsoft IIS, W3C and Advanced Logging",
    frozenset({"sc-win32-status"}),
    (
        Sample(
            "2026-09-07 10:00:13 W3SVC1 WEB1 192.0.2.6 GET /pixel.gif e=pv&v=ann 80 theuser 203.0.113.7 HTTP/1.1"
            ' Mozilla/5.0+(X11;+Linux)+Firefox/140.0 "a=b; c=d" - shop.example 200 0 0 27028 214 1687',
            {"time": "2026-09-07T10:00:13", "client": "203.0.113.7", "vhost": "shop.example", "method": "GET", "path": "/pixel.gif",
             "query": "e=pv&v=ann", "status": 200, "bytes": 27028, "user_agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0",
             "referrer": None, "cookies": "a=b; c=d"},
            header="#Fields: date time s-sitename s-computername s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip"
            " cs-version cs(User-Agent) cs(Cookie) cs(Referer) cs-host sc-status sc-substatus sc-win32-status sc-bytes cs-bytes time-taken",
        ),
        Sample(
            '2026-09-07 17:00:00.363 192.0.2.6 GET /p.gif - 80 - "203.0.113.7" "Mozilla/5.0 (Linux; Android 14)"'
            ' "https://shop.example/a" "shop.example" 200 0 0 109',
            {"time": "2026-09-07T17:00:00.363", "client": "203.0.113.7", "vhost": "shop.example", "path": "/p.gif", "query": None,
             "status": 200, "user_agent": "Mozilla/5.0 (Linux; Android 14)", "referrer": "https://shop.example/a"},
            header="#Fields:   date-local time-local   s-ip   cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip"
            " cs(User-Agent) cs(Referer) cs(Host) sc-status sc-substatus sc-win32-status TimeTakenMS",
        ),
        Sample(
            "2026-09-07 10:00:00 192.0.2.6 GET /pixel.gif e=pv 443 - 203.0.113.7 Mozilla/5.0+(X11;+Linux) https://shop.example/ 200 0 0 15",
            {"time": "2026-09-07T10:00:00", "client": "203.0.113.7", "path": "/pixel.gif", "query": "e=pv", "status": 200,
             "user_agent": "Mozilla/5.0 (X11; Linux)", "referrer": "https://shop.example/"},
        ),
    ),
    default_header=f"#Fields: {_DEFAULTS[0]}",
    usual_shapes=tuple(map(_build_shape, _DEFAULTS)),
))  # fmt: skip
