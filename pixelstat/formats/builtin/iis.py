"""iis: Microsoft IIS, W3C parted by blanks, with `+` for a blank inside a field; Advanced Logging uses quotes."""

from pixelstat.formats.base import Sample
from pixelstat.formats.w3c import W3cFormat, add_other_layouts

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
    ),
    default_header="#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer)"
    " sc-status sc-substatus sc-win32-status time-taken",
))  # fmt: skip
