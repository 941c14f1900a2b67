"""Parse again the lines that do not fit the format of their log, each by the first format that it does fit."""

from collections.abc import Sequence

import polars as pl

from pixelstat.formats.base import Format
from pixelstat.formats.normalize import EARLIEST, latest
from pixelstat.formats.prefixes import PREFIXES, Prefixed
from pixelstat.schemas import READ, REASONS, Fault, Reason


def reparse_misfits(requests: pl.DataFrame, candidates: Sequence[Format], zone: str, longest: int) -> pl.DataFrame:
    """Requests (READ, or those columns of it that are looked at) with what was unreadable read as what it is.

    Each such line is read as the first candidate that it is shaped like; what remains unreadable is told why.
    """
    rejected = requests["rejected"].to_physical()  # to compare with the name would make a text of each
    if rejected.null_count() == len(rejected):
        return requests
    bad = (rejected == list(REASONS).index("unreadable")).fill_null(value=False)
    if not bad.any():
        return requests
    places = bad.arg_true()
    lines = requests.select("line", "header").filter(bad)
    chosen = [_choose_format(line or "", header, candidates) for line, header in lines.iter_rows()]
    if "fault" not in requests.columns and not any(chosen):
        return requests  # nobody asks what is wrong with them
    frames = []
    for form in dict.fromkeys(chosen):
        mine = pl.Series([place for place, choice in enumerate(chosen) if choice == form], dtype=pl.UInt32)
        theirs = requests.filter(bad)[mine]
        again = _mark_unreadable(theirs, longest) if form is None else _parse_again(theirs, form, zone, longest)
        frames.append(again.select(requests.columns).with_columns(place=places.gather(mine)))
    good = requests.filter(~bad).with_columns(place=(~bad).arg_true())
    return pl.concat([good, *frames]).sort("place").drop("place")


def _choose_format(line: str, header: str | None, candidates: Sequence[Format]) -> Format | None:
    for candidate in candidates:
        if candidate.is_shaped(line, header):
            return candidate.ruled_by(header)
    for prefix in PREFIXES:
        behind = prefix.behind(line)
        if behind is not None:
            for candidate in candidates:
                if candidate.is_shaped(behind, header):
                    return Prefixed(prefix, candidate.ruled_by(header))
    return None


def _parse_again(requests: pl.DataFrame, form: Format, zone: str, longest: int) -> pl.DataFrame:
    lines = requests.lazy().select(
        "line",
        "header",
        *(name if name in requests.columns else pl.lit(None, READ[name]).alias(name) for name in ("file", "number")),
    )
    fault = (
        pl.when(_is_truncated(longest)).then(pl.lit("too_long"))
        .when(pl.col("path").is_null()).then(pl.lit("no_request"))
        .when(pl.col("time").is_null() | ~pl.col("time").is_between(EARLIEST, latest())).then(pl.lit("bad_time"))
        .when(pl.col("status").is_null() | ~pl.col("status").is_between(0, 999)).then(pl.lit("bad_status"))
        .otherwise(pl.lit("no_format"))
    )  # fmt: skip
    return (
        form.requests(lines, zone)
        .with_columns(fault=pl.when(pl.col("rejected").is_not_null()).then(fault.cast(Fault)))
        .collect()
    )


def _mark_unreadable(requests: pl.DataFrame, longest: int) -> pl.DataFrame:
    fault = pl.when(_is_truncated(longest)).then(pl.lit("too_long")).otherwise(pl.lit("no_format")).cast(Fault)
    kept = {"line", "header", "file", "number"} & set(requests.columns)
    blank = {name: pl.lit(None, dtype) for name, dtype in READ.items() if name not in kept}
    return requests.with_columns(**{**blank, "rejected": pl.lit("unreadable", Reason), "fault": fault})


def _is_truncated(longest: int) -> pl.Expr:
    return pl.col("line").str.len_bytes() >= longest
