"""Any bytes are lines, and any line is one row of every format."""

import random

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pixelstat import formats
from pixelstat.formats.base import LogFormat
from pixelstat.formats.inferred import InferredFormat
from pixelstat.formats.reparse import reparse_misfits
from pixelstat.formats.wrappings import WRAPPINGS
from pixelstat.schemas import LINES, READ
from pixelstat.sources.blocks import MAX_LINE, Log, iter_blocks
from pixelstat.sources.decompression import detect_compression
from pixelstat.sources.encodings import detect_encoding, has_only_carriage_returns
from pixelstat.sources.lines import Reading, scan_lines
from tests.formats.lines import wrap
from tests.marks import slow_after
from tests.small_logs import ANN

ALL = formats.load_all_formats()

SAMPLES = [sample for form in ALL for sample in form.samples]

WRITTEN = [
    *(sample.line.encode() for sample in SAMPLES),
    *(sample.header.encode() for sample in SAMPLES if sample.header),
    *(wrap(wrapping, ANN).encode() for wrapping in WRAPPINGS),
]

PIECES = [
    b"\0", b"\xff", b"\xc3", b"\xf0\x9f\x98\x80", b"\xe2\x80\xa8", b"\r", b"\t", b" ", b"  ", b'"', b"\\", b"\\x", b"\\x2",
    b'\\"', b"\\u0000", b"\\ud800", b"[", b"]", b"{", b"}", b"|", b"-", b"%", b"?", b"=", b"&", b",", b":", b"#", b"#Fields:",
    b"null", b"1e400", b"9" * 30, b"\x1f", b"\x1b[2J",
]  # fmt: skip


@st.composite
def tampered(draw: st.DrawFn) -> bytes:
    """A line of some format with up to three places written over."""
    line = draw(st.sampled_from(WRITTEN))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(line)))
        line = line[:start] + draw(st.sampled_from(PIECES)) + line[start + draw(st.integers(0, 6)) :]
    return line


def is_accounted_for(requests: pl.DataFrame, count: int) -> bool:
    """One row a line in their order, each read or marked."""
    reread = reparse_misfits(requests, ALL, "UTC", MAX_LINE)
    read = reread.filter(pl.col("rejected").is_null())
    return (
        requests.schema == reread.schema == READ
        and requests["number"].to_list() == reread["number"].to_list() == list(range(1, count + 1))
        and set(reread["rejected"].to_list()) <= {None, "unreadable"}
        and reread["fault"].is_null().to_list() == reread["rejected"].is_null().to_list()
        and read["time"].null_count() == read["format"].null_count() == 0
    )


@pytest.mark.slow
@settings(derandomize=True, max_examples=80, deadline=None)
@given(
    st.lists(st.binary(max_size=60) | tampered(), min_size=1, max_size=5),
    st.sampled_from([b"\n", b"\r\n"]),
    st.lists(st.sampled_from(ALL), min_size=2, max_size=3, unique_by=id),
)
def test_any_bytes_are_lines_and_any_line_is_one_row_of_every_format(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], end: bytes, forms: list[LogFormat]
) -> None:
    content = end.join(pieces)
    assume(not detect_compression(content[:6]) and not detect_encoding(content))
    assume(not has_only_carriage_returns(content))
    path = tmp_path_factory.getbasetemp() / "any.log"
    path.write_bytes(content)
    log = Log(str(path), len(content))
    count = content.count(b"\n") + (content[-1:] not in (b"", b"\n"))
    assert sum(block.count(b"\n") - 1 for block in iter_blocks(log)) == count
    lines = scan_lines([log], Reading()).collect()
    assert lines["number"].to_list() == list(range(1, count + 1))
    for form in forms:
        ruling = [header for line, header in lines.select("line", "header").iter_rows() if form.matches(line, header)]
        by = form.with_header(ruling[0] if ruling else getattr(form, "default_header", None))
        assert is_accounted_for(by.parse(lines.lazy()).collect(), count)


@pytest.mark.slow
@pytest.mark.parametrize("form", slow_after(6, ALL), ids=lambda form: form.name)
def test_a_line_is_read_the_same_beside_any_neighbours(form: LogFormat) -> None:
    chance = random.Random(form.name)
    texts = []
    # A format whose fields are inferred needs enough lines of one kind.
    for line in WRITTEN if isinstance(form, InferredFormat) else WRITTEN[ALL.index(form) % 2 :: 2]:
        start = chance.randrange(len(line))
        broken = line[:start] + chance.choice(PIECES) + line[start + chance.randrange(6) :]
        texts.append(broken.decode("utf-8", "replace"))
    header = getattr(form, "default_header", None)
    rows = {"line": texts, "header": [header] * len(texts), "file": ["log"] * len(texts),
            "number": range(1, len(texts) + 1)}  # fmt: skip
    lines = pl.DataFrame(rows, schema=LINES)
    requests = form.with_header(header).parse(lines.lazy()).collect()
    assert is_accounted_for(requests, len(texts))
    mixed = lines.sample(fraction=1, shuffle=True, seed=3)
    assert form.with_header(header).parse(mixed.lazy()).collect().sort("number").equals(requests)
