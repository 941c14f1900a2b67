"""Suggest a `--log-format` that reads a line of an unknown format, for the error message.

Detection reads a line only where it is sure of each part. A suggestion may guess, because the user checks it.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence

import polars as pl

from pixelstat.errors import PixelstatError
from pixelstat.formats import field_values as values
from pixelstat.formats.base import LogFormat
from pixelstat.formats.field_names import rank_name
from pixelstat.formats.json import FIRST_ITEM
from pixelstat.formats.json_columns import list_leaves
from pixelstat.formats.json_text import parse_object
from pixelstat.formats.line_parts import Part, split_parts, split_words
from pixelstat.formats.nginx_conf import parse_json_template
from pixelstat.formats.text import TextFormat
from pixelstat.schemas import LINES

MAX_LENGTH = 4_000  # characters of a line for which a format is suggested
NAME = "--log-format"
_CLOCK = r"(\d\d:\d\d:\d\d)([.,]\d{1,9})?( ?[+-]\d\d:?\d\d)?"
_DATES = {  # dates -> their layouts, of which the first that fits counts
    r"\d\d-\d\d-\d{4}": ("%d-%m-%Y", "%m-%d-%Y"), r"\d\d/\d\d/\d{4}": ("%d/%m/%Y", "%m/%d/%Y"),
    r"\d\d/[A-Z][a-z]{2}/\d{4}": ("%d/%b/%Y",), r"\d{4}-\d\d-\d\d": ("%Y-%m-%d",), r"\d{4}/\d\d/\d\d": ("%Y/%m/%d",),
}  # fmt: skip
_TIMES = {date: rf"(?<![\d/.:-]){date}([ T:,]{{1,2}}){_CLOCK}" for date in _DATES}
_AGENT = re.compile(r"[A-Za-z][\w .-]*/[\w.]+ .*|Mozilla.*")
_DIRECTIVES = {  # variables of nginx -> directives of Apache, which alone can spell out the layout of a time
    "$remote_addr": "%h", "$request": "%r", "$request_uri": "%{whole}u", "$status": "%>s", "$request_method": "%m",
    "$http_referer": "%{Referer}i", "$http_user_agent": "%{User-Agent}i",
}  # fmt: skip


def suggest_format(line: str) -> str | None:
    """Return a format for `--log-format` that reads this line, or None if it shows no time or no request."""
    if len(line) > MAX_LENGTH:
        return None
    value = parse_object(line)
    templates = [_write_json_template(value)] if value else _write_text_templates(line.rstrip("\r\n "))
    return next((template for template in templates if _reads(template, line)), None)


def _reads(template: str, line: str) -> bool:
    """Return whether the line can be read by this template."""
    try:
        is_json = template.startswith("{")
        log_format: LogFormat = parse_json_template(NAME, template) if is_json else TextFormat(NAME, template)
    except PixelstatError:
        return False
    lines = pl.LazyFrame([{"line": line, "file": "", "number": 1}], LINES)
    return log_format.parse(lines).select("rejected").collect().item() is None


# -- text ------------------------------------------------------------------------------------------------------


def _write_text_templates(line: str) -> Iterator[str]:
    """Yield the line with variables in the place of its parts, in each way that its time may be read."""
    if parts := split_parts(line):
        yield _write_template(line, parts)
    for time in _find_times(line):
        words = [part for part in split_words(line) if part.end <= time.start or part.start >= time.end]
        yield _write_template(line, sorted([*words, time], key=lambda part: part.start))


def _find_times(line: str) -> Iterator[Part]:
    """Yield the times of a line, each with a directive of Apache that spells out its layout."""
    for date, pattern in _TIMES.items():
        if match := re.search(pattern, line):
            between, _, fraction, zone = match.groups("")
            clock = f"%H:%M:%S{'%.f' if fraction.startswith('.') else ''}"
            offset = (" %z" if zone.startswith(" ") else "%z") if zone else ""
            for layout in _DATES[date]:
                yield Part(match[0], match.start(), match.end(), "time", f"%{{{layout}{between}{clock}{offset}}}t")


def _write_template(line: str, parts: Sequence[Part]) -> str:
    """Return the line with a variable in the place of each part. An unknown part gets a name of its own."""
    variables = {part: part.variable for part in parts if part.variable}
    is_apache = any(variable.startswith("%") for variable in variables.values())
    variables |= _name_parts([part for part in parts if part not in variables])
    template, end = "", 0
    for number, part in enumerate(parts, 1):
        variable = variables.get(part, f"$part_{number}")
        if is_apache and variable.startswith("$"):
            variable = _DIRECTIVES.get(variable, f"%{{part_{number}}}n")
        template += _escape(line[end : part.start], is_apache=is_apache) + variable
        end = part.end
    return template + _escape(line[end:], is_apache=is_apache)


def _escape(literal: str, *, is_apache: bool) -> str:
    """Return the text between two parts as the template holds it. nginx has no way to write a dollar sign."""
    return literal.replace("%", "%%") if is_apache else literal


def _name_parts(parts: Sequence[Part]) -> dict[Part, str]:
    """Return the variables of client, request, status, referrer and user agent. The first candidate counts for each."""
    variables: dict[Part, str] = {}
    request = next((part for part in parts if values.is_request(part.text) and " " in part.text), None)
    if request:
        variables[request] = "$request"
    elif target := next((part for part in parts if part.text.startswith("/") and "?" in part.text), None):
        request = target
        variables[target] = "$request_uri"
        if method := next((part for part in parts if part.text in ("GET", "HEAD", "POST")), None):
            variables[method] = "$request_method"
    judges: dict[str, Callable[[Part], object]] = {
        "$remote_addr": lambda part: values.is_address(part.text),
        "$status": lambda part: re.fullmatch(r"[1-5]\d\d", part.text) and (not request or part.start > request.start),
        "$http_user_agent": lambda part: _AGENT.fullmatch(part.text),
        "$http_referer": lambda part: re.match(r"https?://", part.text),
    }
    for variable, judge in judges.items():
        if part := next((part for part in parts if part not in variables and judge(part)), None):
            variables[part] = variable
    return variables


# -- JSON ------------------------------------------------------------------------------------------------------

_JSON_FIELDS: dict[str, tuple[str, Callable[[str], object]]] = {  # variable -> the field and what its values look like
    "$time_iso8601": ("time_any", values.is_time),
    "$remote_addr": ("client", values.is_address),
    "$request": ("request", lambda text: values.is_request(text) and " " in text),
    "$request_uri": ("target", values.is_target),
    "$request_method": ("method", values.is_method),
    "$status": ("status", lambda text: re.fullmatch(r"[1-5]\d\d", text)),
    "$http_user_agent": ("user_agent", _AGENT.fullmatch),
}


def _write_json_template(value: dict[str, object]) -> str:
    """Return an object with the keys of the line that look like fields, and the variables of these fields."""
    leaves = {path: text for path, text in list_leaves(value) if not path[-1].endswith(FIRST_ITEM)}
    chosen: dict[tuple[str, ...], str] = {}
    for variable, (field, judge) in _JSON_FIELDS.items():
        if variable in ("$request_uri", "$request_method") and "$request" in chosen.values():
            continue
        paths = [path for path, text in leaves.items() if path not in chosen and judge(text)]
        named = [path for path in paths if rank_name(path, field) is not None]
        if path := next(iter([*named, *paths]), None):
            chosen[path] = variable
    template: dict[str, object] = {}
    for path in sorted(chosen, key=[*leaves].index):
        level = template
        for name in path[:-1]:
            below = level.setdefault(name, {})
            assert isinstance(below, dict)
            level = below
        level[path[-1]] = chosen[path]
    return json.dumps(template, ensure_ascii=False)
