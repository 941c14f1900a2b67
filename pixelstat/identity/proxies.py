"""Resolve the client behind proxies, by X-Forwarded-For or the header that the user names.

Anybody can send a header, so it is read from its end, address by address, as far as trusted proxies wrote it. The
first address that is not a trusted proxy is the client. A proxy that connects through a Unix socket is on the same
machine, and trusted wherever any proxy is. Where the user names a header and no proxies, the header is believed: then
its first address is the client.
"""

from collections.abc import Sequence
from functools import lru_cache

import polars as pl

from pixelstat.frames.columns import internal
from pixelstat.frames.lookup import CACHE_SIZE, replace_where
from pixelstat.schemas import SEPARATOR
from pixelstat.text.addresses import UNIX_SOCKET, Network, normalize_client, parse_address, split_addresses


def resolve_clients(requests: pl.LazyFrame, trusted: Sequence[Network]) -> pl.LazyFrame:
    """Replace the `client` of REQUESTS that trusted proxies sent with the client behind them. Others keep theirs.

    Without any proxy in `trusted`, every client is a proxy and its header is believed.
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
