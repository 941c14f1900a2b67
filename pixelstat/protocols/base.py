"""Describe a pixel protocol: which requests it claims, and how they become events."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import polars as pl


@dataclass(frozen=True)
class PixelSample:
    """A request that the protocol claims, and the events that it must become."""

    uri: str
    event: dict[str, object]
    referrer: str | None = None
    others: Sequence[dict[str, object]] = ()  # the events after the first, if the request holds several


@dataclass(frozen=True)
class PixelProtocol:
    """A kind of pixel: how to recognise its requests, and how to turn them into events."""

    name: str
    about: str
    marker: str  # a regular expression that occurs in every line of a request that the protocol claims
    claims: pl.Expr  # over REQUESTS: true for the requests of this protocol
    events: Callable[[pl.LazyFrame], pl.LazyFrame]  # REQUESTS of this protocol -> EVENTS without a visitor
    paths: str = ""  # a regular expression that occurs in the path of every request that the protocol claims
    samples: Sequence[PixelSample] = field(default=(), compare=False)
    # Over REQUESTS: true for the requests that belong to this protocol even if another protocol claims them.
    always_claims: pl.Expr = field(default_factory=lambda: pl.lit(value=False), compare=False)
    is_mailer: bool = False  # the requests come from emails, not from pages
    is_per_recipient: bool = False  # each message goes to one person, so the message identifies the recipient
    is_opt_in: bool = False  # the requests look like ordinary pages, so the protocol works only with --protocol NAME
