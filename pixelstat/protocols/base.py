"""Describe a pixel protocol: which requests it claims, and how they become events."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import polars as pl


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
    about: str
    marker: str  # a regular expression that occurs in every line of a request it claims
    claims: pl.Expr  # of REQUESTS: true for its requests
    events: Callable[[pl.LazyFrame], pl.LazyFrame]  # its REQUESTS -> EVENTS without a visitor
    paths: str = ""  # a regular expression that occurs in the path of every request it claims
    samples: Sequence[PixelSample] = field(default=(), compare=False)
    pinned: pl.Expr = field(
        default_factory=lambda: pl.lit(value=False), compare=False
    )  # what is its own, whoever claims it
    is_mailers: bool = False  # its requests come from mails, not from pages
    one_each: bool = False  # each message goes to one person, and so tells who it is
    must_be_named: bool = False  # its requests look like ordinary pages: it is asked only where --protocol names it
