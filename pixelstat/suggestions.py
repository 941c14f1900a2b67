"""When a log holds no pixel request: what was requested that might be one."""

from dataclasses import replace

import polars as pl

from pixelstat.pipeline import Logs, read
from pixelstat.source import Reading, beginnings

MOST = 5


def requested_instead(logs: Logs) -> str:
    """The sentence for a log without pixel requests, with the image or query-carrying paths most asked for."""
    path = pl.col("path")
    likely = path.str.contains(r"(?i)\.(?:gif|png|webp|jpe?g|svg|ico)$") | pl.col("query").is_not_null()
    again = replace(logs, groups=[(form, beginnings(group)) for form, group in logs.groups])
    top = (
        read(again, Reading(), wanted=None)
        .filter(pl.col("rejected").is_null(), likely)
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
