"""Define formats whose fields are inferred from the lines of a log."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import polars as pl

from pixelstat.formats.base import LogFormat, Sample
from pixelstat.schemas import READ, Reason

_UNREADABLE = pl.lit("unreadable", Reason)
CACHED_LINES = 256  # whose formats are cached: `matches` and `with_header` infer the same lines


@dataclass(frozen=True)
class InferredFormat:
    """A format that stands for many layouts, and infers the layout of a log from its lines.

    `infer` returns the layout of some lines, or None. Its optional argument `client_header` is described in
    `client_header`. `accepts_misfit` returns whether a line that does not match its log can have the layout inferred
    from it.
    """

    name: str
    about: str
    infer: Callable[..., LogFormat | None] = field(compare=False)
    fallback: LogFormat = field(compare=False)  # gives unreadable lines their columns
    samples: Sequence[Sample] = field(default=(), compare=False)
    accepts_misfit: Callable[[str, LogFormat], bool] = field(default=lambda _line, _format: True, compare=False)

    @cached_property
    def _infer_of_line(self) -> Callable[[str], LogFormat | None]:
        return lru_cache(CACHED_LINES)(lambda line: self.infer([line]))

    def matches(self, line: str, header: str | None = None) -> bool:  # noqa: ARG002
        """Return whether a layout can be inferred from the line."""
        return self._infer_of_line(line) is not None

    def with_header(self, header: str | None, line: str = "") -> LogFormat:  # noqa: ARG002
        """Return the layout of this line, or the format itself if none can be inferred."""
        return self._infer_of_line(line) or self

    def parse(self, lines: pl.LazyFrame, zone: str = "UTC") -> pl.LazyFrame:
        """Parse LINES into REQUESTS with their lines (READ). Each batch has the layout that its lines show."""

        def parse_batch(batch: pl.DataFrame) -> pl.DataFrame:
            inferred = self.infer(batch["line"].drop_nulls().to_list())
            requests = (inferred or self.fallback).parse(batch.lazy(), zone)
            return requests.collect() if inferred else requests.with_columns(rejected=_UNREADABLE).collect()

        return lines.map_batches(
            parse_batch, schema=READ, predicate_pushdown=False, projection_pushdown=False, slice_pushdown=False
        )
