"""Build the protocol of a custom pixel, as pixelstat.toml describes it: its paths, its parameters, its event names.

What the file leaves out is as in the house pixel: the usual names of parameters and events.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from pixelstat.frames.columns import internal
from pixelstat.frames.numbers import parse_number
from pixelstat.frames.query_string import percent_decode_path
from pixelstat.protocols.base import PixelProtocol
from pixelstat.protocols.builtin.house import EVENT, METHODS, PAGE, PARAMETERS, VISITOR
from pixelstat.protocols.extract import AMOUNT_COLUMNS
from pixelstat.protocols.payloads import payload_batch
from pixelstat.protocols.table import build_pixel, rename_events

# Name of a column in pixelstat.toml -> the column that its parameters feed, where a later step makes the former of it.
COLUMN_ALIASES = {"visitor": "visitor_id", "page": "page_address"}

PATH_PART = re.compile(r"\{([^{}]*)\}")  # a named part of a path: `{campaign}`


@dataclass(frozen=True)
class CustomPixel:
    """A custom pixel, as pixelstat.toml describes it."""

    name: str
    paths: tuple[str, ...]
    event: str | None = None  # the event of a request that does not name one
    parameters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # column -> the parameters that feed it
    events: Mapping[str, str] = field(
        default_factory=dict
    )  # name of an event in the requests -> the event that it means
    values: Mapping[str, str] = field(default_factory=dict)  # column -> its constant value
    payload: str | None = None  # the parameter that holds JSON, in base64 or not


def custom_protocol(pixel: CustomPixel) -> PixelProtocol:
    """Build the protocol of a custom pixel."""
    patterns = [_pattern(path) for path in pixel.paths]
    names: dict[str, Sequence[str]] = {"event": EVENT, "visitor_id": VISITOR, "page_address": PAGE, **PARAMETERS}
    names |= {column: [re.escape(name) for name in aliases] for column, aliases in pixel.parameters.items()}
    event = rename_events(pl.col("event"), pixel.events) if pixel.events else pl.col("event")

    def finish(events: pl.LazyFrame) -> pl.LazyFrame:
        value = internal("part of path")
        parts = {COLUMN_ALIASES.get(part, part) for path in pixel.paths for part in PATH_PART.findall(path)}
        present = {*events.collect_schema()}
        for part in sorted(parts):
            extracted = [
                pl.col("path").str.extract(_pattern(path, part)) for path in pixel.paths if part in _parts(path)
            ]
            events = percent_decode_path(events.with_columns(pl.coalesce(extracted).alias(value)), value)
            events = events.with_columns(_typed(part, pl.coalesce(value, *([part] if part in present else []))))
        constants = [_typed(COLUMN_ALIASES.get(name, name), pl.lit(text)) for name, text in pixel.values.items()]
        return events.with_columns(constants).with_columns(anonymous_user="user_id", anonymous_recipient="recipient")

    return build_pixel(
        pixel.name,
        f"custom pixel of pixelstat.toml: {pixel.paths[0]}",
        marker="|".join(re.escape(path.partition("{")[0]) for path in pixel.paths),
        paths="|".join(patterns),
        claims=pl.col("path").str.contains("|".join(patterns))
        & (pl.col("method").is_in(METHODS) | pl.col("method").is_null()),
        names=names,
        event=pl.coalesce(event, pl.lit(pixel.event or "page_view")),
        samples=(),
        payload=re.escape(pixel.payload) if pixel.payload else "",
        batch=payload_batch(re.escape(pixel.payload)) if pixel.payload else None,
        finish=finish,
    )


def _parts(path: str) -> list[str]:
    """Return the columns that the named parts of a path feed."""
    return [COLUMN_ALIASES.get(part, part) for part in PATH_PART.findall(path)]


def _pattern(path: str, wanted: str | None = None) -> str:
    """Return the path as a regular expression, with a group for the part that feeds the column `wanted`."""
    texts = PATH_PART.split(path)
    for index in range(1, len(texts), 2):
        texts[index] = "([^/]+?)" if COLUMN_ALIASES.get(texts[index], texts[index]) == wanted else "[^/]+?"
    texts[0::2] = map(re.escape, texts[0::2])
    return f"^{''.join(texts)}$"


def _typed(column: str, text: pl.Expr) -> pl.Expr:
    """Return a text in the type of its column: amounts are numbers, all others are texts."""
    return (parse_number(text) if column in AMOUNT_COLUMNS else text).alias(column)
