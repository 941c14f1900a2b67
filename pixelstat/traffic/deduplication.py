"""Deduplicate hits: one hit that a log holds twice counts once, at its first time.

Two rows are copies of one hit if one of these holds:

1. They have the same order id and the same site. All hosts of `own_hosts` are one site, each other host is its own.
2. Without an order id: the pixel sent the same deduplication key with both.
3. Without either: one visitor requested the same path and query from the same page, with the same X-Forwarded-For,
   less than a second after the hit's first copy, and both rows are the same event of their requests. The pixel fired
   twice, or the line was logged twice. Rows without a visitor are compared by address and agent.

Of copies of one time, the one with a value counts, and of several the one with the lowest value. The rest of the order
comes from hashes, which are equal wherever the values are.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from pixelstat.frames.batches import tap_whole
from pixelstat.frames.clusters import find_cluster_starts
from pixelstat.frames.columns import internal
from pixelstat.schemas import VALUE_COLUMNS
from pixelstat.vocabulary import reject

HASHED_COLUMNS = ("path", "query", "http_referer", "forwarded_for")  # copies of one request agree in these
REQUEST_HASH = internal(
    "request hash"
)  # UInt64, equal where HASHED_COLUMNS and `event_number` are; valid within one run
LESS_THAN_A_SECOND = timedelta(seconds=1) - timedelta.resolution
HIT_COLUMNS = ("hit", "first")  # what `number_hits` adds
STATED = internal("stated hit")  # the hit by an order id or by the pixel's own key
# Bits of `first` below the time: whether the value is missing, the value in cents, and two hashes.
_HASH, _CENTS = 1 << 16, 1 << 41
_MISSING, _TIME = _CENTS * _HASH * _HASH, 2 * _CENTS * _HASH * _HASH


@dataclass(frozen=True)
class HitRules:
    """When two rows are copies of one hit."""

    keeps_copies: bool = False  # every row is a hit of its own
    may_lack_visitors: bool = False  # then address and agent are compared where `visitor` is null
    has_fractions: bool = False  # times may be finer than a second, so that copies may differ in their second
    own_hosts: Sequence[str] = ()  # these hosts and those below them number their orders together


def number_hits(events: pl.LazyFrame, rules: HitRules = HitRules()) -> pl.LazyFrame:
    """Add `hit`, the same number for copies of one hit, and `first`, the rank of a copy.

    Needs REQUEST_HASH and `order`, the order id of purchases. `hit` is UInt64 and valid within one run. `first` is
    Int128: the copy with the lowest rank counts. It is null where copies are identical.
    """
    if rules.keeps_copies:
        return number_rows(events)
    # Each column is hashed with a seed of its own, so that equal values of two columns differ.
    request = pl.col(REQUEST_HASH) ^ pl.col("visitor").hash(11)
    if not rules.has_fractions:
        request = request ^ pl.col("time").dt.epoch("s").hash(10)
    if rules.may_lack_visitors:  # `key_visitors` leaves null only where the address is unknown, other keys leave more
        for seed, name in enumerate(("client", "user_agent"), 7):
            request = request ^ pl.when(pl.col("visitor").is_null()).then(name).hash(seed)
    by_key = pl.when(pl.col("dedup_key").is_not_null()).then(pl.col("protocol").hash(9) ^ pl.col("dedup_key").hash(6))
    site = name_site(pl.col("order_host"), rules.own_hosts)
    by_order = pl.when(pl.col("order").is_not_null()).then(pl.col("order").hash(5) ^ site.hash(12))
    numbered = (
        events.with_columns(pl.coalesce(by_order, by_key).alias(STATED))
        .with_columns(hit=pl.coalesce(STATED, request), first=_rank_copies())
        .drop(STATED)
    )
    if not rules.has_fractions:
        return numbered
    return tap_whole(numbered, split_by_time, ["time", "hit", "first", "rejected"])


def split_by_time(rows: pl.DataFrame) -> pl.DataFrame:
    """Give the same requests of a visitor one `hit` only while less than a second passes since its first copy.

    All rows of all logs must be here. Rows whose `first` is not null keep their `hit`. Rejected rows are left out.
    """
    is_split = rows["first"].is_null() & rows["rejected"].is_null() & rows["time"].is_not_null()
    requests = rows.filter(is_split)
    starts = find_cluster_starts(requests["hit"], requests["time"], LESS_THAN_A_SECOND)
    hits = requests.select(pl.col("hit") ^ starts.hash(10)).to_series()
    return rows.with_columns(rows["hit"].scatter(is_split.arg_true(), hits))


def name_site(host: pl.Expr, own_hosts: Sequence[str]) -> pl.Expr:
    """Return the site that numbers its orders on its own: the host without `www.`, or the first of `own_hosts`.

    It is null for a host that is unknown.
    """
    site = host.str.strip_prefix("www.")
    if not own_hosts:
        return site
    is_own = site.str.contains(rf"^(?:.*\.)?(?:{'|'.join(map(re.escape, own_hosts))})$")
    return pl.when(is_own).then(pl.lit(own_hosts[0])).otherwise(site)


def _rank_copies() -> pl.Expr:
    """Return the rank of copies of stated hits: by time, then a value before none, then by value, visitor, request."""
    columns = [STATED, "time", "value", "visitor", REQUEST_HASH]
    return pl.map_batches(columns, _rank_stated, return_dtype=pl.Int128, is_elementwise=True)


def _rank_stated(columns: Sequence[pl.Series]) -> pl.Series:
    """Return the rank of each row. Few rows are stated hits, and the others have null."""
    rows = pl.DataFrame(dict(zip(("stated", "time", "value", "visitor", "request"), columns, strict=True)))
    ranks = pl.Series([None], dtype=pl.Int128).new_from_index(0, len(rows))
    is_stated = rows["stated"].is_not_null()
    if not is_stated.any():
        return ranks
    cents = (pl.col("value") * 100).round().fill_null(0).clip(-_CENTS // 2, _CENTS // 2 - 1) + _CENTS // 2
    parts = {
        _TIME: pl.col("time").to_physical(),
        _MISSING: pl.col("value").is_null(),
        _HASH * _HASH: cents,
        _HASH: pl.col("visitor").hash(13) % _HASH,
        1: pl.col("request") % _HASH,
    }
    rank = pl.sum_horizontal(part.cast(pl.Int128) * pl.lit(factor, pl.Int128) for factor, part in parts.items())
    return ranks.scatter(is_stated.arg_true(), rows.filter(is_stated).select(rank).to_series())


def number_rows(events: pl.LazyFrame) -> pl.LazyFrame:
    """Add `hit` and `first` as if no two rows were copies of one hit."""
    row = internal("row")
    numbered = events.with_row_index(row)
    return numbered.with_columns(hit=pl.col(row).cast(pl.UInt64), first=pl.lit(None, pl.Int128)).drop(row)


def reject_later_copies(events: pl.LazyFrame) -> pl.LazyFrame:
    """Reject each row whose hit has a copy with a lower `first`, as a duplicate. It gathers all rows in memory.

    A row that was rejected before keeps its reason, and its copies are later ones all the same. Where `first` is null,
    the copies are identical and stay.
    """
    return tap_whole(events, _reject_later_copies, ["hit", "first", "rejected"])


def _reject_later_copies(rows: pl.DataFrame) -> pl.DataFrame:
    row = internal("row")
    stated = rows.lazy().select("hit", "first", "rejected").with_row_index(row).filter(pl.col("first").is_not_null())
    is_later = pl.col("first") > pl.col("first").min().over("hit")
    later = stated.filter(is_later, pl.col("rejected").is_null()).select(row).collect().to_series()
    if later.is_empty():
        return rows
    return rows.with_columns(rows["rejected"].scatter(later, "duplicate"))


def find_repeated_hits(events: pl.LazyFrame) -> pl.LazyFrame:
    """Return the hits of these EVENTS that have differing copies: `hit`, and what is known of them all.

    `first` is that of the first copy, `value` and VALUE_COLUMNS are those of the first copy with a value.
    """
    first, valued = pl.col("first"), pl.col("first").filter(pl.col("value").is_not_null())
    is_valued = first == valued.min()
    copies = (
        events.filter(first.is_not_null())
        .group_by("hit")
        .agg(first.min(), pl.col("value", *VALUE_COLUMNS).filter(is_valued).first(), last=first.max())
    )
    return copies.filter(first < pl.col("last")).drop("last")


def resolve_known_copies(events: pl.LazyFrame, copies: pl.DataFrame) -> pl.LazyFrame:
    """Reject later copies as duplicates, and give a first copy without a value that of a later one.

    `copies` are the hits of `find_repeated_hits`.
    """
    if copies.is_empty():
        return events
    names = {name: internal(f"{name} of copies") for name in ("first", "value", *VALUE_COLUMNS)}
    joined = events.join(copies.lazy().rename(names), on="hit", how="left", maintain_order="left")
    is_later = (pl.col("first") > pl.col(names["first"])).fill_null(value=False)
    is_filled = pl.col("value").is_null() & pl.col(names["value"]).is_not_null()
    filled = joined.with_columns(
        value=pl.coalesce("value", names["value"]),
        **{name: pl.when(is_filled).then(pl.coalesce(names[name], name)).otherwise(name) for name in VALUE_COLUMNS},
    )
    return reject(filled, {"duplicate": is_later}).drop(names.values())


def deduplicate(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Keep the first copy of each hit, and drop HIT_COLUMNS."""
    others = [name for name in rows.collect_schema() if name not in HIT_COLUMNS]
    first = pl.col("first").fill_null(0)
    return rows.group_by("hit").agg(pl.col(name).min_by(first) for name in others).select(others)


def drop_later_copies(rows: pl.DataFrame) -> pl.DataFrame:
    """Drop rows whose hit has a copy with a lower `first`. Where `first` is null all copies stay."""
    keyed = rows.filter(pl.col("first").is_not_null())
    if keyed["hit"].n_unique() == len(keyed):
        return rows
    first = keyed.group_by("hit").agg(pl.exclude("hit").min_by("first")).select(rows.columns)
    return pl.concat([rows.filter(pl.col("first").is_null()), first])


class HitFilter:
    """Passes each hit once, over all batches of a run: of differing copies the first that comes."""

    def __init__(self) -> None:
        self.passed: set[int] = set()

    def keep_new(self, batch: pl.DataFrame) -> pl.DataFrame:
        """Return the rows of hits that have not passed yet. Needs `hit`."""
        batch = batch.filter(pl.col("hit").is_first_distinct())
        hits = batch["hit"].to_list()
        is_new = pl.Series([hit not in self.passed for hit in hits], dtype=pl.Boolean)
        self.passed.update(hits)
        return batch.filter(is_new)


def unite_identical_copies(rows: pl.DataFrame, numbers: pl.Series) -> pl.Series:
    """Return the numbers of the rows, in which all identical copies of a hit have the number of the first copy."""
    row = internal("row")
    hits = rows.lazy().select("hit", "time", "first", "rejected", number=numbers).with_row_index(row)
    copies = hits.filter(pl.col("first").is_null(), pl.col("rejected").is_null(), pl.col("hit").is_duplicated())
    first = pl.col("number").sort_by("time", row).first().over("hit")
    united = copies.select(row, first.alias("number")).collect()
    return numbers.scatter(united[row], united["number"])
