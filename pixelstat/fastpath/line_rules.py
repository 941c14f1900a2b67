"""Describe what the lines of a log format mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from pixelstat.frames.reusable_plan import Stage


@dataclass(frozen=True)
class LineRules:
    """What the lines of one log format mean in this run: which requests are pixels and which parameters matter."""

    may_be_vendor: pl.Expr  # on `path`: true where a protocol before the house pixel may claim the request
    may_be_vendor_without_query: pl.Expr  # on `path`: true where one may claim a request that has no query
    is_house_pixel: pl.Expr  # on `path`, `query` and `method`: true where the house pixel claims the request
    filter_candidates: Stage  # drops rows whose `line` no protocol can claim, so that nobody has to parse them
    custom_columns: Mapping[str, Sequence[str]]  # name of each custom column -> the parameters that fill it
    consent_parameters: Sequence[str]  # a request with one of these carries a consent signal
    parse: Stage  # LINES -> rows of `schema`, one a line, by expressions: for lines that are not simple
    schema: pl.Schema  # the columns of parsed requests, on both ways
