"""Cut the fields of text lines by their delimiters, with one expression for each field, and undo escapes."""

import re
from collections.abc import Sequence

import polars as pl

from pixelstat.formats.text_template import Segment, count_blanks, split_at_quotes
from pixelstat.frames.lookup import replace_where

MIN_RUN_LENGTH = 2  # from this many equal delimiters in a row on, cutting all fields at once is the cheapest
WIDTHS = {"time_clf": 26, "time_clf_local": 24, "status": 3}  # fields of fixed width need no search for a delimiter


def split_lines(lines: pl.LazyFrame, quotes: int) -> tuple[pl.LazyFrame, list[pl.Expr]]:
    """Split lines at so many quotes. Return them with column `escaped`, and an expression for each part."""
    # Few lines hold an escape. So look for one in the line once, instead of in each of its fields.
    lines = lines.with_columns(escaped=pl.col("line").str.contains("\\", literal=True))
    if not quotes:
        return lines, [pl.col("line")]
    # Spell escaped quotes and backslashes, as Apache writes them, the way nginx does: then no field holds a quote.
    lines = lines.with_columns(text=pl.col("line"))
    lines = replace_where(lines, ["text"], is_escaped, escape_as_hex)
    lines = lines.with_columns(pl.col("text").str.splitn('"', quotes + 1))
    return lines, [pl.col("text").struct.field(f"field_{number}") for number in range(quotes + 1)]


def cut_field(part: pl.Expr, segment: Segment, index: int) -> pl.Expr:
    """Return the field at `index` of a segment, null where a delimiter is missing.

    A delimiter that cannot be mistaken for an earlier one is searched for directly. Otherwise the fields in front are
    cut off one by one.
    """
    before, after = segment[index - 1], segment[index + 1]
    width = WIDTHS.get(segment[index])
    is_last = index == len(segment) - 2
    if width and index == 1:
        return part.str.slice(len(before), width + len(after)).str.strip_suffix(after)
    if width and is_last:  # counting from the end saves the search for the fields in front
        return part.str.tail(width + len(after)).str.head(width)
    first, last = _find_run(segment, index)
    if last - first >= 2 * MIN_RUN_LENGTH:
        return _cut_from_run(part, segment, index, first, last)
    rest = _skip_to_field(part, segment, index)
    if is_last:  # the last field of a segment reaches to its end, whatever it holds
        return rest.str.strip_suffix(after) if after else rest
    if _is_unambiguous(segment, index + 1):  # cut off the fields behind it there too: one cut serves all
        left = part.str.splitn(after, 2).struct.field("field_0")
        return left.str.tail(width) if width else _skip_to_field(left, segment, index)
    return rest.str.splitn(after, 2).struct.field("field_0")


def read_status(status: pl.Expr) -> pl.Expr:
    """Return the number of a cut status, 0 for `-`: the request got no answer.

    A status of another width than usual comes with a character of what stands next to it.
    """
    number = status.cast(pl.Int16, strict=False)
    odd = pl.when(number.is_null()).then(status)
    return pl.when(odd.str.contains(r"^[^0-9A-Za-z-]?[0-](?:[^0-9A-Za-z-]|$)")).then(0).otherwise(number).cast(pl.Int16)


PIECE = " (a piece)"


def split_times(segment: Segment) -> Segment:
    """Return the segment with a field for each word of a time that a blank follows: its blanks end no field."""
    split = segment[:1]
    for name, after in zip(segment[1::2], segment[2::2], strict=True):
        blanks = count_blanks(name)
        if after == " " and blanks:
            split += [f"{name}{PIECE}", " "] * blanks + [f"{name}{PIECE}", after]
        else:
            split += [name, after]
    return split


def join_pieces(pieces: Sequence[pl.Expr]) -> pl.Expr:
    """Return the text of pieces that blanks part."""
    return pieces[0] if len(pieces) == 1 else pl.concat_str(pieces, separator=" ")


def _find_run(segment: Segment, index: int) -> tuple[int, int]:
    """Return the indices of the first and the last used field in a run of fields with equal delimiters around `index`."""
    is_last = index == len(segment) - 2
    delimiter = segment[index - 1] if is_last else segment[index + 1]
    start = end = index
    while start > 1 and segment[start - 1] == delimiter:
        start -= 2
    while end < len(segment) - 2 and segment[end + 1] == delimiter:
        end += 2
    return start, max(other for other in range(start, end + 1, 2) if segment[other] or other == index)


def _cut_from_run(part: pl.Expr, segment: Segment, index: int, first: int, last: int) -> pl.Expr:
    """Return the field at `index` of a run of fields with equal delimiters, all of which are cut at once."""
    reaches_end = last == len(segment) - 2
    pieces = (last - first) // 2 + (1 if reaches_end else 2)
    run = _skip_to_field(part, segment, first).str.splitn(segment[first + 1], pieces).struct
    value = run.field(f"field_{(index - first) // 2}")
    if index != last:
        return value
    if reaches_end:
        return value.str.strip_suffix(segment[index + 1]) if segment[index + 1] else value
    return pl.when(run.field(f"field_{pieces - 1}").is_not_null()).then(value)


def _skip_to_field(part: pl.Expr, segment: Segment, index: int) -> pl.Expr:
    """Return the text from the field at `index` on."""
    before = segment[index - 1]
    if index == 1:
        return part.str.slice(len(before)) if before else part
    if _is_unambiguous(segment, index - 1):
        return _text_after(part, before)
    return _text_after(_skip_to_field(part, segment, index - 2), before)


def _is_unambiguous(segment: Segment, index: int) -> bool:
    """Return whether the literal at `index` cannot be mistaken for an earlier one."""
    return len(segment[index]) > 1 and all(segment[index] not in earlier for earlier in segment[0:index:2])


def _text_after(text: pl.Expr, delimiter: str) -> pl.Expr:
    return text.str.splitn(delimiter, 2).struct.field("field_1")


def find_searchable_literals(tokens: Segment) -> list[bool]:
    """Return, for each field, whether the literal in front of it may be searched for from the last quote onwards.

    Such a search skips the fields between. It is what the expressions of this module do, so another reader of the
    format has to do the same.
    """
    is_searchable = []
    for segment in split_at_quotes(tokens):
        # A field of fixed width at the end is counted from there.
        searched = segment[:-2] if len(segment) > 2 and segment[-2] in WIDTHS else segment
        for index in range(1, len(segment), 2):
            is_behind = index > 3 or (index > 1 and segment[0] != "")
            is_searchable.append(is_behind and _is_unambiguous(segment, index - 1) and any([*searched[index - 2 :: 2]]))
    return is_searchable


# -- escapes ---------------------------------------------------------------------------------------------------

_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|([\\\"bnrtv]))")
_NAMED_ESCAPES = {"b": b"\b", "n": b"\n", "r": b"\r", "t": b"\t", "v": b"\v", '"': b'"', "\\": b"\\"}


def is_escaped(_: pl.Expr) -> pl.Expr:
    """Return whether a line holds an escape, as a condition of `replace_where` for any of its fields."""
    return pl.col("escaped")


def unescape(text: str) -> str:
    """Undo the escapes of nginx and Apache once: `\\xHH` is a byte of UTF-8, `\\"` a quote."""
    out, end = bytearray(), 0
    for match in _ESCAPE.finditer(text):
        out += text[end : match.start()].encode()
        out += bytes.fromhex(match[1]) if match[1] else _NAMED_ESCAPES[match[2]]
        end = match.end()
    return (out + text[end:].encode()).decode("utf-8", "replace")


def escape_as_hex(line: str) -> str:
    """Write `\\"` and `\\\\` as `\\x22` and `\\x5C`."""
    return line.replace("\\\\", "\\x5C").replace('\\"', "\\x22")
