"""Find the touches of each visitor, and choose the touch that an event is attributed to.

A touch is the start of a visit, or a click in an email. It has the source, the channel and the campaign of that visit
or email. A click opens a visit that begins within the visit timeout after it, and both are one touch. It has the source
of the visit, or that of the email if the visit is direct.

An event is attributed to a touch of its visitor at its own time or before, and no longer before than the lookback. If
there is none, the touch of its own visit counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from pixelstat.enrich.channels import ATTRIBUTION
from pixelstat.frames.columns import internal
from pixelstat.protocols.extract import UTM_COLUMNS

TOUCH_COLUMNS = (*ATTRIBUTION, *UTM_COLUMNS)  # the columns that describe a touch
DIRECT_CHANNEL = "Direct"  # of a visit that shows no source
IS_TOUCH = internal("is touch")  # whether an event is a touch; an event beside it in its visit is none


@dataclass(frozen=True)
class AttributionRules:
    """Which touch of its visitor an event is attributed to."""

    model: str = "last_non_direct"  # one of SINGLE_TOUCH_MODELS; `visit` is the touch of the event's own visit
    lookback: timedelta = timedelta(days=30)


def attributed_column(name: str) -> str:
    """Return the column with the value of a column of TOUCH_COLUMNS at the touch that an event is attributed to."""
    return internal(f"attributed {name}")


def list_attributed_columns() -> dict[str, pl.DataType]:
    """Return the columns that attribution adds to EVENTS, with their types."""
    return {IS_TOUCH: pl.Boolean(), **{attributed_column(name): pl.String() for name in TOUCH_COLUMNS}}


ATTRIBUTED_CHANNEL = attributed_column("channel")


def find_touches(events: pl.DataFrame, timeout: timedelta) -> pl.DataFrame:
    """Return the touches among events, in their order: by visitor and time.

    `events` are those of `sort_by_visitor`, with `visit` and `is_click`. Columns: `place` (of the touch among the
    events), `visitor_number`, `time`, `visit` (null for a click), and `click`: the row of the click that the touch is,
    or that opened the visit.
    """
    is_own = ~pl.col("is_copy")
    visit_of_own = pl.when(~pl.col("is_mail") & is_own).then("visit")
    begins_visit = visit_of_own.is_not_null() & visit_of_own.is_first_distinct()
    candidates = (
        events.with_row_index("place")
        .filter(begins_visit | (pl.col("is_click") & is_own))
        .select(
            "place",
            "visitor_number",
            "time",
            visit=pl.when(~pl.col("is_mail")).then("visit"),
            click=pl.when("is_mail").then("row"),
        )
    )
    if not candidates["click"].count():
        return candidates
    is_visit = pl.col("visit").is_not_null()
    next_visitor, next_start = (
        pl.when(is_visit).then(name).backward_fill().alias(f"next {name}") for name in ("visitor_number", "time")
    )
    opens_visit = ~is_visit & (pl.col("next visitor_number") == pl.col("visitor_number"))
    opens_visit &= pl.col("next time") - pl.col("time") <= timeout
    return (
        candidates.with_columns(next_visitor, next_start)
        .with_columns(opens_visit=opens_visit.fill_null(value=False))
        .with_columns(
            click=pl.when(is_visit & pl.col("opens_visit").shift(fill_value=False))
            .then(pl.col("click").shift())
            .otherwise("click")
        )
        .filter(~pl.col("opens_visit"))
        .drop("next visitor_number", "next time", "opens_visit")
    )


def choose_touches(
    events: pl.DataFrame, touches: pl.DataFrame, is_direct: pl.Series, rules: AttributionRules
) -> pl.Series:
    """Return for each event the number of the touch that it is attributed to; null where it has none.

    `touches` are those of `find_touches` in the same events, `is_direct` says of each whether it is direct.
    """
    own = _find_own_touches(events, touches)
    if rules.model == "visit" or touches.is_empty():
        return own
    is_touch = pl.Series([False]).new_from_index(0, len(events)).scatter(touches["place"], values=True)
    last = pl.select(is_touch.cast(pl.Int64).cum_sum() - 1).to_series()
    last = _drop_others(last, events, touches)
    numbers = touches.select(pl.int_range(pl.len(), dtype=pl.Int64)).to_series()
    if rules.model == "last":
        chosen = last
    elif rules.model == "first":
        is_first = touches.select((pl.col("visitor_number") != pl.col("visitor_number").shift()).fill_null(value=True))
        firsts = pl.select(pl.when(is_first.to_series()).then(numbers).forward_fill()).to_series()
        chosen = firsts.gather(last)
        is_old = _is_older(chosen, events, touches, rules.lookback)
        if is_old.any():
            within = _find_first_within(events.filter(is_old), touches, rules.lookback)
            chosen = chosen.scatter(is_old.arg_true(), within)
    else:
        others = pl.select(pl.when(~is_direct).then(numbers).forward_fill()).to_series()
        chosen = _drop_others(others.gather(last), events, touches)
    is_too_old = _is_older(chosen, events, touches, rules.lookback)
    chosen = pl.select(pl.when(~is_too_old).then(chosen)).to_series()
    last = pl.select(pl.when(~_is_older(last, events, touches, rules.lookback)).then(last)).to_series()
    return pl.select(pl.coalesce(chosen, own, last)).to_series()


def _find_own_touches(events: pl.DataFrame, touches: pl.DataFrame) -> pl.Series:
    """Return for each event the number of the touch that its visit begins with; null outside of any visit."""
    visits = touches.with_row_index("touch").filter(pl.col("visit").is_not_null())
    if visits.is_empty():
        return pl.Series([None], dtype=pl.Int64).new_from_index(0, len(events))
    touch_of_visit = pl.Series([None], dtype=pl.Int64).new_from_index(0, int(visits["visit"].max()))  # type: ignore[arg-type]
    touch_of_visit = touch_of_visit.scatter(visits["visit"] - 1, visits["touch"].cast(pl.Int64))
    return touch_of_visit.gather(events["visit"] - 1)


def _drop_others(chosen: pl.Series, events: pl.DataFrame, touches: pl.DataFrame) -> pl.Series:
    """Return the numbers of the touches, null where the touch belongs to another visitor or there is none."""
    numbers = pl.select(pl.when(chosen >= 0).then(chosen)).to_series()
    is_same = touches["visitor_number"].gather(numbers) == events["visitor_number"]
    return pl.select(pl.when(is_same).then(numbers)).to_series()


def _is_older(chosen: pl.Series, events: pl.DataFrame, touches: pl.DataFrame, lookback: timedelta) -> pl.Series:
    """Return whether each touch lies longer before its event than the lookback."""
    return (events["time"] - touches["time"].gather(chosen) > lookback).fill_null(value=False)


def _find_first_within(events: pl.DataFrame, touches: pl.DataFrame, lookback: timedelta) -> pl.Series:
    """Return for each event the number of its visitor's first touch within the lookback."""
    numbered = touches.select("visitor_number", "time", touch=pl.int_range(pl.len(), dtype=pl.Int64)).sort("time")
    wanted = events.select("visitor_number", event_time="time", time=pl.col("time") - lookback).with_row_index("event")
    joined = wanted.sort("time").join_asof(
        numbered, on="time", by="visitor_number", strategy="forward", check_sortedness=False, coalesce=False
    )
    is_before = pl.col("time_right") <= pl.col("event_time")
    return joined.sort("event").select(pl.when(is_before).then("touch")).to_series()


def gather_values(
    shown: Mapping[str, pl.Series], sessions: Mapping[str, pl.Series], touches: pl.DataFrame
) -> dict[str, pl.Series]:
    """Return the value of each attributed column at each touch: that of its visit, or that of the click.

    A visit that a click opened has the values of the click if the visit is direct. `shown` holds the values of single
    events by their row, `sessions` those of visits by their number.
    """
    visits = (touches["visit"] - 1).cast(pl.Int64)
    if not touches["click"].count():
        return {name: values.gather(visits) for name, values in sessions.items()}
    is_direct = (sessions[ATTRIBUTED_CHANNEL].gather(visits) == DIRECT_CHANNEL).fill_null(value=True)
    of_click = is_direct & touches["click"].is_not_null()
    return {
        name: pl.select(
            pl.when(of_click).then(shown[name].gather(touches["click"])).otherwise(values.gather(visits))
        ).to_series()
        for name, values in sessions.items()
    }
