"""Offer JSON logs of any kind as one format, whose keys are inferred from the lines."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import polars as pl

from pixelstat.formats.base import LogFormat, Sample
from pixelstat.formats.builtin import nginx_json
from pixelstat.formats.json import JsonFormat
from pixelstat.formats.json_shape import NAME, infer_json_format
from pixelstat.schemas import READ, Reason

_UNREADABLE = pl.lit("unreadable", Reason)
infer_of_line = lru_cache(256)(lambda line: infer_json_format([line]))


@dataclass(frozen=True)
class InferredJson:
    """JSON logs of any kind. `infer` returns the format of the given lines."""

    samples: Sequence[Sample] = field(default=(), compare=False)
    name: str = NAME
    about: str = "JSON of any service: ECS, Fastly, Azure, Envoy, Vercel, ...; the keys are inferred"

    def matches(self, line: str, header: str | None = None) -> bool:  # noqa: ARG002
        """Return whether the line is an object that holds a request."""
        return infer_of_line(line) is not None

    def with_header(self, header: str | None, line: str = "") -> LogFormat:  # noqa: ARG002
        """Return the format of this line, or the format itself where there is no line to infer it from."""
        return infer_of_line(line) or self

    def infer(self, lines: Sequence[str]) -> JsonFormat | None:
        """Return the format that reads most of these lines."""
        return infer_json_format(lines)

    def parse(self, lines: pl.LazyFrame, zone: str = "UTC") -> pl.LazyFrame:
        """Parse LINES into REQUESTS with their lines (READ), each batch by the format of its first lines."""

        def parse_batch(batch: pl.DataFrame) -> pl.DataFrame:
            inferred = infer_json_format(batch["line"].drop_nulls().to_list())
            requests = (inferred or nginx_json.FORMAT).parse(batch.lazy(), zone)
            return requests.collect() if inferred else requests.with_columns(rejected=_UNREADABLE).collect()

        return lines.map_batches(
            parse_batch, schema=READ, predicate_pushdown=False, projection_pushdown=False, slice_pushdown=False
        )
