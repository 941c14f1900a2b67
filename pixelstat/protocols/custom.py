"""A pixel of one's own, as pixelstat.toml describes it: its paths, the parameters that feed its columns, its words.

What the file leaves open is as the house pixel has it: the usual names of parameters and events.
"""

import re
from collections.abc import Sequence

import polars as pl

from pixelstat.config import FEEDS, PART, Pixel
from pixelstat.frames.query_string import percent_decode_path
from pixelstat.protocols.base import PixelProtocol
from pixelstat.protocols.builtin.house import EVENT, METHODS, PAGE, PARAMETERS, VISITOR
from pixelstat.protocols.table import pixel_table, rename_events


def protocol(pixel: Pixel) -> PixelProtocol:
    """The protocol of such a pixel."""
    patterns = [_pattern(path) for path in pixel.paths]
    names: dict[str, Sequence[str]] = {"event": EVENT, "visitor_id": VISITOR, "page_address": PAGE, **PARAMETERS}
    names |= {column: [re.escape(name) for name in given] for column, given in pixel.parameters.items()}
    named = rename_events(pl.col("event"), pixel.events) if pixel.events else pl.col("event")

    def fill(events: pl.LazyFrame) -> pl.LazyFrame:
        parts = {FEEDS.get(part, part) for path in pixel.paths for part in PART.findall(path)}
        there = {*events.collect_schema()}
        for part in sorted(parts):
            found = [pl.col("path").str.extract(_pattern(path, part)) for path in pixel.paths if part in _parts(path)]
            events = percent_decode_path(events.with_columns(part_of_path=pl.coalesce(found)), "part_of_path")
            events = events.with_columns(_typed(part, pl.coalesce("part_of_path", *([part] if part in there else []))))
        fixed = [_typed(FEEDS.get(name, name), pl.lit(value)) for name, value in pixel.values.items()]
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
    return [FEEDS.get(part, part) for part in PART.findall(path)]


def _pattern(path: str, wanted: str | None = None) -> str:
    """The path as a regular expression; the `wanted` part is its group."""
    texts = PART.split(path)
    for place in range(1, len(texts), 2):
        texts[place] = "([^/]+?)" if FEEDS.get(texts[place], texts[place]) == wanted else "[^/]+?"
    texts[0::2] = map(re.escape, texts[0::2])
    return f"^{''.join(texts)}$"


def _typed(column: str, text: pl.Expr) -> pl.Expr:
    return (text.cast(pl.Float64, strict=False) if column == "value" else text).alias(column)
