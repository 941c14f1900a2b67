"""Join what was spent with groups of touches: the same names, whatever their case and the blanks around them.

A row of the spend belongs to a group if it names the same values. A null belongs to a null, but only beside a name:
spend that names nothing is a group of its own. Nothing is joined because it is similar.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches

import polars as pl

from pixelstat.analysis.orders import exact_sum

FIELDS = {"channel": "channel", "source": "source", "medium": "medium", "utm_campaign": "campaign"}
UNNAMED = "(not named)"  # of spend that names no group
OTHER = "(other)"  # the groups of touches beyond the first, taken together
MEASURES = ("spend", "impressions", "clicks")

Key = tuple[str | None, ...]


@dataclass(frozen=True)
class Groups:
    """The groups of touches and of spend, each with its number, `group`."""

    numbers: pl.DataFrame  # the values of touches as they are, and `group`
    labels: pl.DataFrame  # `group` and the values to show
    of_spend: Mapping[Key, int]  # the values of spend, folded -> `group`
    other: int  # the number of the groups beyond the first, taken together


def list_columns(spend: pl.DataFrame) -> list[str]:
    """Return the columns of touches that the spend names, from the channel to the campaign."""
    return [column for column, field in FIELDS.items() if spend[field].count()]


def fold_name(name: str | None) -> str | None:
    """Return a name without case and without further blanks; None for an empty one."""
    return (" ".join(name.split()).casefold() or None) if name else None


def fold_key(names: Sequence[str | None]) -> Key:
    """Return the names, folded."""
    return tuple(map(fold_name, names))


def read_keys(spend: pl.DataFrame, by: Sequence[str]) -> dict[Key, Key]:
    """Return the groups that the spend names: the folded names, and the first spelling of each in the file."""
    keys: dict[Key, Key] = {}
    for names in spend.select(FIELDS[column] for column in by).iter_rows():
        key = fold_key(names)
        keys.setdefault(key, names if any(key) else (UNNAMED,) * len(by))
    return keys


def match_groups(
    touches: pl.DataFrame, columns: Sequence[str], spend: pl.DataFrame, by: Sequence[str], most: int
) -> Groups:
    """Number the groups of touches and of spend together.

    `columns` of the touches hold the values of `by`. Of groups without spend only `most` have a number of their own,
    those with most touches. A group shows the spelling of most of its touches.
    """
    counts: dict[Key, int] = {}
    spellings: dict[Key, Key] = {}
    largest: dict[Key, int] = {}
    values = touches.group_by(columns).len().sort("len", *columns, descending=[True, *[False] * len(columns)])
    for *names, number in values.iter_rows():
        key = fold_key(names)
        counts[key] = counts.get(key, 0) + number
        if number > largest.get(key, 0):
            largest[key], spellings[key] = number, tuple(names)
    named = {key: names for key, names in read_keys(spend, by).items() if any(key)}
    unnamed = [key for key in read_keys(spend, by) if not any(key)]
    others = sorted((key for key in counts if key not in named), key=lambda key: (-counts[key], _sortable(key)))
    shown = sorted([*named, *others[:most]], key=_sortable)
    numbers = {key: number for number, key in enumerate(shown)}
    of_nothing, other = len(shown), len(shown) + 1
    schema = {"group": pl.UInt32(), **dict.fromkeys(by, pl.String())}
    labels = [(numbers[key], *(spellings.get(key) or named[key])) for key in shown]
    labels += [(of_nothing, *[UNNAMED] * len(by)), (other, *[OTHER] * len(by))]
    keys_of_values = [(*names, numbers.get(fold_key(names), other)) for *names, _ in values.iter_rows()]
    return Groups(
        pl.DataFrame(keys_of_values, {**dict.fromkeys(columns, pl.String()), "group": pl.UInt32()}, orient="row"),
        pl.DataFrame(labels, schema, orient="row"),
        {**{key: numbers[key] for key in named}, **dict.fromkeys(unnamed, of_nothing)},
        other,
    )


def _sortable(key: Key) -> tuple[tuple[bool, str], ...]:
    return tuple((name is None, name or "") for name in key)


def number_spend(spend: pl.DataFrame, by: Sequence[str], groups: Groups) -> pl.DataFrame:
    """Add `group` to rows of spend."""
    keys = [groups.of_spend[fold_key(names)] for names in spend.select(FIELDS[column] for column in by).iter_rows()]
    return spend.with_columns(group=pl.Series(keys, dtype=pl.UInt32))


def part_days(spend: pl.DataFrame, first: date | None, last: date | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part the spend of these days from that of the others."""
    is_within = pl.lit(value=True)
    is_within &= pl.col("date") >= first if first else pl.lit(value=True)
    is_within &= pl.col("date") <= last if last else pl.lit(value=True)
    return spend.filter(is_within), spend.filter(~is_within)


def sum_spend(spend: pl.DataFrame, keys: Sequence[str], first_immature: date | None) -> pl.DataFrame:
    """Sum the spend, the impressions and the clicks for these keys; null where no row states them.

    `immature_spend` is the spend from the day `first_immature` on.
    """
    is_immature = pl.col("date") >= first_immature if first_immature else pl.lit(value=False)
    late = pl.col("spend").filter(is_immature)
    return spend.group_by(keys).agg(
        pl.when(pl.col("spend").count() > 0).then(exact_sum(pl.col("spend"))).alias("spend"),
        pl.when(pl.col("spend").count() > 0).then(exact_sum(late)).alias("immature_spend"),
        *(pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()).alias(name) for name in ("impressions", "clicks")),
    )


def find_similar(names: Sequence[str | None], candidates: Iterable[Sequence[str | None]]) -> str | None:
    """Return the candidate whose spelling is most like that of these names; None where none is."""
    texts = {" / ".join(name or "" for name in fold_key(each)): each for each in candidates}
    similar = get_close_matches(" / ".join(name or "" for name in fold_key(names)), texts, 1)
    return name_group(texts[similar[0]]) if similar else None


def name_group(names: Sequence[str | None]) -> str:
    """Return the names of a group as one text."""
    return " / ".join(name or "(none)" for name in names)
