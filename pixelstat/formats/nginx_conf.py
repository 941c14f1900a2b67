"""Read the log_format directives of an nginx configuration, text and JSON ones, as log formats."""

import json
import re
from contextlib import suppress
from pathlib import Path

from pixelstat.errors import PixelstatError, unreadable_file
from pixelstat.formats.base import LogFormat
from pixelstat.formats.fields import NGINX_FIELDS
from pixelstat.formats.json import JsonFormat, Key
from pixelstat.formats.normalize import is_time_field
from pixelstat.formats.request_url import build_url
from pixelstat.formats.text import TextFormat
from pixelstat.formats.text_template import NGINX_VARIABLE

_WORD = r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|[^\s;"\'#]+'
_DIRECTIVE = re.compile(rf"(?:^|(?<=[;{{}}]))\s*log_format\s+(\S+)((?:\s+(?:{_WORD}))+)\s*;", re.MULTILINE)
_JSON_FIELDS = {"uri": "target", "path": "target", "query": "args"}  # see `build_url`
_RANKS = {variable: rank for rank, variable in enumerate([*sorted(NGINX_FIELDS, key="request_uri".__eq__)])}
_COMMENT = re.compile(rf"({_WORD})|#[^\n]*")


def read_nginx_formats(path: str) -> tuple[LogFormat, ...]:
    """Return the log formats that a configuration file defines, in its order.

    Directives without a time or a request are left out. Raises PixelstatError if none remains.
    """
    try:
        text = Path(path).read_text("utf-8", "replace")
    except OSError as error:
        raise unreadable_file(repr(path), error, "Try: --nginx-conf /etc/nginx/nginx.conf") from error
    if not (formats := parse_nginx_formats(text)):
        raise PixelstatError(
            f"{path!r} has no log_format directive with a time and a request.",
            "Name the configuration file that contains one; pixelstat does not follow includes.",
        )
    return formats


def parse_nginx_formats(text: str) -> tuple[LogFormat, ...]:
    """Return the log formats of the directives in this text that have a time and a request."""
    formats: list[LogFormat] = []
    for name, words in _DIRECTIVE.findall(_COMMENT.sub(lambda word: word[1] or "", text)):
        pieces = [_unquote(word) for word in re.findall(_WORD, words)]
        template = "".join(piece for piece in pieces if not piece.startswith("escape="))
        if "$" in template:
            with suppress(PixelstatError):  # a format without a time or a request is not one of access logs
                formats.append(_parse_template(name, template))
    return tuple(formats)


def _parse_template(name: str, template: str) -> LogFormat:
    return parse_json_template(name, template) if template.lstrip().startswith("{") else TextFormat(name, template)


def _unquote(word: str) -> str:
    """Return a word of the configuration without its quotes and their escapes."""
    if word[0] not in "\"'":
        return word
    return re.sub(r"\\(.)", lambda escape: escape[1] if escape[1] in "\"'\\" else escape[0], word[1:-1])


def parse_json_template(name: str, template: str) -> JsonFormat:
    """Return the format of a JSON log_format string, by the variables that its keys hold. Raises PixelstatError."""
    try:
        quoted = re.sub(r"([:\[,]\s*)(\$\{?\w+\}?)(?=\s*[,}\]])", r'\1"\2"', template)
        layout = json.loads(quoted)
    except ValueError as error:
        raise PixelstatError(f"The log format {template!r} is not JSON: {error}.", "Copy it from nginx.") from error
    keys: dict[str, list[Key]] = {}
    headers: dict[str, list[Key]] = {}
    # The first key with a value counts. $request_uri holds the query, $uri may be rewritten.
    for key, value in sorted(_leaves(layout), key=_rank_leaf, reverse=True):
        variable = NGINX_VARIABLE.fullmatch(value.strip())
        variable_name = "".join(filter(None, variable.groups())) if variable else ""
        name_of_field = NGINX_FIELDS.get(variable_name, "")
        if variable_name.startswith("http_"):
            headers.setdefault(variable_name.removeprefix("http_"), []).append(key)
        json_field = "time_any" if is_time_field(name_of_field) else _JSON_FIELDS.get(name_of_field, name_of_field)
        if json_field:
            keys.setdefault(json_field, []).append(key)
    if "time_any" not in keys or not {"request", "target"} & set(keys):
        raise PixelstatError(
            f"The log format {name!r} lacks a time or a request.",
            "It needs $time_iso8601 or $msec, and $request or $request_uri.",
        )
    required = (keys["time_any"], [*keys.get("request", ()), *keys.get("target", ())])
    return JsonFormat(
        name,
        {"request": (), "target": (), "args": (), "method": (), **keys},
        "JSON",
        tuple(tuple(key[-1] for key in group) for group in required),
        finish=build_url,
        headers=headers,
    )


def _rank_leaf(leaf: tuple[tuple[str, ...], str]) -> int:
    """Return the place of a leaf's variable among those of its field: the last of these counts."""
    return _RANKS.get(leaf[1].strip("${} "), -1)


def _leaves(layout: object, above: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], str]]:
    """Return the values of nested objects with the keys that lead to each."""
    if isinstance(layout, dict):
        return [leaf for key, value in layout.items() for leaf in _leaves(value, (*above, key))]
    return [(above, str(layout))]
