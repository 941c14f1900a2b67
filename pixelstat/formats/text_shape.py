"""Infer the log_format string of a text log from the place and the form of the parts of its lines.

A line needs a time and a request. An unknown part gets a variable without a meaning, and parsing skips it. Lines are
alike if they have the same parts and the same text between them. The string is that of the largest group of such lines.
"""

import re
from collections import defaultdict
from collections.abc import Sequence

import polars as pl

from pixelstat.errors import PixelstatError
from pixelstat.formats.base import LogFormat
from pixelstat.formats.field_values import is_request
from pixelstat.formats.line_parts import Part, split_parts
from pixelstat.formats.part_names import REQUEST_VARIABLES, Columns, name_parts
from pixelstat.formats.text import ANY_TAIL, EMPTY_TAIL, TextFormat
from pixelstat.formats.w3c import decode_user_agent
from pixelstat.frames.lookup import replace_where
from pixelstat.sources.kinds import is_error_line

NAME = "text"
MAX_LENGTH = 8_000  # characters; longer lines are ignored
_JSON = re.compile(r"[\s\[,\ufeff]*\{")
_ENCODED_AGENT = re.compile(r"[A-Za-z]+/[0-9.]+%20\S*$")
_ADDRESS_LIST = r"(?:[0-9A-Fa-f:.,% -]|unknown)+"  # a list of IP addresses without quotes around it
_ADDRESS_LIST_BEFORE_BLANK = r"(?:[0-9A-Fa-f:.,%-]|unknown)+"  # a blank ends it


def infer_text_format(lines: Sequence[str]) -> TextFormat | None:
    """Return the format of the largest group of lines that are alike and have a time and a request, or None."""
    groups: dict[tuple[str, ...], list[tuple[str, list[Part]]]] = defaultdict(list)
    for line in lines:
        bare = line.rstrip("\r\n ")
        if _JSON.match(bare) or is_error_line(bare):
            continue
        if len(bare) > MAX_LENGTH or "$" in _cut_gaps(parts := split_parts(bare), bare):
            continue
        if not _has_open_request(parts, bare):
            groups[_describe_shape(parts, bare)].append((bare, parts))
    for group in sorted(groups.values(), key=len, reverse=True):
        columns = Columns([line for line, _ in group], [parts for _, parts in group])
        if columns.size and name_parts(columns) and (inferred := _build_format(columns)):
            return inferred
    return None


def accept_misfit(line: str, log_format: LogFormat) -> bool:
    """Return whether a line that does not match its log can have this format, and is not truncated.

    Its quotes are closed and its time has an offset. It has a user agent, which most lines have near their end, and a
    status. The status must follow a request in quotes directly, because a later number can have any meaning.
    """
    if not isinstance(log_format, TextFormat) or not {"user_agent", "status"} <= {*log_format.names}:
        return False
    has_open_quote = (line.count('"') - line.count('\\"')) % 2 == 1
    if "time_unusual" in log_format.names or "date" in log_format.names:
        return False
    is_status_elsewhere = '"$request"' in log_format.template and '"$request" $status' not in log_format.template
    return not has_open_quote and not is_status_elsewhere


def _cut_gaps(parts: Sequence[Part], line: str) -> str:
    """Return the text between the parts of a line, with NULs in the place of the parts."""
    ends = [0, *(part.end for part in parts)]
    starts = [*(part.start for part in parts), len(line)]
    return "\0".join(line[end:start] for end, start in zip(ends, starts, strict=True))


def _has_open_request(parts: Sequence[Part], line: str) -> bool:
    """Return whether the request seems to end in front of a letter: a quote in it is not escaped, so it ends elsewhere."""
    return any(
        part.kind == "quoted" and line[part.end + 1 : part.end + 2].isalnum() and is_request(part.text)
        for part in parts
    )


def _describe_shape(parts: Sequence[Part], line: str) -> tuple[str, ...]:
    """Return the shape that lines have in common if they are alike: the text between their parts, and the kinds."""
    return _cut_gaps(parts, line), *(f"{part.kind}{part.variable}" for part in parts)


def _build_format(columns: Columns) -> TextFormat | None:
    """Return the format of the named places, or None if less than half of the lines match it."""
    template, end = "", 0
    line, parts = columns.lines[0], columns.parts[0]
    for place, part in enumerate(parts):
        template += line[end : part.start] + columns.variables.get(place, f"$part_{place + 1}")
        end = part.end
    template += line[end:]
    request = template.index(next(name for name in REQUEST_VARIABLES if name in columns.variables.values()))
    is_list_in_front = -1 < template.find("$http_x_forwarded_for") < request
    ends_at_blank = re.search(r"\$http_x_forwarded_for (?:[$]|[^\s\[\"(])", template[:request]) is not None
    pattern = _ADDRESS_LIST_BEFORE_BLANK if ends_at_blank else _ADDRESS_LIST
    patterns = {"forwarded_for": pattern} if is_list_in_front else {}
    tail = EMPTY_TAIL if template.endswith('"') else ANY_TAIL
    agents = next((columns.texts(place) for place, name in columns.variables.items() if name == "$http_user_agent"), [])
    finish = _decode_agents if any(map(_ENCODED_AGENT.match, agents)) else None
    try:
        inferred = TextFormat(NAME, template, template, tail=tail, field_patterns=patterns, finish=finish)
    except PixelstatError:
        return None
    return inferred if sum(map(inferred.matches, columns.lines)) * 2 >= len(columns.lines) else None


def _decode_agents(fields: pl.LazyFrame) -> pl.LazyFrame:
    """Undo the encoding of blanks in user agents, as CloudFront writes them."""
    return replace_where(fields, ["user_agent"], lambda text: text.str.contains("%20", literal=True), decode_user_agent)
