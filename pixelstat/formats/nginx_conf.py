"""The log_format directives of an nginx configuration, text and JSON ones, as formats."""

import json
import re
from contextlib import suppress
from pathlib import Path

from pixelstat.errors import PixelstatError
from pixelstat.formats.base import Format
from pixelstat.formats.builtin.nginx_json import targeted
from pixelstat.formats.json import JsonFormat
from pixelstat.formats.text import NGINX, NGINX_VARIABLE, TextFormat

_WORD = r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|[^\s;"\'#]+'
_DIRECTIVE = re.compile(rf"(?:^|(?<=[;{{}}]))\s*log_format\s+(\S+)((?:\s+(?:{_WORD}))+)\s*;", re.MULTILINE)
_COMMENT = re.compile(rf"({_WORD})|#[^\n]*")


def nginx_formats(path: str) -> tuple[Format, ...]:
    """The formats that a configuration defines, in its order. Raises PixelstatError if there are none."""
    try:
        text = Path(path).read_text("utf-8", "replace")
    except OSError as error:
        raise PixelstatError(
            f"{path!r} cannot be read: {error.strerror}.", "Try: --nginx-conf /etc/nginx/nginx.conf"
        ) from error
    found: list[Format] = []
    for name, words in _DIRECTIVE.findall(_COMMENT.sub(lambda word: word[1] or "", text)):
        pieces = [_unquoted(word) for word in re.findall(_WORD, words)]
        template = "".join(piece for piece in pieces if not piece.startswith("escape="))
        if "$" in template:
            with suppress(PixelstatError):  # one without a time or a request is not for access logs, or not for us
                found.append(_format(name, template))
    if not found:
        raise PixelstatError(
            f"{path!r} has no log_format directive with a time and a request.",
            "Name the file of nginx's configuration that has them; includes are not followed.",
        )
    return tuple(found)


def _format(name: str, template: str) -> Format:
    return json_format(name, template) if template.lstrip().startswith("{") else TextFormat(name, template)


def _unquoted(word: str) -> str:
    if word[0] not in "\"'":
        return word
    return re.sub(r"\\(.)", lambda escape: escape[1] if escape[1] in "\"'\\" else escape[0], word[1:-1])


def json_format(name: str, template: str) -> JsonFormat:
    """The format of a JSON log_format: which of its keys hold which variable."""
    try:
        quoted = re.sub(r"([:\[,]\s*)(\$\{?\w+\}?)(?=\s*[,}\]])", r'\1"\2"', template)
        layout = json.loads(quoted)
    except ValueError as error:
        raise PixelstatError(f"The log format {template!r} is no JSON: {error}.", "Copy it as nginx has it.") from error
    keys: dict[str, list[str]] = {}
    for key, value in _leaves(layout):
        variable = NGINX_VARIABLE.fullmatch(value.strip())
        meaning = NGINX.get("".join(filter(None, variable.groups())), "") if variable else ""
        meaning = {"uri": "target", "path": "target", "query": "args", "client": "asked_from"}.get(meaning, meaning)
        if meaning:
            keys.setdefault("time_any" if meaning.startswith("time_") else meaning, []).append(key)
    if "time_any" not in keys or not {"request", "target"} & set(keys):
        raise PixelstatError(
            f"The log format {name!r} has no time or no request.",
            "It needs $time_iso8601 or $msec, and $request or $request_uri.",
        )
    whole = {"request": (), "target": (), "args": (), "method": (), **keys}
    return JsonFormat(
        name,
        whole,
        "JSON",
        (tuple(keys["time_any"]), (*keys.get("request", ()), *keys.get("target", ()))),
        change=targeted,
    )


def _leaves(layout: object, above: str = "") -> list[tuple[str, str]]:
    if isinstance(layout, dict):
        return [leaf for key, value in layout.items() for leaf in _leaves(value, f"{above}.{key}" if above else key)]
    return [(above, str(layout))]
