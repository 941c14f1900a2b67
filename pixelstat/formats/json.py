"""A JSON format is a map from fields to keys: one object a line, decoded once, by Polars where it is sound.

    {"ts": 1788775200.1, "request": {"client_ip": "203.0.113.7", "uri": "/pixel.gif?e=pv"}, "status": 200}

What is not quite JSON is mended where it can only mean one thing: nginx writes `\\x22` into it unless told
`escape=json`, and nothing at all for a number that it does not know; an exported array has commas behind its lines.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import polars as pl

from pixelstat.formats.base import Sample
from pixelstat.formats.normalize import read

Shape = dict[str, "Shape"]  # the keys that are looked at, and the keys below them
RARE = {"forwarded_for", "cookies", "dnt", "gpc", "purpose", "request_id"}
FEW = 64  # lines that are decoded together when one of their batch is broken


@dataclass(frozen=True)
class JsonFormat:
    """Which keys hold which field: the first that has a value. A dot leads into an object, `[]` into an array's first."""

    name: str
    keys: Mapping[str, Sequence[str]] = field(compare=False)
    about: str = ""
    needs: Sequence[Sequence[str]] = ()  # of each of these, one key must stand in a line
    samples: Sequence[Sample] = field(default=(), compare=False)
    change: Callable[[pl.LazyFrame], pl.LazyFrame] | None = field(default=None, compare=False)  # of the cut fields

    def is_shaped(self, line: str, header: str | None = None) -> bool:  # noqa: ARG002
        """Whether the line begins like an object and has the keys that tell this format."""
        return line.lstrip(" [,\ufeff").startswith("{") and all(pattern.search(line) for pattern in self._needed)

    def ruled_by(self, header: str | None, line: str = "") -> "JsonFormat":  # noqa: ARG002
        """Itself: every line names its fields."""
        return self

    @cached_property
    def _needed(self) -> list[re.Pattern[str]]:
        return [re.compile(rf'"(?:{"|".join(map(re.escape, keys))})"\s*:') for keys in self.needs]

    def requests(self, lines: pl.LazyFrame, zone: str = "UTC") -> pl.LazyFrame:
        """LINES -> REQUESTS with their lines: one row a line; what cannot be read is marked `unreadable`."""
        # What few reports ask for is decoded apart, so that the others need not pay for it.
        usual = {name: [key.split(".") for key in keys] for name, keys in self.keys.items() if name not in RARE}
        rare = {name: [key.split(".") for key in keys] for name, keys in self.keys.items() if name in RARE}
        rows = with_json(lines, "line", [key for keys in usual.values() for key in keys])
        rows = with_json(rows, "line", [key for keys in rare.values() for key in keys], "rare") if rare else rows
        fields = rows.select(
            "line", "header", "file", "number",
            pl.col("json").is_not_null().alias("whole"),
            **{name: _first("json", keys) for name, keys in usual.items()},
            **{name: _first("rare", keys) for name, keys in rare.items()},
        )  # fmt: skip
        return read(self.change(fields) if self.change else fields, self.name, zone)


def _first(column: str, keys: Sequence[Sequence[str]]) -> pl.Expr:
    return pl.coalesce(_at(column, key) for key in keys) if keys else pl.lit(None, pl.String)


def _at(column: str, key: Sequence[str]) -> pl.Expr:
    value = pl.col(column)
    for part in key:
        value = value.struct.field(part.removesuffix("[]"))
    return value.list.first() if key[-1].endswith("[]") else value


def with_json(rows: pl.LazyFrame, column: str, keys: Sequence[Sequence[str]], name: str = "json") -> pl.LazyFrame:
    """Rows with a struct of this name: what these keys hold in the column's objects, as text. Null where there is no object."""
    shape: Shape = {}
    for key in keys:
        below = shape
        for part in key:
            below = below.setdefault(part, {})
    dtype = _dtype(shape)

    def decoded(texts: pl.Series) -> pl.Series:
        # Polars takes all lines for one array: what is no object by itself could join its neighbours in it.
        if (texts.str.starts_with("{") & texts.str.ends_with("}")).all():
            try:
                found = texts.str.json_decode(dtype)
            except pl.exceptions.PolarsError:
                found = texts  # one of them is broken: it is looked for below
            if found.dtype == dtype and len(found) == len(texts):
                return found
        if len(texts) <= FEW:
            objects = [_picked(_object(text), shape) for text in texts.to_list()]
            return pl.Series(texts.name, objects, dtype=dtype, strict=False)
        return pl.concat(
            [decoded(texts.slice(at, -(-len(texts) // 8))) for at in range(0, len(texts), -(-len(texts) // 8))]
        )

    found = pl.col(column).map_batches(decoded, return_dtype=dtype, is_elementwise=True)
    return rows.with_columns(found.alias(name))


def _dtype(shape: Shape) -> pl.Struct:
    return pl.Struct(
        {
            key.removesuffix("[]"): _dtype(below)
            if below
            else pl.List(pl.String())
            if key.endswith("[]")
            else pl.String()
            for key, below in shape.items()
        }
    )


def _picked(value: object, shape: Shape) -> dict[str, Any] | None:
    """What of an object the keys lead to: text, as Polars would make it."""
    if not isinstance(value, dict):
        return None
    picked: dict[str, Any] = {}
    for key, below in shape.items():
        found = value.get(key.removesuffix("[]"))
        if below:
            picked[key] = _picked(found, below)
        elif key.endswith("[]"):
            items = found if isinstance(found, list) else [found]
            picked[key.removesuffix("[]")] = [_text(item) for item in items]
        else:
            picked[key] = _text(found)
    return picked


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value.encode("utf-8", "replace").decode() if value else value
    return None if isinstance(value, (bool, dict, list)) else str(value)


def _object(text: str | None) -> object:
    """The object in a line, mended if need be; None if there is none."""
    for attempt in (str, _mended):
        try:
            return json.loads(attempt(text or ""))
        except (ValueError, RecursionError):
            continue
    return None


_HEX = re.compile(r"(?<!\\)((?:\\\\)*)((?:\\x[0-9a-fA-F]{2})+)")
_NO_NUMBER = re.compile(r'("\s*:\s*)-?(?=\s*[,}])')


def _mended(line: str) -> str:
    line = line.strip().lstrip("[,").rstrip(",]") if line.strip().startswith(("[", ",", "{")) else line
    line = _HEX.sub(lambda found: found[1] + _json_text(found[2]), line)
    return _NO_NUMBER.sub(r"\1null", line)


def _json_text(escapes: str) -> str:
    """`\\xC3\\xA9` as JSON writes it."""
    text = bytes.fromhex(escapes.replace("\\x", "")).decode("utf-8", "replace")
    return json.dumps(text)[1:-1]
