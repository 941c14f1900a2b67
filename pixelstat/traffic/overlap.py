"""Count the page views and orders that two pixels report: a site that runs two pixels counts them twice.

Nothing is joined here: the count is for a warning. Two pixels report the same if they send one kind of event for one
client and agent in one second, or orders with one id.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import polars as pl

OVERLAP_COLUMNS = ("time", "protocol", "event", "client", "user_agent", "hit")  # of EVENTS, beside `rejected`
MIN_SHARE = 0.1  # of the events that the smaller pixel reports beside the other: fewer are a coincidence
MAX_LAST = 1_000  # events of a batch that are remembered for the next
_EVENTS = ("page_view", "purchase")


class Overlap(NamedTuple):
    """What two pixels both report."""

    protocols: tuple[str, str]
    events: int


@dataclass
class OverlapCounter:
    """Looks at batches of EVENTS as they pass. As long as all are of one pixel, it does little but compare names."""

    _only: str | None = None  # the one protocol so far that reports page views or orders
    _last_keys: Sequence[pl.DataFrame] = ()  # of its last events: the next batch may overlap them
    _keys: list[pl.DataFrame] = field(default_factory=list)  # of all events, once there are two protocols

    def add(self, batch: pl.DataFrame) -> None:
        """Add the next events, with OVERLAP_COLUMNS and `rejected`."""
        is_of_one = not self._keys and self._only is not None and bool((batch["protocol"] == self._only).all())
        events = _keep_reports(batch.tail(MAX_LAST) if is_of_one else batch)
        if events.is_empty():
            return
        self._only = self._only or events.item(0, "protocol")
        if not self._keys and (events["protocol"] == self._only).all():
            self._last_keys = [_list_keys(events.tail(MAX_LAST))]
            return
        self._keys += [*self._last_keys, _list_keys(events)]
        self._last_keys = ()

    def find(self) -> Overlap | None:
        """Return the two pixels that report most events in common; None if there are no such pixels."""
        if not self._keys:
            return None
        keys = pl.concat(self._keys)
        is_shared = pl.col("protocol").n_unique().over("hit") > 1
        reports = keys.select("protocol", key=pl.when(is_shared).then("hit").otherwise("key")).unique()
        totals = dict(reports["protocol"].value_counts().iter_rows())
        reports = reports.drop_nulls()
        pairs = reports.join(reports, on="key").filter(pl.col("protocol") < pl.col("protocol_right"))
        counts = pairs.group_by("protocol", "protocol_right").len().sort("len", "protocol", "protocol_right")
        for one, other, events in reversed(counts.rows()):
            if events >= MIN_SHARE * min(totals[one], totals[other]):
                return Overlap((one, other), events)
        return None


def _keep_reports(batch: pl.DataFrame) -> pl.DataFrame:
    """Keep the page views and orders that count."""
    return batch.filter(pl.col("rejected").is_null(), pl.col("protocol").is_not_null(), pl.col("event").is_in(_EVENTS))


def _list_keys(events: pl.DataFrame) -> pl.DataFrame:
    """Return `protocol`, `hit` and `key`: events of one key are the same."""
    key = pl.struct(pl.col("time").dt.epoch("s"), "event", "client", "user_agent").hash()
    return events.select("protocol", "hit", key=pl.when(pl.col("client").is_not_null()).then(key))
