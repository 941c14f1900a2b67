"""Replace personal data by pseudonyms: only the holder of the project's key can tell whose they are.

A pseudonym is `h:` and 96 bits of BLAKE2b under the project's key. The same key and text give the same pseudonym,
tomorrow and in any version. So pseudonymised events count the same visitors and the same duplicates as the original.

Personal data are the keys of people, and the request as it was logged, which holds them too: client, path, query,
cookies, X-Forwarded-For; in the Referer, the referrer and the link the part after the question mark. What people looked
at stays: page, event, campaign, products, order, agent and custom columns.
"""

from collections.abc import Mapping, Sequence

import polars as pl

from pixelstat.frames.columns import internal
from pixelstat.frames.lookup import replace_where
from pixelstat.frames.placeholders import UNLINKABLE_ID
from pixelstat.identity.visitors import digest, utc_day
from pixelstat.schemas import PSEUDONYM_PREFIX, SEPARATOR

PSEUDONYM = rf"\[?{PSEUDONYM_PREFIX}[0-9a-f]{{24}}\]?"  # in brackets: of a placeholder, which identifies nobody
PERSONAL_COLUMNS: Mapping[str, Sequence[str]] = {  # a regular expression of the part that stays: the columns
    "(?:[a-z]:)?": ("visitor",),
    "": (
        "user_id", "recipient", "message", "session_id", "dedup_key", "client", "forwarded_for", "cookies", "path",
        "query", "page_query",
    ),
    "[^?#]*[?#]": ("http_referer", "referrer", "link"),
}  # fmt: skip
PSEUDONYMISED_COLUMNS = tuple(name for names in PERSONAL_COLUMNS.values() for name in names)
PEOPLE_COLUMNS = ("visitor", "user_id", "recipient")  # these may hold a placeholder
REPORT_IDENTIFIERS = (*PEOPLE_COLUMNS, "client")  # columns of reports that identify people, whether asked for or not


def pseudonymize(
    events: pl.LazyFrame, key: bytes, per_recipient: Sequence[str] = (), *, daily: bool = False
) -> pl.LazyFrame:
    """Replace personal data in EVENTS, or in some of their columns, by pseudonyms. Pseudonyms stay as they are.

    A `message` is personal where its protocol is one of `per_recipient`: those send each message to one person. With
    `daily` the same text gets another pseudonym on each day in UTC; that needs the column `time`.
    """
    present = events.collect_schema().names()
    for prefix, names in PERSONAL_COLUMNS.items():
        columns = [name for name in names if name in present]
        people = [name for name in columns if name in PEOPLE_COLUMNS]
        for group, open_text, shape in ((people, f"{UNLINKABLE_ID}$", "[{}]"), (columns, "(?s:.)", "{}")):
            is_open = {
                name: pl.col(name).str.contains(f"^{prefix}{open_text}")
                & pl.col(name).str.contains(f"^{prefix}{PSEUDONYM}$").not_()
                & (pl.col("protocol").is_in(per_recipient) if name == "message" else pl.lit(value=True))
                for name in group
            }
            events = _replace_open(events, is_open, prefix, key, shape, daily=daily)
    return events


def _replace_open(
    events: pl.LazyFrame, is_open: Mapping[str, pl.Expr], prefix: str, key: bytes, shape: str, *, daily: bool
) -> pl.LazyFrame:
    """Replace the text behind the prefix by a pseudonym of this shape, in each column where its `is_open` holds."""

    def pseudonym(text: str) -> str:
        return shape.format(PSEUDONYM_PREFIX + digest(text, key))

    day = utc_day(pl.col("time")) + SEPARATOR if daily else pl.lit("")
    rest = {name: internal(f"rest of {name}") for name in is_open}
    rows = events.with_columns(
        pl.when(holds).then(day + pl.col(name).str.replace(f"^{prefix}", "")).alias(rest[name])
        for name, holds in is_open.items()
    )
    rows = replace_where(rows, rest.values(), lambda text: text.is_not_null(), pseudonym)
    replaced = [
        pl.coalesce(pl.col(name).str.extract(f"^({prefix})") + pl.col(rest[name]), name).alias(name) for name in is_open
    ]
    return rows.with_columns(replaced).drop(*rest.values())
