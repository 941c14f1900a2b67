"""Write and read what an event shows of its source, so that a session can take it from its first event that counts.

A mark in front of the text says when it counts: ANY_TIME, or AT_ENTRY, before the session has shown a page.
"""

import polars as pl

from pixelstat.sessions.touches import DIRECT_CHANNEL, TOUCH_COLUMNS, attributed_column

DIRECT = {"channel": DIRECT_CHANNEL, "source": "(direct)", "medium": "(none)"}  # of a session that shows no source
NOT_SET = {"source": "(not set)", "medium": "(not set)"}  # of one that shows some, but not this
ANY_TIME, AT_ENTRY = "+", "-"  # in front of what an event shows: when it counts for the session
ATTRIBUTED = {attributed_column(name): name for name in TOUCH_COLUMNS}


def read_shown(name: str, shown: pl.Series) -> pl.Series:
    """Return the values of a column that were marked with ANY_TIME or AT_ENTRY, with those that are not set."""
    return shown.str.slice(1).replace("", NOT_SET.get(ATTRIBUTED.get(name, name)))


def fill_direct(name: str, value: pl.Series) -> pl.Series:
    """Return the values of a column of sessions, with those of a direct session where it shows no source."""
    direct = DIRECT.get(ATTRIBUTED.get(name, name))
    return value if direct is None else value.fill_null(direct)
