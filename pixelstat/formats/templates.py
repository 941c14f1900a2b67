"""Simplify the format strings of nginx and Apache, so that each field of a line is one variable or directive.

Several directives can write one field together: the parts of a time, an IP address and its port, a host and a path.
Their values lack a unique separator, so they are parsed as one.
"""

import re
from collections.abc import Sequence

from pixelstat.formats.fields import CLIENT_AND_PORT, WHOLE_ADDRESS, WHOLE_URL

_NGINX_HOST = r"\$(?:http_host|host|server_name)(?::\$(?:server_port|proxy_port))?"
_NGINX_QUERY = r"\$is_args\$(?:args|query_string)"
_NGINX_URI = rf"(?:\$request_uri|\$(?:uri|document_uri)(?:{_NGINX_QUERY})?)"
_NGINX_RULES = (
    (r"\$remote_addr:\$remote_port\b", f"${CLIENT_AND_PORT}"),
    (rf"\$scheme://{_NGINX_HOST}{_NGINX_URI}\b", f"${WHOLE_URL}"),
    (rf"{_NGINX_HOST}{_NGINX_URI}\b", f"${WHOLE_ADDRESS}"),
    (rf"\$(?:uri|document_uri){_NGINX_QUERY}\b", "$request_uri"),
)
_APACHE_RULES = (
    (r"%U%q", "%{whole}U"),  # path and query side by side are the whole URI
    (r"(?:https?://)?%(?:[vV]|\{[Hh]ost\}i)(?::%(?:\{\w+\})?p)?(?:%\{whole\}U|%U)", f"%{{{WHOLE_ADDRESS}}}U"),
    (r"%[ah]:%\{remote\}p", f"%{{{CLIENT_AND_PORT}}}a"),
)
_TIME_PART = re.compile(r"%\{(?:begin:|end:)?([^}]*)\}t")
_TIME_PARTS = re.compile(rf"{_TIME_PART.pattern}(?:[ .,:T]?{_TIME_PART.pattern})+")
_FRACTIONS = {"msec_frac": "%3f", "usec_frac": "%6f"}
_EPOCH_PARTS = {  # parts that form one number since 1970 -> the directive for this number
    "secmsec_frac": "msec",
    "secusec_frac": "usec",
    "sec.msec_frac": "sec",
    "sec.usec_frac": "sec",
}
_PARTS_OF = {"%T": "%H%M%S", "%R": "%H%M", "%F": "%Y%m%d", "%D": "%m%d%y"}


def simplify_nginx(template: str) -> str:
    """Return a format string of nginx with one variable in place of several that belong together."""
    if "$" not in template:
        return template
    template = re.sub(r"\$\{(\w+)\}(?!\w)", r"$\1", template)
    return _apply(template, _NGINX_RULES)


def simplify_apache(template: str) -> str:
    """Return a format string of Apache with one directive in place of several that belong together."""
    return _TIME_PARTS.sub(_join_time, _apply(template, _APACHE_RULES))


def _apply(template: str, rules: Sequence[tuple[str, str]]) -> str:
    for pattern, replacement in rules:
        template = re.sub(pattern, replacement, template)
    return template


def _join_time(match: re.Match[str]) -> str:
    """Return one directive for several parts of a time, or the parts as they are if they overlap."""
    parts = _TIME_PART.findall(match[0])
    if whole := _EPOCH_PARTS.get(_TIME_PART.sub(r"\1", match[0])):
        return f"%{{{whole}}}t"
    layouts = [_FRACTIONS.get(part, part) for part in parts]
    conversions = [part for layout in layouts for part in _list_conversions(layout)]
    if len(set(conversions)) < len(conversions) or not all("%" in layout for layout in layouts):
        return match[0]
    remaining = iter(layouts)
    return f"%{{{_TIME_PART.sub(lambda _: next(remaining), match[0])}}}t"


def _list_conversions(layout: str) -> list[str]:
    """Return the letters of the strftime directives in a layout. `f` is a fraction of a second."""
    for short, parts in _PARTS_OF.items():
        layout = layout.replace(short, parts)
    return re.findall(r"%[-_0^#]?\d?([A-Za-z])", layout)
