"""Parse JSON logs: one object per line. A JSON format maps fields to the keys that hold them.

    {"ts": 1788775200.1, "request": {"client_ip": "203.0.113.7", "uri": "/pixel.gif?e=pv"}, "status": 200}

Each line is decoded once, by Polars where it is valid. Text that is not quite JSON is repaired where it can only mean
one thing. Without `escape=json` nginx writes `\\x22` into it, and nothing at all for a number that it does not know. An
exported array has commas behind its lines.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import polars as pl

from pixelstat.formats.base import Sample
from pixelstat.formats.normalize import normalize_fields

Shape = dict[str, "Shape"]  # the keys that are decoded, and the keys below them
RARE_FIELDS = {"forwarded_for", "cookies", "dnt", "gpc", "purpose", "request_id"}
SMALL_BATCH = 64  # so few lines are decoded one by one when one of them is broken


@dataclass(frozen=True)
class JsonFormat:
    """A JSON log format: the keys that hold each field, of which the first with a value counts.

    A dot leads into an object, `[]` to the first item of an array.
    """

    name: str
    keys: Mapping[str, Sequence[str]] = field(compare=False)
    about: str = ""
    required_keys: Sequence[Sequence[str]] = ()  # a line must have at least one key of each group
    samples: Sequence[Sample] = field(default=(), compare=False)
    finish: Callable[[pl.LazyFrame], pl.LazyFrame] | None = field(default=None, compare=False)  # changes cut fields

    def matches(self, line: str, header: str | None = None) -> bool:  # noqa: ARG002
        """Return whether the line begins like an object and has the keys that this format requires."""
        return line.lstrip(" [,\ufeff").startswith("{") and all(
            pattern.search(line) for pattern in self._required_patterns
        )

    def with_header(self, header: str | None, line: str = "") -> "JsonFormat":  # noqa: ARG002
        """Return the format itself: every line names its fields."""
        return self

    @cached_property
    def _required_patterns(self) -> list[re.Pattern[str]]:
        return [re.compile(rf'"(?:{"|".join(map(re.escape, keys))})"\s*:') for keys in self.required_keys]

    def parse(self, lines: pl.LazyFrame, zone: str = "UTC") -> pl.LazyFrame:
        """Parse LINES into REQUESTS with their lines: one row per line; unreadable lines are marked `unreadable`.

        `zone` is the time zone of times without an offset.
        """
        # Fields that few reports use are decoded apart, so that other reports do not pay for them.
        usual = {name: [key.split(".") for key in keys] for name, keys in self.keys.items() if name not in RARE_FIELDS}
        rare = {name: [key.split(".") for key in keys] for name, keys in self.keys.items() if name in RARE_FIELDS}
        rows = decode_json(lines, "line", [key for keys in usual.values() for key in keys])
        rows = decode_json(rows, "line", [key for keys in rare.values() for key in keys], "rare") if rare else rows
        fields = rows.select(
            "line", "header", "file", "number",
            pl.col("json").is_not_null().alias("is_whole"),
            **{name: _first_value("json", keys) for name, keys in usual.items()},
            **{name: _first_value("rare", keys) for name, keys in rare.items()},
        )  # fmt: skip
        return normalize_fields(self.finish(fields) if self.finish else fields, self.name, zone)


def _first_value(column: str, keys: Sequence[Sequence[str]]) -> pl.Expr:
    """Return the value of the first of these keys that has one, or null."""
    return pl.coalesce(_value_at(column, key) for key in keys) if keys else pl.lit(None, pl.String)


def _value_at(column: str, key: Sequence[str]) -> pl.Expr:
    value = pl.col(column)
    for part in key:
        value = value.struct.field(part.removesuffix("[]"))
    return value.list.first() if key[-1].endswith("[]") else value


def decode_json(rows: pl.LazyFrame, column: str, keys: Sequence[Sequence[str]], name: str = "json") -> pl.LazyFrame:
    """Add a struct column `name` with the values, as text, that these keys have in the column's JSON objects.

    A key is the path of names that leads to it. The struct is null where the text is not an object.
    """
    shape: Shape = {}
    for key in keys:
        below = shape
        for part in key:
            below = below.setdefault(part, {})
    dtype = _struct_type(shape)

    def decode(texts: pl.Series) -> pl.Series:
        # Polars decodes all lines as one array, in which text that is not an object could join its neighbours.
        if (texts.str.starts_with("{") & texts.str.ends_with("}")).all():
            try:
                objects = texts.str.json_decode(dtype)
            except pl.exceptions.PolarsError:
                objects = texts  # one of them is broken: it is found below
            if objects.dtype == dtype and len(objects) == len(texts):
                return objects
        if len(texts) <= SMALL_BATCH:
            values = [_pick_values(_parse_object(text), shape) for text in texts.to_list()]
            return pl.Series(texts.name, values, dtype=dtype, strict=False)
        return pl.concat(
            [decode(texts.slice(at, -(-len(texts) // 8))) for at in range(0, len(texts), -(-len(texts) // 8))]
        )

    decoded = pl.col(column).map_batches(decode, return_dtype=dtype, is_elementwise=True)
    return rows.with_columns(decoded.alias(name))


def _struct_type(shape: Shape) -> pl.Struct:
    return pl.Struct(
        {
            key.removesuffix("[]"): _struct_type(below)
            if below
            else pl.List(pl.String())
            if key.endswith("[]")
            else pl.String()
            for key, below in shape.items()
        }
    )


def _pick_values(value: object, shape: Shape) -> dict[str, Any] | None:
    """Return the values of an object under the keys of the shape, as the text that Polars would give."""
    if not isinstance(value, dict):
        return None
    picked: dict[str, Any] = {}
    for key, below in shape.items():
        member = value.get(key.removesuffix("[]"))
        if below:
            picked[key] = _pick_values(member, below)
        elif key.endswith("[]"):
            items = member if isinstance(member, list) else [member]
            picked[key.removesuffix("[]")] = [_to_text(item) for item in items]
        else:
            picked[key] = _to_text(member)
    return picked


def _to_text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value.encode("utf-8", "replace").decode() if value else value
    return None if isinstance(value, (bool, dict, list)) else str(value)


def _parse_object(text: str | None) -> object:
    """Return the object in a line, which is repaired if need be, or None if there is none."""
    for prepare in (str, _repair):
        try:
            return json.loads(prepare(text or ""))
        except (ValueError, RecursionError):
            continue
    return None


_HEX_ESCAPES = re.compile(r"(?<!\\)((?:\\\\)*)((?:\\x[0-9a-fA-F]{2})+)")
_MISSING_NUMBER = re.compile(r'("\s*:\s*)-?(?=\s*[,}])')


def _repair(line: str) -> str:
    """Return the line as JSON: without the commas of an array, with hex escapes and missing numbers as JSON has them."""
    line = line.strip().lstrip("[,").rstrip(",]") if line.strip().startswith(("[", ",", "{")) else line
    line = _HEX_ESCAPES.sub(lambda match: match[1] + _json_escape(match[2]), line)
    return _MISSING_NUMBER.sub(r"\1null", line)


def _json_escape(escapes: str) -> str:
    """Return bytes such as `\\xC3\\xA9` as JSON writes their text."""
    text = bytes.fromhex(escapes.replace("\\x", "")).decode("utf-8", "replace")
    return json.dumps(text)[1:-1]
