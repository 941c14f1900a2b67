"""Count how events identify their visitors: by the IP address of the client, by an id, or not at all."""

from dataclasses import dataclass

import polars as pl

SAMPLE = 10_000  # events whose visitor keys are counted
_ADDRESS_KEY = "^[cd]:"  # the beginning of visitor keys that are hashes of address and user agent


@dataclass
class Recognition:
    """The number of events that count, by how they identify their visitors. Copies of a hit are included."""

    events: int = 0
    unknown: int = 0  # events with neither an address nor an id
    sampled: int = 0
    by_address: int = 0  # of the sampled events

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
        """Whether most events do not identify their visitor."""
        return self.unknown * 2 > self.events

    @property
    def is_mostly_by_address(self) -> bool:
        """Whether most sampled events identify their visitor by the IP address."""
        return self.by_address * 2 > self.sampled
