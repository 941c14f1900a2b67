"""nginx_json: JSON logs with the keys that users of nginx and others usually choose, with `escape=json` or without."""

from pixelstat.formats.base import Sample
from pixelstat.formats.json import JsonFormat
from pixelstat.formats.request_url import build_url

TIMES = (
    "time_iso8601",
    "time_local",
    "msec",
    "time",
    "timestamp",
    "@timestamp",
    "date",
    "datetime",
    "ts",
    "start_time",
)
URIS = ("request", "request_uri", "uri", "url", "path")
CLIENTS = ("remote_addr", "client", "clientip", "client_ip", "remote_ip", "ip")
STATUSES = ("status", "status_code", "response_code", "code")

FORMAT = JsonFormat(
    "nginx_json",
    {
        "time_any": TIMES,
        "client": CLIENTS,
        "vhost": ("host", "http_host", "server_name", "vhost", "domain", "authority"),
        "request": ("request",),
        "method": ("request_method", "method"),
        "target": ("request_uri", "uri", "url", "path"),
        "args": ("args", "query_string", "query"),
        "status": STATUSES,
        "bytes": ("body_bytes_sent", "bytes_sent", "bytes", "size", "length"),
        "referrer": ("http_referer", "http_referrer", "referer", "referrer"),
        "user_agent": ("http_user_agent", "user_agent", "agent", "useragent"),
        "forwarded_for": ("http_x_forwarded_for", "x_forwarded_for"),
        "cookies": ("http_cookie", "cookie"),
        "dnt": ("http_dnt", "dnt"),
        "gpc": ("http_sec_gpc", "sec_gpc"),
        "purpose": ("http_sec_purpose", "sec_purpose"),
        "request_id": ("request_id", "http_x_request_id"),
    },
    "JSON of nginx with the usual keys",
    (TIMES, URIS, CLIENTS + STATUSES),  # a client or a status: an envelope around a log line has neither
    (
        Sample(
            '{"time":"2026-09-07T10:00:00+02:00","remote_addr":"203.0.113.7","request":"GET /pixel.gif?e=pv&p=%2Fa HTTP/1.1",'
            '"status":"200","body_bytes_sent":"43","http_referer":"","http_user_agent":"say \\"hi\\" \\u00e9","host":"shop.example"}',
            {"time": "2026-09-07T08:00:00", "client": "203.0.113.7", "vhost": "shop.example", "method": "GET", "path": "/pixel.gif",
             "query": "e=pv&p=%2Fa", "status": 200, "bytes": 43, "referrer": None, "user_agent": 'say "hi" é'},
        ),
        Sample(
            '{"msec": 1788775200.125, "ip": "203.0.113.7", "request_method": "GET", "uri": "/p.gif", "args": "e=pv", "status": 204,'
            ' "bytes": , "user_agent": "caf\\xC3\\xA9 \\x22quoted\\x22", "referrer": "https://shop.example/"}',
            {"time": "2026-09-07T10:00:00.125", "client": "203.0.113.7", "method": "GET", "path": "/p.gif", "query": "e=pv",
             "status": 204, "bytes": None, "user_agent": 'café "quoted"', "referrer": "https://shop.example/"},
        ),
        Sample(
            '{"idsite":1,"ip":"203.0.113.7","host":"shop.example","path":"/piwik.php?rec=1","status":"200","user_agent":"Mozilla/5.0",'
            '"length":192,"date":"07/Sep/2026:10:00:00 +0200"}',
            {"time": "2026-09-07T08:00:00", "client": "203.0.113.7", "path": "/piwik.php", "query": "rec=1", "status": 200, "bytes": 192},
        ),
    ),
    finish=build_url,
)  # fmt: skip
