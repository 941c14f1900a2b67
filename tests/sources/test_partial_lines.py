"""The parts of long lines that collectors cut are joined, and all other lines stay as they are."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from pixelstat.sources.partial_lines import DOCKER_PART, MAX_JOINED, PartialLines, detect_collector
from tests.run import run_in_process

LONG, OTHER = "x" * DOCKER_PART, "y" * DOCKER_PART


def cri(mark: str, text: str, stream: str = "stdout") -> str:
    """A line as the runtimes of Kubernetes write it."""
    return f"2026-09-07T10:00:00.1Z {stream} {mark} {text}\n"


def docker(text: str, stream: str = "stdout") -> str:
    """A line as Docker writes it."""
    return json.dumps({"log": text, "stream": stream, "time": "2026-09-07T10:00:00.1Z"}) + "\n"


def error(text: str) -> str:
    """A line as Docker writes it of stderr."""
    return docker(text, "stderr")


CASES: dict[str, tuple[list[str], list[str]]] = {  # what the collector wrote, and the lines that it makes
    "two parts": ([cri("P", "ab "), cri("F", "cd")], [cri("F", "ab cd")]),
    "many parts": ([cri("F", "a"), *[cri("P", "b")] * 9, cri("F", "c"), cri("F", "d")],
                   [cri("F", "a"), cri("F", "b" * 9 + "c"), cri("F", "d")]),
    "two streams": ([cri("P", "a"), cri("P", "1", "stderr"), cri("P", "b"), cri("F", "2", "stderr"), cri("F", "c")],
                    [cri("F", "12", "stderr"), cri("F", "abc")]),
    "an empty last part": ([cri("P", "a"), cri("F", "")], [cri("F", "a")]),
    "no last part": ([cri("P", "a"), cri("P", "1", "stderr"), cri("P", "b")], [cri("P", "ab"), cri("P", "1", "stderr")]),
    "text between parts": ([cri("P", "a"), "text\n", "\n", cri("F", "b")], ["text\n", "\n", cri("F", "ab")]),
    "marks in text": ([cri("F", "a stdout P b"), "c stdout P d\n", cri("F", "e")],
                      [cri("F", "a stdout P b"), "c stdout P d\n", cri("F", "e")]),
    "Docker": ([docker("a\n"), docker(LONG), docker(OTHER), docker('"é\n'), docker("b\n")],
               [docker("a\n"), docker(LONG + OTHER + '"é\n'), docker("b\n")]),
    "two streams of Docker": ([docker(LONG), error(OTHER), error("1\n"), docker("a\n")],
                              [error(OTHER + "1\n"), docker(LONG + "a\n")]),
    "no last part of Docker": ([docker("a\n"), docker(LONG), docker(OTHER)], [docker("a\n"), docker(LONG + OTHER)]),
    "a long line of Docker": ([docker(LONG + "\n"), docker("a\n")], [docker(LONG + "\n"), docker("a\n")]),
    "the last output of a container": ([docker("a"), docker("b\n")], [docker("a"), docker("b\n")]),
    "JSON without line ends": ([docker("a"), docker(LONG), docker("b")], [docker("a"), docker(LONG), docker("b")]),
    "a broken object": ([docker("a\n"), docker(LONG)[:-9] + "\n", docker("b\n")],
                        [docker("a\n"), docker(LONG)[:-9] + "\n", docker("b\n")]),
}  # fmt: skip


class Pieces(io.RawIOBase):
    """A stream that gives a text in pieces of a size."""

    def __init__(self, text: bytes, size: int) -> None:
        self.text, self.size = io.BytesIO(text), size

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        return self.text.readinto(memoryview(buffer)[: self.size])


def join(text: bytes, size: int = 1 << 20) -> bytes:
    """Read a text through the stage, if its beginning shows a collector."""
    collector = detect_collector(text[: 64 << 10])
    return PartialLines(Pieces(text, size), collector).readall() or b"" if collector else text


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("size", [97, 1 << 20])
def test_parts_are_joined(name: str, size: int) -> None:
    written, wanted = CASES[name]
    joined = join("".join(written).encode(), size)
    assert joined.decode() == "".join(wanted)
    assert join(joined) == joined  # a recording of the lines may be read again


def test_a_line_that_never_ends_stays_in_bounds() -> None:
    part = cri("P", "x" * (1 << 20))
    joined = join((part * 40 + cri("F", "end") + cri("F", "next")).encode())
    assert len(joined) < MAX_JOINED + len(part)
    assert joined.endswith(cri("F", "next").encode())


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        (cri("F", "a") + cri("P", "b") + cri("F", "c"), cri("F", "a") + cri("F", "bc")),
        (cri("P", "a") + "text\n", "text\n" + cri("P", "a")),
        (cri("P", "a") + cri("F", "b", "stderr"), cri("F", "b", "stderr") + cri("P", "a")),
        (cri("P", "a", "stderr") + cri("P", "b"), cri("P", "a", "stderr") + cri("P", "b")),
    ],
)
def test_a_last_line_without_a_line_end_is_kept(written: str, wanted: str) -> None:
    assert join(written[:-1].encode()).decode().splitlines() == wanted.splitlines()


@pytest.mark.parametrize("text", ["203.0.113.7 - - {x}\n", "web-1  | a stdout P b\n", '{"log":"a","time":"b"}\n', ""])
def test_other_logs_have_no_parts(text: str) -> None:
    assert detect_collector(text.encode()) is None


@pytest.mark.parametrize("write", ["cri", "docker"])
def test_a_long_request_is_read(write: str, tmp_path: Path) -> None:
    target = f"/pixel.gif?e=page_view&v=a1&p=/x&x={'y' * DOCKER_PART}"
    line = f'203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "GET {target} HTTP/1.1" 200 43 "-" "Mozilla/5.0 (X11; Linux)"'
    first, last = line[:DOCKER_PART], line[DOCKER_PART:]
    text = cri("P", first) + cri("F", last) if write == "cri" else docker(first) + docker(last + "\n")
    (tmp_path / "a.log").write_text(text)
    (tmp_path / "b.log").write_text(text.replace("a1", "a2") + (cri("P", first) if write == "cri" else docker(first)))
    with tarfile.open(tmp_path / "logs.tar", "w") as archive:  # a part at the end of a file is not joined with the next
        for name in ("b.log", "a.log"):
            archive.add(tmp_path / name, name)
    finished = run_in_process(tmp_path, "events", "logs.tar", "--format", "json", "--reveal-ids")
    assert [(event["visitor"], event["page"]) for event in json.loads(finished.stdout)] == [
        ("v:a2", "/x"),
        ("v:a1", "/x"),
    ]
