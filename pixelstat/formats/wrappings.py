"""List the wrappings of lines that are known: prefixes of collectors, JSON objects that hold a line, colours, quotes."""

import re
from functools import cache

from pixelstat.formats.wrapping_kinds import (
    ISO_TIME,
    MAX_PREFIX,
    Colours,
    Envelope,
    Folded,
    NamedFields,
    Prefix,
    Quotes,
    Wrapping,
)

MAX_DEPTH = 4  # wrappings inside each other
_BSD = r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)?"
_PRIORITY = r"(?:<\d{1,3}>)?"
_HOST = r"[A-Za-z0-9_.:-]+ "
# Without a process id, a blank must follow the colon. Otherwise the colon can be part of an IPv6 address.
_TAG = r'[A-Za-z_(/][^\s:\[\]"]*(?:\[[^\]\s]*\]: ?|: )'
_POD = r"[a-z0-9][a-z0-9.-]*-(?:[a-z0-9]{8,10}-[a-z0-9]{5}|[0-9]+|[a-z0-9]{5})"
_LEVEL = r"\[?(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|trace|debug|info|notice|warn|error)\]?"
_ELEMENT = r'\[(?:[^"\]]|"(?:[^"\\]|\\.)*")*\]'  # of the structured data of RFC 5424
_FILE = r'[^\s:"#\[\]=]*[A-SU-Za-z_/][^\s:"#\[\]=]*'  # `2026-09-07T10` is none
_LINE_KEYS = {  # key that holds the line -> name of the wrapping
    "log": "Docker's JSON", "MESSAGE": "journald's JSON", "message": "JSON with the line as `message`",
    "msg": "JSON with the line as `msg`", "line": "Loki's JSON", "@message": "CloudWatch's JSON",
    "textPayload": "Google Cloud's JSON", "short_message": "Graylog's JSON", "full_message": "Graylog's JSON",
    "jsonPayload.message": "Google Cloud's JSON", "event": "Splunk's JSON", "_raw": "Splunk's JSON",
    "result._raw": "Splunk's JSON", "@rawstring": "LogScale's JSON", "body": "OpenTelemetry's JSON",
    "body.stringValue": "OpenTelemetry's JSON", "Line": "Grafana's table", "Message": "a table with the line as `Message`",
    "Content": "Datadog's table", "LogEntry": "Azure's table", "raw": "JSON with the line as `raw`", "text": "JSON with the line as `text`",
}  # fmt: skip


def _nest(key: str) -> str:
    """Return the beginning of an object with a line under this key."""
    first, *others = key.split(".")
    return f'{{"{first}":' + "".join(f'{{"{name}":' for name in others) + "{}" + "}" * len(others)


# Specific wrappings come before general ones: detection takes the first one inside which a format matches.
WRAPPINGS: tuple[Wrapping, ...] = (
    Colours(),
    *(Envelope(name, key, _nest(key) + ',"stream":"stdout","time":"2026-09-07T10:00:01.5Z"}') for key, name in _LINE_KEYS.items()),
    Envelope("Elasticsearch", "_source", '{"_index":"logs","_source":{"message":{}}}', holds_object=True),
    Folded(),
    Prefix("Fluent Bit", r'\[\d+\] [\w.*-]+: \[.*?\{"(?:log|message)"=>"', '[0] nginx.access: [1788775200.123, {"log"=>"{}"}]', suffix=r'"\}\]\s*'),
    Prefix("Caddy's console", r"(\d{4})/(\d\d)/(\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)\t\w+\t[\w.]+\t[\w ]+\t\{",
           "2026/09/07 10:00:00.541\tinfo\thttp.log.access\thandled request\t{}", replacement='{"ts":"$1-$2-$3T$4",'),
    Prefix("zap's console", rf"({ISO_TIME})\t(?:[^\t{{]*\t){{1,5}}\{{", "2026-09-07T10:00:00.541Z\tINFO\taccess\thandled request\t{}",
           replacement='{"ts":"$1",'),
    Prefix("Gin", r"\[GIN(?:-debug)?\] (\d{4})/(\d\d)/(\d\d) - (\d\d:\d\d:\d\d) \| *(\d{3}) *\|[^|]*\| *([0-9A-Fa-f.:]+) *\| *([A-Z]+) +\"?",
           '[GIN] 2026/09/07 - 10:00:01 | 200 | 151.1µs | 203.0.113.7 | GET "{}"', replacement="$1-$2-$3T$4 $5 $6 $7 ", suffix=r'"?\s*'),
    Prefix("Fluent Bit", r"(?:\[\d+\] )?[\w.*-]+: \[+(\d{10}\.\d+), (?:\{\}\], )?\{\"", 'nginx.access: [1788775200.123, {}]', suffix=r"\]\s*",
           replacement='{"date":$1,"'),
    Prefix("Fluentd", rf"({ISO_TIME}) [\w.*-]+: \{{", "2026-09-07 10:00:00.123 +0000 nginx.access: {}", replacement='{"time":"$1",'),
    Prefix("Fluentd", rf"{ISO_TIME}\t[\w.*-]+\t", "2026-09-07T10:00:00+00:00\tnginx.access\t{}"),
    Prefix("syslog", rf"(?:\d+ )?<\d{{1,3}}>1 \S+ \S+ \S+ \S+ \S+ (?:-|(?:{_ELEMENT})+) \ufeff?",
           "<190>1 2026-09-07T10:00:01.123Z web1 nginx - - - {}"),
    Prefix("Kubernetes", r"\d{4}-\d\d-\d\dT\S+ (?:stdout|stderr) [FP] ", "2026-09-07T10:00:01.669794202Z stdout F {}"),
    Prefix("Docker", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6,9}Z ", "2026-09-07T10:00:01.669794202Z {}"),
    *(
        Prefix("syslog", rf"{_PRIORITY}(?:{time}) {host}{_TAG}", f"<190>{sample} {of_host}nginx[32]: {{}}")
        for time, sample in ((_BSD, "Sep  7 10:00:01"), (ISO_TIME, "2026-09-07T10:00:01Z"))
        for host, of_host in ((_HOST, "web1 "), (_HOST * 2, "web1 web1 "), ("", ""))
    ),
    Prefix("journald", rf"[A-Z][a-z]{{2}} \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? [A-Z0-9:+-]+ {_HOST}{_TAG}",
           "Mon 2026-09-07 10:00:00 CEST web1 nginx[32]: {}"),
    Prefix("journald", rf"\d{{10}}\.\d+ {_HOST}{_TAG}", "1788775200.123456 web1 nginx[32]: {}"),
    Prefix("journald", rf"\[ *\d+\.\d+\] {_HOST}{_TAG}", "[ 1234.567890] web1 nginx[32]: {}"),
    Prefix("Loki", rf'{ISO_TIME} \{{(?:[^"}}]|"(?:[^"\\]|\\.)*")*\}} ', '2026-09-07T10:00:00Z {app="nginx"} {}'),
    Prefix("CloudWatch", rf"{ISO_TIME} [^\s\"\[\]]*/[^\s\"\[\]]* ", "2026-09-07T10:00:00.988000+00:00 ecs/nginx/0123456789abcdef {}"),
    Prefix("log4j", rf"\[?{ISO_TIME}\]? +{_LEVEL} +(?:\[[^\]]*\] +)?(?:[A-Za-z_][\w.$-]*(?::\d+)?:? +)?(?:[-:|] +)?",
           "2026-09-07 10:00:00,123 INFO  [main] access.log - {}"),
    Prefix("log4j", rf"\[?{ISO_TIME}\]? - (?:[\w.-]+ - )?{_LEVEL} - ", "2026-09-07 10:00:00,123 - access - INFO - {}"),
    Prefix("log4j", rf"\[({ISO_TIME}) +{_LEVEL} +[\w:.-]+\] ", "[2026-09-07T10:00:00Z INFO  actix_web::middleware::logger] {}",
           replacement="$1 "),
    *(
        Prefix("Ruby's logger", r"[A-Z], \[(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?) #\d+\] +[A-Z]+ -- [^:]*: (?:\[[0-9a-f-]{16,}\] )?",
               "I, [2026-09-07T10:00:00.123456 #12]  INFO -- : {}", replacement=replacement)
        for replacement in ("", "$1 ")
    ),
    Prefix("Papertrail", rf"\d+\t{ISO_TIME}\t{ISO_TIME}\t\d+\t(?:[^\t]*\t){{5}}",
           "1\t2026-09-07T10:00:00Z\t2026-09-07T10:00:00Z\t7\tweb1\t192.0.2.9\tUser\tInfo\tnginx\t{}"),
    Prefix("journald", r"data: ?", "data: {}"),
    Prefix("journald", r"\s*MESSAGE=", "MESSAGE={}"),
    Prefix("log4j", rf"{_LEVEL} +\[?{ISO_TIME}\]? +(?:\[[^\]]*\] +)?(?:[A-Za-z_][\w.$-]*(?::\d+)?:? +)?(?:[-:|] +)?",
           "INFO  [2026-09-07 10:00:00,123] access.log: {}"),
    Prefix("syslog", rf"{_PRIORITY}(?:{_BSD}|{ISO_TIME}) [\w.-]*[A-Za-z][\w.-]* ", "Sep  7 10:00:01 web1 {}"),
    Prefix("syslog", rf"{_PRIORITY}(?:{_BSD}|{ISO_TIME}) ", "Sep  7 10:00:01 {}"),
    Prefix("kubectl", r"\[(?:pod/)?[a-z0-9.-]+/[a-z0-9.-]+\] ", "[pod/web-7cfd7bf68f-nk5kr/nginx] {}"),
    Prefix("Docker", r"(?:\d\d:\d\d:\d\d )?(?:\d+\|)?[A-Za-z0-9_.@-]+ *\| ", "web-1  | {}"),
    Prefix("stern", rf"(?:[a-z0-9][a-z0-9-]* )?{_POD} [a-z0-9][a-z0-9-]* (?:[›>│|] )?", "default web-7cfd7bf68f-nk5kr nginx {}"),
    # A file without a line number comes first: the first group of an IPv6 address can look like a line number.
    Prefix("grep", rf"{_FILE}:", "access.log.1:{}"),
    Prefix("grep", rf"{_FILE}:\d+:", "access.log.1:12:{}"),
    Prefix("grep", r"\d+:", "12:{}"),
    Quotes(),
    NamedFields(),
)  # fmt: skip


NO_PREFIXES = tuple(wrapping for wrapping in WRAPPINGS if not isinstance(wrapping, Prefix))


@cache
def _any_prefix() -> re.Pattern[str]:
    patterns = (wrapping.pattern for wrapping in WRAPPINGS if isinstance(wrapping, Prefix))
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


def has_prefix(line: str) -> bool:
    """Return whether a line begins with the prefix of any wrapping."""
    return _any_prefix().match(line, endpos=min(len(line), MAX_PREFIX)) is not None
