"""Units of a funnel: whose chains they are, into which parts they fall, and which chain of theirs counts."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from pixelstat.analysis.time_series import truncate_local
from pixelstat.funnels.hits import matching
from pixelstat.funnels.matching import chains
from pixelstat.funnels.observed_steps import Seen
from pixelstat.funnels.rules import Rules
from pixelstat.traffic.deduplication import drop_later_copies

UNITS = {"visitor": "visitor", "visit": "visit", "user": "user_id"}
OTHER = "(other)"  # the groups beyond the first, together
UNIT, HELD = "the unit", "what is held"  # with a space, as no column of one's own has


@dataclass(frozen=True)
class Parting:
    """How the events are parted into units, and those into groups with a funnel of their own."""

    unit: str = "visitor"
    hold: str | None = None  # a chain's hits all have one value of this column
    by: Sequence[str] = ()
    touch: str = "first"  # whose value counts: first, last, step:K, all
    top: int = 0  # so many groups, and the others together; 0: all
    every: str | None = None  # a funnel for each hour, day, ... that chains begin in
    tz: str = "UTC"

    @property
    def labels(self) -> list[str]:
        return [f"by {name}" for name in self.by]

    @property
    def step(self) -> int:
        """The number of the step whose hit tells the value; 0: it is not one step's."""
        return int(self.touch.removeprefix("step:")) if self.touch.startswith("step:") else 0


def that_matter(events: pl.LazyFrame, rules: Rules, parting: Parting, period: pl.Expr, seen: Seen) -> pl.LazyFrame:
    """EVENTS -> what chains may look at, or what tells a unit's value: UNIT, time, hit, first, matches, ..."""
    unit, is_strict = pl.col(UNITS[parting.unit]), rules.order == "strict"
    matches = matching([step.hit for step in rules.steps], pl.UInt64())
    universe = (matches > 0) | (pl.lit(value=True) if rules.universe is None else rules.universe)
    rows = events.select(
        "time", "hit", "first", "event",
        unit.alias(UNIT) if parting.unit == "visit" else unit.cast(pl.Categorical()).alias(UNIT),
        *([pl.col("visit").alias("its visit")] if rules.count == "visits" else []),
        *([pl.col(parting.hold).cast(pl.String).alias(HELD)] if parting.hold else []),
        *(pl.col(name).cast(pl.String).alias(label) for name, label in zip(parting.by, parting.labels, strict=True)),
        matches=matches,
        excluded=matching([one.hit for one in rules.exclusions], pl.UInt32()),
        universe=universe if is_strict else pl.lit(value=False),
        may_start=period,
    )  # fmt: skip
    matters = (pl.col("matches") > 0) | (pl.col("excluded") > 0) | pl.col("universe")
    if parting.touch in ("first", "last") and parting.by:
        matters |= pl.any_horizontal(pl.col(parting.labels).is_not_null())
    noticed = seen.past(rows, steps_of, pl.col("matches") == 0)
    return noticed.filter(pl.col(UNIT).is_not_null() & matters).drop("event")


def steps_of(rows: pl.DataFrame) -> set[int]:
    """The numbers of the steps that some unit's hit matches."""
    bits = rows.filter(pl.col(UNIT).is_not_null())["matches"].bitwise_or() if rows.height else 0
    return {number for number in range(1, 65) if isinstance(bits, int) and bits >> number - 1 & 1}


def once(rows: pl.DataFrame) -> pl.DataFrame:
    """Each hit once."""
    return drop_later_copies(rows).unique("hit").drop("hit", "first")


def of_units(rows: pl.DataFrame, rules: Rules, parting: Parting) -> pl.DataFrame:
    """Rows that matter, each hit once -> UNIT, labels, and CHAINS that count: one for each of a unit's groups."""
    parts = [UNIT, *([HELD] if parting.hold else [])]
    is_shown = bool(parting.by) and parting.touch in ("first", "last")
    shown = labels_shown(rows, parting) if is_shown else pl.DataFrame()
    rows = rows.filter(pl.col(HELD).is_not_null()) if parting.hold else rows
    if parting.by and parting.step:
        rows = with_labels_of_step(rows, parting)
    if parting.by and not is_shown:
        parts += parting.labels
    rows = with_group(rows, rules, parting)
    keys = rows.select(parts).unique().with_row_index("key")
    hits = rows.join(keys, on=parts, nulls_equal=True).select("key", "time", "matches", "excluded", "universe", "group")
    hits = hits.filter((pl.col("matches") > 0) | (pl.col("excluded") > 0) | pl.col("universe"))
    found = chains(hits, rules).join(keys.drop(HELD, strict=False), on="key")
    if is_shown:
        found = found.join(shown, on=UNIT, how="left")
    return that_count(among_the_first(found, rules, parting), rules, parting)


def with_group(rows: pl.DataFrame, rules: Rules, parting: Parting) -> pl.DataFrame:
    """Rows with `group`: which of a unit's chains may begin with it; null where none may."""
    starts = pl.col("may_start") & (pl.col("matches") > 0)
    if rules.order != "unordered":
        starts &= pl.col("matches") % 2 == 1
    parts = [pl.col("its visit")] if rules.count == "visits" else []
    parts += [truncate_local(pl.col("time"), parting.every, parting.tz)] if parting.every else []
    group = pl.struct(parts).rank("dense") if parts else pl.lit(0)
    if rules.count == "visits":
        starts &= pl.col("its visit").is_not_null()
    return rows.with_columns(group=pl.when(starts).then(group.cast(pl.UInt32)))


def labels_shown(rows: pl.DataFrame, parting: Parting) -> pl.DataFrame:
    """Of each unit and label the first value that its hits show, or the last; of those of one second the least."""
    shown, is_last = rows.select(UNIT).unique(), parting.touch == "last"
    for label in parting.labels:
        ordered = rows.filter(pl.col(label).is_not_null()).sort("time", label, descending=[is_last, False])
        value = ordered.unique(UNIT, keep="first", maintain_order=True).select(UNIT, label)
        shown = shown.join(value, on=UNIT, how="left")
    return shown


def with_labels_of_step(rows: pl.DataFrame, parting: Parting) -> pl.DataFrame:
    """Rows once for each combination of values that the unit's hits of one step show; of that step only its own hits.

    Units without a hit of the step have no values: null.
    """
    column, labels, bit = pl.col, parting.labels, 1 << parting.step - 1
    of_step = (column("matches") // bit) % 2 == 1
    shown = rows.filter(of_step).select(UNIT, *(column(label).alias(f"its {label}") for label in labels)).unique()
    spread = rows.join(shown, on=UNIT, how="left")
    is_other = pl.any_horizontal(column(label).ne_missing(column(f"its {label}")) for label in labels)
    matches = pl.when(of_step & is_other).then(column("matches") - bit).otherwise("matches").cast(pl.UInt64)
    return spread.with_columns(matches.alias("matches"), *(column(f"its {label}").alias(label) for label in labels))


def among_the_first(found: pl.DataFrame, rules: Rules, parting: Parting) -> pl.DataFrame:
    """CHAINS with OTHER in place of the labels that fewer units show than the `top` first."""
    labels = parting.labels
    if not parting.top or not labels:
        return found
    counted = pl.len() if rules.count == "totals" else pl.col(UNIT).n_unique()
    return with_other(found, found.group_by(labels).agg(units=counted), parting)


def with_other(rows: pl.DataFrame, counted: pl.DataFrame, parting: Parting) -> pl.DataFrame:
    """Rows with OTHER in place of the labels beyond the `top` first by their `units`."""
    labels = parting.labels
    if not parting.top or counted.height <= parting.top:
        return rows
    most = counted.sort("units", *labels, descending=[True, *[False] * len(labels)])
    first = most.head(parting.top).select(labels).with_columns(is_first=True)
    joined = rows.join(first, on=labels, how="left", nulls_equal=True)
    return joined.with_columns(
        pl.when("is_first").then(pl.col(label)).otherwise(pl.lit(OTHER)).alias(label) for label in labels
    ).drop("is_first")


def that_count(found: pl.DataFrame, rules: Rules, parting: Parting) -> pl.DataFrame:
    """Of each unit's chains, in each of its groups, the one that counts; with totals all of them."""
    if rules.count == "totals":
        return found
    per = [UNIT, "group", *parting.labels]
    times = [name for name in found.columns if name.startswith("time_")]
    end = pl.max_horizontal(times)
    latest = pl.col("latest").max().over(per) if parting.hold or parting.by else pl.col("latest")
    return (
        found.with_columns(end=end, latest=latest)
        .sort("level", "end", "time_1", *times[1:], descending=[True, False, True, *[False] * (len(times) - 1)])
        .unique(per, keep="first", maintain_order=True)
        .drop("end")
    )
