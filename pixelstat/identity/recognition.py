"""Count how events name their visitors, for warnings: by the address of the client, by an id, or not at all."""

from dataclasses import dataclass

import polars as pl

SAMPLE = 10_000  # events whose keys are looked at
_ADDRESS_KEY = "^[cd]:"  # what keys of visitors begin with that are made of address and agent


@dataclass
class Recognition:
    """How the events that count name their visitors, copies of a hit included."""

    events: int = 0
    unknown: int = 0  # events with neither an address nor an id
    sampled: int = 0
    by_address: int = 0  # of those sampled

    def add(self, events: pl.DataFrame) -> None:
        """Add events with `visitor`, `client` and `rejected`."""
        counts = pl.col("rejected").is_null()
        self.events += events["rejected"].null_count()
        if events["client"].null_count():
            self.unknown += events.filter(counts, pl.col("client").is_null(), pl.col("visitor").is_null()).height
        if self.sampled < SAMPLE:
            visitors = events.filter(counts).head(SAMPLE)["visitor"]
            self.sampled += len(visitors)
            self.by_address += int(visitors.str.contains(_ADDRESS_KEY).sum())

    @property
    def is_mostly_unknown(self) -> bool:
        """Whether most visitors cannot be told apart."""
        return self.unknown * 2 > self.events

    @property
    def is_mostly_by_address(self) -> bool:
        """Whether most visitors are told apart by their addresses."""
        return self.by_address * 2 > self.sampled
