"""What a format claims it can read, and what is read is what the line says."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from pixelstat.formats.base import LogFormat
from pixelstat.formats.detection import detect
from pixelstat.formats.reparse import reparse_misfits
from pixelstat.sources.blocks import MAX_LINE
from pixelstat.text.addresses import parse_address
from tests.formats.lines import lines, read
from tests.formats.random_lines import ALL, ANYTHING, RandomLine, write_lines
from tests.marks import slow_after

RECOGNIZED = ("text", "haproxy")  # formats that know a referrer and a user agent by their looks
MOST_UNREADABLE = 0.1  # of the lines, which hold odd values on purpose


@pytest.mark.parametrize("seed", slow_after(1, range(8)))
def test_a_format_reads_every_line_that_it_claims(seed: int) -> None:
    claims: dict[LogFormat, list[RandomLine]] = defaultdict(list)
    for line in write_lines(seed):
        for form in ALL:
            if form.matches(line.text, line.header):
                claims[form.with_header(line.header, line.text)].append(line)
    for form, claimed in claims.items():
        texts = lines(*(line.text for line in claimed))
        headers = pl.Series([line.header for line in claimed], dtype=pl.String)
        rejected = form.parse(texts.with_columns(header=headers)).collect()["rejected"]
        unreadable = [line.text for line, reason in zip(claimed, rejected, strict=True) if reason]
        assert not unreadable, form


@pytest.mark.parametrize("seed", slow_after(1, range(1_000, 1_016)))
def test_a_line_with_odd_values_is_read_right_or_not_at_all(seed: int) -> None:
    written = [line for line in write_lines(seed) if line.truth]
    rows = [read_line(line) for line in written]
    for line, row in zip(written, rows, strict=True):
        if row:
            wrong = {
                name: (row[name], truth) for name, truth in line.truth.items() if not is_right(name, row, truth, line)
            }
            assert not wrong, line.text
    assert rows.count(None) <= MOST_UNREADABLE * len(rows)


def read_line(line: RandomLine) -> dict[str, Any] | None:
    """Read a line as a log of its own. Return None where it is unreadable."""
    detected = detect([*([line.header] if line.header else []), line.text], ALL)
    if not detected:
        return None
    requests = reparse_misfits(read(detected, line.text, header=line.header), ALL, "UTC", MAX_LINE)
    row = requests.row(0, named=True)
    return None if row["rejected"] else row


def is_right(name: str, row: dict[str, Any], truth: Any, line: RandomLine) -> bool:
    """Return whether a field of the row holds the truth, or nothing where nothing in the line tells."""
    value = row[name]
    may_be_unknown = row["format"] in RECOGNIZED and name in ("status", "referrer", "user_agent")
    return (
        truth is ANYTHING
        or (value or None) == (truth or None)
        or (value is None and (may_be_unknown or name == "client"))
        or (name in IS_AS_GOOD and IS_AS_GOOD[name](value, truth, line.text))
    )


IS_AS_GOOD: dict[str, Callable[[Any, Any, str], bool]] = {
    "client": lambda value, truth, _: bool(truth) and parse_address(value) == parse_address(truth) is not None,
    "time": lambda value, truth, _: bool(value.replace(microsecond=0) == truth),
    # A site in front of the path stays there.
    "path": lambda value, truth, _: value.startswith("https://") and value.endswith(truth),
    # Where the quotes inside are not escaped, it ends at the first of them.
    "user_agent": lambda value, truth, line: f'"{truth}"' in line and value == truth.partition('"')[0],
}
