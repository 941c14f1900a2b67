"""Join the parts of long lines of containers: Docker and Kubernetes cut lines at 16 KB, CRI-O and Podman at 8 KB.

    2026-09-07T10:00:00.1Z stdout P first part          {"log":"first part","stream":"stdout","time":"..."}
    2026-09-07T10:00:00.1Z stdout F last part           {"log":"last part\\n","stream":"stdout","time":"..."}

Kubernetes marks a part with `P` and the last part with `F`. Every part of Docker but the last has the full length and
no line end. The parts of both streams of a container can be interleaved, so each stream is joined separately. The
joined line replaces its last part. At the end of a file, the parts so far become a line. All other lines stay as they
are.
"""

import json
import re
from collections.abc import Iterator, Sequence
from io import RawIOBase
from typing import Literal, NamedTuple, Protocol

from pixelstat.sources.rewriting import RewritingReader

MAX_JOINED = 16 << 20  # bytes of parts; further parts but the last are dropped, because long lines are cut anyway
DOCKER_PART = 16 << 10  # bytes of every part but the last


class Entry(NamedTuple):
    """A line of a container as its collector wrote it.

    A "whole" line can also be the last part of a longer one. An "unsure" line is never joined.
    """

    line: bytes
    stream: str  # of the container: stdout or stderr
    kind: Literal["part", "whole", "unsure"]


class Collector(Protocol):
    """A collector of container logs that cuts long lines."""

    def find_part(self, text: bytes, start: int) -> int:
        """Return the position of the next line that can be a part, or -1. `start` is the beginning of a line."""

    def read_entry(self, line: bytes) -> Entry | None:
        """Return the entry in a line, or None for a line that the collector did not write."""

    def join(self, lines: Sequence[bytes]) -> bytes:
        """Return the lines of all parts, in their order, as one line."""


class KubernetesCollector:
    """The runtimes of Kubernetes, and Podman, which write a time, the stream and a mark in front of each line."""

    pattern = re.compile(rb"^(\d{4}-\d\d-\d\dT\S+ (stdout|stderr) )([FP]) ", re.MULTILINE)
    _mark = re.compile(rb" std(?:out|err) P ")

    def find_part(self, text: bytes, start: int) -> int:
        """Return the position of the next line that can have the mark of a part, or -1."""
        mark = self._mark.search(text, start)
        return max(start, text.rfind(b"\n", start, mark.start()) + 1) if mark else -1

    def read_entry(self, line: bytes) -> Entry | None:
        """Return the entry in a line, or None if the line lacks the stream and the mark."""
        match = self.pattern.match(line)
        return Entry(line, match[2].decode(), "part" if match[3] == b"P" else "whole") if match else None

    def join(self, lines: Sequence[bytes]) -> bytes:
        """Return the lines of parts as one line, with the time of the first part and the mark of the last."""
        matches = [match for line in lines if (match := self.pattern.match(line))]
        texts = [line[match.end() :].rstrip(b"\r\n") for line, match in zip(lines, matches, strict=True)]
        return matches[0][1] + matches[-1][3] + b" " + b"".join(texts) + b"\n"


class DockerCollector:
    """Docker, which writes each line as the text `log` in a JSON object, with the name of its stream."""

    pattern = re.compile(rb'^\{(?=[^\n]*"log":\s*")[^\n]*"stream":\s*"std(?:out|err)"', re.MULTILINE)

    def find_part(self, text: bytes, start: int) -> int:
        """Return the position of the next line that is at least as long as a part, or -1."""
        while len(text) - start > DOCKER_PART:
            end = text.rfind(b"\n", start, start + DOCKER_PART)
            if end < 0:
                return start
            start = end + 1
        return -1

    def read_entry(self, line: bytes) -> Entry | None:
        """Return the entry in a line, or None if there is none.

        A short text without a line end is not a part, because other collectors write all lines without line ends.
        """
        value = _read_object(line)
        text, stream = value.get("log"), value.get("stream")
        if not (isinstance(text, str) and isinstance(stream, str)):
            return None
        if text.endswith("\n"):
            return Entry(line, stream, "whole")
        is_full = len(text.encode("utf-8", "surrogatepass")) >= DOCKER_PART
        return Entry(line, stream, "part" if is_full else "unsure")

    def join(self, lines: Sequence[bytes]) -> bytes:
        """Return the lines of parts as one object, with the other values of the first part."""
        objects = [_read_object(line) for line in lines]
        return json.dumps({**objects[0], "log": "".join(value["log"] for value in objects)}).encode() + b"\n"


def _read_object(line: bytes) -> dict[str, str]:
    """Return the JSON object in a line, or an empty one."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


COLLECTORS = (KubernetesCollector(), DockerCollector())


def detect_collector(head: bytes) -> Collector | None:
    """Return the collector that wrote a file with this head, or None if it is not a collector that cuts lines."""
    return next((collector for collector in COLLECTORS if collector.pattern.search(head)), None)


class PartialLines(RewritingReader):
    """A reader that joins the parts of lines in the log of a collector."""

    def __init__(self, source: RawIOBase, collector: Collector) -> None:
        super().__init__(source)
        self.collector = collector
        self.parts: dict[str, list[bytes]] = {}  # by stream: the lines of parts whose last part is still to come
        self.sizes: dict[str, int] = {}  # by stream: the bytes of these lines, including dropped ones

    def rewrite(self, text: bytes, *, is_last: bool) -> tuple[bytes, bytes]:
        """Return the complete lines of a text, joined, and the beginning of the next line."""
        end = len(text) if is_last or len(text) > MAX_JOINED else text.rfind(b"\n") + 1
        whole, rest = text[:end], text[end:]
        if self.parts or self.collector.find_part(whole, 0) >= 0:
            whole = b"".join(self._join_lines(whole))
        if is_last and self.parts:
            separator = b"" if whole.endswith(b"\n") or not whole else b"\n"
            whole += separator + b"".join(self._end_line(stream) for stream in [*self.parts])
        return whole, rest

    def _join_lines(self, text: bytes) -> Iterator[bytes]:
        """Yield a text in pieces. Parts are joined if the text contains the last one, else they are stored."""
        position = 0
        while position < len(text):
            if not self.parts:
                start = self.collector.find_part(text, position)
                start = len(text) if start < 0 else start
                yield text[position:start]
                position = start
            end = text.find(b"\n", position) + 1 or len(text)
            yield self._take_line(text[position:end])
            position = end

    def _take_line(self, line: bytes) -> bytes:
        """Return the text that replaces a line: nothing for a part, the joined line for the last part."""
        entry = self.collector.read_entry(line) if line else None
        if not entry:
            return line
        stream = entry.stream
        if entry.kind != "part" and stream not in self.parts:
            return line
        if entry.kind == "unsure":  # the stored lines were not parts
            self.sizes.pop(stream)
            return b"".join([*self.parts.pop(stream), line])
        size = self.sizes[stream] = self.sizes.get(stream, 0) + len(line)
        parts = self.parts.setdefault(stream, [])
        if size <= MAX_JOINED or entry.kind == "whole":
            parts.append(line)
        return b"" if entry.kind == "part" else self._end_line(stream)

    def _end_line(self, stream: str) -> bytes:
        """Return the stored parts of a stream as one line, and remove them."""
        self.sizes.pop(stream)
        lines = self.parts.pop(stream)
        return lines[0] if len(lines) == 1 else self.collector.join(lines)
