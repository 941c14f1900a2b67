"""The whole program on one screen: LINES -> REQUESTS -> EVENTS -> a report's frame.

Every stage is lazy, and `collect` happens once, in `run`: a report pays only for the columns it uses.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from pixelstat import source
from pixelstat.formats.text import TextFormat
from pixelstat.ledger import Ledger
from pixelstat.people import agents, exclusions, identity
from pixelstat.protocols import PixelProtocol, house
from pixelstat.schemas import EVENTS


@dataclass(frozen=True)
class Selection:
    """Which events a report is made of: everything the common options say."""

    pixels: Sequence[str] = ()
    bots: str = "exclude"
    networks: Sequence[exclusions.Network] = ()
    since: datetime | None = None
    until: datetime | None = None  # exclusive
    host: str | None = None
    where: pl.Expr | None = None

    protocols: Sequence[PixelProtocol] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "protocols", (house.protocol(self.pixels),))


Logs = Sequence[tuple[TextFormat, Sequence[source.Log]]]  # grouped by their format
Report = Callable[[pl.LazyFrame], pl.LazyFrame]


def run(logs: Logs, selection: Selection, report: Report, ledger: Ledger) -> pl.DataFrame:
    """The report's frame over the logs; the ledger is filled with what it stands on."""
    kept = ledger.settle(events(logs, selection, ledger.reading))
    return report(kept).collect(engine="streaming")


def events(logs: Logs, selection: Selection, reading: source.Reading) -> pl.LazyFrame:
    """EVENTS of the logs, every candidate line among them; those that do not count are marked."""
    marker = "|".join(protocol.marker for protocol in selection.protocols)
    is_candidate = pl.col("line").str.contains(marker)
    requests = [form.requests(source.lines(group, reading).filter(is_candidate)) for form, group in logs]
    return judged(claimed(pl.concat(requests), selection), selection)


def claimed(requests: pl.LazyFrame, selection: Selection) -> pl.LazyFrame:
    """REQUESTS -> EVENTS of the protocol that claims each, without the marks that depend on the event."""
    protocol = selection.protocols[-1]
    reasons = {"not_pixel": ~protocol.claims, "refused": exclusions.is_refused()}
    if selection.bots != "include":
        requests = agents.with_bots(requests)
        reasons |= {"bot": pl.col("is_bot")} if selection.bots == "exclude" else {"person": ~pl.col("is_bot")}
    if selection.networks:
        requests = exclusions.with_own(requests, selection.networks)
        reasons["own_address"] = pl.col("is_own")
    events = protocol.events(exclusions.reject(requests, reasons))
    return identity.identified(events).select(EVENTS.names())


def judged(events: pl.LazyFrame, selection: Selection) -> pl.LazyFrame:
    """EVENTS with the rest of the marks."""
    reasons = {}
    if selection.host:
        reasons["other_host"] = pl.col("host").ne_missing(pl.lit(selection.host.lower()))
    if selection.since or selection.until:
        reasons["other_period"] = exclusions.is_outside(selection.since, selection.until)
    if selection.where is not None:
        reasons["other"] = selection.where.fill_null(value=False).not_()
    return exclusions.reject(events, reasons)
