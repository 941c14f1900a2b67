"""Build the URL of a request that a JSON log stores under several keys: request line, target and query."""

import polars as pl

from pixelstat.formats.normalize import strip_http_version


def build_url(fields: pl.LazyFrame) -> pl.LazyFrame:
    """Replace `request`, `target` and `args` by `url`, `method` and `has_request`.

    `request` is the whole request line. `target` is a URL with or without its query, and `args` is the query. The
    request line counts if it has a query, else the target if it has one. Otherwise the URL of the request line, or of
    the target, gets the query of `args`. The request line comes first because a server can rewrite the target.
    """
    words = strip_http_version(pl.col("request")).str.splitn(" ", 2).struct
    fields = fields.with_columns(words.field("field_0").alias("verb"), words.field("field_1").alias("requested"))
    address = pl.coalesce("requested", "target")
    args = pl.col("args").str.strip_chars().str.strip_prefix("?")
    has_query = pl.col("requested").str.contains("?", literal=True)
    target_has_query = pl.col("target").str.contains("?", literal=True)
    return fields.with_columns(
        url=pl.when(has_query)
        .then("requested")
        .when(target_has_query)
        .then("target")
        .when((args != "") & (args != "-"))
        .then(address + "?" + args)
        .otherwise(address),
        method=pl.coalesce("method", "verb"),
        has_request=pl.col("request").is_not_null(),
    ).drop("request", "target", "args", "verb", "requested")
