"""Suggest what may be a pixel in a log that holds no pixel request."""

from dataclasses import replace

import polars as pl

from pixelstat import protocols
from pixelstat.event_streams import read_requests
from pixelstat.formats.assignment import LogSet
from pixelstat.sources.blocks import limit_streams_to_beginning
from pixelstat.sources.lines import Reading

MAX_SUGGESTIONS = 5
MIN_SHARE = 0.01  # of the requests: what looks like an opt-in pixel this often is worth a hint


def may_be_pixel() -> pl.Expr:
    """Return whether a request may be for a pixel: for an image, or with a query."""
    return pl.col("path").str.contains(r"(?i)\.(?:gif|png|webp|jpe?g|svg|ico)$") | pl.col("query").is_not_null()


def count_opt_in_pixels(requests: pl.DataFrame) -> dict[str, int]:
    """Return how many requests look like those of each protocol that must be named.

    A tracked address goes to one person, while many people request a page. So a protocol whose paths repeat is left
    out.
    """
    counts = {}
    for protocol in (protocol for protocol in protocols.builtin_protocols() if protocol.is_opt_in):
        paths = requests.filter(protocol.claims)["path"]
        if len(paths) and paths.n_unique() * 2 > len(paths):
            counts[protocol.name] = len(paths)
    return counts


def suggest_pixels(logs: LogSet) -> str:
    """Return a sentence with the most requested paths that may be pixels: images, or paths with a query."""
    from_start = replace(logs, by_format=[(form, limit_streams_to_beginning(group)) for form, group in logs.by_format])
    top = (
        read_requests(from_start, Reading())
        .filter(pl.col("rejected").is_null(), may_be_pixel())
        .group_by("path")
        .agg(requests=pl.len())
        .sort("requests", "path", descending=[True, False])
        .head(MAX_SUGGESTIONS)
        .collect(engine="streaming")
    )
    sentence = "No pixel requests were found."
    if top.is_empty():
        return f"{sentence} No request was for an image or had a query."
    rows = "\n".join(f"    {count:>9,}  --pixel {path}" for path, count in top.iter_rows())
    return f"{sentence} If one of these is your pixel, name it:\n{rows}"
