"""REQUESTS -> EVENTS: one pixel protocol a file, named here once; the house pixel comes last."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import polars as pl

NAMES = ("house",)


@dataclass(frozen=True)
class PixelSample:
    """A request that the protocol claims, and the event it must become."""

    uri: str
    event: dict[str, object]
    referrer: str | None = None


@dataclass(frozen=True)
class PixelProtocol:
    """What a pixel's requests look like and what they say."""

    name: str
    marker: str  # a regular expression that occurs in every line of a request it claims
    claims: pl.Expr  # of REQUESTS: true for its requests
    events: Callable[[pl.LazyFrame], pl.LazyFrame]  # its REQUESTS -> EVENTS without a visitor
    samples: Sequence[PixelSample] = field(default=(), compare=False)
