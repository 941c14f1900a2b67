"""Join the parts of long lines. Docker and Kubernetes cut the lines of containers at 16 KB, CRI-O and Podman at 8 KB.

    2026-09-07T10:00:00.1Z stdout P first part          {"log":"first part","stream":"stdout","time":"..."}
    2026-09-07T10:00:00.1Z stdout F last part           {"log":"last part\\n","stream":"stdout","time":"..."}

Kubernetes marks a part by `P` and the last one by `F`. Docker writes full parts, and a line end only in the last one.
Parts of both streams of a container can be interleaved, so each stream is joined by itself. The joined line stands in
the place of its last part. At the end of a file, the parts so far are a line. All other lines stay as they are.
"""

import json
import re
from collections.abc import Iterator, Sequence
from io import RawIOBase
from typing import Literal, NamedTuple, Protocol

from pixelstat.sources.rewriting import RewritingReader

MAX_JOINED = 16 << 20  # bytes of parts; further ones, which nobody reads, are dropped up to the last
DOCKER_PART = 16 << 10  # bytes of every part but the last


class Entry(NamedTuple):
    """A line of a container as its collector wrote it."""

    line: bytes
    stream: str  # of the container: stdout or stderr
    kind: Literal["part", "whole", "unsure"]  # a whole line may be the last part; an unsure one is never joined


class Collector(Protocol):
    """A collector of container logs that cuts long lines."""

    def find_part(self, text: bytes, start: int) -> int:
        """Return where the next line that may be a part begins, or -1. `start` is where a line begins."""

    def read_entry(self, line: bytes) -> Entry | None:
        """Return the entry in a line, or None if the collector did not write it."""

    def join(self, lines: Sequence[bytes]) -> bytes:
        """Return the lines of a first part and of further ones as one line."""


class KubernetesCollector:
    """The runtimes of Kubernetes, and Podman: a time, the stream and a mark are in front of each line."""

    pattern = re.compile(rb"^(\d{4}-\d\d-\d\dT\S+ (stdout|stderr) )([FP]) ", re.MULTILINE)
    _mark = re.compile(rb" std(?:out|err) P ")

    def find_part(self, text: bytes, start: int) -> int:
        """Return where the next line that may have the mark of a part begins, or -1."""
        mark = self._mark.search(text, start)
        return max(start, text.rfind(b"\n", start, mark.start()) + 1) if mark else -1

    def read_entry(self, line: bytes) -> Entry | None:
        """Return the entry in a line, or None if the line lacks the stream and the mark."""
        match = self.pattern.match(line)
        return Entry(line, match[2].decode(), "part" if match[3] == b"P" else "whole") if match else None

    def join(self, lines: Sequence[bytes]) -> bytes:
        """Return the lines of parts as one line, with the time of the first and the mark of the last."""
        matches = [match for line in lines if (match := self.pattern.match(line))]
        texts = [line[match.end() :].rstrip(b"\r\n") for line, match in zip(lines, matches, strict=True)]
        return matches[0][1] + matches[-1][3] + b" " + b"".join(texts) + b"\n"


class DockerCollector:
    """Docker: each line is the text `log` in a JSON object, with the name of its stream."""

    pattern = re.compile(rb'^\{(?=[^\n]*"log":\s*")[^\n]*"stream":\s*"std(?:out|err)"', re.MULTILINE)

    def find_part(self, text: bytes, start: int) -> int:
        """Return where the next line that is as long as a part begins, or -1."""
        while len(text) - start > DOCKER_PART:
            end = text.rfind(b"\n", start, start + DOCKER_PART)
            if end < 0:
                return start
            start = end + 1
        return -1

    def read_entry(self, line: bytes) -> Entry | None:
        """Return the entry in a line, or None if there is none.

        A short text without a line end is not a part: other collectors write all lines so.
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
        """Return the lines of parts as one object, with the other values of the first."""
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
    """Return the collector that wrote a file which begins so, or None if none did that cuts lines."""
    return next((collector for collector in COLLECTORS if collector.pattern.search(head)), None)


class PartialLines(RewritingReader):
    """A reader of the log of a collector that joins the parts of lines."""

    def __init__(self, source: RawIOBase, collector: Collector) -> None:
        super().__init__(source)
        self.collector = collector
        self.parts: dict[str, list[bytes]] = {}  # lines of parts whose last one has not been read, by stream
        self.sizes: dict[str, int] = {}  # bytes of these lines, those included that are dropped

    def rewrite(self, text: bytes, *, is_last: bool) -> tuple[bytes, bytes]:
        """Return the whole lines of a text, joined, and the beginning of the last line."""
        end = len(text) if is_last or len(text) > MAX_JOINED else text.rfind(b"\n") + 1
        whole, rest = text[:end], text[end:]
        if self.parts or self.collector.find_part(whole, 0) >= 0:
            whole = b"".join(self._join_lines(whole))
        if is_last and self.parts:
            separator = b"" if whole.endswith(b"\n") or not whole else b"\n"
            whole += separator + b"".join(self._end_line(stream) for stream in [*self.parts])
        return whole, rest

    def _join_lines(self, text: bytes) -> Iterator[bytes]:
        """Yield a text in pieces, with the lines of parts joined as far as their last ones are in it."""
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
        """Return what is to be written in the place of a line: nothing for a part that is to be continued."""
        entry = self.collector.read_entry(line) if line else None
        if not entry:
            return line
        stream = entry.stream
        if entry.kind != "part" and stream not in self.parts:
            return line
        if entry.kind == "unsure":  # what looked like parts were lines
            self.sizes.pop(stream)
            return b"".join([*self.parts.pop(stream), line])
        size = self.sizes[stream] = self.sizes.get(stream, 0) + len(line)
        parts = self.parts.setdefault(stream, [])
        if size <= MAX_JOINED or entry.kind == "whole":
            parts.append(line)
        return b"" if entry.kind == "part" else self._end_line(stream)

    def _end_line(self, stream: str) -> bytes:
        """Return the parts of a stream so far as one line, and forget them."""
        self.sizes.pop(stream)
        lines = self.parts.pop(stream)
        return lines[0] if len(lines) == 1 else self.collector.join(lines)
