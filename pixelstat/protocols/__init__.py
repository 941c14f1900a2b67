"""REQUESTS -> EVENTS: one pixel protocol a file, named here once; the house pixel comes last and yields to any other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module

import polars as pl

NAMES = (
    "matomo", "snowplow", "ga4", "ga_measurement", "ga_classic", "goatcounter", "owa", "countly", "fathom",
    "simple_analytics", "segment", "rudderstack", "mixpanel", "posthog", "mautic", "meta", "linkedin", "pinterest",
    "microsoft_uet", "x_ads", "snap", "house",
)  # fmt: skip


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


@cache
def of_vendors() -> tuple[PixelProtocol, ...]:
    """Every protocol but the house pixel, in the order in which a request is offered to them."""
    return tuple(import_module(f"pixelstat.protocols.{name}").PROTOCOL for name in NAMES if name != "house")
