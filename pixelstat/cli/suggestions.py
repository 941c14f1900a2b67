"""When a log holds no pixel request: what was requested that might be one."""

from dataclasses import replace

import polars as pl

from pixelstat import protocols
from pixelstat.pipeline import Logs, read
from pixelstat.sources.blocks import rewind_to_head
from pixelstat.sources.lines import Reading

MOST = 5
ENOUGH = 0.01  # of the requests: from so many on, what looks like a pixel that must be named is worth a word


def is_likely() -> pl.Expr:
    """Whether a request may be a pixel's: of an image, or with a query."""
    return pl.col("path").str.contains(r"(?i)\.(?:gif|png|webp|jpe?g|svg|ico)$") | pl.col("query").is_not_null()


def unnamed(requests: pl.DataFrame) -> dict[str, int]:
    """How many requests look like those of each protocol that must be named.

    A tracked address goes to one person, pages are asked for by many: what is asked for again and again is none.
    """
    found = {}
    for protocol in (each for each in protocols.builtin_protocols() if each.must_be_named):
        paths = requests.filter(protocol.claims)["path"]
        if len(paths) and paths.n_unique() * 2 > len(paths):
            found[protocol.name] = len(paths)
    return found


def requested_instead(logs: Logs) -> str:
    """The sentence for a log without pixel requests, with the image or query-carrying paths most asked for."""
    again = replace(logs, groups=[(form, rewind_to_head(group)) for form, group in logs.groups])
    top = (
        read(again, Reading(), wanted=None)
        .filter(pl.col("rejected").is_null(), is_likely())
        .group_by("path")
        .agg(requests=pl.len())
        .sort("requests", "path", descending=[True, False])
        .head(MOST)
        .collect(engine="streaming")
    )
    sentence = "No pixel requests were found."
    if top.is_empty():
        return f"{sentence} No images and nothing with a query was requested either."
    rows = "\n".join(f"    {count:>9,}  --pixel {path}" for path, count in top.iter_rows())
    return f"{sentence} If one of these is your pixel, name it:\n{rows}"
