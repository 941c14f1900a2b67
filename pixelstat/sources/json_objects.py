"""Write each object of a JSON document in a line of its own, because JSON logs are read line by line.

A document is an export: an array that is indented or in a single line, or a sequence of indented objects. Text that is
not JSON stays as it is. A log with one object per line stays as it is too, with or without the brackets and commas of
an array.
"""

import re

from pixelstat.sources.rewriting import RewritingReader

MAX_OBJECT = 2 << 20  # bytes; a longer object is not a request, so it ends at the next line end
# A string, a bracket of an object, or a line end. A single quote begins a string that is not closed in its line.
_TOKEN = re.compile(rb'"(?:[^"\\\n]|\\[^\n])*+"|[{}\n"]')
_OUTSIDE = b" \t\r\n[],"
_BEFORE_BREAK = (b"{", b"[", b",", b":", b"}", b"]")


def is_document(beginning: bytes) -> bool:
    """Return whether a file with this beginning has an object on several lines, or several objects on a line."""
    text = beginning.lstrip(b"\n\xef\xbb\xbf \t\r")
    if not text.startswith((b"{", b"[")):
        return False
    start = len(text) - len(text.lstrip(_OUTSIDE))
    if not text.startswith(b"{", start):
        return False
    depth = 0
    for token in _TOKEN.finditer(text, start):
        mark = token[0]
        if mark == b'"':  # a string that is not closed in its line
            return False
        if mark == b"\n":
            return _is_break_allowed(text, token.start())
        depth += (mark == b"{") - (mark == b"}")
        if not depth:
            rest = text[token.end() :].partition(b"\n")[0].lstrip(b" \t\r,")
            return rest.startswith(b"{")
    return False


def _is_break_allowed(text: bytes, at: int) -> bool:
    """Return whether an indented object can have a line break at this position."""
    after = text[at:].lstrip()[:1]
    return text[:at].rstrip().endswith(_BEFORE_BREAK) and after in (b'"', b"}", b"{", b"[", b"]")


class ObjectLines(RewritingReader):
    """A reader of a JSON document that writes each object in a line of its own."""

    def rewrite(self, text: bytes, *, is_last: bool) -> tuple[bytes, bytes]:
        """Return the complete objects of a text, one per line, and the rest of the text."""
        return split_objects(text, is_last=is_last)


def split_objects(text: bytes, *, is_last: bool) -> tuple[bytes, bytes]:
    """Return the complete objects of a text, one per line, and the rest of the text.

    With `is_last`, there is no rest. A string that is not closed in its line is broken, and the object ends there. Text
    between objects keeps its lines.
    """
    lines: list[bytes] = []
    start = position = depth = 0
    while token := _TOKEN.search(text, position):
        mark, end = token[0], token.end()
        if mark == b'"':
            end = text.find(b"\n", end)
            if end < 0:  # the next piece can contain the end of the string
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
    """Return an object as one line, without the brackets and commas of an array."""
    line = b" ".join(part.strip() for part in text.lstrip(_OUTSIDE).splitlines())
    return line + b"\n" if line.strip(_OUTSIDE) else b""
