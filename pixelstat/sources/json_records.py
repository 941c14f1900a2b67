"""Write each record of a JSON document in a line of its own, if the document wraps them in objects and arrays.

    {"records": [{"time": ...}, {"time": ...}]}            {"hits": {"total": 2, "hits": [{"_source": {...}}]}}

Log services answer with such documents, and clouds write them as files. A record of Loki is a pair of time and line. A
record of CloudWatch Insights is a list of names and values. Both become objects.
"""

import json
import re
from collections.abc import Iterator
from io import RawIOBase

from pixelstat.sources.json_objects import MAX_OBJECT
from pixelstat.sources.rewriting import RewritingReader
from pixelstat.text.json_values import load_json

Keys = tuple[str, ...]  # those that lead from a document to the array of its records
Stack = list[tuple[bytes, str]]  # open brackets, each with its key

SEARCHED = 64 << 10  # bytes in which the array begins
MAX_REQUEST = 1 << 20  # bytes of a request
_ARRAYS = (
    "records", "logs", "logevents", "events", "entries", "data", "items", "value", "hits", "results", "result", "rows",
    "messages", "values", "streams", "resourcelogs", "scopelogs", "logrecords", "docs", "documents", "lines",
)  # fmt: skip
_OBJECTS = ("data", "hits", "response", "rawresponse", "result", "results", "body", "payload")  # around such an array
_ARRAY = re.compile(rb'"(?:%s)"\s*:\s*\[\s*[\[{]' % "|".join(_ARRAYS).encode(), re.IGNORECASE)
# Keys of requests. A document that has one of them beside an array is a request, and does not wrap records.
_OF_REQUESTS = re.compile(r"(?i)(?:.*_)?(?:request|req|url|uri|path|method|event|message|msg|ip)|(?:http|client).*")
_TOKEN = re.compile(rb'"((?:[^"\\\n]|\\[^\n])*+)"(\s*:)?|[{}\[\]"]')


def find_records(beginning: bytes) -> Keys:
    """Return the keys that lead to the records of a file with this beginning, or none if it does not wrap records."""
    text = beginning.lstrip(b"\n\xef\xbb\xbf \t\r")
    if not text.startswith(b"{") or not _ARRAY.search(text, 0, SEARCHED):
        return ()
    keys = _find_array(text[:SEARCHED])
    try:
        document, _ = json.JSONDecoder(strict=False).raw_decode(text[:MAX_REQUEST].decode("utf-8", "replace"))
    except (ValueError, RecursionError):  # it is longer than any request
        return keys
    is_request = isinstance(document, dict) and any(map(_OF_REQUESTS.fullmatch, document))
    return () if is_request else keys


def _find_array(text: bytes) -> Keys:
    """Return the keys that lead to the first array that can hold records."""
    for stack, at in _walk(text):
        *above, _ = stack
        keys = tuple(key for _, key in above if key)
        is_item = bool(keys) and above[-1] == (b"[", keys[-1])
        are_wrappers = all(key.lower() in _OBJECTS + _ARRAYS for key in keys)
        if is_item and keys[-1].lower() in _ARRAYS and are_wrappers and not _leads_deeper(text, at):
            return keys
    return ()


def _leads_deeper(text: bytes, at: int) -> bool:
    """Return whether the item that begins here holds another array of records, as those of Loki do."""
    depth = 0
    for token in _TOKEN.finditer(text, at):
        mark = token[0]
        depth += (mark in (b"{", b"[")) - (mark in (b"}", b"]"))
        if token[2] and depth == 1 and _read_key(token).lower() in ("values", "scopelogs", "logrecords"):
            return True
        if not depth:
            break
    return False


def _walk(text: bytes) -> Iterator[tuple[Stack, int]]:
    """Yield the position of each opening bracket in the first document of a text, with the stack of open brackets."""
    stack: Stack = []
    key = ""
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in (b"{", b"["):
            stack.append((mark, key))
            yield stack, token.start()
        elif mark in (b"}", b"]"):
            stack = stack[:-1]
        if not stack:
            return
        key = _read_key(token)


def _read_key(token: re.Match[bytes]) -> str:
    """Return the text of a token that is a key, or nothing for any other token."""
    return token[1].decode("utf-8", "replace") if token[2] else ""


class RecordLines(RewritingReader):
    """A reader of JSON documents that writes each of their records in a line of its own."""

    def __init__(self, source: RawIOBase, keys: Keys) -> None:
        super().__init__(source)
        self.keys = keys
        self.stack: Stack = []  # the open brackets in front of the pending text
        self.is_lost = False  # whether the text stopped to be JSON; then lines stay as they are

    def rewrite(self, text: bytes, *, is_last: bool) -> tuple[bytes, bytes]:
        """Return the whole records of a text, one in a line, and the rest of the text."""
        if self.is_lost:
            return text, b""
        piece = _Piece(text, self.keys, self.stack)
        key = ""
        for token in _TOKEN.finditer(text):
            mark = token[0]
            if mark == b'"':  # a string that does not end in its line, or goes on behind this text
                self.is_lost = text.find(b"\n", token.end()) >= 0
                break
            if mark in (b"{", b"["):
                piece.open_bracket(token, key)
            elif mark in (b"}", b"]"):
                piece.close_bracket(token)
            key = _read_key(token)
        self.stack, rest = piece.stack_at_start, text[piece.start :]
        self.is_lost |= len(rest) > 4 * MAX_OBJECT
        if self.is_lost:
            return b"".join([*piece.lines, rest]), b""
        if is_last:
            return b"".join([*piece.lines, _write_line(rest) if piece.record is not None else b""]), b""
        return b"".join(piece.lines), rest


class _Piece:
    """The state of a search for records in a piece of a document."""

    def __init__(self, text: bytes, keys: Keys, stack: Stack) -> None:
        self.text, self.keys = text, keys
        self.stack = [*stack]
        self.lines: list[bytes] = []  # the records that are written
        self.start = 0  # of the text that is not yet written
        self.stack_at_start = stack
        self.record: int | None = None  # the depth of the record that begins there

    def open_bracket(self, token: re.Match[bytes], key: str) -> None:
        """Enter the object or array under this key."""
        if self.record is None and self._is_among_records():
            self.start, self.record = token.start(), len(self.stack)
        elif not self.stack:
            self.start = token.start()
        self.stack.append((token[0], key))
        if self.record is None and self._is_among_records():
            self._begin_at(token.end())

    def close_bracket(self, token: re.Match[bytes]) -> None:
        """Leave the innermost object or array."""
        self.stack = self.stack[:-1]
        end = token.end()
        if len(self.stack) == self.record:
            self.lines.append(_write_record(self.text[self.start : end]))
            self.record = None
            self._begin_at(end)
        elif self.record is None and (self.stack_at_start or not self.stack):
            if not self.stack_at_start:  # an object without records
                self.lines.append(_write_line(self.text[self.start : end]))
            self._begin_at(end)

    def _begin_at(self, start: int) -> None:
        self.start, self.stack_at_start = start, [*self.stack]

    def _is_among_records(self) -> bool:
        """Return whether the innermost bracket is the array of the records."""
        is_array = bool(self.stack) and self.stack[-1][0] == b"["
        return is_array and tuple(key for _, key in self.stack if key) == self.keys


def _write_record(text: bytes) -> bytes:
    """Return a record as an object in a line."""
    if text.startswith(b"["):
        try:
            items = load_json(text)
        except (ValueError, RecursionError):
            return _write_line(text)
        if len(items) > 1 and isinstance(items[0], str) and isinstance(items[1], str):
            return json.dumps({"timestamp": items[0], "line": items[1]}, ensure_ascii=False).encode() + b"\n"
        if all(isinstance(item, dict) and {"field", "value"} <= {*item} for item in items):
            return json.dumps({item["field"]: item["value"] for item in items}, ensure_ascii=False).encode() + b"\n"
    return _write_line(text)


def _write_line(text: bytes) -> bytes:
    line = b" ".join(part.strip() for part in text.splitlines())
    return line + b"\n" if line.strip(b" ,") else b""
