"""Key each event's visitor: by the pixel's visitor id, else the user, else the recipient, else address and agent.

A letter in front of the key names its kind, so that keys of different kinds never collide: v: visitor id, u: user,
r: recipient, c: address and agent, k: cookie, p: parameter, d: one day. Keys are text that any program can make again,
in any version. So they never come from Polars' `hash()`, which no version promises.
"""

import hashlib
import re
from dataclasses import dataclass, field

import polars as pl

from pixelstat.frames.columns import internal
from pixelstat.frames.lookup import replace_where
from pixelstat.frames.placeholders import drop_placeholder
from pixelstat.frames.query_string import parameter, percent_decode
from pixelstat.schemas import ID_KEY, ID_PREFIX, SEPARATOR

COOKIE = "cookie:"
IDENTITY_COLUMNS = (ID_KEY, "anonymous_user", "anonymous_recipient")  # what a request itself says of its visitor
KEY_KINDS = ("auto", "visitor", "user", "client")  # what --visitor may name, beside a parameter and a cookie
CLIENT_KEY, DAY_KEY, USER_OR_RECIPIENT_KEY = internal("client key"), internal("day key"), internal("rare key")


@dataclass(frozen=True)
class VisitorRules:
    """What identifies a visitor."""

    key: str = "auto"  # one of KEY_KINDS, a parameter's name or cookie:NAME
    is_daily: bool = False  # by address, agent and site, for one day: no cookie or id is read
    secret: bytes = field(default=b"", repr=False)  # the project's key, under which daily keys are hashed

    @property
    def uses_address(self) -> bool:
        """Whether an address can name a visitor."""
        return self.is_daily or self.key in ("auto", "client")


def digest(text: str, key: bytes = b"") -> str:
    """Return 96 bits of BLAKE2b over a text, under a key where there is one, as 24 hexadecimal digits."""
    return hashlib.blake2b(text.encode(), key=key, digest_size=12).hexdigest()


def client_key(client_and_agent: str) -> str:
    """Return the key of a visitor without any id: a hash of address and agent."""
    return "c:" + digest(client_and_agent)


def key_visitors(events: pl.LazyFrame) -> pl.LazyFrame:
    """Add `visitor` by the first identity that the request shows, and drop IDENTITY_COLUMNS.

    `visitor` is null only where nothing is known, not even an address. A rejected row gets no key of address and
    agent: bots have many of both, and hashing them is expensive.
    """
    rare_key = pl.coalesce(pl.lit("u:") + pl.col("anonymous_user"), pl.lit("r:") + pl.col("anonymous_recipient"))
    is_needed = pl.col(ID_KEY).is_null() & pl.col(USER_OR_RECIPIENT_KEY).is_null() & pl.col("rejected").is_null()
    keyed = _add_client_key(events.with_columns(rare_key.alias(USER_OR_RECIPIENT_KEY)), is_needed)
    return keyed.with_columns(visitor=pl.coalesce(ID_KEY, USER_OR_RECIPIENT_KEY, CLIENT_KEY)).drop(
        *IDENTITY_COLUMNS, USER_OR_RECIPIENT_KEY, CLIENT_KEY
    )


def choose_visitor(events: pl.LazyFrame, rules: VisitorRules) -> pl.LazyFrame:
    """Set `visitor` to what --visitor or --cookieless asks for."""
    return set_daily_visitor(events, rules.secret) if rules.is_daily else set_visitor_by_key(events, rules.key)


def set_visitor_by_key(events: pl.LazyFrame, key: str) -> pl.LazyFrame:
    """Set `visitor` to one kind of key; it is null where an event has none.

    `visitor` is the pixel's visitor id, `user` the user (u:), `client` address and agent (c:), `cookie:NAME` a cookie
    (k:). Any other word is the parameter of this name in the pixel's query (p:). `auto` changes nothing.
    """
    if key == "auto":
        return events
    if key == "visitor":
        return events.with_columns(visitor=pl.when(pl.col("visitor").str.starts_with(ID_PREFIX)).then("visitor"))
    if key == "user":
        return events.with_columns(visitor=pl.lit("u:") + pl.col("user_id"))
    if key == "client":
        keyed = _add_client_key(events, pl.col("rejected").is_null())
        return keyed.with_columns(visitor=CLIENT_KEY).drop(CLIENT_KEY)
    if key.startswith(COOKIE):
        return events.with_columns(visitor=pl.lit("k:") + drop_placeholder(_cookie(key.removeprefix(COOKIE))))
    value = internal("parameter")
    rows = events.with_columns(parameter(pl.col("query"), (re.escape(key),)).alias(value))
    return (
        percent_decode(rows, [value]).with_columns(visitor=pl.lit("p:") + drop_placeholder(pl.col(value))).drop(value)
    )


def set_daily_visitor(events: pl.LazyFrame, secret: bytes) -> pl.LazyFrame:
    """Set `visitor` to a key (d:) that holds for one site and one day in UTC, without any cookie or id.

    The key is 96 bits of BLAKE2b under the project's key, over day, address, agent and host. So nobody can recognise
    a visitor who returns tomorrow. It is null where the address or the time is unknown, or the row is rejected.
    """
    identity = [pl.col("client"), pl.col("user_agent").fill_null(""), pl.col("host").fill_null("")]
    text = pl.concat_str([utc_day(pl.col("time")), *identity], separator=SEPARATOR)
    rows = events.with_columns(pl.when(pl.col("rejected").is_null()).then(text).alias(DAY_KEY))
    keyed = replace_where(rows, [DAY_KEY], lambda text: text.is_not_null(), lambda text: "d:" + digest(text, secret))
    return keyed.with_columns(visitor=DAY_KEY).drop(DAY_KEY)


def utc_day(time: pl.Expr) -> pl.Expr:
    """Return the day as text, `2026-09-07`, in UTC: the zone of a report must not change who a visitor is."""
    return time.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%d")


def _add_client_key(events: pl.LazyFrame, is_needed: pl.Expr) -> pl.LazyFrame:
    """Add CLIENT_KEY where it is needed and the address is known."""
    client, agent = pl.when(is_needed).then("client"), pl.when(is_needed).then(pl.col("user_agent").fill_null(""))
    clients = events.with_columns((client + SEPARATOR + agent).alias(CLIENT_KEY))
    return replace_where(clients, [CLIENT_KEY], lambda text: text.is_not_null(), client_key)


def _cookie(name: str) -> pl.Expr:
    """Return the first cookie of this name: servers send the cookie of the nearest path first.

    Quotes and blanks around it are cut off; nothing else is decoded. Null where it is empty or `-`.
    """
    cookie = pl.col("cookies").str.extract(rf'(?:^|;)\s*{re.escape(name)}\s*=\s*("[^"]*"|[^;]*)')
    value = cookie.str.strip_chars(' \t"')
    return pl.when(~value.is_in(["", "-"])).then(value)
