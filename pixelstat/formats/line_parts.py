"""Split a line of a log into its parts: the time, and the words, quoted texts and fields around it.

A part knows its position, so that the text between two parts can be copied into a format string.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from pixelstat.formats.unusual_times import list_plain_patterns
from pixelstat.text.addresses import parse_address

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_BLANKS = " \t"
_CLOCK = r"\d\d:\d\d:\d\d"
_FRACTION = r"(?:[.,]\d{1,9})?"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_WEEKDAY = r"[A-Z][a-z]{2}"
# Pattern of a time -> variable that parses it. `$time` parses any of them, but several times as slowly.
_TIMES = {
    rf"\d\d/{_MONTH}/\d{{4}}:{_CLOCK} [+-]\d{{4}}": "$time_local",
    rf"\d{{4}}-\d\d-\d\dT{_CLOCK}(?:\.\d{{1,9}})?(?:Z|[+-]\d\d:?\d\d)?": "$time_iso8601",
    rf"\d\d/{_MONTH}/\d{{4}}[: ]{_CLOCK}{_FRACTION}(?: ?(?:[+-]\d\d:?\d\d|Z))?(?: ?(?:GMT|UTC))?": "$time",
    rf"{_MONTH}/\d\d/\d{{4}}:{_CLOCK}{_FRACTION}(?: [+-]\d\d:?\d\d)?": "$time",
    rf"\d{{4}}(?:-\d\d-\d\d|/\d\d/\d\d)[T ]{_CLOCK}{_FRACTION}(?: ?(?:[+-]\d\d:?\d\d|Z))?(?: ?(?:GMT|UTC))?": "$time",
    rf"{_WEEKDAY}, \d\d {_MONTH} \d{{4}} {_CLOCK} (?:GMT|UTC|[+-]\d{{4}})": "$time",
    rf"{_WEEKDAY} {_MONTH} [ \d]\d {_CLOCK}{_FRACTION} (?:(?:GMT|UTC) )?\d{{4}}": "$time",
    **dict.fromkeys(list_plain_patterns(), "$time"),
    r"1\d{9}(?:\.\d{1,6})?": "$msec",
    r"1\d{12}": "$time_milliseconds",
    r"1\d{15}": "$time_microseconds",
}
# Before the ways are tried one by one: a clock is near, or a long number begins.
_TIME_IS_NEAR = r'(?=[^"\n]{2,30}?\d\d:\d\d:\d\d|1\d{9}|\d{8}[T ])'
_TIME = re.compile(
    rf"(?:(?<=^)|(?<=[\s\[\"|,(=])){_TIME_IS_NEAR}(?:{'|'.join(f'({pattern})' for pattern in _TIMES)})(?=$|[\s\]\"|,)])"
)
_TIME_VARIABLES = tuple(_TIMES.values())
_CLOSING = {"[": "]", "(": ")", '"': '"'}
_DATE_AND_CLOCK = re.compile(rf"\d{{4}}[-/]\d\d[-/]\d\d {_CLOCK}{_FRACTION}")
_WORD = re.compile(
    rf"{_QUOTED}"
    r'|(?:/|[a-z]+://)[^\s"]*'  # a path or a URL can contain brackets and bars
    r'|[^\s"\[\](){}|]+'
)
_REQUEST = re.compile(r'"(?:GET|POST|HEAD) ')
_KEY = re.compile(r"[A-Za-z_@][\w.@-]*=")
_SEPARATORS = ("\t", "|", '","')  # of fields that can contain blanks
MIN_SEPARATORS = 4  # in a line that has such fields
USER_PLACE = 2  # of the user in the Common Log Format, behind the client and a dash


class Part(NamedTuple):
    """A part of a line: its text without quotes, and the position of this text."""

    text: str
    start: int
    end: int
    kind: str = "word"  # or "quoted", "field" (between tabs or bars), "time", "date", "clock"
    variable: str = ""  # of a time: the variable that parses it


def split_parts(line: str) -> list[Part]:
    """Return the parts of a line in their order. The list is empty if the line contains no time."""
    time_parts = _find_time(line)
    if not time_parts:
        return []
    before, after = time_parts[0].start, time_parts[-1].end
    if separator := next((mark for mark in _SEPARATORS if line.count(mark) >= MIN_SEPARATORS), None):
        others = list(_split_fields(line, separator))
    else:
        others = list(split_words(line))
    front = [part for part in others if part.end <= before]
    if len(front) > USER_PLACE + 1 and parse_address(front[0].text) and front[1].text == "-":
        user = line[front[USER_PLACE].start : front[-1].end]  # the name of a user can contain blanks
        if line[before - 2 : before] == " [" and not re.search(r'[\[\]"]', user):
            front[USER_PLACE:] = [Part(user, front[USER_PLACE].start, front[-1].end)]
    return [*front, *time_parts, *(part for part in others if part.start >= after)]


def _find_time(line: str) -> list[Part]:
    """Return the time of a line: one part, or two for a date and a clock with a blank between them.

    A time of the Common Log Format comes before others, because collectors write their own time in front of it. Times
    behind the request come last, and those in the request do not count.
    """
    request = _REQUEST.search(line)
    end = request.start() if request else len(line)
    matches = sorted(_TIME.finditer(line), key=lambda match: (match.start() > end, match.lastindex != 1))
    for match in matches:
        if line[: match.start()].rpartition('"')[2].startswith(("GET ", "POST ", "HEAD ")):
            continue
        start, end, text = match.start(), match.end(), match.group()
        if line[start - 1 : start] in _CLOSING and line[end : end + 1] != _CLOSING[line[start - 1 : start]]:
            continue  # the time goes on, for example with an offset of an unknown layout
        is_enclosed = line[end : end + 1] in ("]", '"', ")", "|", "\t", ",", "")
        variable = _TIME_VARIABLES[(match.lastindex or 1) - 1]
        if " " not in text or is_enclosed or variable == "$time_local":
            return [Part(text, start, end, "time", variable)]
        if _DATE_AND_CLOCK.fullmatch(text):
            blank = start + text.index(" ")
            return [
                Part(line[start:blank], start, blank, "date", "$date"),
                Part(line[blank + 1 : end], blank + 1, end, "clock", "$clock"),
            ]
        return []  # a format string needs a character that ends a time with blanks
    return []


def _split_fields(line: str, separator: str) -> Iterator[Part]:
    """Yield the fields between separators, without the quotes and brackets around them."""
    start = 0
    for raw in line.split(separator):
        stripped = raw.strip('"[] \r')
        at = start + raw.find(stripped) if stripped else start + len(raw) - len(raw.lstrip('"[ '))
        yield Part(stripped, at, at + len(stripped), "field")
        start += len(raw) + len(separator)


def split_words(line: str) -> Iterator[Part]:
    """Yield the words and quoted texts of a line, without their quotes, brackets and keys such as `rt=`."""
    for match in _WORD.finditer(line):
        text, start = match.group(), match.start()
        if text.startswith('"'):
            yield Part(text[1:-1], start + 1, match.end() - 1, "quoted")
            continue
        key = _KEY.match(text)
        if key and key.end() == len(text) and line[match.end() : match.end() + 1] == '"':
            continue  # the value is the quoted text that follows
        begin = key.end() if key else 0
        bare = text[begin:].rstrip(",;") if not text.startswith("/") else text
        if bare:
            yield Part(bare, start + begin, start + begin + len(bare))
