"""A pixel of one's own, as pixelstat.toml describes it: its paths, the parameters that feed its columns, its words.

What the file leaves open is as the house pixel has it: the usual names of parameters and events.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from pixelstat.frames.query_string import percent_decode_path
from pixelstat.protocols.base import PixelProtocol
from pixelstat.protocols.builtin.house import EVENT, METHODS, PAGE, PARAMETERS, VISITOR
from pixelstat.protocols.table import pixel_table, rename_events

COLUMN_ALIASES = {
    "visitor": "visitor_id",
    "page": "page_address",
}  # the column of a parameter, where it is made into another


PATH_PART = re.compile(r"\{([^{}]*)\}")  # of a path: `{campaign}`


@dataclass(frozen=True)
class CustomPixel:
    """A pixel of one's own, as the file describes it."""

    name: str
    paths: tuple[str, ...]
    event: str | None = None  # where the request names none
    parameters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # column: the parameters that feed it
    events: Mapping[str, str] = field(default_factory=dict)  # its own word: the event that it means
    values: Mapping[str, str] = field(default_factory=dict)  # column: what it always is
    payload: str | None = None  # the parameter that holds JSON, in base64 or not


def custom_protocol(pixel: CustomPixel) -> PixelProtocol:
    """The protocol of such a pixel."""
    patterns = [_pattern(path) for path in pixel.paths]
    names: dict[str, Sequence[str]] = {"event": EVENT, "visitor_id": VISITOR, "page_address": PAGE, **PARAMETERS}
    names |= {column: [re.escape(name) for name in given] for column, given in pixel.parameters.items()}
    named = rename_events(pl.col("event"), pixel.events) if pixel.events else pl.col("event")

    def fill(events: pl.LazyFrame) -> pl.LazyFrame:
        parts = {COLUMN_ALIASES.get(part, part) for path in pixel.paths for part in PATH_PART.findall(path)}
        there = {*events.collect_schema()}
        for part in sorted(parts):
            found = [pl.col("path").str.extract(_pattern(path, part)) for path in pixel.paths if part in _parts(path)]
            events = percent_decode_path(events.with_columns(part_of_path=pl.coalesce(found)), "part_of_path")
            events = events.with_columns(_typed(part, pl.coalesce("part_of_path", *([part] if part in there else []))))
        fixed = [_typed(COLUMN_ALIASES.get(name, name), pl.lit(value)) for name, value in pixel.values.items()]
        return events.with_columns(fixed).with_columns(anonymous_user="user_id", anonymous_recipient="recipient")

    return pixel_table(
        pixel.name,
        f"of {pixel.paths[0]}, by pixelstat.toml",
        marker="|".join(re.escape(path.partition("{")[0]) for path in pixel.paths),
        paths="|".join(patterns),
        claims=pl.col("path").str.contains("|".join(patterns))
        & (pl.col("method").is_in(METHODS) | pl.col("method").is_null()),
        names=names,
        event=pl.coalesce(named, pl.lit(pixel.event or "page_view")),
        samples=(),
        payload=re.escape(pixel.payload) if pixel.payload else "",
        fill=fill,
    )


def _parts(path: str) -> list[str]:
    return [COLUMN_ALIASES.get(part, part) for part in PATH_PART.findall(path)]


def _pattern(path: str, wanted: str | None = None) -> str:
    """The path as a regular expression; the `wanted` part is its group."""
    texts = PATH_PART.split(path)
    for place in range(1, len(texts), 2):
        texts[place] = "([^/]+?)" if COLUMN_ALIASES.get(texts[place], texts[place]) == wanted else "[^/]+?"
    texts[0::2] = map(re.escape, texts[0::2])
    return f"^{''.join(texts)}$"


def _typed(column: str, text: pl.Expr) -> pl.Expr:
    return (text.cast(pl.Float64, strict=False) if column == "value" else text).alias(column)
