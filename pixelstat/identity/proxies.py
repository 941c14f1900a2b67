"""Who asked, behind proxies: the client out of X-Forwarded-For, where the one that asked is a proxy we trust.

Anybody can send the header. So it is believed from its end, address by address, as far as trusted proxies
wrote it: the first that is none of them is the client.
"""

from collections.abc import Sequence
from functools import lru_cache

import polars as pl

from pixelstat.frames.lookup import CACHE_SIZE, replace_where
from pixelstat.text.addresses import Network, parse_address

APART = "\x1f"


def with_clients(requests: pl.LazyFrame, trusted: Sequence[Network]) -> pl.LazyFrame:
    """REQUESTS with the `client` that trusted proxies asked for; others keep theirs."""

    @lru_cache(CACHE_SIZE)
    def is_trusted(text: str) -> bool:
        found = parse_address(text)
        return found is not None and any(found in network for network in trusted)

    def client_of(both: str) -> str:
        client, _, forwarded = both.partition(APART)
        chain = [part.strip() for part in forwarded.replace("%20", " ").split(",") if part.strip()]
        while is_trusted(client) and chain:
            client = chain.pop()
        found = parse_address(client)
        return str(found) if found else client

    both = pl.col("client") + APART + pl.col("forwarded_for")
    rows = replace_where(requests.with_columns(both=both), ["both"], lambda text: text.is_not_null(), client_of)
    return rows.with_columns(client=pl.coalesce("both", "client")).drop("both")
