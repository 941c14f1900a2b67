"""Write the objects of a JSON document one in a line, as logs of JSON are read.

Exports hold an array, indented over several lines or all in one line, or objects that are indented one by one. What
does not look like JSON passes as it is. So does a log that has one object in a line, with or without the brackets and
commas of an array.
"""

import re

from pixelstat.sources.rewriting import RewritingReader

MAX_OBJECT = 2 << 20  # bytes; a longer object is no request, and ends where a line does
# A string, a bracket of an object, the end of a line; a quote alone begins a string that does not end in its line.
_TOKEN = re.compile(rb'"(?:[^"\\\n]|\\[^\n])*+"|[{}\n"]')
_OUTSIDE = b" \t\r\n[],"
_BEFORE_BREAK = (b"{", b"[", b",", b":", b"}", b"]")


def is_document(beginning: bytes) -> bool:
    """Return whether a file that begins so holds an object over several lines, or several objects in a line."""
    text = beginning.lstrip(b"\n\xef\xbb\xbf \t\r")
    if not text.startswith((b"{", b"[")):
        return False
    start = len(text) - len(text.lstrip(_OUTSIDE))
    if not text.startswith(b"{", start):
        return False
    depth = 0
    for token in _TOKEN.finditer(text, start):
        mark = token[0]
        if mark == b'"':  # a string that does not end in its line
            return False
        if mark == b"\n":
            return _is_broken_well(text, token.start())
        depth += (mark == b"{") - (mark == b"}")
        if not depth:
            rest = text[token.end() :].partition(b"\n")[0].lstrip(b" \t\r,")
            return rest.startswith(b"{")
    return False


def _is_broken_well(text: bytes, at: int) -> bool:
    """Return whether a JSON document may have a line break here, inside of an object."""
    after = text[at:].lstrip()[:1]
    return text[:at].rstrip().endswith(_BEFORE_BREAK) and after in (b'"', b"}", b"{", b"[", b"]")


class ObjectLines(RewritingReader):
    """A reader of a JSON document that writes each of its objects in a line of its own."""

    def rewrite(self, text: bytes, *, is_last: bool) -> tuple[bytes, bytes]:
        """Return the whole objects of a text, one in a line, and the rest of the text."""
        return split_objects(text, is_last=is_last)


def split_objects(text: bytes, *, is_last: bool) -> tuple[bytes, bytes]:
    """Return the whole objects of a text, one in a line, and the rest of the text.

    With `is_last` there is no rest. A string that does not end in its line is broken, and ends the object there. Text
    between objects keeps its lines.
    """
    lines: list[bytes] = []
    start = position = depth = 0
    while token := _TOKEN.search(text, position):
        mark, end = token[0], token.end()
        if mark == b'"':
            end = text.find(b"\n", end)
            if end < 0:  # the string may go on in the rest
                break
        position = end
        depth += (mark == b"{") - (mark == b"}")
        is_outside = depth <= 0 and mark in (b"}", b"\n")
        if mark == b'"' or is_outside or (mark == b"\n" and end - start > MAX_OBJECT):
            lines.append(_join(text[start:end]))
            start, depth = end, 0
    rest = text[start:]
    if is_last or len(rest) > 4 * MAX_OBJECT:
        lines.append(_join(rest))
        rest = b""
    return b"".join(lines), rest


def _join(text: bytes) -> bytes:
    """Return an object as one line, without what an array has between its objects."""
    line = b" ".join(part.strip() for part in text.lstrip(_OUTSIDE).splitlines())
    return line + b"\n" if line.strip(_OUTSIDE) else b""
