"""Attribute events to touches: fill the columns with the values of the touch that each event belongs to.

`touches` finds the touches and chooses among them. Here are the columns of events before and after that.
"""

from datetime import timedelta

import polars as pl

from pixelstat.sessions.shown_sources import AT_ENTRY, ATTRIBUTED, read_shown
from pixelstat.sessions.touches import (
    ATTRIBUTED_CHANNEL,
    DIRECT_CHANNEL,
    IS_TOUCH,
    AttributionRules,
    choose_touches,
    find_touches,
    gather_values,
)
from pixelstat.traffic.deduplication import unite_identical_copies
from pixelstat.vocabulary import is_email_click

EMAIL = {"channel": "Email", "source": "(not set)", "medium": "email"}  # of a click in an email that shows no source


def prepare_touch_columns(shows_source: pl.Expr, counts: pl.Expr) -> dict[str, pl.Expr]:
    """Return what an event shows for each attributed column, marked like the source, and an empty IS_TOUCH."""
    columns = {IS_TOUCH: pl.lit(None, pl.Boolean)}
    for attributed, name in ATTRIBUTED.items():
        shown = pl.coalesce("utm_campaign", "campaign", "message") if name == "utm_campaign" else pl.col(name)
        value = pl.when(shows_source).then(pl.col(name)).otherwise(pl.lit(EMAIL[name]) if name in EMAIL else shown)
        marked = pl.when(shows_source).then(counts).otherwise(pl.lit(AT_ENTRY)) + value.fill_null("")
        columns[attributed] = pl.when(shows_source | is_email_click()).then(marked)
    return columns


def attribute_events(
    rows: pl.DataFrame, by_visitor: pl.DataFrame, sessions: pl.DataFrame, timeout: timedelta, rules: AttributionRules
) -> list[pl.Series]:
    """Return the attributed columns of the rows, and IS_TOUCH, as far as the rows have them.

    `by_visitor` holds the events with their visits, `sessions` the values of each visit, both in the order of visits.
    """
    events = by_visitor.sort("position")
    touches = find_touches(events, timeout)
    names = [name for name in ATTRIBUTED if name in rows.columns]
    shown = {name: read_shown(name, rows[name]) for name in names}
    values = gather_values(shown, {name: sessions[name] for name in names}, touches)
    is_direct = (values[ATTRIBUTED_CHANNEL] == DIRECT_CHANNEL).fill_null(value=False)
    chosen = choose_touches(events, touches, is_direct, rules)
    touch = pl.Series([None], dtype=pl.Int64).new_from_index(0, len(rows)).scatter(events["row"], chosen)
    if events["is_copy"].any():
        touch = unite_identical_copies(rows, touch)
    has_touch = touch.is_not_null()
    columns = [
        pl.select(pl.when(has_touch).then(values[name].gather(touch)).otherwise(shown[name]).alias(name)).to_series()
        for name in names
    ]
    if IS_TOUCH in rows.columns:
        is_touch = pl.Series(IS_TOUCH, [False]).new_from_index(0, len(rows))
        columns.append(is_touch.scatter(events["row"].gather(touches["place"]), values=True))
    return columns
