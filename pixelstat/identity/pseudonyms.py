"""Keys that leave the program: who has the project's key can tell whose they are, others only which are the same.

A pseudonym is `h:` and 96 bits of BLAKE2b under the key: the same key and text give the same one, tomorrow and in any
version. So events of pseudonyms count the same visitors and the same duplicates as those they were made of.

Hidden are the keys of people and the request as it was logged, which holds them too: client, path, query, cookies,
X-Forwarded-For; of the Referer, the referrer and the link what is behind their question mark. What was seen stays:
page, event, campaign, products, order, agent, and columns of one's own.
"""

from collections.abc import Mapping, Sequence

import polars as pl

from pixelstat import protocols
from pixelstat.frames.lookup import replace_where
from pixelstat.identity.stitching import NOBODY
from pixelstat.identity.visitors import APART, day_of, digest

BEGINNING = "h:"
PSEUDONYM = rf"\[?{BEGINNING}[0-9a-f]{{24}}\]?"  # in brackets: of a placeholder, which is nobody's and joins nothing
HIDDEN: Mapping[str, Sequence[str]] = {  # what stays in front, as a regular expression: in these columns
    "(?:[a-z]:)?": ("visitor",),
    "": (
        "user_id", "recipient", "message", "session_id", "key", "client", "forwarded_for", "cookies", "path", "query",
        "page_query",
    ),
    "[^?#]*[?#]": ("http_referer", "referrer", "link"),
}  # fmt: skip
COLUMNS = tuple(name for names in HIDDEN.values() for name in names)
OF_PEOPLE = ("visitor", "user_id", "recipient")  # the columns that may hold a placeholder
OF_WHOM = (*OF_PEOPLE, "client")  # the columns of reports that tell who somebody is, whether asked for or not


def hidden(events: pl.LazyFrame, key: bytes, *, daily: bool = False) -> pl.LazyFrame:
    """EVENTS, or some of their columns, with pseudonyms for what tells who somebody is. A pseudonym stays as it is.

    A `message` is one where the mailer sends each to one person, which `protocol` must tell. `daily` gives the same
    text another pseudonym on each day in UTC, which `time` must tell.
    """
    there = events.collect_schema().names()
    one_each = [protocol.name for protocol in protocols.builtin_protocols() if protocol.one_each]
    for front, names in HIDDEN.items():
        columns = [name for name in names if name in there]
        people = [name for name in columns if name in OF_PEOPLE]
        for of_these, open_text, shape in ((people, f"{NOBODY}$", "[{}]"), (columns, "(?s:.)", "{}")):
            is_open = {
                name: pl.col(name).str.contains(f"^{front}{open_text}")
                & pl.col(name).str.contains(f"^{front}{PSEUDONYM}$").not_()
                & (pl.col("protocol").is_in(one_each) if name == "message" else pl.lit(value=True))
                for name in of_these
            }
            events = _replaced(events, is_open, front, key, shape, daily=daily)
    return events


def _replaced(
    events: pl.LazyFrame, is_open: Mapping[str, pl.Expr], front: str, key: bytes, shape: str, *, daily: bool
) -> pl.LazyFrame:
    """EVENTS with pseudonyms of this shape for what stands behind the front, in the columns where it is open."""

    def pseudonym(text: str) -> str:
        return shape.format(BEGINNING + digest(text, key))

    column = pl.col
    day = day_of(column("time")) + APART if daily else pl.lit("")
    rest = {name: f"rest of {name}" for name in is_open}
    rows = events.with_columns(
        pl.when(holds).then(day + column(name).str.replace(f"^{front}", "")).alias(rest[name])
        for name, holds in is_open.items()
    )
    rows = replace_where(rows, rest.values(), lambda text: text.is_not_null(), pseudonym)
    return rows.with_columns(
        pl.coalesce(column(name).str.extract(f"^({front})") + column(rest[name]), name).alias(name) for name in is_open
    )
