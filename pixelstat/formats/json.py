"""Parse JSON logs with one object per line. A JSON format maps fields to the keys that hold them.

    {"ts": 1788775200.1, "request": {"client_ip": "203.0.113.7", "uri": "/pixel.gif?e=pv"}, "status": 200}

Polars decodes batches of valid JSON. `json_text` decodes small batches with an invalid line.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import polars as pl

from pixelstat.formats.base import Sample
from pixelstat.formats.field_values import is_schemeless, is_status, is_target, is_time, is_usual_time
from pixelstat.formats.json_text import AROUND_OBJECT, parse_object, to_text
from pixelstat.formats.normalize import normalize_fields
from pixelstat.formats.unfolding import unfold

Key = str | tuple[str, ...]  # "request.uri", or the names one by one, which can contain dots: ("source.ip",)
Path = Sequence[str]  # the names on the way to a value
KeyTree = dict[str, "KeyTree"]  # the keys that are decoded, and the keys below them
FIRST_ITEM, ALL_ITEMS = "[]", "[,]"  # suffixes of the last name of a key
RARE_FIELDS = {"forwarded_for", "cookies", "dnt", "gpc", "purpose", "request_id"}
# Fields that can hold the URL of a line without `request`, and the test that their values must pass.
TARGET_FIELDS = {"url": is_target, "uri": is_target, "target": is_target, "bare_target": is_schemeless}
SMALL_BATCH = 64  # lines; a batch of this size is decoded line by line if one line is invalid


@dataclass(frozen=True)
class JsonFormat:
    """A JSON log format. The first of a field's keys that has a value gives the field.

    A dot in a key leads into an object. The suffix `[]` selects the first item of an array. The suffix `[,]` joins all
    items with commas.
    """

    name: str
    keys: Mapping[str, Sequence[Key]] = field(compare=False)  # by field
    about: str = ""
    required_keys: Sequence[Sequence[str]] = ()  # a line must have at least one key of each group
    samples: Sequence[Sample] = field(default=(), compare=False)
    status_optional: bool = False  # whether a line without a status is readable; its status is unknown
    finish: Callable[[pl.LazyFrame], pl.LazyFrame] | None = field(default=None, compare=False)  # changes cut fields
    # The keys of request headers, by the name that nginx gives the header: `cf_connecting_ip`.
    headers: Mapping[str, Sequence[Key]] = field(default_factory=dict, compare=False)

    def matches(self, line: str, header: str | None = None) -> bool:  # noqa: ARG002
        """Return whether the line is an object with the keys that this format requires, a time and a URL."""
        value = parse_object(line) if self.has_keys(line) else None
        return value is not None and self._can_parse(value) and not unfold(value, line)

    def has_keys(self, line: str) -> bool:
        """Return whether the line begins like an object and contains the keys that this format requires."""
        return line.lstrip(AROUND_OBJECT).startswith("{") and all(
            any(f'"{name}"' in line for name in names) for names in self.required_keys
        )

    def _can_parse(self, value: dict[str, object]) -> bool:
        """Return whether `parse` finds a time, a URL and, if the format needs one, a status in this object."""

        def find(name: str) -> str:
            texts = (find_text(value, path) for path in self._paths.get(name, ()))
            return next((text for text in texts if text is not None), "")

        has_time = (
            is_usual_time(find("time_any"))
            or is_time(find("time_unusual"))
            or is_time(f"{find('date')} {find('clock')}")
        )
        has_status = self.status_optional or "status" not in self.keys or is_status(find("status"))
        has_url = find("request") != "" or any(is_valid(find(name)) for name, is_valid in TARGET_FIELDS.items())
        return has_time and has_status and has_url

    @cached_property
    def _paths(self) -> dict[str, list[Path]]:
        return {name: [split_key(key) for key in keys] for name, keys in self.keys.items()}

    def with_header(self, header: str | None, line: str = "") -> "JsonFormat":  # noqa: ARG002
        """Return the format itself: every line names its fields."""
        return self

    def parse(self, lines: pl.LazyFrame, zone: str = "UTC") -> pl.LazyFrame:
        """Parse LINES into REQUESTS with their lines: one row per line; unreadable lines are marked `unreadable`.

        `zone` is the time zone of times without an offset.
        """
        # Fields that few reports use are decoded separately, so that other reports can skip them.
        usual = {name: paths for name, paths in self._paths.items() if name not in RARE_FIELDS}
        rare = {name: paths for name, paths in self._paths.items() if name in RARE_FIELDS}
        rows = decode_json(lines, "line", [key for keys in usual.values() for key in keys])
        rows = decode_json(rows, "line", [key for keys in rare.values() for key in keys], "rare") if rare else rows
        fields = rows.select(
            "line", "header", "file", "number",
            pl.col("json").is_not_null().alias("is_whole"),
            **{name: _first_value("json", keys) for name, keys in usual.items()},
            **{name: _first_value("rare", keys) for name, keys in rare.items()},
        )  # fmt: skip
        if "status" in usual:
            lacks_status = {"lacks_status": pl.col("status").fill_null("") == ""} if self.status_optional else {}
            fields = fields.with_columns(status=_read_status(pl.col("status")), **lacks_status)
        return normalize_fields(self.finish(fields) if self.finish else fields, self.name, zone)


def split_key(key: Key) -> Path:
    """Return the names on the way to a value."""
    return key.split(".") if isinstance(key, str) else key


def find_text(value: object, path: Path) -> str | None:
    """Return the text that `parse` reads at this path of an object, or None.

    An array gives its first item.
    """
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(_bare_name(name))
    if path[-1].endswith((FIRST_ITEM, ALL_ITEMS)) and isinstance(value, list):
        return to_text(value[0]) if value else None
    return to_text(value)


def _read_status(status: pl.Expr) -> pl.Expr:
    """Return the number of a status such as `200` or `200 OK`. `-` and -1 become 0: the server did not answer."""
    number = status.cast(pl.Int16, strict=False)
    text = pl.when(number.is_null()).then(status)
    spelled = text.str.extract(r"^\s*(\d{1,3})(?:\.0*|\s.*)?$").cast(pl.Int16, strict=False)
    number = pl.when(number == -1).then(0).otherwise(number)
    return pl.coalesce(number, pl.when(text == "-").then(pl.lit(0, pl.Int16)), spelled)


def _bare_name(name: str) -> str:
    return name.removesuffix(FIRST_ITEM).removesuffix(ALL_ITEMS)


def _first_value(column: str, paths: Sequence[Path]) -> pl.Expr:
    """Return the value of the first of these paths that has one, or null."""
    return pl.coalesce(_value_at(column, path) for path in paths) if paths else pl.lit(None, pl.String)


def _value_at(column: str, path: Path) -> pl.Expr:
    value = pl.col(column)
    for name in path:
        value = value.struct.field(_bare_name(name))
    if path[-1].endswith(ALL_ITEMS):
        return value.list.drop_nulls().list.join(", ")
    return value.list.first() if path[-1].endswith(FIRST_ITEM) else value


def decode_json(rows: pl.LazyFrame, column: str, keys: Sequence[Path], name: str = "json") -> pl.LazyFrame:
    """Add the column `name`: a struct with the values, as text, of these keys in the JSON objects of `column`.

    The struct is null if the text is not an object.
    """
    tree: KeyTree = {}
    for key in keys:
        below = tree
        for part in key:
            below = below.setdefault(part, {})
    dtype = _struct_type(tree)

    def decode(texts: pl.Series) -> pl.Series:
        # Polars decodes all texts as one array. A text that is not an object could merge with its neighbours.
        if not _are_braced(texts):
            texts = texts.str.strip_chars(AROUND_OBJECT)
        if _are_braced(texts):
            try:
                objects = texts.str.json_decode(dtype)
            except pl.exceptions.PolarsError:
                objects = texts  # one of them is invalid, so smaller batches follow
            if objects.dtype == dtype and len(objects) == len(texts):
                return objects
        if len(texts) <= SMALL_BATCH:
            values = [_pick_values(parse_object(text), tree) for text in texts.to_list()]
            return pl.Series(texts.name, values, dtype=dtype, strict=False)
        size = -(-len(texts) // 8)
        return pl.concat([decode(texts.slice(at, size)) for at in range(0, len(texts), size)])

    decoded = pl.col(column).map_batches(decode, return_dtype=dtype, is_elementwise=True)
    return rows.with_columns(decoded.alias(name))


def _are_braced(texts: pl.Series) -> bool:
    return (texts.str.starts_with("{") & texts.str.ends_with("}")).all() is True


def _struct_type(tree: KeyTree) -> pl.Struct:
    return pl.Struct(
        {
            _bare_name(key): _struct_type(below)
            if below
            else pl.List(pl.String())
            if key.endswith((FIRST_ITEM, ALL_ITEMS))
            else pl.String()
            for key, below in tree.items()
        }
    )


def _pick_values(value: object, tree: KeyTree) -> dict[str, Any] | None:
    """Return the values of an object under the keys of the tree, as the texts that Polars would return."""
    if not isinstance(value, dict):
        return None
    picked: dict[str, Any] = {}
    for key, below in tree.items():
        member = value.get(_bare_name(key))
        if below:
            picked[key] = _pick_values(member, below)
        elif key.endswith((FIRST_ITEM, ALL_ITEMS)):
            items = member if isinstance(member, list) else [member]
            picked[_bare_name(key)] = [to_text(item) for item in items]
        else:
            picked[key] = to_text(member)
    return picked
