"""Resolve identities: link the visitor ids, users and recipients that occur together, because they are one person.

The open of an email knows the recipient, a page view the visitor id, an order the user. Keys in one event, or in the
address of its page, belong to one person. So do keys that occur with any of these in other events.

Keys that are shared by many people must not link them, or thousands of people become one:
- words of a page that knew no value ("default", "test"); plainer placeholders ("null", "0") are no keys at all;
- keys beside more keys of one kind than a person has (the cookie of a kiosk, the user of a test, a forwarded email);
- address and user agent, which a whole office has in common.
"""

from collections.abc import Mapping

import polars as pl

from pixelstat.frames.placeholders import UNLINKABLE_ID
from pixelstat.frames.query_string import parameter, percent_decode
from pixelstat.vocabulary import is_email_event

# Kind of key -> how many different keys of this kind may occur with one key. A person is named by the first of their
# keys: by kind in this order, then by the alphabet. Some browsers forget a visitor id within a week, and some senders
# give each email another recipient, so one person may have a hundred of these. Users are names of accounts: twenty are
# many for a family.
MAX_KEYS_BESIDE = {"u": 20, "r": 100, "v": 100, "p": 100, "k": 100}

# Kind of key -> parameters of a page's address that hold it. Ambiguous names are left out: there `cid` is a campaign
# and `client_id` a program.
LANDING_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "u": ("user_id", "uid"),
    "r": ("rcpt", "recipient", "subscriber"),
    "v": ("vid", "visitor_id", "anonymous_id"),
}

UNLINKABLE = rf"^(?:(?s:[cd]:.*)|[urvpk]:{UNLINKABLE_ID})$"


def find_co_occurring_keys(events: pl.LazyFrame) -> pl.LazyFrame:
    """Return the keys that occur together in one event: EVENTS -> `keys`, a list of at least two, each list once.

    Keys are the visitor, the user and the recipient of the event, and those in the query of its page. Rejected events
    are ignored. Keys that match UNLINKABLE are left out.
    """
    event_keys = {
        "visitor": pl.col("visitor"),
        "u": pl.lit("u:") + pl.col("user_id"),
        "r": pl.lit("r:") + pl.col("recipient"),
    }
    queries = [pl.col("page_query"), pl.col("http_referer").str.extract(r"\?([^#]*)")]
    landing = pl.when(~is_email_event()).then(pl.concat_str(queries, separator="&", ignore_nulls=True))
    landing_keys = [f"landing_{kind}" for kind in LANDING_PARAMETERS]
    rows = (
        events.filter(pl.col("rejected").is_null())
        .select(**event_keys, landing=landing)
        .select(
            *event_keys,
            *(parameter(pl.col("landing"), LANDING_PARAMETERS[name[-1]]).alias(name) for name in landing_keys),
        )
        .filter(pl.any_horizontal(pl.col(name).is_not_null() for name in ("u", "r", *landing_keys)))
    )
    columns = [*event_keys, *landing_keys]
    return (
        percent_decode(rows, landing_keys)
        .with_columns((pl.lit(f"{name[-1]}:") + pl.col(name)).alias(name) for name in landing_keys)
        .select(pl.when(~pl.col(name).str.contains(UNLINKABLE)).then(name).alias(name) for name in columns)
        .unique()
        .select(keys=pl.concat_list(columns).list.drop_nulls().list.unique())
        .filter(pl.col("keys").list.len() > 1)
    )


def link_keys(co_occurring: pl.DataFrame) -> pl.DataFrame:
    """Return the person of each linked key: `keys` that occur together -> `visitor`, `person`.

    Keys without a link are left out. The result does not depend on the order of the rows: all rows together decide
    which keys may not link others, before any link is made.
    """
    key, neighbour = pl.col("key"), pl.col("neighbour")
    rows = co_occurring.with_row_index("row").explode("keys")
    neighbours = rows.join(rows, on="row", suffix="_neighbour").select(key="keys", neighbour="keys_neighbour")
    neighbours = neighbours.filter(key != neighbour).unique()
    counts = neighbours.group_by("key", kind=neighbour.str.head(1)).len()
    shared = counts.filter(pl.col("len") > pl.col("kind").replace_strict(MAX_KEYS_BESIDE))["key"].implode()
    links = neighbours.filter(key < neighbour, ~key.is_in(shared), ~neighbour.is_in(shared))
    parents: dict[str, str] = {}
    for first, second in links.iter_rows():
        least, greater = sorted((_find_root(parents, first), _find_root(parents, second)), key=_rank)
        parents[greater] = least
    persons = {key: _find_root(parents, key) for key in list(parents)}
    return pl.DataFrame(
        {"visitor": list(persons), "person": list(persons.values())}, {"visitor": pl.String, "person": pl.String}
    )


def apply_identities(events: pl.LazyFrame, people: pl.DataFrame) -> pl.LazyFrame:
    """Replace the `visitor` of EVENTS with the key of the person, where `people` (visitor, person) has one."""
    joined = events.join(people.lazy(), on="visitor", how="left", maintain_order="left")
    return joined.with_columns(visitor=pl.coalesce("person", "visitor")).drop("person")


def _find_root(parents: dict[str, str], key: str) -> str:
    """Return the first of the keys that are linked with this one so far. Halves the path for the next search."""
    while (parent := parents.setdefault(key, key)) != key:
        parents[key] = parents[parent]
        key = parent
    return key


def _rank(key: str) -> tuple[int, str]:
    """Return what keys are sorted by: their kind, then the alphabet."""
    return list(MAX_KEYS_BESIDE).index(key[0]), key
