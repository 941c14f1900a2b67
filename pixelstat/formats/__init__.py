"""The log formats, specific before general: one a file, named here once, told from a log's first lines.

A log is read as the format of its first lines. A line that does not fit it is read as the first format that it
does fit, so that a log whose format changes midway loses nothing; see `reread`.
"""

from functools import cache
from importlib import import_module

from pixelstat.errors import PixelstatError
from pixelstat.formats.base import Format
from pixelstat.formats.detection import FIELDS
from pixelstat.formats.text import TextFormat
from pixelstat.formats.w3c import is_known, names_of

NAMES = (
    "traefik", "icecast", "combined_host_last", "combined_host_last_quoted", "combined_forwarded", "combined",
    "combined_more", "ovh", "gandi", "combined_vhost_port", "combined_vhost", "common", "common_vhost_port", "common_vhost",
    "s3", "alb", "elb", "haproxy", "envoy", "squid", "bunny", "caddy", "traefik_json", "google_lb", "cloudflare",
    "nginx_json", "cloudfront", "incapsula", "shoutcast", "iis", "w3c",
)  # fmt: skip
ALIASES = {
    "ncsa_extended": "combined",
    "common_complete": "combined_vhost",
    "fastly": "common",
    "main": "combined_forwarded",
}


@cache
def formats_named(name: str) -> tuple[Format, ...]:
    """The layouts of a format, most have one."""
    module = import_module(f"pixelstat.formats.builtin.{name}")
    found: tuple[Format, ...] = getattr(module, "FORMATS", None) or (module.FORMAT,)
    return found


@cache
def all_formats() -> tuple[Format, ...]:
    """Every format that pixelstat knows, in the order in which a line is tried."""
    return tuple(form for name in NAMES for form in formats_named(name))


def formats_given(text: str) -> tuple[Format, ...]:
    """The format that `--log-format` names or spells out. Raises PixelstatError if it is neither."""
    if text.startswith(FIELDS):
        if not is_known(names_of(text)):
            raise PixelstatError(
                f"The log format {text!r} names no time or no address.",
                "It needs date and time, and cs-uri-stem or cs-uri.",
            )
        return tuple(form.ruled_by(text) for form in formats_named("w3c"))
    if text.lstrip().startswith("{"):
        from pixelstat.formats.nginx_conf import json_format

        return (json_format("--log-format", text),)
    if "$" in text or "%" in text:
        return (TextFormat("--log-format", text),)
    name = ALIASES.get(text, text)
    if name not in NAMES:
        raise PixelstatError(
            f"There is no log format {text!r}.",
            "pixelstat formats lists them. Or give the log_format string of nginx or the LogFormat string of Apache.",
        )
    return tuple(form.ruled_by(getattr(form, "usual", None)) for form in formats_named(name))


# -- telling -----------------------------------------------------------------------------------------------------


# -- the second look ---------------------------------------------------------------------------------------------
