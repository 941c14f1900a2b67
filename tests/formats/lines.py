"""LINES for the tests of formats, and what a format reads in them."""

import json

import polars as pl

from pixelstat import formats
from pixelstat.formats.base import LogFormat
from pixelstat.formats.wrapping_kinds import Envelope, Folded, NamedFields, Prefix, Wrapping
from pixelstat.formats.wrappings import WRAPPINGS
from pixelstat.schemas import LINES

# The others hold an object of JSON, fields with their names, or a line without its time.
LINE_WRAPPINGS = [
    wrapping
    for wrapping in WRAPPINGS
    if not isinstance(wrapping, (Folded, NamedFields)) and not (isinstance(wrapping, Prefix) and wrapping.replacement)
]


def lines(*texts: str, header: str | None = None) -> pl.LazyFrame:
    """LINES of one log."""
    rows = {
        "line": texts,
        "header": [header] * len(texts),
        "file": ["log"] * len(texts),
        "number": range(1, len(texts) + 1),
    }
    return pl.LazyFrame(rows, schema=LINES)


def read(form: LogFormat, *texts: str, header: str | None = None) -> pl.DataFrame:
    """Read the lines as the format does."""
    return form.with_header(header, texts[0]).parse(lines(*texts, header=header)).collect()


def read_given(template: str, line: str) -> dict[str, object]:
    """Read one line by the format that is given as --log-format has it."""
    return read(formats.select_formats(template)[0], line).row(0, named=True)


def wrap(wrapping: Wrapping, line: str) -> str:
    """Put a line into the sample of a wrapping."""
    return wrapping.sample.replace("{}", json.dumps(line) if isinstance(wrapping, Envelope) else line)
