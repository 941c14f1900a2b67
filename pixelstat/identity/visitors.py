"""One key a visitor: the pixel's visitor id, else the user, else the recipient, else address and agent.

Or it is what visitors are asked to be known by. The kind stands in front of the key, so that keys of different kinds
never collide. Keys are text that any program can make again, in any version: never Polars' `hash()`, which no version
promises.
"""

import hashlib
import re

import polars as pl

from pixelstat.frames.lookup import replace_where
from pixelstat.frames.query_string import parameter, percent_decode
from pixelstat.schemas import ID_KEY, ID_PREFIX

APART = "\x1f"  # stands between address and agent; neither holds it
COOKIE = "cookie:"
TOLD = (ID_KEY, "anonymous_user", "anonymous_recipient")  # what a request itself tells of who sent it
KINDS = ("auto", "visitor", "user", "client")  # what visitors may be known by, beside a parameter and a cookie


def digest(text: str, key: bytes = b"") -> str:
    """96 bits of BLAKE2b over a text, under a key where there is one, as 24 hexadecimal digits."""
    return hashlib.blake2b(text.encode(), key=key, digest_size=12).hexdigest()


def client_key(client_and_agent: str) -> str:
    """The key of who has no id: of address and agent."""
    return "c:" + digest(client_and_agent)


def identified(events: pl.LazyFrame) -> pl.LazyFrame:
    """EVENTS with their `visitor`: null only where nothing at all is known, not even an address.

    A row that is set aside gets no key made of address and agent: bots have many of both, and a key is dear.
    """
    column = pl.col
    rare = pl.coalesce(pl.lit("u:") + column("anonymous_user"), pl.lit("r:") + column("anonymous_recipient"))
    needed = column(ID_KEY).is_null() & column("rare_key").is_null() & column("rejected").is_null()
    keyed = _with_client_key(events.with_columns(rare_key=rare), needed)
    return keyed.with_columns(visitor=pl.coalesce(ID_KEY, "rare_key", "client key"))


def known_by(events: pl.LazyFrame, what: str) -> pl.LazyFrame:
    """Identified EVENTS with the `visitor` that one thing tells, null where it tells none.

    `visitor` is the pixel's visitor id, `user` the user (u:), `client` address and agent (c:), `cookie:NAME` a cookie
    (k:), any other word the parameter of this name in the pixel's query (p:); `auto` is `identified`.
    """
    column = pl.col
    if what == "auto":
        return events
    if what == "visitor":
        return events.with_columns(visitor=pl.when(column("visitor").str.starts_with(ID_PREFIX)).then("visitor"))
    if what == "user":
        return events.with_columns(visitor=pl.lit("u:") + column("user_id"))
    if what == "client":
        keyed = _with_client_key(events, column("rejected").is_null())
        return keyed.with_columns(visitor="client key")
    if what.startswith(COOKIE):
        return events.with_columns(visitor=pl.lit("k:") + _cookie(what.removeprefix(COOKIE)))
    told = events.with_columns(told=parameter(column("query"), (re.escape(what),)))
    return percent_decode(told, ["told"]).with_columns(visitor=pl.lit("p:") + column("told"))


def known_for_a_day(events: pl.LazyFrame, key: bytes) -> pl.LazyFrame:
    """EVENTS with a `visitor` (d:) that no cookie or id tells and that holds for one site and one day in UTC.

    It is 96 bits of BLAKE2b under the project's key over day, address, agent and host: who comes again tomorrow cannot
    be known. Null where the address or the time is not known, or the row is set aside.
    """
    column = pl.col
    known = [column("client"), column("user_agent").fill_null(""), column("host").fill_null("")]
    text = pl.concat_str([day_of(column("time")), *known], separator=APART)
    rows = events.with_columns(pl.when(column("rejected").is_null()).then(text).alias("day key"))
    keyed = replace_where(rows, ["day key"], lambda text: text.is_not_null(), lambda text: "d:" + digest(text, key))
    return keyed.with_columns(visitor="day key")


def day_of(time: pl.Expr) -> pl.Expr:
    """The day as text, `2026-09-07`: in UTC, for no visitor is another because a report is for another zone."""
    return time.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%d")


def _with_client_key(events: pl.LazyFrame, needed: pl.Expr) -> pl.LazyFrame:
    """EVENTS with `client key` where it is needed and the address is known."""
    client, agent = pl.when(needed).then("client"), pl.when(needed).then(pl.col("user_agent").fill_null(""))
    clients = events.with_columns((client + APART + agent).alias("client key"))
    return replace_where(clients, ["client key"], lambda text: text.is_not_null(), client_key)


def _cookie(name: str) -> pl.Expr:
    """The first cookie of this name: as servers read them, of several the one of the nearest path comes first.

    Without the quotes and blanks around it; nothing else is undone. Null where it is empty or `-`.
    """
    found = pl.col("cookies").str.extract(rf'(?:^|;)\s*{re.escape(name)}\s*=\s*("[^"]*"|[^;]*)')
    value = found.str.strip_chars(' \t"')
    return pl.when(~value.is_in(["", "-"])).then(value)
