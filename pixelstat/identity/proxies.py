"""Resolve the client behind proxies from X-Forwarded-For, or from the header that the user names.

Any client can send such a header, but each trusted proxy appends the address that connected to it. So the header is
read from its end, and the first address that is not a trusted proxy is the client. A proxy that connects through a Unix
socket is on the same machine. It is trusted if any proxy is trusted.

If the user names a header and no proxies, every header is believed, and its first address is the client.
"""

from collections.abc import Sequence
from functools import lru_cache

import polars as pl

from pixelstat.frames.columns import internal
from pixelstat.frames.lookup import CACHE_SIZE, replace_where
from pixelstat.schemas import SEPARATOR
from pixelstat.text.addresses import UNIX_SOCKET, Network, normalize_client, parse_address, split_addresses


def resolve_clients(requests: pl.LazyFrame, trusted: Sequence[Network]) -> pl.LazyFrame:
    """Replace the `client` of REQUESTS from trusted proxies by the client behind them.

    If `trusted` is empty, every header is believed.
    """

    @lru_cache(CACHE_SIZE)
    def is_trusted(text: str) -> bool:
        address = parse_address(text)
        return text == UNIX_SOCKET or (address is not None and any(address in network for network in trusted))

    def client_of(client_and_header: str) -> str | None:
        client, _, forwarded = client_and_header.partition(SEPARATOR)
        if not trusted:
            return normalize_client(forwarded) or client
        chain = split_addresses(forwarded)
        while is_trusted(client) and chain:
            client = chain.pop()
        return normalize_client(client)

    resolved = internal("resolved client")
    both = (pl.col("client") + SEPARATOR + pl.col("forwarded_for")).alias(resolved)
    rows = replace_where(requests.with_columns(both), [resolved], lambda text: text.is_not_null(), client_of)
    return rows.with_columns(client=pl.coalesce(resolved, "client")).drop(resolved)
