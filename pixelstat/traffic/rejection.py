"""Which rows do not count: each marked with the first reason that holds. Rows are marked, never removed."""

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from pixelstat.frames.lookup import flag_distinct
from pixelstat.schemas import Reason
from pixelstat.text.addresses import Network, parse_address


def reject(rows: pl.LazyFrame, reasons: dict[str, pl.Expr]) -> pl.LazyFrame:
    """Fill `rejected` by the first of these reasons that holds, where no earlier stage has filled it."""
    if not reasons:
        return rows
    found = [pl.when(holds).then(pl.lit(reason, Reason)) for reason, holds in reasons.items()]
    return rows.with_columns(rejected=pl.coalesce("rejected", *found))


def is_refused() -> pl.Expr:
    """The server answered with anything but success, 304 or a redirect. A format without a status refuses nothing."""
    return pl.col("status").is_between(200, 399).not_().fill_null(value=False)


def with_own(requests: pl.LazyFrame, networks: Sequence[Network]) -> pl.LazyFrame:
    """REQUESTS with `is_own`: the client's address lies in one of the networks; IPv4 inside IPv6 counts as IPv4."""

    def inside(client: str) -> bool:
        found = parse_address(client)
        return found is not None and any(found in network for network in networks)

    def are_inside(clients: pl.Series) -> pl.Series:
        return pl.Series([inside(client) for client in clients.to_list()], dtype=pl.Boolean)

    return flag_distinct(requests, "client", are_inside, "is_own")


def is_outside(since: datetime | None, until: datetime | None) -> pl.Expr:
    """Before `since` or at `until` or later."""
    before = pl.col("time") < since if since else pl.lit(value=False)
    after = pl.col("time") >= until if until else pl.lit(value=False)
    return before | after
