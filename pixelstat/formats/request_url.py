"""Put together the address of a request that JSON logs hold in several keys: a request line, a target, a query."""

import polars as pl

_ADDRESS = r"^(?:/|[A-Za-z][A-Za-z0-9+.-]*://)"


def build_url(fields: pl.LazyFrame) -> pl.LazyFrame:
    """Replace `request`, `target` and `args` by `url`, `method` and `has_request`.

    `request` is the whole request line, or only its target. `target` is an address and `args` its query, which may
    also be part of it. Of the request line and the target, the one with a query counts, or else the request line: a
    server may have rewritten the target.
    """
    line = pl.col("request").str.replace(r" HTTP/\d(?:\.\d)?$", "")
    words = line.str.splitn(" ", 2).struct
    is_address = pl.col("request").str.contains(_ADDRESS)
    fields = fields.with_columns(
        requested=pl.when(is_address).then(line).otherwise(words.field("field_1")),
        method=pl.coalesce("method", pl.when(~is_address).then(words.field("field_0"))),
        args=pl.col("args").str.strip_chars().str.strip_prefix("?"),
    )
    has_args = pl.col("args").is_not_null() & (pl.col("args") != "") & (pl.col("args") != "-")
    address = pl.coalesce("requested", "target")
    return fields.with_columns(
        url=pl.when(_has_query("requested"))
        .then("requested")
        .when(_has_query("target"))
        .then("target")
        .when(has_args)
        .then(address + "?" + pl.col("args"))
        .otherwise(address),
        has_request=pl.col("request").is_not_null(),
    ).drop("request", "target", "args", "requested")


def _has_query(name: str) -> pl.Expr:
    return pl.col(name).str.contains("?", literal=True).fill_null(value=False)
