"""Give the touches of a conversion credit for it, by several models.

A path holds the touches of one conversion, from the first to the last. Each model gives every touch of a path a weight,
and the weights of a path add up to 1. So the credits of all groups add up to the conversions and to the revenue.

    first, last          the first or the last touch
    last_non_direct      the last touch that is not direct; of a path of direct touches the last one
    linear               all touches alike
    position             the first and the last touch 0.4 each, and those between share 0.2; two touches 0.5 each
    time_decay           half the weight for each half-life between the touch and the last touch of the path
    shapley              all distinct groups of the path alike: the Shapley value of a game in which a coalition of
                         groups wins the conversions whose paths hold no other group (Zhao et al., arXiv 1804.05327)
    markov               by the removal effect of the group, see `markov`

Other sources of the definitions: Snowplow's attribution package, Mixpanel and Google Ads.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from math import log

import polars as pl

from pixelstat.analysis.markov import START, find_removal_effects
from pixelstat.analysis.orders import exact_sum
from pixelstat.frames.columns import internal
from pixelstat.frames.division import count_seconds

MODELS = ("first", "last", "last_non_direct", "linear", "position", "time_decay", "shapley", "markov")
SLICE_ROWS = 4_000_000  # rows of paths that are in memory at once
FIRST, LAST, TOUCHES = internal("first touch"), internal("last touch"), internal("touches")
PATH, _SLICE = internal("conversion"), internal("slice")
CREDIT_DIGITS, AMOUNT_DIGITS = 15, 12  # of parts of conversions and of amounts that are summed


def find_paths(
    conversions: pl.DataFrame, touches: pl.DataFrame, lookback: timedelta, *, ignores_direct: bool
) -> Iterator[pl.DataFrame]:
    """Yield the paths of conversions in slices of SLICE_ROWS: one row for each touch of a conversion, in their order.

    `conversions` have `visitor`, `visit` and `time`, `touches` have `visitor`, `visit`, `time`, `group` and
    `is_direct`. The touches of a path belong to its visitor and lie within the lookback. If there is none, the
    touch of the conversion's own visit counts. A conversion without any touch has one row without a group.
    `ignores_direct` drops direct touches from paths that have another.

    The rows have the columns of the conversion, and `PATH` (its number), `place` and `size` (of the touch and of its
    path), `touch_time`, `group` and `is_direct`.
    """
    touches = touches.sort("visitor", "time", "is_direct", "group").with_row_index("touch")
    bounds = _find_bounds(conversions, touches, lookback).sort(PATH)
    sizes = bounds.select(pl.max_horizontal(TOUCHES, 1).cum_sum() // SLICE_ROWS).to_series()
    parts = bounds.with_columns(sizes.alias(_SLICE)).partition_by(_SLICE, maintain_order=True, include_key=False)
    for part in parts or [bounds]:
        yield _expand(part, touches, ignores_direct=ignores_direct)


def _find_bounds(conversions: pl.DataFrame, touches: pl.DataFrame, lookback: timedelta) -> pl.DataFrame:
    """Add FIRST and LAST, the numbers of the first and the last touch of each conversion, TOUCHES and PATH."""
    keys = ["visitor", "time", *(name for name in ("hit",) if name in conversions.columns)]
    numbered = conversions.sort(keys).with_row_index(PATH)
    by_time = touches.select("visitor", "time", "touch").sort("time", "touch")
    last = numbered.sort("time").join_asof(
        by_time.rename({"touch": LAST}), on="time", by="visitor", strategy="backward", check_sortedness=False
    )
    begins = internal("lookback begins")
    first = last.with_columns((pl.col("time") - lookback).alias(begins)).sort(begins).join_asof(
        by_time.rename({"touch": FIRST, "time": internal("touch time")}),
        left_on=begins, right_on=internal("touch time"), by="visitor", strategy="forward", check_sortedness=False,
    )  # fmt: skip
    own = touches.filter(pl.col("visit").is_not_null()).select("visit", pl.col("touch").alias(internal("own touch")))
    bounds = first.join(own.unique("visit"), on="visit", how="left")
    is_within = (pl.col(FIRST) <= pl.col(LAST)).fill_null(value=False)
    return (
        bounds.with_columns(
            pl.when(is_within).then(name).otherwise(internal("own touch")).alias(name) for name in (FIRST, LAST)
        )
        .with_columns((pl.col(LAST).cast(pl.Int64) - pl.col(FIRST).cast(pl.Int64) + 1).fill_null(0).alias(TOUCHES))
        .drop(begins, internal("own touch"), internal("touch time"), strict=False)
    )


def _expand(part: pl.DataFrame, touches: pl.DataFrame, *, ignores_direct: bool) -> pl.DataFrame:
    """Return a row for each touch of these conversions."""
    numbers = pl.int_ranges(pl.col(FIRST), pl.col(LAST) + 1, dtype=pl.UInt32)
    number = internal("number")
    rows = part.with_columns(pl.when(pl.col(TOUCHES) > 0).then(numbers).alias(number)).explode(number)
    touch = rows[number]
    rows = rows.with_columns(
        touches["group"].gather(touch).alias("group"),
        touches["is_direct"].gather(touch).alias("is_direct"),
        touches["time"].gather(touch).alias("touch_time"),
    )
    return number_places(rows.drop(FIRST, LAST, TOUCHES, number), ignores_direct=ignores_direct)


def number_places(paths: pl.DataFrame, *, ignores_direct: bool) -> pl.DataFrame:
    """Add `place` and `size` to the touches of paths, which come one path after the other.

    `ignores_direct` drops direct touches from paths that have others.
    """
    if ignores_direct:
        has_other = (~pl.col("is_direct")).any().over(PATH)
        paths = paths.filter(~(pl.col("is_direct") & has_other).fill_null(value=False))
    row, starts, ends = (
        pl.int_range(pl.len()),
        pl.col(PATH) != pl.col(PATH).shift(),
        pl.col(PATH) != pl.col(PATH).shift(-1),
    )
    first = pl.when(starts.fill_null(value=True)).then(row).forward_fill()
    last = pl.when(ends.fill_null(value=True)).then(row).backward_fill()
    return paths.with_columns(place=row - first, size=last - first + 1)


def weigh_touches(model: str, half_life: timedelta) -> pl.Expr:
    """Return the weight of each row of paths by a model of MODELS, except `markov`."""
    place, size = pl.col("place"), pl.col("size")
    is_first, is_last = place == 0, place == size - 1
    last_non_direct = pl.when(~pl.col("is_direct")).then(place).max().over(PATH)
    between = pl.when(is_first | is_last).then(0.4).otherwise(0.2 / (size - 2))
    last_time = pl.when(is_last).then("touch_time").backward_fill()
    age = count_seconds(last_time - pl.col("touch_time"))
    decayed = (age * (-log(2) / half_life.total_seconds())).exp().fill_null(1.0)
    is_distinct = pl.struct(PATH, "group").is_first_distinct()
    weights = {
        "first": is_first.cast(pl.Float64),
        "last": is_last.cast(pl.Float64),
        "last_non_direct": (place == pl.coalesce(last_non_direct, size - 1)).cast(pl.Float64),
        "linear": 1 / size,
        "position": pl.when(size <= 2).then(1 / size).otherwise(between),
        "time_decay": decayed / decayed.sum().over(PATH),
        "shapley": is_distinct / is_distinct.sum().over(PATH),
    }
    return weights[model]


def sum_credits(
    paths: pl.DataFrame, models: Sequence[str], half_life: timedelta, keys: Sequence[str], amounts: Sequence[str]
) -> pl.DataFrame:
    """Return the credit of each model, key and group for conversions, and for their `amounts`."""
    frames = []
    for model in models:
        weight = internal("weight")
        sums = (
            paths.lazy()
            .with_columns(weigh_touches(model, half_life).alias(weight))
            .group_by(*keys, "group")
            .agg(
                exact_sum(pl.col(weight), CREDIT_DIGITS).alias("conversions"),
                *(
                    exact_sum(pl.col(weight) * pl.col(name).fill_null(0.0), AMOUNT_DIGITS).alias(name)
                    for name in amounts
                ),
            )
        )
        frames.append(sums.with_columns(pl.lit(model).alias("model")))
    return pl.concat(pl.collect_all(frames))


def count_transitions(paths: pl.DataFrame, key: str, exit_state: int) -> pl.DataFrame:
    """Count which group follows which in paths: columns `key`, `before`, `after` and `count`.

    `group` are numbers. A path begins with START and ends with `exit_state`: `markov.CONVERSION` or `markov.END`. Paths
    without a touch do not count.
    """
    group = pl.col("group").cast(pl.Int64)
    before = pl.when(pl.col("place") == 0).then(START).otherwise(group.shift())
    rows = paths.lazy().filter(pl.col("group").is_not_null())
    steps = rows.select(key, before=before, after=group)
    exits = rows.filter(pl.col("place") == pl.col("size") - 1).select(
        key, before=group, after=pl.lit(exit_state, pl.Int64)
    )
    return pl.concat([steps, exits]).group_by(key, "before", "after").agg(count=pl.len().cast(pl.Int64)).collect()


def share_by_removal(transitions: pl.DataFrame, groups: int) -> list[float]:
    """Return the share of the credit of each group, by its removal effect; the shares add up to 1.

    `transitions` are those of `count_transitions` for one key.
    """
    counts: dict[tuple[int, int], int] = {}
    for before, after, count in transitions.select("before", "after", "count").sort("before", "after").iter_rows():
        counts[before, after] = counts.get((before, after), 0) + count
    effects = find_removal_effects(counts, groups)
    total = sum(effects)
    return [effect / total for effect in effects] if total else [0.0] * groups
