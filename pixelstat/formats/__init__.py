"""Register the log formats, specific before general. Each has a file in `builtin` and is named here once.

A log is parsed as the format of its first lines. A line that does not match it is parsed as the first format that it
does match, so that a log whose format changes midway loses nothing; see `reparse`.
"""

import re
from functools import cache
from importlib import import_module

from pixelstat.errors import PixelstatError
from pixelstat.formats.base import LogFormat
from pixelstat.formats.detection import HEADER_START
from pixelstat.formats.text import TextFormat
from pixelstat.formats.w3c import has_time_and_address, list_field_names

NAMES = (
    "traefik", "icecast", "combined_host_last", "combined_host_last_quoted", "combined_forwarded", "combined",
    "ovh", "gandi", "combined_vhost_port", "combined_vhost", "common", "common_vhost_port", "common_vhost",
    "s3", "alb", "elb", "haproxy", "envoy", "squid", "bunny", "caddy", "traefik_json", "google_lb", "cloudflare",
    "iis_native", "json", "nginx_json", "cloudfront", "incapsula", "shoutcast", "iis", "w3c", "text",
)  # fmt: skip
DIRECTIVE = re.compile(r"\s*(?:log_format\s|LogFormat\s+\"((?:[^\"\\]|\\.)*)\")")
ALIASES = {
    "ncsa_extended": "combined",
    "common_complete": "combined_vhost",
    "fastly": "common",
    "main": "combined_forwarded",
}


@cache
def load_formats(name: str) -> tuple[LogFormat, ...]:
    """Return the layouts of a built-in format. Most formats have one."""
    module = import_module(f"pixelstat.formats.builtin.{name}")
    layouts: tuple[LogFormat, ...] = getattr(module, "FORMATS", None) or (module.FORMAT,)
    return layouts


@cache
def load_all_formats() -> tuple[LogFormat, ...]:
    """Return every built-in format, in the order in which they are tried on a line."""
    return tuple(form for name in NAMES for form in load_formats(name))


def select_formats(text: str) -> tuple[LogFormat, ...]:
    """Return the layouts of the format that `--log-format` names or spells out.

    The text is a name, a `#Fields:` line, a format string of nginx or Apache, or the whole directive of one. Raises
    PixelstatError for any other.
    """
    if text.startswith(HEADER_START):
        if not has_time_and_address(list_field_names(text)):
            raise PixelstatError(
                f"The log format {text!r} lacks a time or a URL.",
                "It needs date and time, and cs-uri-stem or cs-uri.",
            )
        return tuple(form.with_header(text) for form in load_formats("w3c"))
    if DIRECTIVE.match(text):
        return _parse_directive(text)
    text = re.sub(r"^\s*escape=(?:json|default|none)\s+", "", text)
    if text.lstrip().startswith("{"):
        from pixelstat.formats.nginx_conf import parse_json_template

        return (parse_json_template("--log-format", text),)
    if "$" in text or "%" in text:
        return (TextFormat("--log-format", text),)
    name = ALIASES.get(text, text)
    if name not in NAMES:
        raise PixelstatError(
            f"There is no log format {text!r}.",
            "List them: pixelstat formats. Or give the log_format string of nginx or the LogFormat string of Apache.",
        )
    return tuple(form.with_header(getattr(form, "default_header", None)) for form in load_formats(name))


def _parse_directive(text: str) -> tuple[LogFormat, ...]:
    """Return the format that a whole `log_format` or `LogFormat` directive defines. Raises PixelstatError."""
    from pixelstat.formats.nginx_conf import parse_nginx_formats

    match = DIRECTIVE.match(text)
    if match and match[1]:
        return (TextFormat("--log-format", match[1]),)
    if not (log_formats := parse_nginx_formats(f"{text.rstrip().removesuffix(';')};")):
        raise PixelstatError(f"{text!r} has no time, or no request.", "It needs $time_local and $request.")
    return log_formats
