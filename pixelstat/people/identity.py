"""One key a visitor: the pixel's visitor id, else the user, else the recipient, else address and agent.

The kind stands in front of the key, so that keys of different kinds never collide. Keys are text that
any program can make again, in any version: never Polars' `hash()`, which no version promises.
"""

import hashlib

import polars as pl

from pixelstat.vocabulary import changed_where

APART = "\x1f"  # stands between address and agent; neither holds it


def client_key(client_and_agent: str) -> str:
    """The key of who has no id: 96 bits of BLAKE2b over address and agent."""
    return "c:" + hashlib.blake2b(client_and_agent.encode(), digest_size=12).hexdigest()


def identified(events: pl.LazyFrame) -> pl.LazyFrame:
    """EVENTS with their `visitor`: null only where nothing at all is known, not even an address.

    A row that is set aside gets no key made of address and agent: bots have many of both, and a key is dear.
    """
    column = pl.col
    rare = pl.coalesce(pl.lit("u:") + column("anonymous_user"), pl.lit("r:") + column("anonymous_recipient"))
    needed = column("visitor_id").is_null() & column("rare_key").is_null() & column("rejected").is_null()
    client, agent = pl.when(needed).then("client"), pl.when(needed).then(column("user_agent").fill_null(""))
    clients = events.with_columns(rare_key=rare).with_columns(client_key=client + APART + agent)
    keyed = changed_where(clients, ["client_key"], lambda text: text.is_not_null(), client_key)
    return keyed.with_columns(visitor=pl.coalesce(pl.lit("v:") + column("visitor_id"), "rare_key", "client_key"))
