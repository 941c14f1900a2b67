"""Parse the misfits again: lines that do not match the format of their log. Each has the first format it matches."""

import re
from collections.abc import Sequence

import polars as pl

from pixelstat.formats.assignment import ReadingRules
from pixelstat.formats.base import LogFormat
from pixelstat.formats.detection import LAST_RESORT, find_format, reads_misfit
from pixelstat.formats.json import JsonFormat
from pixelstat.formats.json_text import AROUND_OBJECT
from pixelstat.formats.normalize import EARLIEST_TIME, latest_plausible_time
from pixelstat.frames.columns import internal
from pixelstat.schemas import LINES, READ, REASONS, Fault, Reason

QUOTE = '"'
MAX_OUTLINE = 200  # characters before the first quote, and behind the last one
_KEY = re.compile(r'"([^"\\]*)"\s*:')
_NUMBER, _WORD = re.compile(r"[0-9]+"), re.compile(r"[0-9]*[A-Za-z][A-Za-z0-9]*")


def reparse_misfits(requests: pl.DataFrame, candidates: Sequence[LogFormat], zone: str, max_line: int) -> pl.DataFrame:
    """Parse each unreadable line by the first candidate that it matches.

    `requests` has all columns of READ, or those that the query uses. If it has `fault`, lines that stay unreadable get
    their reason there. Lines of `max_line` bytes count as cut.
    """
    rejected = requests["rejected"].to_physical()  # a comparison with a text would turn each value into text
    if rejected.null_count() == len(rejected):
        return requests
    bad = (rejected == list(REASONS).index("unreadable")).fill_null(value=False)
    if not bad.any():
        return requests
    rows = bad.arg_true()
    lines = requests.select("line", "header").filter(bad)
    chosen = _choose_formats(lines, candidates)
    if "fault" not in requests.columns and not any(chosen):
        return requests  # nothing would change, because the query does not use the reasons
    row = internal("row")
    frames = []
    for form in dict.fromkeys(chosen):
        indices = pl.Series([index for index, choice in enumerate(chosen) if choice == form], dtype=pl.UInt32)
        misfits = requests.filter(bad)[indices]
        if form is None:
            parsed = _mark_unreadable(misfits, max_line)
        else:
            parsed = _parse_again(misfits, form, zone, max_line)
            parsed = _parse_by_last_resort(parsed, candidates, zone, max_line)
        frames.append(parsed.select(requests.columns).with_columns(rows.gather(indices).alias(row)))
    good = requests.filter(~bad).with_columns((~bad).arg_true().alias(row))
    return pl.concat([good, *frames]).sort(row).drop(row)


def reparse_line(line: str, header: str | None, log_format: LogFormat | None, rules: ReadingRules) -> pl.DataFrame:
    """Parse a line by the format of its log, else by the first candidate that it matches, as a row of READ.

    `header` is its `#Fields:` line. `log_format` is None for a log without a format.
    """
    values = {"line": line, "header": header, "file": "", "number": 1, "rejected": "unreadable"}
    requests = pl.DataFrame({name: [values.get(name)] for name in READ}, schema=READ)
    if log_format:
        requests = log_format.parse(requests.lazy().select([*LINES]), rules.time_zone).collect()
    return reparse_misfits(requests, rules.candidates, rules.time_zone, rules.max_line)


def _choose_formats(lines: pl.DataFrame, candidates: Sequence[LogFormat]) -> list[LogFormat | None]:
    """Return the format of each line.

    A search takes long, and most lines are alike, for example after a server changed its format. So the format of the
    last line with the same outline comes first.
    """
    formats: dict[tuple[str, str | None], LogFormat] = {}  # by outline and `#Fields:` line
    chosen: list[LogFormat | None] = []
    for line, header in lines.iter_rows():
        line = line or ""  # noqa: PLW2901
        outline = _outline(line), header
        likely = formats.get(outline)
        if likely is None or not reads_misfit(likely, line, header, candidates):
            likely = _choose_format(line, header, candidates)
            if likely:
                formats[outline] = likely
        chosen.append(likely)
    return chosen


def _outline(line: str) -> str:
    """Return what lines of one format have in common: the keys of JSON, else the kinds of words outside of quotes."""
    if line.lstrip(AROUND_OBJECT).startswith("{"):
        return ",".join(_KEY.findall(line))
    front, _, rest = line.partition('"')
    outside = f"{front[:MAX_OUTLINE]}{rest.count(QUOTE)}{rest.rpartition(QUOTE)[2][:MAX_OUTLINE]}"
    return _NUMBER.sub("0", _WORD.sub("a", outside))


def _choose_format(line: str, header: str | None, candidates: Sequence[LogFormat]) -> LogFormat | None:
    """Return the first candidate that the line matches, as it is or unwrapped.

    If there is none, return a JSON format that has the keys of the line, because its parser finds the fault.
    """
    log_format = find_format([(line, header)], candidates, are_misfits=True)
    return log_format or next(
        (form for form in candidates if isinstance(form, JsonFormat) and form.has_keys(line)), None
    )


def _parse_again(requests: pl.DataFrame, form: LogFormat, zone: str, max_line: int) -> pl.DataFrame:
    """Parse these lines by the format. A line that is still unreadable gets its first fault as the reason."""
    lines = requests.lazy().select(
        "line",
        "header",
        *(name if name in requests.columns else pl.lit(None, READ[name]).alias(name) for name in ("file", "number")),
    )
    fault = (
        pl.when(_is_truncated(max_line)).then(pl.lit("too_long"))
        .when(pl.col("path").is_null()).then(pl.lit("no_request"))
        .when(_has_bad_time()).then(pl.lit("bad_time"))
        .when(pl.col("status").is_null() | ~pl.col("status").is_between(0, 999)).then(pl.lit("bad_status"))
        .otherwise(pl.lit("no_format"))
    )  # fmt: skip
    return (
        form.parse(lines, zone)
        .with_columns(fault=pl.when(pl.col("rejected").is_not_null()).then(fault.cast(Fault)))
        .collect()
    )


def _parse_by_last_resort(
    requests: pl.DataFrame, candidates: Sequence[LogFormat], zone: str, max_line: int
) -> pl.DataFrame:
    """Parse the lines again that their format rejects although they match it, by the last resort.

    For example, a W3C header can stand above lines of another format.
    """
    last = [candidate for candidate in candidates if candidate.name == LAST_RESORT]
    bad = requests["rejected"].is_not_null()
    if not last or not bad.any():
        return requests
    row = internal("row of the first reading")
    numbered = requests.with_row_index(row)
    lines = numbered.filter(bad).select(row, "line", "header")
    chosen = {
        number: find_format([(line or "", header)], last, are_misfits=True)
        for number, line, header in lines.iter_rows()
    }
    frames = []
    for form in filter(None, dict.fromkeys(chosen.values())):
        rows = pl.Series([number for number, choice in chosen.items() if choice == form], dtype=pl.UInt32)
        again = _parse_again(requests[rows], form, zone, max_line).with_columns(rows.alias(row))
        frames.append(again.filter(pl.col("rejected").is_null()).select(numbered.columns))
    if not frames:
        return requests
    read = pl.concat(frames)
    return pl.concat([numbered.filter(~pl.col(row).is_in(read[row].implode())), read]).sort(row).drop(row)


def _mark_unreadable(requests: pl.DataFrame, max_line: int) -> pl.DataFrame:
    """Mark these lines as unreadable. Every column becomes null, except those that identify the line."""
    fault = pl.when(_is_truncated(max_line)).then(pl.lit("too_long")).otherwise(pl.lit("no_format"))
    if {"path", "time", "status"} <= {*requests.columns}:  # those that the format of the log has read
        is_request = pl.col("path").str.starts_with("/") & pl.col("status").is_between(100, 599)
        fault = pl.when(is_request & _has_bad_time()).then(pl.lit("bad_time")).otherwise(fault)
    fault = fault.cast(Fault)
    line_columns = {"line", "header", "file", "number"} & set(requests.columns)
    blank = {name: pl.lit(None, dtype) for name, dtype in READ.items() if name not in line_columns}
    return requests.with_columns(**{**blank, "rejected": pl.lit("unreadable", Reason), "fault": fault})


def _has_bad_time() -> pl.Expr:
    return pl.col("time").is_null() | ~pl.col("time").is_between(EARLIEST_TIME, latest_plausible_time())


def _is_truncated(longest: int) -> pl.Expr:
    return pl.col("line").str.len_bytes() >= longest
